"""How fine the spacings of lattice planes are that a detector sees."""

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from tiled_sim.model.calculation import COARSEST, FINEST
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.frame import Frame, extreme_frames, frame_of
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.vectors import Array

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment

#: Digits behind the point that a spacing is rounded down to [Å].
_DIGITS = 4
#: How far from h, k, l its F is looked up: at the nearest node, or by interpolation between four.
_NEAREST, _INTERPOLATED = 0.5, 2.0


def finest_spacing(experiment: "Experiment") -> float:
    """Spacing of the finest lattice planes whose F a pixel looks up, or a little finer [Å].

    It is that of the corner that is farthest from the beam, at the shortest wavelength and for the
    source that is farthest on the other side; less where `Sampling.dmin` cuts; and with the nodes
    around it. Where a corner lies at more than a right angle to the beam, it is half the
    wavelength, beyond which nothing is scattered. It is never finer or coarser than any that a
    model can be asked for.

    Parameters
    ----------
    experiment : whose frames may differ in wavelength, direction of the beam and place of the
        detector
    """
    length = max(
        _longest(frame_of(alone, number), alone.sampling)
        for alone in each_alone(experiment)
        for number in extreme_frames(alone.exposures)
    )
    spacing = math.floor(10.0**_DIGITS / length) / 10.0**_DIGITS
    return min(max(spacing, FINEST), COARSEST)


def _longest(frame: Frame, sampling: Sampling) -> float:
    """Length of the longest scattering vector whose F a pixel of a frame looks up [1/Å]."""
    beam, detector = frame.beam, frame.detector
    direction = np.array(beam.direction)
    angle = max(
        _farthest_angle(detector, panel, number, direction)
        for number, panel in enumerate(detector.panels)
    )
    of_sources = np.clip(beam.spectrum.incident @ direction, -1.0, 1.0)
    angle += float(np.arccos(of_sources.min()))
    if angle > math.pi / 2:
        angle = math.pi
    length = 2.0 * math.sin(angle / 2.0) / float(beam.spectrum.wavelength.min())
    if sampling.dmin > 0.0:
        length = min(length, 1.0 / sampling.dmin)
    around = _INTERPOLATED if sampling.interpolate else _NEAREST
    corners = np.array(list(itertools.product((-around, around), repeat=3)))
    return length + float(np.linalg.norm(corners @ frame.crystal.reciprocal_vectors, axis=1).max())


def _farthest_angle(detector: Detector, panel: Panel, number: int, direction: Array) -> float:
    """Largest angle between the beam and the corners of a panel, front and back [rad]."""
    sensor = detector.sensor_of(number)
    slow_side, fast_side = (
        count * size for count, size in zip(panel.pixels, panel.pixel_size, strict=True)
    )
    depths = (0.0, 0.0 if sensor is None else sensor.thickness)
    places = np.array(
        [
            np.array(panel.origin)
            + slow * np.array(panel.slow_axis)
            + fast * np.array(panel.fast_axis)
            + depth * np.array(panel.normal)
            for slow, fast, depth in itertools.product((0.0, slow_side), (0.0, fast_side), depths)
        ]
    )
    radius = detector.curvature_radius
    if radius is None:
        cosines = places @ direction / np.linalg.norm(places, axis=1)
        return float(np.arccos(np.clip(cosines.min(), -1.0, 1.0)))
    # a bent panel keeps its ways along fast and slow from the beam's spot, as arcs
    arcs = [
        np.abs(places @ np.array(axis) - radius * (direction @ np.array(axis))) / radius
        for axis in (panel.fast_axis, panel.slow_axis)
    ]
    return float(np.hypot(*arcs).max())
