"""The inverse of the normal distribution."""

import statistics

import numpy as np

from tiled_sim.physics.normal import normal_quantile

#: All three branches, on both sides.
PROBABILITIES = np.concatenate(
    [10.0 ** -np.arange(1.0, 16.2, 0.1), np.linspace(0.001, 0.999, 777), [2.0**-54, 1 - 2.0**-53]]
)


def test_the_deviates_are_those_of_the_standard_library():
    expected = [statistics.NormalDist().inv_cdf(probability) for probability in PROBABILITIES]
    found = normal_quantile(PROBABILITIES)
    np.testing.assert_allclose(found, expected, rtol=2e-15, atol=1e-15)


def test_the_distribution_is_symmetric():
    below = np.array([0.03125, 0.25, 0.4375])
    np.testing.assert_array_equal(normal_quantile(below), -normal_quantile(1.0 - below))


def test_a_deviate_does_not_depend_on_those_computed_with_it():
    together = normal_quantile(PROBABILITIES)
    alone = [normal_quantile(PROBABILITIES[i : i + 1])[0] for i in range(len(PROBABILITIES))]
    assert together.tobytes() == np.array(alone).tobytes()
