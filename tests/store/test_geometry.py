"""What a run says of its geometry, to a reader of zarr alone."""

import dataclasses
import math

import numpy as np
import ome_zarr_models
import pytest
import xarray
import zarr

from support.stores import create, create_for, experiment_of
from tiled_sim.errors import ExperimentError
from tiled_sim.model.beam import Spectrum
from tiled_sim.model.mask import NO_PIXEL
from tiled_sim.store import geometry
from tiled_sim.store.run_store import RunStore

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
    spindle = np.array(experiment.exposures.spindle)
    np.testing.assert_allclose(turned @ spindle, spindle, atol=1e-12)
    across = np.cross(spindle, [0.3, 0.5, 0.7])
    assert np.cross(across, turned @ across) @ spindle > 0  # right-handed


def test_each_frame_has_its_fluence_and_its_spectrum(root, experiment):
    assert root["frames/fluence"][...].tolist() == [experiment.beam.fluence] * 3
    assert root["frames/spectrum"][...].tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def differing(tmp_path_factory):
    """A panel of 50 x 70 square pixels, and one of 30 x 20 that are twice as long along fast."""
    experiment = experiment_of((1, 2, 50, 70))
    first, second = experiment.detector.panels
    small = dataclasses.replace(
        second, pixels=(30, 20), pixel_size=(1e-4, 2e-4), group=("north", "q1")
    )
    detector = dataclasses.replace(experiment.detector, panels=(first, small))
    path = tmp_path_factory.mktemp("differ") / "run.zarr"
    experiment = dataclasses.replace(experiment, detector=detector)
    return create_for(path, experiment, (1, 2, 64, 80))


class TestPanelsThatDiffer:
    def test_the_smaller_is_padded_and_the_mask_says_where(self, differing):
        mask = differing.read_mask(1, slice(0, 50), slice(0, 70))
        expected = np.full((50, 70), NO_PIXEL, np.uint8)
        expected[:30, :20] = 0
        np.testing.assert_array_equal(mask, expected)
        assert not differing.read_mask(0, slice(0, 50), slice(0, 70)).any()

    def test_each_has_its_own_pixels(self, differing):
        panels = zarr.open_group(differing.path, mode="r")["panels"]
        assert panels["pixels"][...].tolist() == [[50, 70], [30, 20]]
        np.testing.assert_allclose(panels["pixel_size"][...], [[1e-4, 1e-4], [1e-4, 2e-4]])
        assert panels.attrs["groups"] == [[], ["north", "q1"]]

    def test_coordinates_count_pixels_where_they_differ_in_size(self, differing):
        level = xarray.open_zarr(differing.path / "0")
        assert level.slow.attrs["units"] == level.fast.attrs["units"] == "pixel"
        np.testing.assert_array_equal(level.fast, np.arange(70) + 0.5)
        assert level.attrs["pixel_size_mm"] is None

    def test_the_ome_validator_accepts_the_run(self, differing):
        group = zarr.open_group(differing.path, mode="r")
        image = ome_zarr_models.open_ome_zarr(group, version="0.5")
        assert [axis.name for axis in image.ome_attributes.multiscales[0].axes] == [
            *("frame", "panel", "slow", "fast")
        ]

    def test_the_experiment_comes_back(self, differing):
        panels = RunStore.open(differing.path).read_experiment().detector.panels
        assert (panels[1].pixels, panels[1].pixel_size) == ((30, 20), (1e-4, 2e-4))


def test_pixels_that_are_not_square_have_coordinates_of_their_own(tmp_path):
    experiment = experiment_of((1, 1, 50, 70))
    (panel,) = experiment.detector.panels
    oblong = dataclasses.replace(panel, pixel_size=(1e-4, 2e-4))
    detector = dataclasses.replace(experiment.detector, panels=(oblong,))
    store = create_for(tmp_path / "run.zarr", dataclasses.replace(experiment, detector=detector))
    level = xarray.open_zarr(store.path / "0")
    np.testing.assert_allclose(level.slow, (np.arange(50) + 0.5) * 0.1, rtol=1e-12)
    np.testing.assert_allclose(level.fast, (np.arange(70) + 0.5) * 0.2, rtol=1e-12)
    assert level.attrs["pixel_size_mm"] == pytest.approx([0.1, 0.2])


class TestSpectrum:
    @pytest.fixture
    def store(self, tmp_path):
        experiment = experiment_of((1, 1, 50, 70))
        spectrum = Spectrum(
            np.tile(experiment.beam.direction, (3, 1)), [0.9, 1.0, 1.1], [1.0, 2.0, 1.0]
        )
        beam = dataclasses.replace(experiment.beam, spectrum=spectrum)
        experiment = dataclasses.replace(experiment, beam=beam)
        return create_for(tmp_path / "run.zarr", experiment)

    def test_its_arrays_are_read_by_zarr_alone(self, store):
        group = zarr.open_group(store.path, mode="r")["inputs/spectrum"]
        assert group["wavelength"][...].tolist() == [0.9, 1.0, 1.1]
        assert group["wavelength"].attrs["units"] == "angstrom"
        assert group["weight"][...].tolist() == [1.0, 2.0, 1.0]
        assert group["incident"].shape == (3, 3)

    def test_it_comes_back_with_the_experiment(self, store):
        found = RunStore.open(store.path).read_experiment()
        assert found.beam.spectrum.wavelength.tolist() == [0.9, 1.0, 1.1]

    def test_a_changed_array_is_not_taken_for_it(self, store):
        zarr.open_group(store.path, mode="r+")["inputs/spectrum/wavelength"][1] = 1.01
        with pytest.raises(ExperimentError, match="SHA-256"):
            RunStore.open(store.path).read_experiment()


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
