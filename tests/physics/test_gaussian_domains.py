"""Gaussian mosaic domains: distributions of angles and axes, and that domains are their own."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.transform import Rotation

from tiled_sim.physics.gaussian_domains import anisotropic_rotations, isotropic_rotations

XYZ = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
SKEWED = ((1.0, 0.0, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))
MANY = 20_000


def vectors_of(rotations):
    """Along the axis and as long as the angle [rad], by another program."""
    return Rotation.from_matrix(rotations).as_rotvec()


def test_angles_of_isotropic_domains_are_normal_with_the_spread_as_deviation():
    angles = np.linalg.norm(vectors_of(isotropic_rotations(0.01, MANY, 7)), axis=1)
    assert stats.kstest(angles, stats.halfnorm(scale=0.01).cdf).pvalue > 0.01
    assert math.sqrt((angles**2).mean()) == pytest.approx(0.01, rel=0.02)


def test_axes_of_isotropic_domains_are_uniform_on_the_sphere():
    vectors = vectors_of(isotropic_rotations(0.01, MANY, 7))
    axes = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for direction in (*np.eye(3), np.array([0.6, 0.0, 0.8])):
        assert stats.kstest(axes @ direction, stats.uniform(-1.0, 2.0).cdf).pvalue > 0.01


def test_angles_about_axes_at_right_angles_are_normal_each_with_its_own_spread():
    vectors = vectors_of(anisotropic_rotations((0.01, 0.002, 0.05), XYZ, MANY, 3))
    for component, spread in zip(vectors.T, (0.01, 0.002, 0.05), strict=True):
        assert stats.kstest(component, stats.norm(scale=spread).cdf).pvalue > 0.01
    correlation = np.corrcoef(vectors.T) - np.eye(3)
    assert np.abs(correlation).max() < 4.0 / math.sqrt(MANY)


def test_a_spread_about_one_axis_alone_turns_about_no_other():
    vectors = vectors_of(anisotropic_rotations((0.0, 0.1, 0.0), SKEWED, 50, 3))
    along = vectors @ SKEWED[1]
    np.testing.assert_allclose(vectors, along[:, None] * SKEWED[1], atol=1e-15)
    assert np.abs(along).min() > 0.0


def test_the_vector_of_a_rotation_is_the_sum_along_axes_that_lean():
    alone = [
        vectors_of(anisotropic_rotations(tuple(spread), SKEWED, 20, 5))
        for spread in 0.1 * np.eye(3)
    ]
    together = vectors_of(anisotropic_rotations((0.1, 0.1, 0.1), SKEWED, 20, 5))
    np.testing.assert_allclose(together, sum(alone), atol=1e-14)


DRAWN = {
    "isotropic": lambda domains, seed: isotropic_rotations(0.3, domains, seed),
    "anisotropic": lambda domains, seed: anisotropic_rotations((0.1, 0.2, 0.3), XYZ, domains, seed),
}
drawn = pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)


@drawn
def test_a_domain_is_the_same_however_many_there_are(draw):
    np.testing.assert_array_equal(draw(7, 11), draw(300, 11)[:7])


@drawn
@pytest.mark.parametrize("seed", [12, -11, 11 + 2**32])
def test_another_seed_draws_other_domains(draw, seed):
    assert np.abs(draw(5, 11) - draw(5, seed)).max(axis=(1, 2)).min() > 1e-3


@drawn
def test_domains_are_rotations_to_the_last_bits(draw):
    rotations = draw(100, 1)
    unity = rotations @ rotations.transpose(0, 2, 1)
    assert np.abs(unity - np.eye(3)).max() < 1e-15
    assert np.linalg.det(rotations).min() > 0.0
