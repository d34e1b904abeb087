"""Photons of spots, summed in boxes of the image."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.physics.vectors import Array
from tiled_sim.run.run import Run
from tiled_sim.viewer.pixels import Pixels

#: So many pixels around a box tell what it has besides its spot.
RIM = 2
#: Boxes that are summed in one go.
_BOXES = 2000

Whole = npt.NDArray[np.int64]


class Boxes(NamedTuple):
    """Squares of pixels on a panel.

    Parameters
    ----------
    slow, fast : places on the panel, float64 (n,) [pixel, from the corner]
    radius : pixels on each side of that of the place, int64 (n,)
    """

    slow: Array
    fast: Array
    radius: Whole

    def some(self, numbers: Whole) -> "Boxes":
        """Those of some numbers."""
        return Boxes(self.slow[numbers], self.fast[numbers], self.radius[numbers])


class Sums(NamedTuple):
    """What boxes hold, float64 (n,).

    Parameters
    ----------
    photons : above the background; NaN: some pixel is not computed
    background : photons that they would have if all pixels were the median of those around
    slow, fast : their centroids [pixel, from the corner]
    """

    photons: Array
    background: Array
    slow: Array
    fast: Array


class BoxSums:
    """Sums boxes of a run's image of expected photons.

    Parameters
    ----------
    run : finished or not
    pixels : of it
    """

    def __init__(self, run: Run, pixels: Pixels) -> None:
        self._pixels, self._shape = pixels, run.plan.grid.shape[2:]
        self._band = run.plan.grid.tile[2]

    def of_panel(self, frame: int, panel: int, boxes: Boxes) -> Sums:
        """Sums of boxes, in their order.

        Raises
        ------
        StoreError
            if the image is damaged
        """
        photons, background = (np.full(len(boxes.slow), np.nan) for _ in range(2))
        sums = Sums(photons, background, boxes.slow.copy(), boxes.fast.copy())
        bands = np.floor(boxes.slow).astype(np.int64) // self._band
        for band in np.unique(bands):
            of_band = np.flatnonzero(bands == band)
            for start in range(0, len(of_band), _BOXES):
                some = of_band[start : start + _BOXES]
                found = self._in_one_go(frame, panel, boxes.some(some))
                for whole, part in zip(sums, found, strict=True):
                    whole[some] = part
        return sums

    def _in_one_go(self, frame: int, panel: int, boxes: Boxes) -> Sums:
        half = int(boxes.radius.max()) + RIM
        steps = np.arange(-half, half + 1)
        # (box, side of the square)
        places = [np.floor(at).astype(np.int64)[:, None] + steps for at in (boxes.slow, boxes.fast)]
        rows, columns = (
            slice(max(int(at.min()), 0), min(int(at.max()) + 1, side))
            for at, side in zip(places, self._shape, strict=True)
        )
        image = self._pixels.read("image", frame, panel, rows, columns).astype(np.float64)
        live = np.ones(image.shape, np.bool_)
        if not self._pixels.all_live:
            live = ~self._pixels.dead(panel, rows, columns)
        on_rows, on_columns = (
            (at >= part.start) & (at < part.stop)
            for at, part in zip(places, (rows, columns), strict=True)
        )
        at = tuple(
            np.clip(place - part.start, 0, part.stop - part.start - 1)
            for place, part in zip(places, (rows, columns), strict=True)
        )
        at = at[0][:, :, None], at[1][:, None, :]
        there = on_rows[:, :, None] & on_columns[:, None, :] & live[at]
        away = np.maximum(np.abs(steps[:, None]), np.abs(steps))
        radius = boxes.radius[:, None, None]
        rim = there & (away > radius) & (away <= radius + RIM)
        squares = image[at]
        within = there & (away <= radius)
        background = _lower_median(squares, rim & ~np.isnan(squares))
        above = np.where(within, squares - background[:, None, None], 0.0)
        photons = above.sum(axis=(1, 2))
        return Sums(
            np.where(np.isnan(photons), np.nan, np.maximum(photons, 0.0)),
            background * within.sum(axis=(1, 2)),
            *_centroids(np.maximum(above, 0.0), places, boxes),
        )


def _lower_median(squares: Array, some: npt.NDArray[np.bool_]) -> Array:
    """Of some pixels of each square (n, side, side), (n,); 0 of none."""
    count = some.sum(axis=(1, 2))
    ordered = np.sort(np.where(some, squares, np.inf).reshape(len(squares), -1), axis=1)
    median = ordered[np.arange(len(squares)), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, median, 0.0)


def _centroids(above: Array, places: list[Whole], boxes: Boxes) -> tuple[Array, Array]:
    """Of what squares have, slow and fast; of one that has nothing, where it stands."""
    of_rows, of_columns = above.sum(axis=2), above.sum(axis=1)
    found = []
    for sums, at, start in zip((of_rows, of_columns), places, boxes[:2], strict=True):
        total = sums.sum(axis=1)
        known = total > 0.0
        mean = (sums * (at + 0.5)).sum(axis=1) / np.where(known, total, 1.0)
        found.append(np.where(known, mean, start))
    return found[0], found[1]
