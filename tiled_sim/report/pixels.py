"""How the pixels of a frame are distributed, and how that is drawn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.instruments.scale import pixels_of
from tiled_sim.report.table import Column, Table, counted, share
from tiled_sim.run.run import Run

#: Pixels of a frame that are looked at; of a larger one every so many rows of tiles.
_MOST_PIXELS = 1 << 26
#: Bins of a decade, and the decades that are told apart: what is less counts for the first bin.
_OF_A_DECADE, _LOWEST, _HIGHEST = 5, -30, 12
#: Decades of an image that are drawn.
_DECADES = 12


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many pixels of a frame have which value.

    Parameters
    ----------
    unit : of the values
    edges : of the bins, equally wide on a logarithmic scale, float64 (bins + 1,)
    numbers : of pixels in each, int64 (bins,)
    dead, waiting, zero, negative : pixels that are not live, not computed, 0, and less
    total : sum of the values of live pixels
    share : of the frame's rows that were looked at
    """

    unit: str
    edges: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.int64]
    dead: int
    waiting: int
    zero: int
    negative: int
    total: float
    share: float

    @property
    def live(self) -> int:
        """Pixels that have a value."""
        return int(self.numbers.sum()) + self.zero + self.negative


class Bar(NamedTuple):
    """A bar of a drawn histogram, and what it says."""

    x: float
    y: float
    width: float
    height: float
    title: str


class Tick(NamedTuple):
    """A tick of an axis: where, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A histogram on two logarithmic scales, in units of its own that SVG scales.

    Parameters
    ----------
    unit : of the values along x
    width, height : of the drawing
    left, right, top, bottom : of the area of the bars
    bars, x_ticks, y_ticks : in it
    summary : what it shows, in a sentence
    """

    unit: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    summary: str


def histogram(run: Run, frame: int, *, counts: bool) -> Histogram:
    """How many pixels of a frame have which value.

    Parameters
    ----------
    run : finished or not
    frame : which exposure
    counts : the counts in place of the expected photons

    Raises
    ------
    StoreError
        if the image is damaged, or there are no counts
    """
    found = np.zeros((_HIGHEST - _LOWEST) * _OF_A_DECADE, dtype=np.int64)
    dead = waiting = zero = negative = 0
    total, rows, looked = 0.0, 0, 0
    for panel, band, is_looked_at in _bands(run):
        rows += band.stop - band.start
        if not is_looked_at:
            continue
        looked += band.stop - band.start
        fast = run.experiment.detector.panels[panel].pixels[1]
        live = run.store.read_mask(panel, band, slice(0, fast)) == 0
        values = pixels_of(run, frame, panel, band, counts=counts)[:, :fast][live]
        dead += live.size - int(live.sum())
        there = values[~np.isnan(values)]
        waiting += values.size - there.size
        total += float(there.sum(dtype=np.float64))
        zero += int((there == 0).sum())
        negative += int((there < 0).sum())
        logarithms = np.log10(there[there > 0].astype(np.float64))
        bins = np.floor((logarithms - _LOWEST) * _OF_A_DECADE).astype(np.int64)
        found += np.bincount(np.clip(bins, 0, len(found) - 1), minlength=len(found))
    first, last = _ends(found)
    numbers = found[first : last + 1].copy()
    if len(numbers):
        numbers[0] += found[:first].sum()
    edges = 10.0 ** (_LOWEST + np.arange(first, last + 2) / _OF_A_DECADE)
    return Histogram(
        "ADU" if counts else "photons",
        edges,
        numbers,
        *(dead, waiting, zero, negative),
        total=total,
        share=looked / rows,
    )


def _bands(run: Run) -> Iterator[tuple[int, slice, bool]]:
    """Panels, rows of each as its tiles have them, and whether they are looked at."""
    panels = run.experiment.detector.panels
    step = max(math.ceil(sum(math.prod(panel.pixels) for panel in panels) / _MOST_PIXELS), 1)
    side, number = run.plan.grid.tile[2], 0
    for place, panel in enumerate(panels):
        slow = panel.pixels[0]
        for start in range(0, slow, side):
            yield place, slice(start, min(start + side, slow)), number % step == 0
            number += 1


def _ends(found: npt.NDArray[np.int64]) -> tuple[int, int]:
    """First and last bin that is drawn; an empty range where no pixel has a bin."""
    filled = np.flatnonzero(found)
    if not len(filled):
        return 0, -1
    last = int(filled[-1])
    return max(int(filled[0]), last - _DECADES * _OF_A_DECADE + 1), last


def histogram_table(found: Histogram) -> Table:
    """The numbers of a histogram."""
    whole = found.live + found.dead + found.waiting
    columns = [Column("value"), Column("pixels", numbers=True), Column("share", numbers=True)]
    bins = [("not live", found.dead), ("not computed", found.waiting)]
    bins += [("less than 0", found.negative)] if found.unit == "ADU" else []
    bins += [(f"0 {found.unit}", found.zero)]
    for low, high, number in zip(found.edges, found.edges[1:], found.numbers, strict=False):
        bins.append((f"{low:.3g} – {high:.3g} {found.unit}", int(number)))
    rows = [(name, number, share(number, whole)) for name, number in bins]
    return Table.of(f"Pixels by {found.unit}", columns, rows)


def drawing(found: Histogram) -> Drawing | None:
    """A histogram drawn; None where there is nothing to draw.

    Parameters
    ----------
    found : of a frame
    """
    if not len(found.numbers) or not found.numbers.any():
        return None
    width, height, left, right, top, bottom = 480.0, 260.0, 46.0, 472.0, 10.0, 216.0
    # the axis begins at half a pixel, so that a single one can be seen
    highest = math.log10(float(found.numbers.max()) * 2.0)
    low, high = (math.log10(float(found.edges[end])) for end in (0, -1))

    def across(logarithm: float) -> float:
        return left + (right - left) * (logarithm - low) / (high - low)

    def up(number: float) -> float:
        return bottom - (bottom - top) * math.log10(2.0 * number) / highest

    bars = tuple(
        Bar(
            across(math.log10(start)),
            up(number),
            across(math.log10(stop)) - across(math.log10(start)),
            bottom - up(number),
            f"{start:.3g} to {stop:.3g} {found.unit}: {counted(int(number))} pixels",
        )
        for start, stop, number in zip(found.edges, found.edges[1:], found.numbers, strict=False)
        if number
    )
    return Drawing(
        *(found.unit, width, height, left, right, top, bottom, bars),
        tuple(Tick(across(decade), f"{decade}") for decade in _decades(low, high, 7)),
        tuple(
            Tick(up(10.0**decade), f"{decade}")
            for decade in _decades(0.0, highest - math.log10(2.0), 6)
        ),
        f"{counted(int(found.numbers.sum()))} pixels with more than 0 {found.unit}, from "
        f"{found.edges[0]:.3g} to {found.edges[-1]:.3g}, most of them at "
        f"{found.edges[int(found.numbers.argmax())]:.3g} {found.unit}",
    )


def _decades(low: float, high: float, most: int) -> range:
    """Whole powers of ten within two, as many as there is room for."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return range(first, last + 1, max(math.ceil((last - first + 1) / most), 1))
