"""Amorphous background: added to every kernel's image, in every pixel."""

import dataclasses

import numpy as np
import pytest

from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.constants import AVOGADRO, R_E_SQR
from tiled_sim.simulation.images import simulate as simulate_image

DROPLET = ("-water", 40, "-stol", "droplet.stol", "-density", 0.9, "-MW", 20)


@pytest.fixture
def wet(still, in_data):
    """A small still with a droplet around its crystal."""

    def make(*options):
        return still(*DROPLET, "-fluence", 1e24, *options)

    return make


def image_of(experiment, **options):
    return simulate_image(experiment, **options).values


def without_background(experiment):
    return dataclasses.replace(experiment, background=None)


def test_it_is_the_image_of_the_c_suite_s_program(golden, in_data):
    reference = np.load(golden / "nonbragg_droplet.npz")
    experiment = Experiment.from_nanobragg(str(reference["args"]).split())
    ((image,),) = image_of(experiment)
    assert image == pytest.approx(reference["image"], rel=2e-7)


def test_molecules_are_those_of_the_droplet(wet):
    background = wet().background
    grams = 0.9e6 * 40e-6**3
    assert background.molecules == pytest.approx(grams / 20 * AVOGADRO, rel=1e-12)


@pytest.mark.parametrize("kernel", ["reference", "compiled", "spots"])
def test_every_kernel_adds_the_same(wet, kernel):
    experiment = wet("-gauss_xtal", "-N", 10)
    difference = image_of(experiment, kernel=kernel).astype(np.float64)
    difference -= image_of(without_background(experiment), kernel=kernel)
    expected = image_of(experiment, kernel="reference").astype(np.float64)
    expected -= image_of(without_background(experiment), kernel="reference")
    assert expected.min() > 0
    assert difference == pytest.approx(expected, rel=1e-5, abs=1e-6 * expected.max())


def test_a_resolution_limit_of_the_crystal_leaves_it_alone(wet):
    experiment = wet("-dmin", 1000)
    assert image_of(without_background(experiment)).max() == 0
    assert image_of(experiment).min() > 0


def test_a_pixel_s_background_does_not_depend_on_its_tile(wet, simulate):
    experiment = wet("-polar", 0.7)
    images = [simulate(experiment, tile=tile).image for tile in ((16, 16), (32, 96), (96, 48))]
    assert images[0].tobytes() == images[1].tobytes() == images[2].tobytes()


@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_a_trace_tells_the_background_apart_from_the_crystal(wet, kernel):
    experiment = wet()
    image = simulate_image(experiment, kernel=kernel, trace_pixels=((30, 40),))
    ((trace),) = image.attrs["traces"]
    row = trace["values"]
    crystal = row["r_e_sqr"] * row["fluence_photons_per_m2"] * row["I_before_scaling"]
    crystal *= row["polar"] * row["omega_pixel"] * row["capture_fraction"] / row["steps"]
    assert row["I_pixel_final"] == pytest.approx(crystal + row["background_photons"], rel=1e-12)
    assert row["background_photons"] > 0
    assert trace["departure"] == 0.0


def test_forward_scattering_is_that_of_all_molecules(still, in_data):
    # at the end of a long camera every ray goes straight on: F is the table's first point, 2
    options = ("-default_F", 1e-9, "-distance", 1e7, "-fluence", 1e24, "-nopolar", "-dmin", 1e6)
    experiment = still(*DROPLET, *options)
    pixel = (0.3e-3 / 1e4) ** 2
    expected = R_E_SQR * 1e24 * experiment.background.molecules * 2.0**2 * pixel
    assert image_of(experiment) == pytest.approx(expected, rel=1e-5)
