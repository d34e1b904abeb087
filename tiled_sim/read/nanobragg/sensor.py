"""The sensor that nanoBragg options ask for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.io.attenuation import attenuation_in, formula_of
from tiled_sim.model.detector import Detector, Sensor
from tiled_sim.model.geometry import StatedSensor
from tiled_sim.model.values import number_in, shown
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.sensors import SaidSensor, sensor_note

#: How many of each make a metre; what ends others comes after them.
_UNITS = {"um": 1e6, "µm": 1e6, "mm": 1e3, "cm": 1e2}
_OPTIONS = {"thickness": "-detector_thick", "attenuation_length": "-detector_abs"}
#: The C program's number of layers where there is a thickness and no number.
_LAYERS = 2


@dataclass(frozen=True, slots=True)
class AskedSensor:
    """The sensor that our ``--sensor`` asks for, in place of nanoBragg's options.

    Parameters
    ----------
    material : its formula
    thickness : [m]
    """

    material: str
    thickness: float

    @classmethod
    def of(cls, text: str) -> "AskedSensor":
        """From MATERIAL:THICKNESS, ``Si:450um`` or ``CdTe:1mm``.

        Raises
        ------
        UsageError
            for any other text
        InputFileError
            for a material that is not known
        """
        material, _, size = text.partition(":")
        unit = next((unit for unit in _UNITS if size.endswith(unit)), "")
        number = number_in(size.removesuffix(unit).strip()) if unit else None
        if number is None or not 0.0 < number < math.inf:
            raise UsageError(
                f"--sensor {text} is not MATERIAL:THICKNESS with its unit, such as Si:450um or "
                "CdTe:1mm"
            )
        return cls(formula_of(material.strip()), number / _UNITS[unit])

    def beside(self, given: Given, wavelength: float, conflicts: Conflicts) -> Given:
        """The options, and with them what of nanoBragg's says the same at one wavelength [Å].

        Raises
        ------
        ExperimentError
            if they say a sensor, too
        InputFileError, MissingExtraError
            as `attenuation_in`
        """
        others = given.any_of(*_OPTIONS.values())
        if others:
            raise ExperimentError(
                f"--sensor and {' and '.join(others)} both say what the sensor is; leave one out"
            )
        found = attenuation_in(self.material, wavelength)
        conflicts.note(
            f"the sensor's attenuation length, {found.length * 1e6:.6g} µm, is that of "
            f"{found.source}"
        )
        return given.with_values(
            {
                "-detector_thick": (self.thickness * 1e6,),
                "-detector_abs": (repr(found.length * 1e6),),
            }
        )

    def named_in(self, detector: Detector) -> Detector:
        """The detector, all whose sensors are of this material."""

        def named(sensor: Sensor | None) -> Sensor | None:
            return None if sensor is None else replace(sensor, material=self.material)

        panels = tuple(replace(panel, sensor=named(panel.sensor)) for panel in detector.panels)
        return replace(detector, panels=panels, sensor=named(detector.sensor))


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
