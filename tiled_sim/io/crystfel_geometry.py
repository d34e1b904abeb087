"""CrystFEL's geometry files, ``.geom``: panels, wavelength and dead pixels.

Their frame is ours: z along the beam, y up, x left looking downstream. ``corner_x``, ``corner_y``
are the outer corner of a panel's first pixel, in pixels of 1/``res``; ``fs`` and ``ss`` are the
steps to the next pixel, in the same unit, so that their lengths are the sides of a pixel.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.io.crystfel_dead import PlacedPanel, mark_dead
from tiled_sim.io.crystfel_groups import group_paths
from tiled_sim.io.crystfel_light import read_wavelength
from tiled_sim.io.crystfel_masks import apply_masks, check_dimensions
from tiled_sim.io.crystfel_notes import notes_of_text
from tiled_sim.io.crystfel_text import Entry, GeometryText, Section, parse_geometry
from tiled_sim.io.crystfel_values import LENGTHS, direction, number, quantity, whole
from tiled_sim.io.geometry_panels import check_pixels, made_panel, placement_notes
from tiled_sim.io.source_file import read_source
from tiled_sim.model.geometry import Geometry, Light

#: How far a distance that is given may be from the file's [m].
_SAME_DISTANCE = 1e-6
#: Pixels whose sides, written in decimals, differ from 1/res by less than this over the panel [m]
#: have sides of 1/res.
_ROUNDING = 1e-10


def read_crystfel_geometry(
    path: str | Path, *, distance: float | None = None, wavelength: float | None = None
) -> Geometry:
    """Read a geometry file of CrystFEL, gzipped or not.

    Parameters
    ----------
    path : of the file
    distance : stands for ``clen`` where the file gives none or a path in the data files [m];
        ``coffset`` is added to it as to ``clen``
    wavelength : where the file gives none or a path in the data files [Å]

    Returns
    -------
    panels in the order of the file, each in the path of its groups; dead pixels by bad regions,
    edges, ``no_index`` and masks whose files are there; notes of what was not used

    Raises
    ------
    InputFileError
        the file is missing or is none of CrystFEL's, a line has an unknown key or a value that
        cannot be, a panel is incomplete; distance or wavelength is missing, or contradicts the file
    """
    source = read_source(path)
    text = parse_geometry(source)
    light, light_notes = read_wavelength(text, wavelength)
    place = _Place(text, distance)
    paths, group_notes = group_paths(text)
    placed = [place.panel(section, paths.get(name, ())) for name, section in text.panels.items()]
    check_pixels(source.error, [one.panel.pixels for one in placed])
    dead, region_notes = mark_dead(placed, list(text.bad.values()))
    mask_notes = apply_masks(placed, dead, Path(source.name).parent)
    panels = tuple(one.panel for one in placed)
    return Geometry(
        panels=panels,
        light=Light(wavelength=(light,)),
        dead=tuple(marked.pixels for marked in dead),
        sensors=(None,) * len(panels),
        notes=(
            *light_notes,
            *place.notes,
            *placement_notes(panels),
            *group_notes,
            *region_notes,
            *mask_notes,
            *notes_of_text(text),
        ),
    )


class _Place:
    """Where panels stand: the camera length and the shift of the whole detector."""

    def __init__(self, text: GeometryText, distance: float | None) -> None:
        self.notes: list[str] = []
        self._text = text
        self._distance = distance
        self._shift = tuple(self._shift_along(axis) for axis in "xy")
        clens = [entry for entry in text.defaults if entry.key == "clen"]
        #: For panels that begin before the first clen: CrystFEL has one for the whole file.
        self._first_clen = clens[0] if clens else None
        self._lengths: dict[int, float] = {}
        self._tell_clens(clens)

    def _shift_along(self, axis: str) -> float:
        """How far the detector is shifted [m]."""
        entries = self._text.whole.get(f"detector_shift_{axis}")
        if not entries:
            return 0.0
        shift = quantity(entries[-1], LENGTHS, "m")
        if shift is None:
            self.notes.append(
                f"{entries[-1].key} is a path in the data files (line {entries[-1].line}): no shift"
            )
            return 0.0
        return shift

    def _tell_clens(self, clens: list[Entry]) -> None:
        """Refuse a camera length that no panel has, and tell of several."""
        if len({quantity(entry, LENGTHS, "m") for entry in clens}) < 2:
            return
        last = max(panel.line for panel in self._text.panels.values())
        if clens[-1].line > last:
            raise clens[-1].error(
                f"comes after all panels, which have clen = {clens[-2].value} of line "
                f"{clens[-2].line}: keep one"
            )
        self.notes.append(
            f"clen stands in lines {', '.join(str(entry.line) for entry in clens[:5])}: each panel "
            "has the one before it (CrystFEL 0.10 and later: the last one)"
        )

    def _clen(self, section: Section) -> float:
        """Camera length of a panel [m]."""
        entry = section.get("clen") or self._first_clen
        if entry is None:
            if self._distance is None:
                raise section.error("has no clen: give the camera length with -distance")
            return self._distance
        if entry.line not in self._lengths:
            self._lengths[entry.line] = self._length(entry)
        return self._lengths[entry.line]

    def _length(self, entry: Entry) -> float:
        length = quantity(entry, LENGTHS, "m")
        if length is not None:
            if self._distance is not None and abs(length - self._distance) > _SAME_DISTANCE:
                raise entry.error(
                    f"is {length * 1e3:.10g} mm, and -distance says {self._distance * 1e3:.10g} "
                    "mm: leave one out, or make them equal"
                )
            return length
        if self._distance is None:
            raise entry.error(
                "is a path in the data files: give the value that stands there with -distance"
            )
        self.notes.append(
            f"clen is a path in the data files (line {entry.line}): {self._distance * 1e3:.10g} mm "
            "as given"
        )
        return self._distance

    def panel(self, section: Section, group: tuple[str, ...]) -> PlacedPanel:
        """A panel where it stands."""
        check_dimensions(section)
        fast, slow = direction(section["fs"]), direction(section["ss"])
        res = _resolution(section)
        coffset = section.get("coffset")
        depth = self._clen(section) + (number(coffset) if coffset is not None else 0.0)
        shift_x, shift_y = self._shift
        origin = (
            number(section["corner_x"]) / res + shift_x,
            number(section["corner_y"]) / res + shift_y,
            depth,
        )
        (top, slow_pixels), (left, fast_pixels) = (_extent(section, axis) for axis in ("ss", "fs"))
        pixels = slow_pixels, fast_pixels
        sides = tuple(
            _side(step, count, res) for step, count in zip((slow, fast), pixels, strict=True)
        )
        panel = made_panel(section.error, origin, fast, slow, pixels, sides, section.name, group)
        return PlacedPanel(section, panel, (top, left), res)


def _resolution(section: Section) -> float:
    """Pixels in a metre."""
    entry = section["res"]
    res = number(entry)
    if res <= 0:
        raise entry.error("must be positive: it is the pixels in a metre")
    return res


def _extent(section: Section, axis: str) -> tuple[int, int]:
    """First pixel of a panel in the data along an axis, and how many it has."""
    first, last = (whole(section[f"{end}_{axis}"]) for end in ("min", "max"))
    if first > last:
        entry = section[f"max_{axis}"]
        raise entry.error(f"is less than min_{axis} = {first}: exchange them, both are included")
    return first, last - first + 1


def _side(step: Sequence[float] | npt.NDArray[np.float64], count: int, res: float) -> float:
    """Side of a pixel [m]; that of a unit vector, written in decimals, is exactly 1/res."""
    length = math.hypot(*step)
    if abs(length - 1.0) * count / res < _ROUNDING:
        length = 1.0
    return length / res
