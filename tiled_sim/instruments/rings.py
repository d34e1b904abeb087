"""Rings of one resolution on the panels of a detector, by where their cones meet the planes."""

import math

import numpy as np
import numpy.typing as npt

from tiled_sim.model.assembly import Assembly
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.physics.vectors import Array

#: Resolutions that may be drawn [Å], and how many of them are.
RINGS = (20.0, 10.0, 6.0, 4.0, 3.0, 2.5, 2.0, 1.7, 1.5, 1.3, 1.2, 1.1, 1.0, 0.8, 0.6)
RINGS_SHOWN = 5

Lines = list[Array]


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
    every = {d: ring(detector, assembly, wavelength, d, points) for d in RINGS}
    visible = sorted(d for d, lines in every.items() if lines)
    return {d: every[d] for d in visible[:: max(len(visible) // RINGS_SHOWN, 1)]}


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
