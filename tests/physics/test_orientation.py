"""Random orientations: uniform, and the same for the same seed."""

import math

import numpy as np
import pytest

from tiled_sim.physics.orientation import random_missetting
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
