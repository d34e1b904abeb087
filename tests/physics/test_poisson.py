"""Counts with a Poisson distribution: its moments and its shape, for means of every size."""

import math
import statistics

import numpy as np
import pytest

from tiled_sim.physics.poisson import log_probability, poisson
from tiled_sim.physics.random import philox, uniform

COUNTS = 100_000
#: Either method, and both sides of the mean where one takes over.
MEANS = [1e-3, 1e-2, 0.1, 0.5, 2.0, 5.0, 9.99, 10.0, 12.0, 30.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e9]


def counts_of(mean, number=COUNTS, seed=1):
    def draw(places, attempt):
        some = np.arange(number, dtype=np.uint32)[places]
        words = philox((some, *np.uint32([[0], [0], [0]])), (seed, attempt))
        return uniform(words[0], words[1]), uniform(words[2], words[3])

    return poisson(np.full(number, float(mean)), draw)


def chi_square_quantile(freedom, probability):
    """Wilson and Hilferty's approximation."""
    part = 2.0 / (9.0 * freedom)
    deviate = statistics.NormalDist().inv_cdf(probability)
    return freedom * (1.0 - part + deviate * math.sqrt(part)) ** 3


def assert_chi_square(value, freedom):
    """Neither too far off nor too good, 1e-4 either side."""
    assert chi_square_quantile(freedom, 1e-4) < value < chi_square_quantile(freedom, 1 - 1e-4)


def test_the_mean_is_the_mean_over_sixteen_decades_of_it():
    off = [(counts_of(mean).mean() - mean) / math.sqrt(mean / COUNTS) for mean in MEANS]
    assert_chi_square(sum(z * z for z in off), len(MEANS))


def test_the_variance_is_the_mean_over_sixteen_decades_of_it():
    off = []
    for mean in MEANS:
        error = math.sqrt((2.0 * mean * mean + mean) / COUNTS)
        off.append((((counts_of(mean) - mean) ** 2).mean() - mean) / error)
    assert_chi_square(sum(z * z for z in off), len(MEANS))


@pytest.mark.parametrize("mean", [0.5, 5.0, 9.9, 10.1, 30.0, 1e3])
def test_the_counts_are_distributed_as_poisson_says(mean):
    found = np.bincount(counts_of(mean).astype(int), minlength=int(2 * mean + 50))
    k = np.arange(len(found))
    expected = [COUNTS * math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in k]
    enough = np.array(expected) >= 10.0
    found = [*found[enough], found[~enough].sum()]
    expected = [*np.array(expected)[enough], COUNTS - np.array(expected)[enough].sum()]
    value = sum((f - e) ** 2 / e for f, e in zip(found, expected, strict=True) if e > 1.0)
    freedom = sum(e > 1.0 for e in expected) - 1
    assert_chi_square(value, freedom)


@pytest.mark.parametrize("mean", [0.0, -3.0])
def test_where_nothing_is_expected_nothing_is_counted(mean):
    assert not counts_of(mean, 100).any()


def test_counts_are_whole_numbers():
    for mean in (0.3, 30.0, 1e9):
        counts = counts_of(mean, 1000)
        np.testing.assert_array_equal(counts, np.floor(counts))


def test_a_mean_beyond_all_counting_comes_to_an_end():
    counts = counts_of(np.inf, 10)
    assert np.all(counts == pytest.approx(2.0**53, rel=1e-6))


def test_a_count_does_not_depend_on_those_drawn_with_it():
    means = np.geomspace(1e-3, 1e9, 501)

    def draw(places, attempt, of):
        words = philox((of[places], *np.uint32([[0], [0], [0]])), (3, attempt))
        return uniform(words[0], words[1]), uniform(words[2], words[3])

    numbers = np.arange(501, dtype=np.uint32)
    together = poisson(means, lambda places, attempt: draw(places, attempt, numbers))
    alone = [
        poisson(
            means[i : i + 1], lambda places, attempt, i=i: draw(places, attempt, numbers[i : i + 1])
        )
        for i in range(501)
    ]
    assert together.tobytes() == np.concatenate(alone).tobytes()


@pytest.mark.parametrize("mean", [10.0, 33.3, 1e3, 1e6])
def test_the_probability_is_that_of_the_log_gamma_function(mean):
    k = np.unique(np.floor(np.linspace(0.0, 3 * mean, 400)))
    expected = [n * math.log(mean) - mean - math.lgamma(n + 1) for n in k]
    found = log_probability(k, np.full_like(k, mean))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * mean * math.log(mean))
