"""The sensor that nanoBragg options ask for."""

import math
from collections.abc import Sequence

from tiled_sim.errors import ExperimentError
from tiled_sim.model.detector import Sensor
from tiled_sim.model.geometry import StatedSensor
from tiled_sim.model.values import number_in, shown
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.sensors import SaidSensor, sensor_note

_OPTIONS = {"thickness": "-detector_thick", "attenuation_length": "-detector_abs"}
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


def read_sensors(
    given: Given,
    conflicts: Conflicts,
    stated: Sequence[StatedSensor | None],
    wavelength: float,
    source: str,
) -> tuple[Sensor | None, ...]:
    """The sensor of each panel of a geometry file, or of a detector by name.

    Any of the options asks for the file's sensors, and gives what these lack.

    Parameters
    ----------
    given : the options
    conflicts : found among the options so far
    stated : by the file, of each panel
    wavelength : of the beam [Å]
    source : the file, as an option

    Raises
    ------
    ExperimentError
        as `read_sensor`, and for values that contradict the file, with both numbers
    InputFileError, MissingExtraError
        where the attenuation length is not known
    """
    depth, thickness = _attenuation_length(given), given.number("-detector_thick")
    refused = thickness == 0.0 or depth == math.inf
    if refused or not any(stated) or not given.any_of(*_OPTIONS.values(), "-detector_thicksteps"):
        conflicts.note(sensor_note(stated))
        return (read_sensor(given, conflicts),) * len(stated)
    layers = given.integer("-detector_thicksteps") or 0
    if layers <= 0:
        conflicts.note(f"{_LAYERS} layers of the sensor, the default with a thickness")
        layers = _LAYERS
    said = SaidSensor(None if thickness is None else thickness / 1e6, depth, layers)
    for quantity, value, own in said.disagreements(stated):
        raise ExperimentError(
            f"{_OPTIONS[quantity]} {value * 1e6:.10g} µm and {source}, whose sensor has "
            f"{own * 1e6:.10g} µm, contradict each other; leave {_OPTIONS[quantity]} out"
        )
    notes: list[str] = []
    sensors = said.with_stated(stated, wavelength, notes)
    for note in notes:
        conflicts.note(note)
    return sensors


def _attenuation_length(given: Given) -> float | None:
    """Attenuation length [m]; infinite for ``inf`` and ``0``, as in C; None: not given."""
    word = given.text("-detector_abs")
    if word is None:
        return None
    depth = number_in(word)
    if depth is None or math.isnan(depth) or depth < 0:
        raise ExperimentError(f"-detector_abs {shown(word)} must be a depth in µm, or inf")
    return depth / 1e6 if depth > 0 else math.inf
