"""Random orientations: uniform, and the same for the same seed."""

import math

import numpy as np
import pytest

from tiled_sim.physics.orientation import random_missetting, random_rotations
from tiled_sim.physics.vectors import about_fixed_axes

SEEDS = 4000


@pytest.fixture(scope="module")
def rotations():
    angles = np.radians([random_missetting(seed) for seed in range(SEEDS)])
    return np.array([about_fixed_axes(*of_one) for of_one in angles])


def test_every_element_of_the_matrix_is_uniform_from_minus_1_to_1(rotations):
    # the components of a uniform direction are, and every row and column is one
    for element in rotations.reshape(SEEDS, 9).T:
        counts, _ = np.histogram(element, bins=20, range=(-1.0, 1.0))
        chi_square = float(((counts - SEEDS / 20) ** 2 / (SEEDS / 20)).sum())
        assert 3.6 < chi_square < 56.0  # 1e-5 either side of 19 degrees of freedom


def test_the_angle_of_rotation_has_the_mean_of_uniform_rotations(rotations):
    traces = np.trace(rotations, axis1=1, axis2=2)
    angles = np.arccos(np.clip((traces - 1.0) / 2.0, -1.0, 1.0))
    # of density (1 - cos x)/π
    assert abs(angles.mean() - (math.pi / 2 + 2 / math.pi)) < 5 * angles.std() / math.sqrt(SEEDS)
    assert abs(traces.mean()) < 5 / math.sqrt(SEEDS)  # mean 0, variance 1
    assert abs((traces**2).mean() - 1.0) < 5 * (traces**2).std() / math.sqrt(SEEDS)


@pytest.mark.parametrize("seed", [0, 1, -1, 2**40, -(2**63)])
def test_a_seed_gives_the_same_angles_in_their_ranges(seed):
    x, y, z = random_missetting(seed)
    assert random_missetting(seed) == (x, y, z)
    assert abs(x) < 180
    assert abs(y) < 90
    assert abs(z) < 180


def test_seeds_that_differ_above_32_bits_differ():
    assert random_missetting(1) != random_missetting(1 + 2**32)


#: Of Kolmogorov and Smirnov's statistic times √n: more has a chance of 1e-4.
UNLIKELY = 2.2


def farthest_off(sample, distribution):
    """Kolmogorov and Smirnov's statistic of a sample, times √n."""
    expected = distribution(np.sort(sample))
    steps = np.arange(len(sample) + 1) / len(sample)
    off = np.maximum(steps[1:] - expected, expected - steps[:-1]).max()
    return off * np.sqrt(len(sample))


def test_rotations_of_shots_are_uniform():
    found = random_rotations(7, np.arange(20_000))
    np.testing.assert_allclose(
        found @ found.transpose(0, 2, 1), np.broadcast_to(np.eye(3), found.shape), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=1e-14)
    # of uniform rotations each element is uniform on [-1, 1], and the angle has (1 - cos)/π
    for element in found.reshape(-1, 9).T:
        assert farthest_off(element, lambda x: (x + 1.0) / 2.0) < UNLIKELY
    angle = np.arccos(np.clip((np.trace(found, axis1=1, axis2=2) - 1.0) / 2.0, -1.0, 1.0))
    assert farthest_off(angle, lambda x: (x - np.sin(x)) / np.pi) < UNLIKELY


def test_the_rotation_of_a_shot_does_not_depend_on_the_others():
    every = random_rotations(7, np.arange(100))
    some = np.array([3, 77, 12])
    np.testing.assert_array_equal(random_rotations(7, some), every[some])
    assert not np.allclose(random_rotations(8, some), every[some])


def test_rotations_are_the_same_in_whatever_portions_they_are_made():
    many = random_rotations(3, np.arange(20_000))
    assert many[8000:17_000].tobytes() == random_rotations(3, np.arange(8000, 17_000)).tobytes()
