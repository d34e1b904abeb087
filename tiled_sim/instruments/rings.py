"""Rings of one resolution on the panels of a detector, by where their cones meet the planes."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tiled_sim.model.assembly import Assembly
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.physics.vectors import Array

#: How many rings are drawn, as a rule.
RINGS_SHOWN = 5
#: Resolutions that may be drawn are these times a power of ten [Å].
_ROUND = (1.0, 1.1, 1.2, 1.3, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
#: A ring of this many times the finest resolution would be a dot in the middle of the picture.
_COARSEST = 12.0

Lines = list[Array]


def round_resolutions(finest: float) -> list[float]:
    """Resolutions that a ring may have on a detector that reaches so far [Å], the finest first.

    Parameters
    ----------
    finest : of the detector's pixels [Å]
    """
    decade = math.floor(math.log10(finest))
    # as decimals are read, so that 0.3 is the 0.3 that is printed
    every = (float(f"{m:g}e{n}") for n in range(decade, decade + 3) for m in _ROUND)
    return [d for d in every if finest <= d <= _COARSEST * finest]


def evenly_spread(resolutions: Sequence[float]) -> list[float]:
    """At most `RINGS_SHOWN` of some resolutions, whose radii are about evenly spread.

    Parameters
    ----------
    resolutions : that cross the detector [Å]
    """
    if not resolutions:
        return []
    radii = {d: 1.0 / d for d in resolutions}  # nearly so: sin θ = λ/2d
    # from the middle where a ring lies near it, else from the first to the last
    far, near = max(radii.values()), min(radii.values())
    start, steps = (0.0, RINGS_SHOWN) if near < far / RINGS_SHOWN else (near, RINGS_SHOWN - 1)
    wanted = [far - step * (far - start) / steps for step in range(RINGS_SHOWN)]
    chosen = (min(radii, key=lambda d: abs(radii[d] - radius)) for radius in wanted)
    return sorted(set(chosen))


def rings_shown(
    detector: Detector, assembly: Assembly, wavelength: float, points: int
) -> dict[float, Lines]:
    """A few rings that cross the detector: by resolution [Å], their lines on the panels.

    None of a curved detector, which is laid flat.

    Parameters
    ----------
    detector : whose panels they cross
    assembly : of it
    wavelength : [Å]
    points : along a whole ring
    """
    if detector.curvature_radius is not None:
        return {}
    candidates = round_resolutions(_finest(detector, assembly, wavelength))
    every = {d: ring(detector, assembly, wavelength, d, points) for d in candidates}
    visible = [d for d, lines in every.items() if lines]
    return {d: every[d] for d in evenly_spread(visible)}


def ring(detector: Detector, assembly: Assembly, wavelength: float, d: float, points: int) -> Lines:
    """The parts of a ring that lie on panels: (row, column) of points along each, (n, 2) [cell].

    Parameters
    ----------
    detector, assembly, wavelength, points : as `rings_shown`
    d : resolution λ / (2 sin θ) [Å]
    """
    sine = wavelength / (2.0 * d)
    if sine > 1.0:
        return []
    angle = 2.0 * math.asin(sine)
    around = np.linspace(0.0, 2.0 * math.pi, points, endpoint=False)
    x, y, z = (np.array(axis) for axis in (assembly.frame.x, assembly.frame.y, assembly.frame.z))
    across = np.cos(around)[:, None] * x + np.sin(around)[:, None] * y
    directions = math.cos(angle) * z + math.sin(angle) * across
    lines: Lines = []
    for panel, projected in zip(detector.panels, assembly.panels, strict=True):
        slow, fast, there = _met(panel, directions)
        lines += (projected.at(slow[run], fast[run]) for run in _runs(there))
    return lines


def _finest(detector: Detector, assembly: Assembly, wavelength: float) -> float:
    """Resolution of the corner that is farthest from the beam [Å]."""
    beam = np.array(assembly.frame.z)
    corners = np.concatenate([_corners(panel) for panel in detector.panels])
    along = corners @ beam
    across = np.linalg.norm(corners - along[:, None] * beam, axis=1)
    angle = float(np.arctan2(across, along).max())
    return wavelength / (2.0 * math.sin(angle / 2.0))


def _corners(panel: Panel) -> Array:
    """Sample to the outer corners of a panel, (4, 3) [m]."""
    (slow, fast), (height, width) = panel.pixels, panel.pixel_size
    down, right = np.array(panel.slow_axis) * height, np.array(panel.fast_axis) * width
    return np.array(
        [panel.origin + row * down + column * right for row in (0, slow) for column in (0, fast)]
    )


def _met(panel: Panel, directions: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Where directions (n, 3) meet a panel's plane, slow and fast [pixel]; whether on the panel."""
    origin, normal = np.array(panel.origin), np.array(panel.normal)
    along = directions @ normal
    ahead = along > 0.0
    reach = float(origin @ normal) / np.where(ahead, along, 1.0)
    from_corner = reach[:, None] * directions - origin
    sides = np.array([panel.slow_axis, panel.fast_axis]) * np.array(panel.pixel_size)[:, None]
    # the axes need not be perpendicular
    slow, fast = np.linalg.solve(sides @ sides.T, sides @ from_corner.T)
    within = (slow >= 0) & (slow <= panel.pixels[0]) & (fast >= 0) & (fast <= panel.pixels[1])
    return slow, fast, within & ahead


def _runs(there: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Indices of neighbours that are all there, of points around a circle; single ones left out."""
    count = len(there)
    if there.all():
        return [np.arange(count + 1) % count]
    first = int(np.argmin(there))  # so that no run goes over the end
    at = (np.flatnonzero(np.roll(there, -first)) + first).astype(np.int64)
    parts = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    return [part % count for part in parts if len(part) > 1]
