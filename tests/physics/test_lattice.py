"""Lattice transforms: heights, widths and periods, and where the formulas divide 0 by 0."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics import lattice

PROPERTY = settings(deadline=None, max_examples=100)
CELLS = (3, 4, 10)
#: Of an orthorhombic cell of 50 × 60 × 70 Å.
METRIC = np.diag([1 / 50**2, 1 / 60**2, 1 / 70**2])

whole = st.integers(-50, 50)
cells = st.integers(1, 60)
#: At least this far from a node, where sin/sin loses nothing.
between = st.floats(0.05, 0.95)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def at(h, k=0.0, l=0.0):
    return lattice.indices(tensor(h), tensor(k), tensor(l))


def direct(h, N):
    """sin(πNh)/sin(πh), as it stands in textbooks."""
    return math.sin(math.pi * N * h) / math.sin(math.pi * h)


# Nodes


@pytest.mark.parametrize(
    ("index", "node"), [(0.5, 0), (0.51, 1), (-0.5, -1), (-0.49, 0), (1.5, 1), (-1.5, -2), (2.0, 2)]
)
def test_the_nearest_node_rounds_halves_down(index, node):
    assert lattice.nearest_node(tensor(index)).item() == node


@PROPERTY
@given(index=st.floats(-300, 300))
def test_node_and_remainder_add_up_to_the_index(index):
    split = at(index)
    assert split.h0.item() + split.dh.item() == index
    assert abs(split.dh.item()) <= 0.5


# The square crystal


@PROPERTY
@given(node=whole, N=cells)
def test_the_grating_is_n_at_a_whole_index(node, N):
    assert lattice.grating(at(float(node)).dh, N).item() == N


@PROPERTY
@given(node=whole, rest=between, N=cells)
def test_the_grating_is_sine_over_sine_up_to_its_sign(node, rest, N):
    index = node + rest
    here = lattice.grating(at(index).dh, N).item()
    assert abs(here) == pytest.approx(abs(direct(index, N)), rel=1e-9, abs=1e-9)


@PROPERTY
@given(node=whole, rest=between, N=cells)
def test_the_sign_of_the_grating_is_that_of_sine_over_sine(node, rest, N):
    index = node + rest
    split = at(index)
    here = lattice.grating(split.dh, N) * lattice.grating_sign(split.h0, N)
    assert here.item() == pytest.approx(direct(index, N), rel=1e-9, abs=1e-9)


@PROPERTY
@given(delta=st.floats(-1e-9, 1e-9), N=st.integers(1, 1000))
def test_the_grating_has_no_noise_beside_a_node(delta, N):
    assert lattice.grating(tensor(delta), N).item() == pytest.approx(N, rel=1e-9)


def test_the_grating_of_one_cell_is_one_everywhere():
    assert lattice.grating(tensor(-0.5, -0.1, 0.0, 0.3), 1).tolist() == [1.0] * 4


def test_the_grating_vanishes_between_nodes_at_multiples_of_one_nth():
    assert lattice.grating(tensor(0.2, 0.4), 5).tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


def test_the_square_crystal_is_the_product_of_its_gratings():
    product = direct(0.1, 3) * direct(0.2, 4) * direct(0.33, 10)
    assert lattice.square(at(0.1, 0.2, 0.33), CELLS).item() == pytest.approx(product)


# The round crystal


def sphere(x):
    return 3.0 * (math.sin(x) / x - math.cos(x)) / x**2


def test_the_round_crystal_at_a_node_is_its_volume_in_cells():
    assert lattice.round_(at(2.0, -1.0, 4.0), CELLS, 1.0).item() == pytest.approx(
        120 * 0.723601254558268, rel=1e-15
    )


def test_the_round_crystal_is_the_transform_of_a_sphere():
    radius = math.sqrt((0.1 * 3) ** 2 + (0.2 * 4) ** 2 + (0.3 * 10) ** 2)
    expected = 120 * 0.723601254558268 * sphere(math.pi * radius)
    assert lattice.round_(at(0.1, 0.2, 0.3), CELLS, 1.0).item() == pytest.approx(expected)


def test_the_round_crystal_counts_the_fudge_into_the_squared_radius():
    narrow = lattice.round_(at(0.1), CELLS, 4.0)
    assert narrow.item() == pytest.approx(lattice.round_(at(0.2), CELLS, 1.0).item())


def test_the_series_of_the_round_crystal_meets_its_formula():
    switch = 0.01 / math.pi / 3
    below, above = (
        lattice.round_(at(switch * side), CELLS, 1.0).item() for side in (1 - 1e-12, 1 + 1e-12)
    )
    assert below == pytest.approx(above, rel=1e-11)


@PROPERTY
@given(delta=st.floats(0.0, 1e-6))
def test_the_round_crystal_has_no_noise_beside_a_node(delta):
    assert lattice.round_(at(delta), CELLS, 1.0).item() == pytest.approx(
        120 * 0.723601254558268, rel=1e-10
    )


# Gaussian and flat-topped spots


def test_gaussian_spots_are_as_high_as_the_crystal_has_cells():
    assert lattice.gauss_star(at(1.0), CELLS, 1.0, METRIC).item() == 120.0


def test_gaussian_spots_fall_to_one_over_e_at_the_radius_of_their_formula():
    radius = math.sqrt(0.63) / 120  # 1/Å
    spot = lattice.gauss_star(at(radius * 50), CELLS, 1.0, METRIC)
    assert spot.item() == pytest.approx(120.0 / math.e)


def test_gaussian_spots_are_round_in_reciprocal_space():
    along_a, along_b, along_c = (
        lattice.gauss_star(index, CELLS, 1.0, METRIC).item()
        for index in (at(0.005 * 50), at(0.0, 0.005 * 60), at(0.0, 0.0, 0.005 * 70))
    )
    assert along_a == pytest.approx(along_b)
    assert along_a == pytest.approx(along_c)


def test_gaussian_spots_take_the_skew_of_the_cell_into_account():
    reciprocal = np.array([[0.02, 0.0, 0.0], [0.004, 0.016, 0.0], [-0.003, 0.002, 0.014]])
    radius = np.linalg.norm(np.array([0.1, -0.2, 0.3]) @ reciprocal)
    spot = lattice.gauss_star(at(0.1, -0.2, 0.3), CELLS, 1.0, reciprocal @ reciprocal.T)
    assert spot.item() == pytest.approx(120 * math.exp(-((radius * 120) ** 2) / 0.63))


def test_gaussian_spots_count_the_fudge_into_the_squared_radius():
    narrow = lattice.gauss_star(at(0.1), CELLS, 4.0, METRIC)
    assert narrow.item() == pytest.approx(lattice.gauss_star(at(0.2), CELLS, 1.0, METRIC).item())


@pytest.mark.parametrize(("side", "height"), [(1 - 1e-9, 120.0), (1 + 1e-9, 0.0)])
def test_flat_topped_spots_end_at_the_radius_of_their_formula(side, height):
    edge = math.sqrt(0.3969) / 120 * 50
    assert lattice.tophat(at(edge * side), CELLS, 1.0, METRIC).item() == height


@pytest.mark.parametrize(("side", "height"), [(1 - 1e-9, 120.0), (1 + 1e-9, 0.0)])
def test_flat_topped_spots_shrink_with_the_root_of_the_fudge(side, height):
    edge = math.sqrt(0.3969) / 120 * 50 / 2
    assert lattice.tophat(at(edge * side), CELLS, 4.0, METRIC).item() == height


def test_flat_topped_spots_have_the_width_at_half_height_of_gaussian_ones():
    half = math.sqrt(0.63 * math.log(2.0)) / 120 * 50
    assert lattice.gauss_star(at(half), CELLS, 1.0, METRIC).item() == pytest.approx(60.0)
    assert half == pytest.approx(math.sqrt(0.3969) / 120 * 50, rel=0.06)


# Spots that go by h, k, l, as in simtbx


@pytest.mark.parametrize("shape", [lattice.gauss_hkl, lattice.tophat_hkl])
def test_spots_by_hkl_are_as_high_as_the_crystal_has_cells(shape):
    assert shape(at(1.0), CELLS, 1.0).item() == 120.0


@pytest.mark.parametrize("axis", range(3))
def test_gaussian_spots_by_hkl_are_as_wide_as_the_fringes_along_each_axis(axis):
    fringe = [0.0] * 3
    fringe[axis] = math.sqrt(0.63) / CELLS[axis]
    assert lattice.gauss_hkl(at(*fringe), CELLS, 1.0).item() == pytest.approx(120.0 / math.e)


def test_gaussian_spots_by_hkl_are_those_of_the_published_formula():
    radius_sqr = (0.1 * 3) ** 2 + (0.2 * 4) ** 2 + (0.03 * 10) ** 2
    spot = lattice.gauss_hkl(at(0.1, -0.2, 0.03), CELLS, 1.7)
    assert spot.item() == pytest.approx(120.0 * math.exp(-radius_sqr / 0.63 * 1.7))


@pytest.mark.parametrize(("side", "height"), [(1 - 1e-9, 120.0), (1 + 1e-9, 0.0)])
def test_flat_topped_spots_by_hkl_end_at_the_radius_of_their_formula(side, height):
    edge = math.sqrt(0.3969 / 4.0) / 10
    assert lattice.tophat_hkl(at(0.0, 0.0, edge * side), CELLS, 4.0).item() == height


def test_spots_by_hkl_hold_nearly_as_much_as_those_of_a_square_crystal():
    # what the two widths were chosen for: π 0.63/2 to the power of 3/2, and a ball of this radius
    side = torch.linspace(-0.5, 0.5, 61, dtype=torch.float64)
    of_cell = lattice.indices(
        *(axis.flatten() for axis in torch.meshgrid([side] * 3, indexing="ij"))
    )
    square, gauss, flat = (
        (values**2).mean().item()
        for values in (
            lattice.square(of_cell, (4, 4, 4)),
            lattice.gauss_hkl(of_cell, (4, 4, 4), 1.0),
            lattice.tophat_hkl(of_cell, (4, 4, 4), 1.0),
        )
    )
    assert gauss / square == pytest.approx((math.pi * 0.63 / 2) ** 1.5, rel=0.05)
    assert flat / square == pytest.approx(4 / 3 * math.pi * 0.3969**1.5, rel=0.05)
