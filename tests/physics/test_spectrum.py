"""Spectra by numbers: channels of a Gaussian and a top-hat, shots of a SASE laser, lines summed."""

import math

import numpy as np
import pytest

from tiled_sim.physics.spectrum import (
    PLANCK,
    gathered,
    gaussian_channels,
    narrowest,
    spectrum_of_shot,
    tophat_channels,
)

ENERGY, FWHM, PULSE = 9500.0, 20.0, 10e-15


def shots(number, channels=90, fwhm=FWHM, seed=7):
    return np.array(
        [spectrum_of_shot(seed, n, ENERGY, fwhm, PULSE, channels)[1] for n in range(number)]
    )


def test_weights_of_a_gaussian_are_integrals_over_channels():
    energies, weights = gaussian_channels(ENERGY, FWHM, 6)
    assert energies.tolist() == [9475.0, 9485.0, 9495.0, 9505.0, 9515.0, 9525.0]
    # the middle two channels, ±10 eV, reach from half maximum to half maximum
    inside = math.erf(math.sqrt(math.log(2.0)))
    whole = math.erf(3.0 * math.sqrt(math.log(2.0)))
    assert weights[2:4].sum() == pytest.approx(inside / whole, rel=1e-14)
    assert weights.sum() == pytest.approx(1.0, rel=1e-15)


def test_a_gaussian_has_its_width_whatever_the_channels():
    for channels in (31, 200):
        energies, weights = gaussian_channels(ENERGY, FWHM, channels)
        sigma = math.sqrt(np.average((energies - ENERGY) ** 2, weights=weights))
        assert sigma == pytest.approx(FWHM / 2.3548, rel=1e-2)


def test_a_tophat_is_as_wide_as_its_width_and_even():
    energies, weights = tophat_channels(ENERGY, FWHM, 4)
    assert energies.tolist() == [9492.5, 9497.5, 9502.5, 9507.5]
    assert weights.tolist() == [0.25] * 4


def test_one_channel_is_the_middle():
    for made in (gaussian_channels, tophat_channels):
        energies, weights = made(ENERGY, FWHM, 1)
        assert (energies.tolist(), weights.tolist()) == ([ENERGY], [1.0])


def test_a_shot_is_the_same_whenever_it_is_asked_for():
    again = spectrum_of_shot(7, 3, ENERGY, FWHM, PULSE, 90)[1]
    assert again.tobytes() == shots(5)[3].tobytes()


def test_shots_and_seeds_differ():
    first, second = shots(2)
    assert np.abs(first - second).max() > 0.01
    assert np.abs(first - shots(1, seed=8)[0]).max() > 0.01


def test_large_numbers_of_shots_and_seeds_of_either_sign_count():
    def weights(seed, shot):
        return spectrum_of_shot(seed, shot, ENERGY, FWHM, PULSE, 9)[1].tolist()

    assert weights(1, 0) != weights(1, 1 << 32)
    assert weights(1, 0) != weights(1 + (1 << 32), 0)
    assert weights(-1, 0) != weights(1, 0)


def test_other_channels_are_the_same_shot():
    fine, coarse = shots(1, 90)[0], shots(1, 30)[0]
    assert fine.reshape(30, 3).sum(axis=1) == pytest.approx(coarse, rel=1e-12, abs=1e-15)


def test_the_mean_of_shots_is_the_mean_spectrum():
    mean = shots(300, 15).mean(axis=0)
    expected = gaussian_channels(ENERGY, FWHM, 15)[1]
    # each channel has about 15 spikes, so 300 shots leave 1.5 % of it
    assert mean == pytest.approx(expected, rel=0.08, abs=5e-4)
    assert mean.sum() == pytest.approx(1.0, abs=0.02)


def test_spikes_are_as_wide_as_the_pulse_is_short():
    # of chaotic light the correlation of intensity is the square of that of the field, which is the
    # transform of the pulse: a Gaussian of √2 the width of a spike, whatever the mean spectrum
    channels = 3000
    width = 3.0 * FWHM / channels
    weights = shots(100, channels)[:, channels // 2 - 300 : channels // 2 + 300]
    weights = weights / weights.mean(axis=0)
    correlation = [
        float((weights[:, : 600 - lag] * weights[:, lag:]).mean()) - 1.0 for lag in range(40)
    ]
    half = next(lag for lag, value in enumerate(correlation) if value < 0.5 * correlation[0])
    assert correlation[0] == pytest.approx(1.0, abs=0.1)
    expected = narrowest(PULSE) / math.sqrt(2.0)
    assert half * width == pytest.approx(expected, rel=0.25)


def test_a_pulse_at_the_limit_is_one_spike_in_every_shot():
    limit = narrowest(PULSE)
    assert limit == pytest.approx(0.4413 * PLANCK / PULSE, rel=1e-3)
    made = shots(3, 30, fwhm=limit)
    expected = gaussian_channels(ENERGY, limit, 30)[1]
    for shot in made:
        assert shot.sum() == pytest.approx(1.0, abs=1e-3)
        assert shot == pytest.approx(expected, abs=2e-3)


def test_lines_are_summed_and_their_mean_stays():
    generator = np.random.default_rng(3)
    wavelength = generator.uniform(1.29, 1.31, 500)
    weight = generator.uniform(0.1, 2.0, 500)
    means, weights, of_line = gathered(wavelength, weight, 20)
    assert len(means) == 20
    assert weights.sum() == pytest.approx(weight.sum(), rel=1e-14)
    assert np.average(means, weights=weights) == pytest.approx(
        np.average(wavelength, weights=weight), rel=1e-14
    )
    assert np.abs(wavelength / means[of_line] - 1.0).max() < 0.02 / 1.3 / 20 * 1.05


def test_channels_without_a_line_are_left_out():
    means, weights, _ = gathered(np.array([1.0, 1.0, 1.1]), np.array([1.0, 2.0, 3.0]), 50)
    assert (means.tolist(), weights.tolist()) == ([1.1, 1.0], [3.0, 3.0])


def test_lines_of_one_wavelength_are_one_channel():
    means, weights, _ = gathered(np.full(3, 1.25), np.ones(3), 7)
    assert (means.tolist(), weights.tolist()) == ([1.25], [3.0])
