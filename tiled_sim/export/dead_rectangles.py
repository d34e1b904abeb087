"""The dead pixels of a panel as rectangles, which is how texts of geometry tell of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tiled_sim.export.selection import Selection
from tiled_sim.model.detector import Region

#: More rectangles than these make no text: the masks of the images tell of the smaller ones.
MOST = 2000


@dataclass(frozen=True, slots=True)
class DeadRectangles:
    """What is dead of a panel.

    Parameters
    ----------
    regions : rectangles of dead pixels that do not overlap, in the order of their first pixel
    left : number of dead pixels in rectangles that are left out, the smallest of too many
    """

    regions: tuple[Region, ...]
    left: int = 0


def dead_of(selection: Selection) -> list[DeadRectangles]:
    """Of every panel of a selection, a band of rows in memory at a time."""
    return [
        dead_rectangles(selection.read_mask(place, rows) != 0 for rows in selection.bands(place))
        for place in range(len(selection.panels))
    ]


def left_out(dead: Iterable[DeadRectangles]) -> tuple[str, ...]:
    """A note on dead pixels that no rectangle tells of, if there are any."""
    count = sum(one.left for one in dead)
    if not count:
        return ()
    return (
        f"{count} dead pixels are not in the texts of the geometry, which tell of the {MOST} "
        "largest rectangles of a panel",
    )


def dead_rectangles(bands: Iterable[npt.NDArray[np.bool_]]) -> DeadRectangles:
    """Rectangles that together are the dead pixels.

    Runs of dead pixels in a row that stand in the next row too go on in it.

    Parameters
    ----------
    bands : bool (rows, fast), True where dead, from top to bottom
    """
    found = _Found()
    row = 0
    for band in bands:
        padded = np.zeros((band.shape[0], band.shape[1] + 2), dtype=np.int8)
        padded[:, 1:-1] = band
        edges = np.diff(padded, axis=1)
        same = np.zeros(band.shape[0], dtype=np.bool_)
        same[1:] = ~(edges[1:] != edges[:-1]).any(axis=1)
        for number in np.flatnonzero(~same).tolist():
            starts, stops = (np.flatnonzero(edges[number] == sign) for sign in (1, -1))
            found.go_on(row + number, list(zip(starts.tolist(), stops.tolist(), strict=True)))
        row += band.shape[0]
    found.go_on(row, [])
    regions = found.regions
    kept = sorted(sorted(regions, key=_size, reverse=True)[:MOST], key=_first)
    return DeadRectangles(tuple(kept), sum(map(_size, regions)) - sum(map(_size, kept)))


@dataclass(slots=True)
class _Found:
    """Rectangles that are closed, and where those that are still open began, by their columns."""

    regions: list[Region] = field(default_factory=list)
    open: dict[tuple[int, int], int] = field(default_factory=dict)

    def go_on(self, row: int, runs: list[tuple[int, int]]) -> None:
        """What a row has, from which on nothing has changed until the next one that is told."""
        for run in self.open.keys() - set(runs):
            self.regions.append(Region(self.open.pop(run), row, *run))
        for run in runs:
            self.open.setdefault(run, row)


def _size(region: Region) -> int:
    slow, fast = region.shape
    return slow * fast


def _first(region: Region) -> tuple[int, int]:
    return region.slow_start, region.fast_start
