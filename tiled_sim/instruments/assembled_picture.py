"""A picture of all panels of a frame, where they are seen along the beam."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.instruments.rings import rings_shown
from tiled_sim.instruments.scale import (
    GAP,
    NOT_COMPUTED,
    add_scale,
    outlined,
    pixels_of,
    show,
    title_of,
)
from tiled_sim.model.assembly import Assembly
from tiled_sim.run.run import Run

#: Longest side of the picture's data [cell]; larger ones are reduced by their maxima.
_LONGEST = 1000
#: Rows of a panel that are read at a time.
_BAND = 512
#: Points along a whole ring.
_POINTS = 1440
#: What there is in a cell, the more telling the larger: no panel, dead pixels alone, pixels that
#: are not computed yet, pixels that are.
NOTHING, DEAD, WAITING, LIT = range(4)


@dataclass(frozen=True, eq=False)
class Reduced:
    """A frame's assembled image in cells of a whole number of the assembly's.

    Parameters
    ----------
    values : float32 (row, column), the brightest of the pixels that a cell stands for: those whose
        centre lies in it, and the one that its own centre lies on; NaN where none is computed
    state : uint8 (row, column): `NOTHING`, `DEAD`, `WAITING` or `LIT`
    factor : cells of the assembly along the side of one of these
    """

    values: npt.NDArray[np.float32]
    state: npt.NDArray[np.uint8]
    factor: int


def reduced(run: Run, assembly: Assembly, frame: int, *, counts: bool) -> Reduced:
    """The assembled image of a frame, small enough to be drawn; a panel is read at a time.

    Parameters
    ----------
    run : finished or not
    assembly : of its detector
    frame : which exposure
    counts : the counts in place of the expected photons

    Raises
    ------
    StoreError
        if the image is damaged
    """
    factor = max(math.ceil(max(assembly.shape) / _LONGEST), 1)
    coarse = assembly.coarser(factor)
    rows, columns = coarse.shape
    values = np.full(rows * columns, np.nan, dtype=np.float32)
    state = np.zeros(rows * columns, dtype=np.uint8)
    for panel in coarse.panels:
        if panel.is_edge_on:
            continue
        slow, fast = panel.pixels
        seen = panel.seen(range(rows), range(columns))
        for start in range(0, slow, _BAND):
            band = slice(start, min(start + _BAND, slow))
            pixels = pixels_of(run, frame, panel.number, band, counts=counts)[:, :fast]
            live = run.store.read_mask(panel.number, band, slice(0, fast)) == 0
            pixels = np.where(live, pixels, np.nan)
            told = np.where(live, np.where(np.isnan(pixels), WAITING, LIT), DEAD).astype(np.uint8)
            centres = np.mgrid[band, :fast] + 0.5
            at = np.floor(panel.at(centres[0], centres[1])).astype(np.int64)
            at = np.clip(at, 0, (rows - 1, columns - 1))  # on the very edge
            inside = (seen.slow >= band.start) & (seen.slow < band.stop)
            of_centre = seen.slow[inside] - start, seen.fast[inside]
            for cells, source, codes in (
                ((at[..., 0] * columns + at[..., 1]).ravel(), pixels.ravel(), told.ravel()),
                (
                    seen.row[inside] * columns + seen.column[inside],
                    pixels[of_centre],
                    told[of_centre],
                ),
            ):
                np.fmax.at(values, cells, source)
                np.maximum.at(state, cells, codes)
    return Reduced(values.reshape(rows, columns), state.reshape(rows, columns), factor)


def draw_assembled(
    run: Run,
    frame: int,
    *,
    counts: bool,
    names: bool,
    new_figure: Callable[..., Any] | None = None,
) -> Any:
    """A figure of all panels of a frame: log scale, millimetres across the beam, rings.

    Parameters
    ----------
    run : finished or not
    frame : which exposure
    counts : the counts in place of the expected photons
    names : whether every panel's name is written on it
    new_figure : makes it; None: matplotlib's class, which nobody shows
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    experiment = run.experiment
    assembly = Assembly.of(experiment.detector, experiment.beam.direction)
    found = reduced(run, assembly, frame, counts=counts)
    rows, columns = found.state.shape
    side = assembly.cell * found.factor * 1e3
    top, left = (edge * 1e3 for edge in assembly.corner)
    # left, right, bottom, top: x is to the left
    extent = (left, left - columns * side, top - rows * side, top)
    aspect = min(max(rows / columns, 0.3), 2.0)
    figure = (new_figure or Figure)(figsize=(9.0, 0.9 + 7.2 * aspect), layout="constrained")
    axes = figure.add_subplot()
    axes.set_facecolor(GAP)
    waiting = np.ma.masked_not_equal(found.state, WAITING)
    axes.imshow(
        waiting, cmap=ListedColormap([NOT_COMPUTED]), extent=extent, interpolation="nearest"
    )
    picture = show(axes, found.values, extent)

    def place(line: npt.NDArray[np.float64]) -> tuple[Any, Any]:
        return left - line[:, 1] * assembly.cell * 1e3, top - line[:, 0] * assembly.cell * 1e3

    rings = rings_shown(experiment.detector, assembly, experiment.beam.wavelength, _POINTS)
    for d, lines in rings.items():
        for line in lines:
            axes.plot(
                *place(line), color="white", linewidth=0.7, path_effects=outlined(1.9), zorder=3
            )
        _label(axes, f"{d:g} Å", [place(line) for line in lines])
    if names:
        _names(axes, run, assembly, place)
    axes.set(
        xlabel=f"x [mm]{_named(assembly.frame.x, 'x')}, to the left looking downstream",
        ylabel=f"y [mm]{_named(assembly.frame.y, 'y')}, up",
        xlim=extent[:2],
        ylim=extent[2:],
        title=title_of(run, frame, None, found.factor, counts=counts),
    )
    add_scale(axes, picture, counts=counts)
    return figure


def _label(axes: Any, text: str, lines: list[tuple[Any, Any]]) -> None:
    """Say a ring's resolution in the middle of its longest part."""
    x, y = max(lines, key=lambda line: len(line[0]))
    middle = len(x) // 2
    axes.text(
        *(x[middle], y[middle], text),
        **{"color": "white", "fontsize": 8, "ha": "center", "va": "center", "zorder": 5},
        path_effects=outlined(1.8),
        clip_on=True,
    )


def _names(axes: Any, run: Run, assembly: Assembly, place: Any) -> None:
    """Write the name of every panel at its centre, as large as there is room for."""
    from matplotlib.patheffects import withStroke

    longest = max(assembly.shape)
    for panel, projected in zip(run.experiment.detector.panels, assembly.panels, strict=True):
        corners = projected.corners
        width = float(np.ptp(corners[:, 1])) / max(longest, 1)
        # 500 points along the longest side of the picture, a letter is 0.6 of its height wide
        size = min(9.0, max(2.0, 500.0 * width / (0.9 * max(len(panel.name), 1))))
        x, y = place(corners.mean(axis=0)[None])
        axes.text(
            *(float(x[0]), float(y[0]), panel.name),
            **{"color": "cyan", "fontsize": size, "ha": "center", "va": "center"},
            path_effects=[withStroke(linewidth=size / 6, foreground="black")],
            clip_on=True,
        )


def _named(axis: tuple[float, float, float], name: str) -> str:
    """Which axis of the run's lab frame an axis is, if it is another than the one of its name."""
    for other, value in zip("xyz", axis, strict=True):
        if abs(abs(value) - 1.0) < 1e-9:
            signed = f"{'−' if value < 0 else ''}{other}"
            return "" if signed == name else f" = {signed} of the run"
    return ""
