"""What a geometry says of itself: panels, extents, resolution, gaps, and what is odd."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiled_sim.model.arrangement import left_handed, overlapping
from tiled_sim.model.detector import Panel
from tiled_sim.model.geometry import Geometry
from tiled_sim.physics.vectors import Array
from tiled_sim.read.geometry import turned

#: The frame in which facts are told.
ALONG, UP = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
#: Of more panels than these the gaps are not measured, which takes each with each.
_MOST_MEASURED = 1024


@dataclass(frozen=True, slots=True, eq=False)
class PanelFacts:
    """A panel, with z along the beam, y up and x left looking downstream.

    Parameters
    ----------
    panel : in that frame
    corners : outer corners of pixel (0, 0), of the far end of fast, of both, of slow, (4, 3) [m]
    dead : number of dead pixels
    """

    panel: Panel
    corners: Array
    dead: int


@dataclass(frozen=True, slots=True, eq=False)
class GeometryFacts:
    """A detector, in the same frame.

    Parameters
    ----------
    panels : of each
    wavelength : mean of the light's [Å]; None: not known
    resolution : by place, ``left``, ``right``, ``top`` and ``bottom`` edge and the farthest
        ``corner`` [Å]; empty without a wavelength
    gaps : least and largest distance of a panel to its nearest [m]; None: there is one panel, or
        there are more than are measured
    left_handed : names of panels whose fast × slow points at the sample
    overlapping : names of panels that hide parts of each other
    notes : of the reader
    """

    panels: tuple[PanelFacts, ...]
    wavelength: float | None
    resolution: dict[str, float]
    gaps: tuple[float, float] | None
    left_handed: tuple[str, ...]
    overlapping: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    @property
    def extents(self) -> Array:
        """Least and largest x, y, z of all corners, (2, 3) [m]."""
        corners = np.concatenate([facts.corners for facts in self.panels])
        return np.stack([corners.min(axis=0), corners.max(axis=0)])

    @property
    def groups(self) -> tuple[str, ...]:
        """Paths of groups of panels, each once."""
        paths = ("/".join(facts.panel.group) for facts in self.panels if facts.panel.group)
        return tuple(dict.fromkeys(paths))


def geometry_facts(geometry: Geometry, wavelength: float | None = None) -> GeometryFacts:
    """Facts of a geometry as it was read.

    Parameters
    ----------
    geometry : in the frame of its reader
    wavelength : in place of one that it lacks [Å]
    """
    upright = turned(geometry, ALONG, UP)
    panels, light = upright.panels, upright.light
    dead = geometry.dead or (None,) * len(panels)
    facts = tuple(
        PanelFacts(panel, corners_of(panel), 0 if one is None else int(one.sum()))
        for panel, one in zip(panels, dead, strict=True)
    )
    if light.wavelength:
        weights = light.weight or (1.0,) * len(light.wavelength)
        wavelength = float(np.average(light.wavelength, weights=weights))
    corners = np.stack([one.corners for one in facts])
    names = [panel.name for panel in panels]
    return GeometryFacts(
        panels=facts,
        wavelength=wavelength,
        resolution={} if wavelength is None else _resolution(corners, wavelength),
        gaps=_gaps(corners),
        left_handed=tuple(names[number] for number in left_handed(panels)),
        overlapping=tuple((names[a], names[b]) for a, b in overlapping(panels)),
        notes=geometry.notes,
    )


def corners_of(panel: Panel) -> Array:
    """Outer corners round a panel, that of pixel (0, 0) first, the far end of fast next (4, 3)."""
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    first = np.array(panel.origin)
    along_fast = fast * width * np.array(panel.fast_axis)
    along_slow = slow * height * np.array(panel.slow_axis)
    return np.stack(
        [first, first + along_fast, first + along_fast + along_slow, first + along_slow]
    )


def resolution_at(position: Array, wavelength: float) -> float:
    """Spacing that diffracts to a position [Å]; infinite in the direct beam."""
    theta = 0.5 * math.atan2(math.hypot(position[0], position[1]), float(position[2]))
    return wavelength / (2.0 * math.sin(theta)) if theta > 0.0 else math.inf


def _resolution(corners: Array, wavelength: float) -> dict[str, float]:
    """By place; an edge is where a line through the beam, straight to it, meets its outermost."""
    points = corners.reshape(-1, 3)
    found = {}
    for name, axis, sign in (("left", 0, 1), ("right", 0, -1), ("top", 1, 1), ("bottom", 1, -1)):
        outermost = points[int(np.argmax(sign * points[:, axis]))]
        at_edge = np.array([0.0, 0.0, outermost[2]])
        at_edge[axis] = outermost[axis]
        found[name] = resolution_at(at_edge, wavelength)
    found["corner"] = min(resolution_at(point, wavelength) for point in points)
    return found


def _gaps(corners: Array) -> tuple[float, float] | None:
    """Least and largest distance from a panel's edge to the nearest other panel's [m]."""
    count = len(corners)
    if not 1 < count <= _MOST_MEASURED:
        return None
    sides = np.roll(corners, -1, axis=1) - corners
    lengths = (sides**2).sum(axis=2)
    nearest = np.full(count, np.inf)
    for number in range(count):
        # from the corners of this panel to the sides of all others
        offset = corners[number][:, None, None, :] - corners[None]
        along = np.clip((offset * sides).sum(axis=3) / lengths, 0.0, 1.0)
        apart = np.linalg.norm(offset - along[..., None] * sides, axis=3).min(axis=(0, 2))
        apart[number] = np.inf
        nearest[number] = min(nearest[number], float(apart.min()))
        nearest = np.minimum(nearest, apart)
    return float(nearest.min()), float(nearest.max())


def document_of(facts: GeometryFacts) -> dict[str, object]:
    """Facts as plain JSON values, lengths in mm."""
    low, high = (1e3 * facts.extents).tolist()
    return {
        "frame": "z along the beam, y up, x left looking downstream",
        "panels": [_document_of_panel(one) for one in facts.panels],
        "groups": list(facts.groups),
        "extent_mm": {axis: [low[i], high[i]] for i, axis in enumerate("xyz")},
        "wavelength_A": facts.wavelength,
        "resolution_A": {
            place: None if math.isinf(d) else d for place, d in facts.resolution.items()
        },
        "gaps_mm": None if facts.gaps is None else [1e3 * gap for gap in facts.gaps],
        "dead_pixels": sum(one.dead for one in facts.panels),
        "left_handed": list(facts.left_handed),
        "overlapping": [list(pair) for pair in facts.overlapping],
        "notes": list(facts.notes),
    }


def _document_of_panel(facts: PanelFacts) -> dict[str, object]:
    first, fast, _, slow = (1e3 * facts.corners).tolist()
    panel = facts.panel
    return {
        "name": panel.name,
        "group": list(panel.group),
        "pixels": list(panel.pixels),
        "pixel_size_mm": [1e3 * side for side in panel.pixel_size],
        "corner_first_mm": first,
        "corner_fast_mm": fast,
        "corner_slow_mm": slow,
        "dead_pixels": facts.dead,
    }


def lines_of(facts: GeometryFacts) -> list[str]:
    """Facts as lines for people."""
    shapes: dict[tuple[tuple[int, int], tuple[float, float]], int] = {}
    for one in facts.panels:
        kind = one.panel.pixels, one.panel.pixel_size
        shapes[kind] = shapes.get(kind, 0) + 1
    lines = [f"panels     {len(facts.panels)}"]
    for (pixels, sides), count in shapes.items():
        size = " x ".join(f"{side * 1e6:.6g}" for side in dict.fromkeys(sides))
        lines.append(f"           {count} of {pixels[0]} x {pixels[1]} pixels of {size} µm")
    if facts.groups:
        lines.append(f"groups     {_some(facts.groups)}")
    low, high = 1e3 * facts.extents
    lines += [
        f"{axis:10} {low[i]:.6g} to {high[i]:.6g} mm, {meaning}"
        for i, (axis, meaning) in enumerate(
            (("x", "to the left looking downstream"), ("y", "up"), ("z", "along the beam"))
        )
    ]
    if facts.wavelength is None:
        lines.append("resolution not known without a wavelength: give -lambda or -energy")
    else:
        edges = ", ".join(f"{place} {d:.4g}" for place, d in facts.resolution.items())
        lines.append(f"resolution {edges} Å, at {facts.wavelength:.7g} Å")
    if facts.gaps is not None:
        least, largest = (1e3 * gap for gap in facts.gaps)
        lines.append(f"gaps       {least:.4g} to {largest:.4g} mm from a panel to its nearest")
    dead = sum(one.dead for one in facts.panels)
    total = sum(math.prod(one.panel.pixels) for one in facts.panels)
    lines.append(f"dead       {dead} of {total} pixels")
    if facts.left_handed:
        lines.append(f"mirrored   {len(facts.left_handed)} left-handed: {_some(facts.left_handed)}")
    if facts.overlapping:
        pairs = [f"{first} and {second}" for first, second in facts.overlapping]
        lines.append(f"overlaps   {len(pairs)}: {_some(pairs)}")
    return [*lines, *(f"note       {note}" for note in facts.notes)]


def _some(names: Sequence[str]) -> str:
    most = 6
    return ", ".join(names[:most]) + (f" … ({len(names)})" if len(names) > most else "")
