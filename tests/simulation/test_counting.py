"""The counts of whole images, tile by tile: what they are of, and that tiles do not show."""

import dataclasses

import numpy as np
import pytest

from tiled_sim.model.detector import Region
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.physics.noise import Corner, arriving_photons, read_photons
from tiled_sim.physics.point_spread import blur, spread_of

PIXEL = 3e-4
GAUSS = PointSpread("gauss", 2.0 * PIXEL)
#: It reaches over more than a tile of 16 pixels.
FIBRE = PointSpread("fiber", 1.0 * PIXEL, 21)
EVERYTHING = {
    "seed": 7,
    "flicker": 0.02,
    "calibration": 0.03,
    "readout": 3.0,
    "gain": 1.8,
    "offset": 40.0,
    "saturation": 4000,
}


@pytest.fixture(scope="module")
def counted(still):
    """Make an experiment of two frames and two panels, oblong, bright and partly outside."""

    def make(**noise):
        bright = still("-detpixels_f", 80, "-detpixels_s", 60, "-fluence", 1e30)
        (panel,) = bright.detector.panels
        shifted = tuple(x + 0.01 for x in panel.origin)
        panels = (
            panel,
            dataclasses.replace(panel, origin=shifted, region=Region(5, 50, 9, 71)),
        )
        return dataclasses.replace(
            bright,
            detector=dataclasses.replace(bright.detector, panels=panels),
            exposures=dataclasses.replace(bright.exposures, count=2),
            noise=Noise(**noise),
        )

    return make


def read_of(photons, noise, corner):
    return read_photons(
        photons,
        corner,
        noise.seed,
        gain=noise.gain,
        offset=noise.offset,
        readout=noise.readout,
        saturation=noise.saturation,
    )


def photons_of(image, noise, corner):
    return arriving_photons(
        image,
        corner,
        noise.seed,
        flicker=noise.flicker,
        calibration=noise.calibration,
        calibration_seed=noise.calibration_seed,
    )


@pytest.mark.parametrize("spread", [None, GAUSS, FIBRE], ids=["point", "gauss", "fibre"])
def test_the_counts_are_the_same_bytes_whatever_the_tiles(simulate, counted, spread):
    experiment = counted(**EVERYTHING, point_spread=spread)
    whole = simulate(experiment).counts
    assert whole.max() == EVERYTHING["saturation"]
    for tile in [(16, 16), (32, 48)]:
        assert simulate(experiment, tile=tile).counts.tobytes() == whole.tobytes(), tile


def test_without_a_point_spread_counts_follow_from_the_image_pixel_by_pixel(simulate, counted):
    experiment = counted(**EVERYTHING)
    found = simulate(experiment, tile=(32, 32))
    for frame, panel in np.ndindex(2, 2):
        corner = Corner(0, 0, panel, frame)
        photons = photons_of(found.image[frame, panel], experiment.noise, corner)
        expected = read_of(photons, experiment.noise, corner)
        live = np.ones(photons.shape, bool)
        if panel == 1:
            live[:] = False
            live[5:50, 9:71] = True
        expected[~live] = 0
        np.testing.assert_array_equal(found.counts[frame, panel], expected)


@pytest.mark.parametrize("spread", [GAUSS, FIBRE], ids=["gauss", "fibre"])
def test_with_a_point_spread_they_are_the_photons_of_the_panel_blurred(simulate, counted, spread):
    experiment = counted(**EVERYTHING, point_spread=spread)
    found = simulate(experiment, tile=(16, 48))
    radius = spread.reach(PIXEL)
    shares = spread_of(spread.kind, spread.fwhm / PIXEL, radius)
    for frame in range(2):
        corner = Corner(0, 0, 0, frame)
        photons = photons_of(found.image[frame, 0], experiment.noise, corner)
        expected = read_of(blur(np.pad(photons, radius), shares), experiment.noise, corner)
        np.testing.assert_array_equal(found.counts[frame, 0], expected)


def test_the_point_spread_loses_what_leaves_the_panel_and_no_more(simulate, counted):
    point = simulate(counted()).counts[:, 0].sum(dtype=float)
    gain = 1e3  # so that little is cut off
    blurred = simulate(counted(gain=gain, point_spread=GAUSS)).counts[:, 0].sum(dtype=float) / gain
    assert 0.95 * point < blurred < point


def test_dead_pixels_read_nothing_and_give_no_light(simulate, counted):
    experiment = counted(**EVERYTHING, point_spread=GAUSS)
    panel = dataclasses.replace(experiment.detector.panels[1], region=Region(30, 31, 40, 41))
    dark = dataclasses.replace(
        experiment,
        detector=dataclasses.replace(
            experiment.detector, panels=(experiment.detector.panels[0], panel)
        ),
    )
    counts = simulate(dark, tile=(32, 32)).counts[:, 1]
    lit = counts[:, 30, 40].copy()
    counts[:, 30, 40] = 0
    assert not counts.any()
    around = simulate(experiment, tile=(32, 32)).counts[:, 1, 30, 40]
    assert np.all(lit < around)


def test_a_noise_image_has_the_mean_and_variance_of_poisson(simulate, counted):
    experiment = counted(seed=3)
    exposures = dataclasses.replace(experiment.exposures, count=8)
    found = simulate(dataclasses.replace(experiment, exposures=exposures))
    expected = found.image.astype(float)
    lit = expected > 0.1
    mean, counts = expected[lit], found.counts[lit]
    number = len(mean)
    assert number > 10_000
    off = ((counts - mean) / np.sqrt(mean)).sum() / np.sqrt(number)
    assert abs(off) < 4.0
    chi_square = ((counts - mean) ** 2 / mean).sum()
    error = np.sqrt((2.0 + 1.0 / mean).sum())
    assert abs(chi_square - number) < 4.0 * error


@pytest.mark.parametrize("change", [{"seed": 8}, {"calibration_seed": 8}])
def test_other_seeds_give_other_counts_of_the_same_image(simulate, counted, change):
    one, other = simulate(counted(**EVERYTHING)), simulate(counted(**(EVERYTHING | change)))
    assert one.image.tobytes() == other.image.tobytes()
    assert one.counts.tobytes() != other.counts.tobytes()


def test_two_frames_of_one_image_have_counts_of_their_own(simulate, counted):
    found = simulate(counted())
    assert found.image[0].tobytes() == found.image[1].tobytes()
    assert found.counts[0].tobytes() != found.counts[1].tobytes()
