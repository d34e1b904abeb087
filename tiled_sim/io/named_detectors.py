"""Detectors by name: ``Eiger2 16M``, ``pilatus-6m``, ``jungfrau_4m``, from the package's own table.

The table, ``detectors/table.toml``, is written by ``tools/detectors.py``. An image is laid out as
the makers do, its first pixel the upper left one seen from the sample: fast to the right (−x),
slow down (−y). Modules that stand apart lie as the table places them, and are called nominal.
"""

import dataclasses
import difflib
import math
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.io.detector_layouts import Dead, Image, Mosaic, Placed, Point
from tiled_sim.model.detector import Panel
from tiled_sim.model.geometry import GEOMETRY_FORMATS, Geometry

#: What does not count in a name, beside the case of its letters.
_BLANK = str.maketrans("", "", " \t-_‐‑–—")
_SUGGESTIONS = 3
#: Of the name of a file.
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")
#: Makers of whom it is known that the first pixel of their images is where ours is.
_UPPER_LEFT = ("Dectris",)


@dataclass(frozen=True, slots=True)
class KnownDetector:
    """A row of the table.

    Parameters
    ----------
    name : as it is written
    aliases : other names
    maker : empty: several, or not said
    source : whose numbers these are, with its version
    pixel_size : (slow, fast) sides of a usual pixel [m]
    sensors : materials and thicknesses [m] that it is made with, the usual one first
    layout : where the pixels lie
    nominal : whether its modules stand elsewhere in every beamtime
    note : what differs from the source or from the detector; empty: nothing
    """

    name: str
    aliases: tuple[str, ...]
    maker: str
    source: str
    pixel_size: Point
    sensors: tuple[tuple[str, float], ...]
    layout: Image | Mosaic
    nominal: bool = False
    note: str = ""

    @property
    def title(self) -> str:
        """Its name, and that it is nominal."""
        return f"{self.name} (nominal)" if self.nominal else self.name

    @property
    def description(self) -> str:
        """One line for a list: title, pixels, their size, sensor."""
        sides = dict.fromkeys(f"{side * 1e6:g}" for side in self.pixel_size)
        words = [f"{_pixels(self.layout)} of {' x '.join(sides)} µm"]
        words += [f"{material} {depth * 1e6:g} µm" for material, depth in self.sensors[:1]]
        return f"{self.title}: {', '.join(words)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Whose numbers these are, what it may be made with, and what differs; not where it is."""
        notes = [f"{self.title}: numbers from {self.source}"]
        if self.sensors:
            kinds = [f"{material} of {depth * 1e6:g} µm" for material, depth in self.sensors]
            notes.append(
                f"made with a sensor of {' or '.join(kinds)}: the sensor's own options say which"
            )
        return (*notes, self.note) if self.note else tuple(notes)


def detector_names() -> tuple[str, ...]:
    """Names of all detectors that `named_detector` makes, without their aliases."""
    return tuple(name for name, row in _table().items() if "refused" not in row)


def known_detector(name: str) -> KnownDetector:
    """What the table says of a detector.

    Parameters
    ----------
    name : case, blanks, hyphens and underscores do not count; its maker's may stand before it

    Raises
    ------
    UsageError
        no detector has that name, or it is one that panels cannot stand for
    """
    written = _by_key().get(_key(name))
    if written is None:
        raise UsageError(f"no detector is named '{name}': {_nearest(name)}")
    row = _table()[written]
    if "refused" in row:
        raise UsageError(f"the detector {written} cannot be simulated: {row['refused']}")
    return KnownDetector(
        name=written,
        aliases=tuple(row.get("aliases", ())),
        maker=row.get("maker", ""),
        source=row["source"],
        pixel_size=_metres(row["pixel_um"], 1e6),
        sensors=tuple((material, depth / 1e6) for material, depth in row.get("sensors", ())),
        layout=_mosaic(row) if "placed_mm" in row else _image(row),
        nominal=row.get("nominal", False),
        note=row.get("note", ""),
    )


def named_detector(
    name: str, *, distance: float, beam_centre: tuple[float, float] | None = None
) -> Geometry:
    """The panels of a detector, upright and across the beam.

    Parameters
    ----------
    name : case, blanks, hyphens and underscores do not count; its maker's may stand before it
    distance : from the sample to the detector's plane [m]
    beam_centre : (down, to the right) seen from the sample, from the upper left corner of the
        rectangle around all panels to the beam [m]: for one image (slow, fast) from the outer
        corner of its first pixel. None: the middle of an image, the place for the beam of a
        nominal layout

    Raises
    ------
    UsageError
        no detector has that name, it is one that panels cannot stand for, or a number is none
    """
    known = known_detector(name)
    if not (math.isfinite(distance) and distance > 0):
        raise UsageError(f"the distance of the {known.name} must be positive, not {distance} m")
    if beam_centre is not None and not all(map(math.isfinite, beam_centre)):
        raise UsageError(f"the beam centre of the {known.name} must be two numbers")
    panels, dead = zip(*known.layout.panels(known.pixel_size, distance), strict=True)
    left, top, right, bottom = _around(panels)
    if beam_centre is not None:
        move = (beam_centre[1] - left, beam_centre[0] - top)
    elif isinstance(known.layout, Image):
        move = (-(left + right) / 2, -(top + bottom) / 2)
    else:
        move = (0.0, 0.0)
    return Geometry(
        panels=tuple(_moved(panel, move) for panel in panels),
        dead=_without_any(dead),
        notes=_notes(known, beam_centre is None),
    )


def extent_of(known: KnownDetector) -> Point:
    """Height and width of the rectangle around all panels [m]."""
    panels, _ = zip(*known.layout.panels(known.pixel_size, 1.0), strict=True)
    left, top, right, bottom = _around(panels)
    return top - bottom, left - right


def _notes(known: KnownDetector, centred: bool) -> tuple[str, ...]:
    first, *others = known.notes
    notes = [first]
    if known.nominal:
        notes.append(
            f"the layout of the {known.name} is nominal: its modules stand elsewhere in every "
            "beamtime; for measured data take the beamline's geometry file"
        )
    elif known.maker in _UPPER_LEFT:
        notes.append("the first pixel of the image is the upper left one seen from the sample")
    else:
        notes.append(
            "the first pixel of the image is taken to be the upper left one seen from the sample"
        )
    notes += others
    if centred:
        where = "place for it in the layout" if known.nominal else "middle of the image"
        notes.append(f"the beam passes through the {where}, for no beam centre was given")
    return tuple(notes)


def _around(panels: tuple[Panel, ...]) -> tuple[float, float, float, float]:
    """Edges of the rectangle around all panels: x left, y upper, x right, y lower [m]."""
    corners = []
    for panel in panels:
        slow, fast = (
            count * size for count, size in zip(panel.pixels, panel.pixel_size, strict=True)
        )
        first = np.array(panel.origin)
        across, down = fast * np.array(panel.fast_axis), slow * np.array(panel.slow_axis)
        corners += [first, first + across, first + down, first + across + down]
    x, y, _ = np.array(corners).T
    return float(x.max()), float(y.max()), float(x.min()), float(y.min())


def _moved(panel: Panel, move: Point) -> Panel:
    x, y, z = panel.origin
    return dataclasses.replace(panel, origin=(x + move[0], y + move[1], z))


def _without_any(dead: tuple[Dead | None, ...]) -> tuple[Dead | None, ...]:
    return () if all(one is None for one in dead) else dead


def _pixels(layout: Image | Mosaic) -> str:
    if isinstance(layout, Image):
        return "{} x {} pixels".format(*layout.pixels)
    count = len(layout.modules) * math.prod(layout.tiles)
    return "{} panels of {} x {} pixels".format(count, *layout.tile)


def _image(row: dict[str, Any]) -> Image:
    return Image(
        module=tuple(row["module"]),
        modules=tuple(row["modules"]),
        gap=tuple(row["gap"]),
        split=row.get("split", 0),
        edge=row.get("edge", 1.0),
        dead_edge=row.get("dead_edge", False),
        disc=row.get("disc", False),
        live_chips=tuple((slow, fast) for slow, fast in row.get("live_chips", ())),
        chip=tuple(row.get("chip", (0, 0))),
    )


def _mosaic(row: dict[str, Any]) -> Mosaic:
    return Mosaic(
        tile=tuple(row["tile"]),
        tiles=tuple(row["tiles"]),
        tile_gap=tuple(row["tile_gap"]),
        modules=tuple(
            Placed(_metres((x, y), 1e3), fast, slow, quadrant)
            for x, y, fast, slow, quadrant in row["placed_mm"]
        ),
        cutouts=tuple(tuple(one) for one in row.get("cutouts", ())),
    )


def _metres(pair: tuple[float, float], parts: float) -> Point:
    first, second = pair
    # 75 / 1e6 is the double that 75e-6 is; 75 * 1e-6 is not
    return first / parts, second / parts


@cache
def _table() -> dict[str, dict[str, Any]]:
    file = resources.files("tiled_sim.io").joinpath("detectors", "table.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _by_key() -> dict[str, str]:
    names = {
        _key(one): name for name, row in _table().items() for one in (name, *row.get("aliases", ()))
    }
    makers = {name: _key(row.get("maker", "")) for name, row in _table().items()}
    return {makers[name] + one: name for one, name in names.items()} | names


def _key(name: str) -> str:
    return name.casefold().translate(_BLANK)


def _nearest(name: str) -> str:
    """The names that are spelt most like one, for the end of an error."""
    every = "`tiled-sim geometry --list` names all"
    usable = set(detector_names())
    keys = {key: known for key, known in _by_key().items() if known in usable}
    if os.path.isfile(name) or os.sep in name or _SUFFIX.search(name):
        return f"a file goes with --geometry FILE, which reads {GEOMETRY_FORMATS}; {every}"
    close = difflib.get_close_matches(_key(name), keys, n=4 * _SUGGESTIONS, cutoff=0.5)
    names = list(dict.fromkeys(keys[one] for one in close))[:_SUGGESTIONS]
    if not names:
        return every
    return f"the nearest {'are' if names[1:] else 'is'} {', '.join(names)}; {every}"
