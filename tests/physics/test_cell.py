"""Cells: reciprocal and direct vectors, and the default orientation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics import cell
from tiled_sim.physics.vectors import about_fixed_axes

PROPERTY = settings(deadline=None, max_examples=80)
TRICLINIC = np.array([70.0, 80.0, 90.0]), np.radians([75.0, 85.0, 95.0])

lengths = st.tuples(*[st.floats(5.0, 300.0)] * 3).map(np.array)
angles = st.tuples(*[st.floats(70.0, 110.0)] * 3).map(np.radians)
turns = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)


def test_the_volume_of_a_box_is_the_product_of_its_edges():
    right = np.full(3, math.pi / 2)
    assert cell.cell_volume(np.array([2.0, 3.0, 4.0]), right) == pytest.approx(24.0)


def test_the_volume_of_a_skew_cell_is_that_in_print():
    # V = abc sqrt(1 - cos²α - cos²β - cos²γ + 2 cosα cosβ cosγ)
    (a, b, c), (alpha, beta, gamma) = TRICLINIC
    x, y, z = np.cos([alpha, beta, gamma])
    expected = a * b * c * math.sqrt(1 - x * x - y * y - z * z + 2 * x * y * z)
    assert cell.cell_volume(*TRICLINIC) == pytest.approx(expected)


def test_a_cell_that_cannot_exist_has_no_volume():
    assert math.isnan(cell.cell_volume(np.ones(3), np.radians([30.0, 30.0, 90.0])))


@PROPERTY
@given(lengths=lengths, angles=angles)
def test_the_direct_vectors_have_the_lengths_and_angles_of_the_cell(lengths, angles):
    direct = cell.dual(cell.reciprocal_from_cell(lengths, angles))
    made_lengths, made_angles = cell.lengths_and_angles(direct)
    assert made_lengths == pytest.approx(lengths)
    assert made_angles == pytest.approx(angles)


@PROPERTY
@given(lengths=lengths, angles=angles)
def test_a_star_lies_along_x_and_b_star_in_the_upper_half_of_the_xy_plane(lengths, angles):
    a_star, b_star, _ = cell.reciprocal_from_cell(lengths, angles)
    assert a_star[0] > 0
    assert a_star[1] == a_star[2] == b_star[2] == 0.0
    assert b_star[1] > 0


@PROPERTY
@given(lengths=lengths, angles=angles)
def test_the_default_orientation_is_right_handed(lengths, angles):
    assert np.linalg.det(cell.reciprocal_from_cell(lengths, angles)) > 0


@PROPERTY
@given(lengths=lengths)
def test_cells_with_right_angles_are_the_same_as_in_c(lengths):
    right = np.full(3, math.pi / 2)
    exact = cell.reciprocal_from_cell(lengths, right)
    assert cell.reciprocal_from_cell(lengths, right, as_c=True) == pytest.approx(exact, abs=1e-15)


def test_a_triclinic_cell_as_in_c_leans_a_little():
    exact, as_c = (cell.reciprocal_from_cell(*TRICLINIC, as_c=as_c) for as_c in (False, True))
    differs = ~np.isclose(exact, as_c, rtol=1e-12, atol=1e-18)
    assert np.argwhere(differs).tolist() == [[2, 2]]
    # z of c* from V/(abc) in place of V*/(a*b*c*)
    (a, b, c), volume = TRICLINIC[0], cell.cell_volume(*TRICLINIC)
    a_star, b_star, c_star = np.linalg.norm(exact, axis=1)
    assert as_c[2, 2] / exact[2, 2] == pytest.approx(
        volume**2 * a_star * b_star * c_star / (a * b * c)
    )


@PROPERTY
@given(lengths=lengths, angles=angles, turn=turns)
def test_the_dual_of_the_dual_is_the_cell(lengths, angles, turn):
    vectors = cell.reciprocal_from_cell(lengths, angles) @ about_fixed_axes(*turn).T
    assert cell.dual(cell.dual(vectors)) == pytest.approx(vectors, abs=1e-14)


@PROPERTY
@given(lengths=lengths, angles=angles, turn=turns)
def test_dual_vectors_have_scalar_products_of_one_and_zero(lengths, angles, turn):
    vectors = cell.reciprocal_from_cell(lengths, angles) @ about_fixed_axes(*turn).T
    assert cell.dual(vectors) @ vectors.T == pytest.approx(np.eye(3), abs=1e-12)


@PROPERTY
@given(lengths=lengths, angles=angles, scale=st.floats(0.1, 10.0))
def test_given_lengths_replace_those_of_the_directions(lengths, angles, scale):
    directions = cell.reciprocal_from_cell(lengths, angles)
    volume = cell.cell_volume(lengths, angles)
    direct, reciprocal = cell.with_lengths(scale * directions, lengths, volume)
    assert np.linalg.norm(direct, axis=1) == pytest.approx(lengths)
    assert direct @ reciprocal.T == pytest.approx(np.eye(3), abs=1e-9)
