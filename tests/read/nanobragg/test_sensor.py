"""The sensor that options and TOML ask for."""

from dataclasses import astuple

import pytest

from tiled_sim.errors import ExperimentError
from tiled_sim.model.experiment import Experiment

BASE = ["-default_F", "1", "-cell", "70", "-N", "5", "-oversample", "1"]


def read(line, **how):
    return Experiment.from_nanobragg([*BASE, *line.split()], **how)


@pytest.mark.parametrize(
    ("line", "sensor"),
    [
        ("", None),
        ("-detector_thick 0", None),
        ("-detector_abs inf", None),
        ("-detector_abs 0", None),
        ("-detector_thick 450 -detector_abs 500 -detector_thicksteps 3", (450e-6, 500e-6, 3)),
        ("-detector_thick 450 -detector_absorb 500 -thicksteps 1", (450e-6, 500e-6, 1)),
        ("-detector_thick 450 -detector_abs 500", (450e-6, 500e-6, 2)),
        ("-detector_thick 450", (450e-6, 450e-6, 2)),
    ],
)
def test_the_sensor_is_what_the_options_say(line, sensor):
    found = read(line).detector.sensor
    assert found == sensor if sensor is None else astuple(found)[:3] == pytest.approx(sensor)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-detector_thick 450", "attenuation length is its thickness"),
        ("-detector_thick 450 -detector_abs 500", "2 layers of the sensor, the default"),
        ("-oversample_thick", "-oversample_thick has no effect"),
    ],
)
def test_what_was_decided_of_the_sensor_is_noted(line, told):
    assert any(told in note for note in read(line).notes)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-detector_thick -1", "-1 µm must not be negative"),
        ("-detector_thick 450 -detector_abs inf", "450 µm and -detector_abs inf contradict"),
        ("-detector_thick 450 -detector_abs 0", "450 µm and -detector_abs 0 contradict"),
        ("-detector_thick 450 -detector_abs thick", "'thick' must be a depth in µm, or inf"),
        ("-detector_thick 450 -detector_abs -5", "'-5' must be a depth"),
        ("-detector_abs 500", "-detector_abs without -detector_thick has no effect"),
        (
            "-detector_abs 500 -detector_thicksteps 3",
            "-detector_thicksteps and -detector_abs without -detector_thick have no effect",
        ),
    ],
)
def test_a_sensor_that_cannot_be_is_refused(line, fault):
    with pytest.raises(ExperimentError, match=fault):
        read(line)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("-detector_thick 450 -detector_abs 500", "a sensor with a thickness"),
        ("-oversample_polar", "oversample_polar"),
        ("-oversample_omega", "oversample_omega"),
        ("-oversample_thick", "oversample_thick"),
        ("-water 5", "an amorphous background"),
    ],
)
def test_what_the_c_program_gets_wrong_for_good_is_not_replayed(line, what):
    with pytest.raises(ExperimentError, match=f"{what} cannot be had as C has it"):
        read(line, c_compat=True)


def test_an_attenuation_length_without_a_thickness_is_ignored_as_in_c():
    experiment = read("-detector_abs 500", c_compat=True)
    assert experiment.detector.sensor is None
    assert any("every photon is caught at the surface" in note for note in experiment.notes)


def test_every_layer_of_the_sensor_costs_its_steps():
    experiment = read("-detector_thick 450 -detector_thicksteps 5 -phisteps 3 -osc 1")
    assert experiment.steps == 3
    assert experiment.evaluations_per_pixel == 15
