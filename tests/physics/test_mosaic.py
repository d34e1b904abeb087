"""Mosaic domains: the generator, deviate by deviate, and the rotations made from it."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics.mosaic import mosaic_rotations, uniform_deviates

PROPERTY = settings(deadline=None, max_examples=40)
MODULUS = 2147483647

seeds = st.integers(-3, MODULUS - 1)


def first(count, seed):
    return uniform_deviates(seed, count).tolist()


def single(value):
    """Rounded to float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


def shuffled(count, seed):
    """The minimal-standard generator with a shuffle table, written out once more."""
    state = max(seed, 1)
    drawn = []
    for _ in range(40 + count):
        state = 16807 * state % MODULUS
        drawn.append(state)
    table = drawn[39:7:-1]
    output = table[0]
    deviates = []
    for fresh in drawn[40:]:
        slot = output // 67108864
        output, table[slot] = table[slot], fresh
        deviates.append(min(single(1.0 / MODULUS * output), single(1 - 1.2e-7)))
    return deviates


def one_by_one(spread, domains, seed):
    """Rotations of mosaic domains, each made of plain numbers before the next is drawn."""
    deviates = iter(shuffled(3 * domains, seed))
    rotations = np.empty((domains, 3, 3))
    for rotation in rotations:
        r1, r2, r3 = (2.0 * next(deviates) - 1.0 for _ in range(3))
        w = math.sqrt(1.0 - r2 * r2)
        axis = (w * math.sin(math.pi * r1), w * math.cos(math.pi * r1), r2)
        cap = np.float32(np.float32(1.0 - r3 * r3) ** np.float32(1.0 / 3.0))
        rotation[:] = about(axis, float(np.float32(np.float32(spread) * cap)))
    rotations[0] = np.eye(3)
    return rotations


def about(axis, angle):
    """Rodrigues' formula for one axis."""
    x, y, z = axis
    v = np.array([x, y, z])
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned = np.outer(v, v) * (1.0 - math.cos(angle)) + np.eye(3) * math.cos(angle)
    return turned + cross * math.sin(angle)


def angle_of(rotation):
    """From the antisymmetric part, which keeps its precision where the angle is small."""
    x, y, z = rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], 0.0
    z = rotation[1, 0] - rotation[0, 1]
    return math.atan2(math.sqrt(x * x + y * y + z * z), np.trace(rotation) - 1.0)


def test_the_deviates_of_seed_one_are_those_in_print():
    assert first(5, 1) == pytest.approx(
        [0.415999353, 0.091964893, 0.756410480, 0.529700220, 0.930436492], abs=5e-10
    )


@PROPERTY
@given(seed=seeds)
def test_every_deviate_follows_the_rule_to_the_last_bit(seed):
    assert first(200, seed) == shuffled(200, seed)


@pytest.mark.parametrize("seed", [0, -5])
def test_a_seed_below_one_acts_as_one(seed):
    assert first(10, seed) == first(10, 1)


@PROPERTY
@given(seed=seeds)
def test_deviates_lie_between_zero_and_one(seed):
    assert all(0.0 < deviate < 1.0 for deviate in first(200, seed))


def test_the_first_domain_is_not_turned():
    assert np.array_equal(mosaic_rotations(0.1, 5, 42)[0], np.eye(3))


def test_no_spread_turns_no_domain():
    assert mosaic_rotations(0.0, 4, 42) == pytest.approx(np.broadcast_to(np.eye(3), (4, 3, 3)))


def test_a_domain_is_turned_about_the_axis_and_by_the_angle_of_its_deviates():
    spread = 0.02
    r1, r2, r3 = (2.0 * deviate - 1.0 for deviate in shuffled(6, 4242)[3:])
    w = math.sqrt(1.0 - r2 * r2)
    axis = np.array([w * math.sin(math.pi * r1), w * math.cos(math.pi * r1), r2])
    angle = spread * (1.0 - r3 * r3) ** (1.0 / 3.0)
    rotation = mosaic_rotations(spread, 2, 4242)[1]
    along = axis @ rotation @ axis
    assert along == pytest.approx(1.0, abs=1e-12)
    assert angle_of(rotation) == pytest.approx(angle, rel=1e-6)
    # right-handed: what stands across the axis moves towards axis × it
    across = np.cross(axis, [1.0, 0.0, 0.0])
    assert np.cross(axis, across) @ rotation @ across > 0


def test_the_angle_of_a_domain_goes_through_float32():
    spread, domains = 0.02, 200
    made = [angle_of(rotation) for rotation in mosaic_rotations(spread, domains, 4242)[1:]]
    expected = []
    for deviate in shuffled(3 * domains, 4242)[5::3]:
        r3 = 2.0 * deviate - 1.0
        cap = single(single(1.0 - r3 * r3) ** single(1.0 / 3.0))
        expected.append(single(single(spread) * cap))
    # one unit in the last place of a float32 is 1e-9 here; cube roots of C libraries may differ
    same = np.isclose(made, expected, rtol=0.0, atol=1e-13)
    assert same.mean() > 0.98
    assert made == pytest.approx(expected, abs=4e-9)


@PROPERTY
@given(seed=seeds, spread=st.floats(0.0, 3.0))
def test_rotations_are_proper(seed, spread):
    rotations = mosaic_rotations(spread, 8, seed)
    assert rotations @ rotations.transpose(0, 2, 1) == pytest.approx(
        np.broadcast_to(np.eye(3), (8, 3, 3)), abs=1e-12
    )
    assert np.linalg.det(rotations) == pytest.approx(np.ones(8))


@PROPERTY
@given(seed=seeds, spread=st.floats(1e-4, 3.0))
def test_no_domain_is_turned_by_more_than_the_spread(seed, spread):
    rotations = mosaic_rotations(spread, 20, seed)
    assert all(angle_of(rotation) <= spread * (1 + 1e-6) for rotation in rotations)


def test_domains_fill_the_cap():
    rotations = mosaic_rotations(0.5, 400, 7)
    assert max(angle_of(rotation) for rotation in rotations) > 0.49


@pytest.mark.parametrize("domains", [1, 2, 7, 1000])
@settings(deadline=None, max_examples=20)
@given(seed=seeds, spread=st.floats(0.0, 3.0))
def test_rotations_have_the_bits_of_those_made_one_by_one(domains, seed, spread):
    made, expected = mosaic_rotations(spread, domains, seed), one_by_one(spread, domains, seed)
    assert np.array_equal(made, expected)


@pytest.mark.parametrize("seed", [MODULUS, MODULUS + 1, 5 * 2**40 + 3])
def test_rotations_of_a_seed_beyond_the_modulus_have_those_bits_too(seed):
    assert np.array_equal(mosaic_rotations(0.1, 50, seed), one_by_one(0.1, 50, seed))


def test_rotations_are_drawn_once_and_nobody_can_change_them():
    rotations = mosaic_rotations(0.1, 5, 42)
    assert mosaic_rotations(0.1, 5, 42) is rotations
    with pytest.raises(ValueError, match="read-only"):
        rotations[1] = np.eye(3)


def test_another_seed_makes_another_crystal():
    assert not np.allclose(mosaic_rotations(0.1, 3, 1), mosaic_rotations(0.1, 3, 2))


def test_more_domains_keep_the_first_ones():
    assert np.array_equal(mosaic_rotations(0.1, 9, 5)[:4], mosaic_rotations(0.1, 4, 5))
