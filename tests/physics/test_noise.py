"""Photons that arrive and what is read of them."""

import numpy as np
import pytest

from tiled_sim.physics.noise import LARGEST_COUNT, Corner, arriving_photons, read_photons

HERE = Corner(0, 0, 0, 0)
SIDE = 300
PIXELS = SIDE * SIDE


def arriving(mean, corner=HERE, seed=1, side=SIDE, **noise):
    return arriving_photons(np.full((side, side), mean, np.float32), corner, seed, **noise)


def reading(photons, corner=HERE, seed=1, side=SIDE, **noise):
    return read_photons(np.full((side, side), float(photons)), corner, seed, **noise)


def correlation(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1] * np.sqrt(PIXELS)


# Arriving


def test_photons_arrive_with_the_variance_of_poisson():
    photons = arriving(4.0)
    assert photons.mean() == pytest.approx(4.0, abs=4 * np.sqrt(4.0 / PIXELS))
    assert photons.var() == pytest.approx(4.0, abs=4 * np.sqrt(36.0 / PIXELS))


def test_dark_pixels_get_no_photon():
    assert not arriving(0.0).any()


@pytest.mark.parametrize("noise", [{"flicker": 0.05}, {"calibration": 0.05}])
def test_flicker_and_calibration_scale_the_light_by_their_fraction(noise):
    photons = arriving(1e8, **noise)
    assert photons.mean() == pytest.approx(1e8, rel=4 * 0.05 / np.sqrt(PIXELS))
    assert photons.std() == pytest.approx(0.05e8, rel=4 / np.sqrt(2 * PIXELS))


def test_light_scaled_below_zero_is_none():
    photons = arriving(1e8, flicker=1.0)
    assert photons.min() == 0.0
    assert (photons == 0.0).mean() == pytest.approx(0.1587, abs=0.01)


def test_the_calibration_is_the_same_in_every_frame_and_with_every_seed():
    first = arriving(1e12, calibration=0.03)
    later = arriving(1e12, Corner(0, 0, 0, 7), seed=2, calibration=0.03)
    np.testing.assert_allclose(first, later, rtol=2e-5)
    assert first.tobytes() != later.tobytes()


@pytest.mark.parametrize("change", [{"calibration_seed": 1}, {"corner": Corner(0, 0, 1, 0)}])
def test_the_calibration_is_another_with_another_seed_and_on_another_panel(change):
    one = arriving(1e12, calibration=0.03)
    other = arriving(1e12, calibration=0.03, **change)
    assert abs(correlation(one, other)) < 4.0


def test_a_photon_does_not_depend_on_the_rectangle_it_is_drawn_in():
    means = np.geomspace(1e-3, 1e8, 500 * 400).reshape(500, 400).astype(np.float32)
    noise = {"flicker": 0.02, "calibration": 0.03, "calibration_seed": 9}
    whole = arriving_photons(means, Corner(32, 48, 2, 3), 5, **noise)
    part = arriving_photons(means[16:90, 300:317], Corner(48, 348, 2, 3), 5, **noise)
    assert part.tobytes() == np.ascontiguousarray(whole[16:90, 300:317]).tobytes()


# Every number is drawn once


@pytest.mark.parametrize(
    "change",
    [
        {"corner": Corner(0, 0, 0, 1)},
        {"corner": Corner(0, 0, 1, 0)},
        {"corner": Corner(SIDE, 0, 0, 0)},
        {"corner": Corner(0, SIDE, 0, 0)},
        {"seed": 2},
    ],
    ids=["frame", "panel", "slow", "fast", "seed"],
)
@pytest.mark.parametrize("mean", [3.0, 100.0])
def test_photons_elsewhere_are_independent(mean, change):
    assert abs(correlation(arriving(mean), arriving(mean, **change))) < 4.0


def test_flicker_calibration_photons_and_read_out_are_independent():
    drawn = {
        "flicker": arriving(1e12, flicker=0.1),
        "calibration": arriving(1e12, calibration=0.1, calibration_seed=1),
        "photons, few": arriving(5.0),
        "photons, many": arriving(1e6),
        "read-out": reading(0, readout=1e6),
    }
    names = list(drawn)
    for number, one in enumerate(names):
        for other in names[:number]:
            if {one, other} != {"photons, few", "photons, many"}:
                assert abs(correlation(drawn[one], drawn[other])) < 4.0, (one, other)


# Reading


def test_without_more_a_count_is_the_number_of_photons():
    photons = arriving(50.0)
    np.testing.assert_array_equal(read_photons(photons, HERE, 1), photons)


def test_a_photon_counts_its_gain_above_the_offset():
    assert np.all(reading(100, gain=1.7, offset=40.0) == 210)


def test_what_is_no_whole_number_is_cut_off_towards_zero():
    assert np.all(reading(1, gain=1.9) == 1)
    assert np.all(reading(0, offset=-1.9) == -1)


def test_the_read_out_noise_has_its_width_in_units_of_the_detector():
    counts = reading(0, gain=3.0, offset=1e6, readout=500.0)
    assert counts.mean() == pytest.approx(1e6 - 0.5, abs=4 * 500.0 / np.sqrt(PIXELS))
    assert counts.std() == pytest.approx(500.0, rel=4 / np.sqrt(2 * PIXELS))


def test_a_pixel_reads_no_more_than_its_saturation():
    counts = reading(900, offset=100.0, readout=30.0, saturation=1000)
    assert counts.max() == 1000
    assert (counts == 1000).mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(PIXELS))


def test_counts_do_not_overflow():
    assert np.all(reading(1e18) == LARGEST_COUNT)
    assert np.all(reading(0, offset=-1e18) == -LARGEST_COUNT)


def test_a_reading_does_not_depend_on_the_rectangle_it_is_taken_in():
    photons = arriving(20.0)
    noise = {"gain": 1.3, "offset": 10.0, "readout": 3.0}
    whole = read_photons(photons, Corner(16, 32, 1, 4), 6, **noise)
    part = read_photons(photons[7:100, 33:90], Corner(23, 65, 1, 4), 6, **noise)
    assert part.tobytes() == np.ascontiguousarray(whole[7:100, 33:90]).tobytes()
