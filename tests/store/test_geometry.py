"""What a run says of its geometry, to a reader of zarr alone."""

import dataclasses
import math

import numpy as np
import pytest
import zarr
from support.stores import create, experiment_of

from tiled_sim.store import geometry

SHAPE = (3, 2, 50, 70)


@pytest.fixture(scope="module")
def experiment():
    return experiment_of(SHAPE)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("geometry") / "run.zarr"
    create(path, SHAPE, (1, 1, 64, 80))
    return zarr.open_group(path, mode="r")


@pytest.mark.parametrize("name", ["origin", "fast_axis", "slow_axis", "normal", "pixels"])
def test_panels_stand_where_the_experiment_has_them(root, experiment, name):
    expected = [getattr(panel, name) for panel in experiment.detector.panels]
    np.testing.assert_array_equal(root["panels"][name][...], expected)


def test_the_place_of_a_pixel_follows_from_the_arrays(root, experiment):
    panels = {name: array[1] for name, array in root["panels"].arrays()}
    slow, fast = panels["pixel_size"] * np.array([3.5, 7.5])
    place = panels["origin"] + slow * panels["slow_axis"] + fast * panels["fast_axis"]
    panel = experiment.detector.panels[1]
    expected = (
        np.array(panel.origin)
        + 0.35e-3 * np.array(panel.slow_axis)
        + 0.75e-3 * np.array(panel.fast_axis)
    )
    np.testing.assert_allclose(place, expected, rtol=1e-12)


def test_panels_are_named(root):
    assert root["panels"].attrs["names"] == ["p0", "p1"]


def test_each_step_of_each_frame_has_its_angle(root):
    expected = np.radians([[5.0 + 0.5 * frame, 5.25 + 0.5 * frame] for frame in range(3)])
    np.testing.assert_allclose(root["frames/phi"][...], expected, rtol=1e-12)


def test_the_orientation_of_a_frame_turns_the_crystal_by_its_first_angle(root, experiment):
    turned = root["frames/orientation"][2]
    angle = math.radians(6.0)
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-12)
    assert np.trace(turned) == pytest.approx(1 + 2 * math.cos(angle))
    spindle = np.array(experiment.frames.spindle)
    np.testing.assert_allclose(turned @ spindle, spindle, atol=1e-12)
    across = np.cross(spindle, [0.3, 0.5, 0.7])
    assert np.cross(across, turned @ across) @ spindle > 0  # right-handed


def test_each_frame_has_its_fluence_and_its_spectrum(root, experiment):
    assert root["frames/fluence"][...].tolist() == [experiment.beam.fluence] * 3
    assert root["frames/spectrum"][...].tolist() == [0, 0, 0]


class TestFacts:
    def test_a_flat_detector_says_where_the_beam_meets_it(self):
        facts = geometry.facts(experiment_of((1, 1, 50, 70)))
        assert facts["wavelength_A"] == 1.0
        assert facts["photon_energy_eV"] == pytest.approx(12398.42, abs=0.01)
        assert facts["distance_mm"] == pytest.approx(100.0)
        assert facts["pixel_size_mm"] == pytest.approx([0.1, 0.1])
        assert facts["beam_center_panel"] == 0
        slow, fast = facts["beam_center_px"]
        assert facts["beam_center_mm"] == pytest.approx([slow * 0.1, fast * 0.1])

    def test_the_beam_centre_is_slow_before_fast(self):
        experiment = experiment_of((1, 1, 50, 70))
        (panel,) = experiment.detector.panels
        corner = (0.1, 1.5e-3, -2e-3)  # slow along -y, fast along z, the beam along x
        moved = dataclasses.replace(panel, origin=corner)
        detector = dataclasses.replace(experiment.detector, panels=(moved,))
        facts = geometry.facts(dataclasses.replace(experiment, detector=detector))
        assert (panel.slow_axis, panel.fast_axis) == ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0))
        assert facts["beam_center_px"] == pytest.approx([15.0, 20.0])

    def test_of_several_panels_the_one_that_the_beam_meets_counts(self):
        experiment = experiment_of((1, 2, 50, 70))
        first, second = experiment.detector.panels
        away = dataclasses.replace(first, origin=(0.2, 0.5, 0.5))
        met = dataclasses.replace(second, origin=(0.1, 1.5e-3, -2e-3))
        detector = dataclasses.replace(experiment.detector, panels=(away, met))
        facts = geometry.facts(dataclasses.replace(experiment, detector=detector))
        assert facts["beam_center_panel"] == 1
        assert facts["distance_mm"] == pytest.approx(100.0)

    def test_where_the_beam_meets_no_panel_the_first_counts(self):
        experiment = experiment_of((1, 1, 50, 70))
        (panel,) = experiment.detector.panels
        away = dataclasses.replace(panel, origin=(0.2, 0.5, 0.5))
        detector = dataclasses.replace(experiment.detector, panels=(away,))
        facts = geometry.facts(dataclasses.replace(experiment, detector=detector))
        assert facts["beam_center_panel"] == 0
        assert facts["distance_mm"] == pytest.approx(200.0)

    def test_a_panel_along_the_beam_has_no_beam_centre(self):
        experiment = experiment_of((1, 1, 50, 70))
        (panel,) = experiment.detector.panels
        aside = dataclasses.replace(
            panel,
            origin=(0.0, 0.1, 0.0),
            slow_axis=(1.0, 0.0, 0.0),
            fast_axis=(0.0, 0.0, 1.0),
            normal=(0.0, 1.0, 0.0),
        )
        detector = dataclasses.replace(experiment.detector, panels=(aside,))
        facts = geometry.facts(dataclasses.replace(experiment, detector=detector))
        assert facts["beam_center_px"] is facts["beam_center_mm"] is facts["distance_mm"] is None
