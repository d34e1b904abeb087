"""Three-vectors and rotations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics.vectors import about_axes, about_axis, about_fixed_axes, as_tuple, unit

PROPERTY = settings(deadline=None, max_examples=80)

components = st.tuples(*[st.floats(-10.0, 10.0)] * 3)
axes = components.filter(lambda v: np.linalg.norm(v) > 0.1).map(unit)
angles = st.floats(-math.pi, math.pi)


@PROPERTY
@given(vector=components.filter(lambda v: np.linalg.norm(v) > 1e-3))
def test_a_unit_vector_has_length_one_and_the_same_direction(vector):
    assert np.linalg.norm(unit(vector)) == pytest.approx(1.0)
    assert np.linalg.norm(np.cross(unit(vector), vector)) == pytest.approx(0.0, abs=1e-12)
    assert unit(vector) @ vector > 0


def test_a_vector_without_length_stays_as_it_is():
    assert unit((0.0, 0.0, 0.0)).tolist() == [0.0, 0.0, 0.0]


def test_tuples_hold_no_negative_zero():
    assert str(as_tuple(np.array([-0.0, 1.0, -2.0]))) == "(0.0, 1.0, -2.0)"


@pytest.mark.parametrize(
    ("axis", "start", "end"),
    [
        ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
        ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    ],
)
def test_rotations_are_right_handed(axis, start, end):
    assert about_axis(axis, math.pi / 2) @ start == pytest.approx(np.array(end), abs=1e-15)


@PROPERTY
@given(axis=axes, angle=angles, vector=components)
def test_rotation_keeps_lengths(axis, angle, vector):
    turned = about_axis(axis, angle) @ vector
    assert np.linalg.norm(turned) == pytest.approx(np.linalg.norm(vector), abs=1e-12)


@PROPERTY
@given(axis=axes, angle=angles)
def test_rotation_leaves_its_axis_alone(axis, angle):
    assert about_axis(axis, angle) @ axis == pytest.approx(axis, abs=1e-12)


@PROPERTY
@given(axis=axes, first=angles, second=angles)
def test_rotations_about_one_axis_add_up(axis, first, second):
    both = about_axis(axis, second) @ about_axis(axis, first)
    assert both == pytest.approx(about_axis(axis, first + second), abs=1e-12)


@PROPERTY
@given(turns=st.lists(st.tuples(axes, angles), min_size=1, max_size=5))
def test_rotations_about_many_axes_have_the_bits_of_one_at_a_time(turns):
    together = about_axes(*map(np.array, zip(*turns, strict=True)))
    assert np.array_equal(together, [about_axis(axis, angle) for axis, angle in turns])


def test_fixed_axes_are_turned_about_in_the_order_x_y_z():
    quarter = math.pi / 2
    # y → z by X, z → x by Y, x → y by Z
    assert about_fixed_axes(quarter, quarter, quarter) @ (0.0, 1.0, 0.0) == pytest.approx(
        np.array([0.0, 1.0, 0.0]), abs=1e-15
    )
    # z → -y by X, stays by Y, -y → x by Z
    assert about_fixed_axes(quarter, quarter, quarter) @ (0.0, 0.0, 1.0) == pytest.approx(
        np.array([1.0, 0.0, 0.0]), abs=1e-15
    )
