"""Sensors of the panels of a geometry file, which absorb only if they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tiled_sim.errors import InputFileError
from tiled_sim.io.attenuation import attenuation_in, attenuation_table, formula_of
from tiled_sim.model.detector import Panel, Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.geometry import StatedSensor
from tiled_sim.physics.vectors import Array

#: Thicknesses that are said twice may differ by this [m], and attenuation lengths by this share.
_SAME_LENGTH = _SAME_NUMBER = 1e-6
#: More wavelengths than a table of attenuation lengths has.
_MANY = 10**5


@dataclass(frozen=True, slots=True)
class SaidSensor:
    """What is said of the sensor of all panels beside a file.

    Parameters
    ----------
    thickness, attenuation_length : [m]; None: not said
    layers : of every sensor
    """

    thickness: float | None
    attenuation_length: float | None
    layers: int

    def disagreements(
        self, stated: Sequence[StatedSensor | None]
    ) -> Iterator[tuple[str, float, float]]:
        """Where a file says otherwise: the quantity, what is said and what the file says [m]."""
        for sensor in stated:
            if sensor is None:
                continue
            if self.thickness is not None and abs(self.thickness - sensor.thickness) > _SAME_LENGTH:
                yield "thickness", self.thickness, sensor.thickness
            said, own = self.attenuation_length, sensor.attenuation_length
            if said is not None and own is not None and abs(said - own) > _SAME_NUMBER * own:
                yield "attenuation_length", said, own

    def with_stated(
        self, stated: Sequence[StatedSensor | None], wavelength: float, notes: list[str]
    ) -> tuple[Sensor | None, ...]:
        """The sensor of each panel, from what is said and what the file says.

        A panel of which the file says nothing has the sensor that is said, or none.

        Parameters
        ----------
        stated : of each panel
        wavelength : of the beam [Å]
        notes : take what the user should know

        Raises
        ------
        InputFileError
            where the attenuation length is not known
        MissingExtraError
            where it follows from the material, and xraydb is not installed
        """
        made: dict[StatedSensor | None, Sensor | None] = {}
        for sensor in stated:
            if sensor not in made:
                made[sensor] = self._made(sensor, wavelength, notes)
        return tuple(made[sensor] for sensor in stated)

    def _made(
        self, stated: StatedSensor | None, wavelength: float, notes: list[str]
    ) -> Sensor | None:
        depth = self.attenuation_length
        if stated is None:
            if self.thickness is None:
                notes.append("panels whose sensor the file does not describe catch every photon")
                return None
            return Sensor(self.thickness, depth or self.thickness, self.layers)
        if depth is None:
            depth = stated.attenuation_length
        if depth is None and not stated.material:
            raise InputFileError(
                f"the geometry file says neither the attenuation length of its sensor of "
                f"{stated.thickness * 1e6:g} µm nor the material: give it with -detector_abs"
            )
        thickness = self.thickness or stated.thickness
        if depth is None:
            return sensor_of(stated.material, thickness, self.layers, wavelength, notes)
        return Sensor(thickness, depth, self.layers)


def sensor_of(
    material: str, thickness: float, layers: int, wavelength: float, notes: list[str]
) -> Sensor:
    """A sensor by its material.

    Parameters
    ----------
    material : as `attenuation_in` has it
    thickness : [m]
    layers : of it
    wavelength : of the beam [Å]
    notes : take what the user should know

    Raises
    ------
    InputFileError, MissingExtraError
        as `attenuation_in`
    """
    found = attenuation_in(material, wavelength)
    notes.append(
        f"the sensor's attenuation length, {found.length * 1e6:.6g} µm, is that of {found.source}"
    )
    return Sensor(thickness, found.length, layers, formula_of(material))


def with_attenuation(experiment: Experiment) -> Experiment:
    """The experiment whose sensors absorb light of every wavelength by their material's tables.

    Parameters
    ----------
    experiment : of which some sensors may say a material, and what it absorbs of the beam's
        wavelength alone

    Raises
    ------
    InputFileError, MissingExtraError
        as `attenuation_in`
    """
    detector = experiment.detector
    if not any(one.material and one.attenuation_table is None for one in detector.sensors):
        return experiment
    wavelengths = _wavelengths(experiment)
    if len(np.unique(wavelengths)) == 1:
        return experiment
    tables: dict[str, tuple[tuple[float, float], ...]] = {}

    def filled(sensor: Sensor | None) -> Sensor | None:
        if sensor is None or not sensor.material or sensor.attenuation_table is not None:
            return sensor
        if sensor.material not in tables:
            tables[sensor.material] = attenuation_table(sensor.material, wavelengths)
        return replace(sensor, attenuation_table=tables[sensor.material])

    panels = tuple(replace(one, sensor=filled(one.sensor)) for one in detector.panels)
    made = replace(detector, panels=panels, sensor=filled(detector.sensor))
    return replace(experiment, detector=made)


def _wavelengths(experiment: Experiment) -> Array:
    """Of the sources of the beam and of all frames [Å]; of very many, some between the extremes."""
    sources, exposures = np.unique(experiment.beam.spectrum.wavelength), experiment.exposures
    if not isinstance(exposures, Listed) or exposures.wavelength is None:
        return sources
    # 1: one length alone, with no table, is that of the beam, which frames may all leave
    scales = np.unique([1.0, *(exposures.wavelength / experiment.beam.wavelength)])
    if len(scales) * len(sources) <= _MANY:
        return np.outer(scales, sources).ravel()
    return np.linspace(scales[0] * sources[0], scales[-1] * sources[-1], _MANY)


def with_sensors(
    panels: tuple[Panel, ...], sensors: Sequence[Sensor | None]
) -> tuple[tuple[Panel, ...], Sensor | None]:
    """Panels with their own sensors where these differ, and the sensor of all where they do not.

    Parameters
    ----------
    panels, sensors : of the same number
    """
    if len(set(sensors)) == 1:
        return panels, sensors[0]
    return tuple(
        replace(panel, sensor=sensor) for panel, sensor in zip(panels, sensors, strict=True)
    ), None


def sensor_note(stated: Sequence[StatedSensor | None]) -> str:
    """What to tell of sensors that a file has, which absorb only if they are asked for."""
    sensors = list(dict.fromkeys(sensor for sensor in stated if sensor is not None))
    if not sensors:
        return ""
    first = sensors[0]
    thickness, depth = first.thickness * 1e6, first.attenuation_length
    said = f"{thickness:g} µm" + (f" of {first.material}" if first.material else "")
    asked = f"-detector_thick {thickness:g}"
    if depth is not None:
        said += f", attenuation length {depth * 1e6:.7g} µm"
        asked += f" -detector_abs {depth * 1e6:.7g}"
    kinds = f" (the first of {len(sensors)} kinds)" if sensors[1:] else ""
    others = "" if sensors[1:] else f", or {asked}"
    return (
        f"the file's sensor, {said}{kinds}, absorbs only if it is asked for: -detector_thicksteps "
        f"LAYERS{others} in options, [detector.sensor] in TOML; else every photon is caught at the "
        "surface"
    )
