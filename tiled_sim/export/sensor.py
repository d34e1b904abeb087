"""The sensor as other programs ask for it: a material and a thickness."""

from dataclasses import dataclass

from tiled_sim.model.experiment import Experiment

#: Depth in silicon that lets 1/e of photons of 1 Å through [m]; it falls as the wavelength's cube.
_SILICON = 237e-6
#: Of a sensor that is none [m]: dxtbx asserts that there is one, and corrects positions by less.
_NOTHING = 1e-9
#: A sensor whose photons stop so much earlier is of something heavier.
_HEAVIER = 3.0


@dataclass(frozen=True, slots=True)
class SensorTold:
    """What is said of a sensor.

    Parameters
    ----------
    material : ``Si`` or ``CdTe``, or that of the run
    thickness : [m]; next to nothing where every photon is caught at the panel's plane
    notes : for the user
    """

    material: str
    thickness: float
    notes: tuple[str, ...] = ()


def sensor_of(experiment: Experiment, panel: int | None = None) -> SensorTold:
    """The sensor of a run, which may only know how far photons get in it, not what it is made of.

    One of a single layer catches all photons where it begins, and so is next to nothing to whoever
    corrects positions for how deep they get.

    Parameters
    ----------
    experiment : that was simulated
    panel : number of the panel whose sensor it is; None: that of the detector
    """
    detector = experiment.detector
    sensor = detector.sensor if panel is None else detector.sensor_of(panel)
    if sensor is None:
        return SensorTold("Si", _NOTHING, (_undivided(1000.0),))
    in_silicon = _SILICON * experiment.beam.wavelength**-3
    alike = "CdTe" if sensor.attenuation_length * _HEAVIER < in_silicon else "Si"
    material = sensor.material or alike
    if sensor.layers == 1:
        return SensorTold(
            material,
            _NOTHING,
            (
                f"the sensor of {sensor.thickness * 1e6:g} µm is of one layer, which catches all "
                "photons where it begins: nothing is to be corrected for its depth, and none is "
                "said",
                _undivided(sensor.thickness * 1e3),
            ),
        )
    if sensor.material is not None:
        return SensorTold(material, sensor.thickness)
    return SensorTold(
        material,
        sensor.thickness,
        (
            f"the sensor is called {material}, which stops photons most like its attenuation "
            f"length of {sensor.attenuation_length * 1e6:g} µm",
        ),
    )


def _undivided(thickness: float) -> str:
    """What keeps DIALS from correcting intensities for the nominal sensor.

    Parameters
    ----------
    thickness : of the sensor that catches what the images have [mm]; metres: all photons
    """
    return (
        "DIALS divides intensities by what the nominal 1 nm of sensor catches, which grows as "
        f"1/cos(2theta), unless told: dials.import FILE panel.thickness={thickness:g} "
        "panel.parallax_correction=False"
    )
