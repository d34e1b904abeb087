"""The sensor that nanoBragg options ask for."""

import math

from tiled_sim.errors import ExperimentError
from tiled_sim.model.detector import Sensor
from tiled_sim.model.values import number_in, shown
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given

#: The C program's number of layers where there is a thickness and no number.
_LAYERS = 2


def read_sensor(given: Given, conflicts: Conflicts) -> Sensor | None:
    """The sensor of ``-detector_thick``, ``-detector_abs`` and ``-detector_thicksteps``.

    Parameters
    ----------
    given : the options
    conflicts : found among the options so far

    Raises
    ------
    ExperimentError
        for values that contradict each other or cannot be
    """
    thickness = (given.number("-detector_thick") or 0.0) / 1e6
    depth = _attenuation_length(given)
    if thickness < 0:
        raise ExperimentError(f"-detector_thick {thickness * 1e6:g} µm must not be negative")
    if thickness == 0.0:
        idle = given.any_of("-detector_thicksteps")
        idle += ["-detector_abs"] if depth not in (None, math.inf) else []
        if idle:
            conflicts.settle(
                f"{' and '.join(idle)} without -detector_thick {'have' if idle[1:] else 'has'} no "
                "effect",
                "every photon is caught at the surface",
            )
        if "-oversample_thick" in given:
            conflicts.note("-oversample_thick has no effect: the sensor has no thickness")
        return None
    if depth == math.inf:
        raise ExperimentError(
            f"-detector_thick {thickness * 1e6:g} µm and -detector_abs "
            f"{given.text('-detector_abs')} contradict each other: such a sensor absorbs nothing; "
            "leave -detector_thick out to catch every photon at the surface"
        )
    if depth is None:
        conflicts.note(
            "the sensor's attenuation length is its thickness: -detector_abs is not given"
        )
        depth = thickness
    layers = given.integer("-detector_thicksteps") or 0
    if layers <= 0:
        conflicts.note(f"{_LAYERS} layers of the sensor, the default with a thickness")
        layers = _LAYERS
    return Sensor(thickness, depth, layers)


def _attenuation_length(given: Given) -> float | None:
    """Attenuation length [m]; infinite for ``inf`` and ``0``, as in C; None: not given."""
    word = given.text("-detector_abs")
    if word is None:
        return None
    depth = number_in(word)
    if depth is None or math.isnan(depth) or depth < 0:
        raise ExperimentError(f"-detector_abs {shown(word)} must be a depth in µm, or inf")
    return depth / 1e6 if depth > 0 else math.inf
