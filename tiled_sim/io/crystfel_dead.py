"""Dead pixels that a CrystFEL geometry file names: whole panels, edges, and bad regions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiled_sim.io.crystfel_text import Section
from tiled_sim.io.crystfel_values import flag, number, whole
from tiled_sim.model.detector import Panel

_ROWS = 512
_LAB = ("min_x", "max_x", "min_y", "max_y")


@dataclass(frozen=True, slots=True)
class PlacedPanel:
    """A panel with its place in the data.

    Parameters
    ----------
    section : what the file says of it
    panel : in the lab
    start : (slow, fast) index in the data of its pixel (0, 0)
    res : pixels of the file's lab coordinates in a metre
    """

    section: Section
    panel: Panel
    start: tuple[int, int]
    res: float


@dataclass(slots=True)
class DeadPixels:
    """Dead pixels of one panel: no array until one is."""

    shape: tuple[int, int]
    pixels: npt.NDArray[np.bool_] | None = None

    def writable(self) -> npt.NDArray[np.bool_]:
        """The pixels, bool (slow, fast), True where dead."""
        if self.pixels is None:
            self.pixels = np.zeros(self.shape, dtype=bool)
        return self.pixels


def mark_dead(
    panels: Sequence[PlacedPanel], bad: Sequence[Section]
) -> tuple[list[DeadPixels], tuple[str, ...]]:
    """Dead pixels of each panel, by ``no_index``, ``mask_edge_pixels`` and the bad regions.

    A region in x and y takes the pixels whose centres lie inside it, in pixels of the lab seen
    along the beam; CrystFEL asks for the corner of a pixel instead. A region in fs and ss counts
    pixels as the data do, both ends included; one that lies beside its panel's place in the data is
    taken to count from the panel's own first pixel, if it lies on the panel then.

    Returns
    -------
    of each panel; and notes

    Raises
    ------
    InputFileError
        a region that is incomplete, mixes both kinds, is upside down, or lies on no panel
    """
    dead = [DeadPixels(placed.panel.pixels) for placed in panels]
    for placed, marked in zip(panels, dead, strict=True):
        _mark_panel(placed.section, marked)
    by_name = {placed.section.name: index for index, placed in enumerate(panels)}
    notes = []
    for region in bad:
        if any(key in region.entries for key in _LAB):
            _mark_in_lab(region, panels, dead)
            if region.get("panel") is not None:
                notes.append(f"{region.name} (line {region.line}) is in x and y: of all panels")
            continue
        index = _panel_of(region, by_name)
        if not _mark_in_data(region, panels[index], dead[index]):
            notes.append(
                f"{region.name} (line {region.line}) lies beside panel "
                f"{panels[index].section.name} in the data: its fs and ss are taken to count from "
                "the panel's first pixel"
            )
    return dead, tuple(notes)


def _mark_panel(section: Section, dead: DeadPixels) -> None:
    no_index, edge = section.get("no_index"), section.get("mask_edge_pixels")
    if no_index is not None and flag(no_index):
        dead.writable()[:] = True
    width = whole(edge) if edge is not None else 0
    if width > 0:
        pixels = dead.writable()
        pixels[:width] = pixels[-width:] = True
        pixels[:, :width] = pixels[:, -width:] = True


def _panel_of(region: Section, by_name: dict[str, int]) -> int:
    entry = region.get("panel")
    if entry is None:
        if len(by_name) == 1:
            return 0
        raise region.error("names no panel: a region in fs and ss needs panel = NAME")
    if entry.value not in by_name:
        raise entry.error("names a panel that the file does not have: correct it")
    return by_name[entry.value]


def _mark_in_data(region: Section, placed: PlacedPanel, dead: DeadPixels) -> bool:
    """Mark a rectangle of the data; False if it had to be one of the panel's own pixels."""
    ends = [(whole(region[f"min_{axis}"]), whole(region[f"max_{axis}"])) for axis in ("ss", "fs")]
    for axis, (low, high) in zip(("ss", "fs"), ends, strict=True):
        _require_order(region, axis, low, high)
    in_data = [
        (low - start, high - start) for (low, high), start in zip(ends, placed.start, strict=True)
    ]
    slow, fast = placed.panel.pixels
    for rectangle in (in_data, ends):
        (top, bottom), (left, right) = rectangle
        if bottom >= 0 and right >= 0 and top < slow and left < fast:
            dead.writable()[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = True
            return rectangle is in_data
    raise region.error(
        f"lies beside panel {placed.section.name}, whose pixels begin at fs {placed.start[1]}, "
        f"ss {placed.start[0]} of the data: name the right panel, or correct min and max"
    )


def _mark_in_lab(region: Section, panels: Sequence[PlacedPanel], dead: list[DeadPixels]) -> None:
    mixed = [key for key in region.entries if key.endswith(("fs", "ss"))]
    if mixed:
        raise region.entries[mixed[0]].error(
            "stands beside x or y: a bad region is either in x and y or in fs and ss"
        )
    limits = [(number(region[f"min_{axis}"]), number(region[f"max_{axis}"])) for axis in "xy"]
    for axis, (low, high) in zip("xy", limits, strict=True):
        _require_order(region, axis, low, high)
    for placed, marked in zip(panels, dead, strict=True):
        if _may_meet(placed, limits):
            for start in range(0, placed.panel.pixels[0], _ROWS):
                inside = _inside(placed, start, limits)
                if inside.any():
                    marked.writable()[start : start + _ROWS] |= inside


def _require_order(region: Section, axis: str, low: float, high: float) -> None:
    if low > high:
        raise region[f"max_{axis}"].error(f"is less than min_{axis} = {low:g}: exchange them")


def _steps(placed: PlacedPanel) -> npt.NDArray[np.float64]:
    """Corner, and steps along fast and along slow, in x and y (3, 2) [pixel of the lab]."""
    panel = placed.panel
    slow, fast = panel.pixel_size
    lab = np.array([panel.origin, panel.fast_axis, panel.slow_axis])[:, :2]
    return lab * np.array([1.0, fast, slow])[:, None] * placed.res


def _may_meet(placed: PlacedPanel, limits: list[tuple[float, float]]) -> bool:
    """Whether the rectangle around a panel reaches into a region."""
    corner, fast, slow = _steps(placed)
    slow_pixels, fast_pixels = placed.panel.pixels
    ends = corner + np.array(
        [[i * fast_pixels * fast + j * slow_pixels * slow for i in (0, 1)] for j in (0, 1)]
    ).reshape(4, 2)
    return all(
        ends[:, axis].min() < high and ends[:, axis].max() > low
        for axis, (low, high) in enumerate(limits)
    )


def _inside(
    placed: PlacedPanel, start: int, limits: list[tuple[float, float]]
) -> npt.NDArray[np.bool_]:
    """Which centres of pixels lie in a region, bool (slow, fast), of some rows from a start."""
    corner, fast, slow = _steps(placed)
    slow_pixels, fast_pixels = placed.panel.pixels
    rows = np.arange(start, min(start + _ROWS, slow_pixels))[:, None] + 0.5
    columns = np.arange(fast_pixels)[None, :] + 0.5
    inside = np.ones((rows.shape[0], columns.shape[1]), dtype=bool)
    for axis, (low, high) in enumerate(limits):
        place = corner[axis] + columns * fast[axis] + rows * slow[axis]
        inside &= (place > low) & (place < high)
    return inside
