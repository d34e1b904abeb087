"""What the config verb tells: values that follow from an experiment, in people's units."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from tiled_sim.instruments.derived import derived, format_config
from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.detector import Detector, Region, Sensor
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics import geometry
from tiled_sim.read.toml.reader import read_toml

EXAMPLE = Path(__file__).parents[2] / "examples" / "2erl.toml"


@pytest.fixture(scope="module")
def example():
    return read_toml(EXAMPLE)


def value(experiment, name):
    """The one derived value whose part and name begin so."""
    rows = derived(experiment)
    (found,) = (row.value for row in rows if f"{row.about}: {row.name}".startswith(name))
    return found


def square_face(half=0.1, distance=0.1, pixels=20, **detector):
    """A square detector, its half edge and distance [m]; the wavelength is 1 Å."""
    options = (
        f"-default_F 1 -cell 70 80 90 90 90 90 -N 5 -xds -distance {distance * 1e3} "
        f"-detpixels {pixels} -pixel {half * 2e3 / pixels}"
    )
    experiment = Experiment.from_nanobragg(options.split())
    changed = dataclasses.replace(experiment.detector, **detector)
    return dataclasses.replace(experiment, detector=changed)


def with_panel(experiment, **changes):
    panel = dataclasses.replace(experiment.detector.panels[0], **changes)
    return dataclasses.replace(experiment, detector=Detector((panel,)))


def test_the_configuration_reads_back_as_the_same_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(EXAMPLE.parent)
    experiment = read_toml("2erl.toml")
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(format_config(experiment))
    again = read_toml("config.toml")
    assert again == experiment
    assert again.sha256 == experiment.sha256


def test_derived_values_stand_in_comments_with_their_units(example):
    lines = format_config(example).splitlines()
    assert "# crystal: cell a, b, c = 53.91 23.1 23.1 Å" in lines
    assert "# frames: phi at the first and last step of frame 0 = 1 1.09°" in lines
    assert "# beam: sources = 1" in lines


def test_every_derived_value_is_a_json_value():
    at_the_edge = with_panel(square_face(), origin=(-0.1, 0.0, 0.1))
    rows = [dataclasses.asdict(row) for row in derived(at_the_edge)]
    json.dumps(rows, allow_nan=False)


def test_no_two_values_of_one_part_share_a_name(example):
    names = [(row.about, row.name) for row in derived(example)]
    assert len(names) == len(set(names))


def test_the_hash_is_that_of_the_experiment(example):
    assert value(example, "experiment: SHA-256") == example.sha256


def test_the_cell_is_told_in_lengths_and_angles(example):
    assert value(example, "crystal: cell a, b, c") == pytest.approx((53.91, 23.1, 23.1))
    assert value(example, "crystal: cell alpha") == pytest.approx((90, 110.4, 90))
    expected = 53.91 * 23.1 * 23.1 * math.sin(math.radians(110.4))
    assert value(example, "crystal: cell volume") == pytest.approx(expected)


def test_the_size_of_the_crystal_is_cells_times_edges(example):
    assert value(example, "crystal: size along a") == pytest.approx((0.075474, 0.07623, 0.07623))


def test_the_photon_energy_is_that_of_the_wavelength(example):
    assert value(example, "beam: photon energy") == pytest.approx(12398.42 / 0.9768)


def test_sources_are_counted_with_their_range_of_wavelengths_and_angles(example):
    tilted = (math.sin(2e-3), 0.0, math.cos(2e-3))
    sources = (Source((0, 0, 1), 0.97), Source(tilted, 0.98), Source((0, 0, 1), 0.96))
    beam: Beam = dataclasses.replace(example.beam, spectrum=Spectrum.of(sources))
    experiment = dataclasses.replace(example, beam=beam)
    assert value(experiment, "beam: sources") == 3
    assert value(experiment, "beam: wavelengths") == (0.96, 0.98)
    assert value(experiment, "beam: largest angle") == pytest.approx(2.0)


def test_evaluations_are_pixels_times_steps(example):
    assert value(example, "experiment: steps a pixel") == 10
    assert value(example, "experiment: evaluations") == 2527 * 2463 * 10


def test_evaluations_count_the_region_and_the_frames_only(example):
    region = Region(10, 20, 0, 7)
    exposures = dataclasses.replace(example.exposures, count=3)
    experiment = dataclasses.replace(with_panel(example, region=region), exposures=exposures)
    assert value(experiment, "experiment: evaluations") == 3 * 70 * 10


def test_phi_is_that_of_the_first_and_the_last_step(example):
    assert value(example, "frames: phi at") == pytest.approx((1.0, 1.09))


def test_the_beam_spot_is_told_slow_first_in_pixels_and_millimetres(example):
    assert value(example, "panel 0: beam spot (") == pytest.approx((1243.65, 1265.94))
    assert value(example, "panel 0: beam spot from") == pytest.approx((213.9078, 217.74168))
    assert value(example, "panel 0: distance along") == pytest.approx(231.27466)


def test_orgx_and_orgy_are_those_that_nanobragg_was_told():
    options = "-default_F 1 -cell 70 80 90 90 90 90 -xds -ORGX 300.5 -ORGY 410 -detector_roty 5"
    experiment = Experiment.from_nanobragg(options.split())
    assert value(experiment, "panel 0: XDS ORGX") == pytest.approx((300.5, 410))


def test_a_panel_that_the_beam_does_not_meet_says_so():
    allowed = dataclasses.replace(square_face(), allow_upstream=True)
    experiment = with_panel(allowed, origin=(-0.1, -0.1, -0.1), normal=(0.0, 0.0, -1.0))
    assert "does not meet" in value(experiment, "panel 0: beam spot")


def test_angles_and_resolutions_are_those_of_corner_and_edges():
    experiment = square_face(half=0.1, distance=0.1)
    corner = math.atan(math.sqrt(2))
    assert value(experiment, "panel 0: 2θ at the corner") == pytest.approx(math.degrees(corner))
    assert value(experiment, "panel 0: resolution at the corner") == pytest.approx(
        0.5 / math.sin(corner / 2)
    )
    assert value(experiment, "panel 0: 2θ at the middle") == pytest.approx((45,) * 4)
    expected = 0.5 / math.sin(math.pi / 8)
    assert value(experiment, "panel 0: resolution at the middle") == pytest.approx((expected,) * 4)


def test_the_direct_beam_has_infinite_resolution():
    experiment = with_panel(square_face(), origin=(-0.1, 0.0, 0.1))
    first, *_ = value(experiment, "panel 0: resolution at the middle")
    assert first is None


def test_a_curved_detector_has_angles_of_arcs():
    experiment = square_face(half=0.05, distance=0.1, curvature_radius=0.1)
    assert value(experiment, "panel 0: 2θ at the middle") == pytest.approx((math.degrees(0.5),) * 4)


def test_the_face_of_a_cube_covers_a_sixth_of_all_directions():
    assert value(square_face(0.1, 0.1), "panel 0: solid angle") == pytest.approx(4 * math.pi / 6)


def test_the_solid_angle_is_the_sum_over_pixels():
    experiment = with_panel(square_face(pixels=400), origin=(-0.13, 0.02, 0.1))
    (panel,) = experiment.detector.panels
    centres = (torch.arange(400, dtype=torch.float64) + 0.5) * panel.pixel_size[0]
    slow, fast = torch.meshgrid(centres, centres, indexing="ij")
    position = geometry.flat_position(slow, fast, panel.origin, panel.slow_axis, panel.fast_axis)
    omega = geometry.solid_angle(position.length(), panel.pixel_size, panel.close_distance)
    assert value(experiment, "panel 0: solid angle") == pytest.approx(float(omega.sum()), rel=1e-4)


def test_each_panel_is_told_of_under_its_number_and_name(example):
    panel = example.detector.panels[0]
    right = dataclasses.replace(panel, origin=(0.3, 0.0, 0.2), name="right")
    experiment = dataclasses.replace(example, detector=Detector((panel, right)))
    assert value(experiment, "panel 1 (right): close distance") == pytest.approx(200)
    assert value(experiment, "panel 0: size") == pytest.approx((434.644, 423.636))


def test_the_mosaic_spread_is_told_in_degrees(example):
    crystal = dataclasses.replace(example.crystal, domains=Domains(np.pi / 360))
    assert value(
        dataclasses.replace(example, crystal=crystal), "crystal: mosaic spread"
    ) == pytest.approx(0.5)


def test_a_sensor_tells_what_it_absorbs():
    experiment = square_face(sensor=Sensor(450e-6, 500e-6, 3))
    assert value(experiment, "sensor: absorbs") == pytest.approx(100 * (1 - math.exp(-0.9)))
    assert value(experiment, "sensor: layers") == 3
    without = value(square_face(), "experiment: evaluations")
    assert value(experiment, "experiment: evaluations") == 3 * without


def test_a_background_tells_its_molecules():
    background = Background(None, "0" * 64, "stol", 1e-3, 1e-6)
    experiment = dataclasses.replace(square_face(), background=background)
    # a cubic millimetre of water is a milligram
    assert value(experiment, "background: molecules") == pytest.approx(1e-3 / 18.015 * 6.02214e23)
    assert value(experiment, "background: table") == "water"
