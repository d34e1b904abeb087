"""Looking up F: nearest nodes, the border around the grid, and interpolation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics import lattice
from tiled_sim.physics.structure_factor import (
    ABSENT,
    IN_RANGE,
    OUT_OF_RANGE,
    ZERO,
    StructureFactorTable,
)

PROPERTY = settings(deadline=None, max_examples=80)
DEFAULT_F = 7.0
MINIMUM = (-3, 2, -10)
SHAPE = (6, 7, 8)
MAXIMUM = tuple(low + n - 1 for low, n in zip(MINIMUM, SHAPE, strict=True))

coefficients = st.lists(st.floats(-10.0, 10.0), min_size=4, max_size=4)
#: Part of the way through the range that can be interpolated.
parts = st.tuples(*[st.floats(0.0, 1.0)] * 3)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def at(*points):
    """Indices of points (h, k, l)."""
    return lattice.indices(*(tensor(column) for column in zip(*points, strict=True)))


def table(amplitude, given=None):
    amplitude = np.asarray(amplitude, dtype=np.float64)
    given = np.ones(amplitude.shape, bool) if given is None else given
    return StructureFactorTable(amplitude, given, MINIMUM, DEFAULT_F, torch.device("cpu"))


def nearest(of, *points):
    return of.nearest(of.nodes(at(*points))).tolist()


def kinds(of, *points):
    return of.kind_of(of.nodes(at(*points))).tolist()


def grid_indices():
    return np.meshgrid(
        *(np.arange(low, low + n) for low, n in zip(MINIMUM, SHAPE, strict=True)), indexing="ij"
    )


NUMBERED = np.arange(np.prod(SHAPE), dtype=float).reshape(SHAPE) + 100.0


# Nearest node


def test_every_node_gives_its_own_amplitude():
    points = list(zip(*(axis.ravel().tolist() for axis in grid_indices()), strict=True))
    assert nearest(table(NUMBERED), *points) == NUMBERED.ravel().tolist()


@pytest.mark.parametrize("rest", [(-0.49, 0.49, 0.2), (0.5, 0.5, 0.5), (0.1, -0.3, -0.4)])
def test_between_nodes_the_nearest_one_counts(rest):
    h, k, l = (low + 2 + part for low, part in zip(MINIMUM, rest, strict=True))
    assert nearest(table(NUMBERED), (h, k, l)) == [NUMBERED[2, 2, 2]]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("beyond", [1.0, 0.51, 5.0, 1e6])
def test_outside_the_grid_f_is_default_f(axis, beyond):
    low, high = list(MINIMUM), list(MAXIMUM)
    low[axis] -= beyond
    high[axis] += beyond
    assert nearest(table(NUMBERED), low, high) == [DEFAULT_F, DEFAULT_F]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_outermost_nodes_are_in_the_grid(axis):
    low, high = list(MINIMUM), list(MAXIMUM)
    low[axis] -= 0.49
    high[axis] += 0.5
    assert nearest(table(NUMBERED), low, high) == [NUMBERED[0, 0, 0], NUMBERED[-1, -1, -1]]


def test_a_look_up_tells_what_it_met():
    amplitude = np.full(SHAPE, 5.0)
    amplitude[1, 0, 0] = 0.0
    given = np.ones(SHAPE, bool)
    given[2, 0, 0] = False
    h, k, l = MINIMUM
    met = kinds(table(amplitude, given), (h, k, l), (h + 1, k, l), (h + 2, k, l), (h - 1, k, l))
    assert met == [IN_RANGE, ZERO, ABSENT, OUT_OF_RANGE]


def test_an_absent_node_filled_with_default_f_is_still_absent():
    given = np.ones(SHAPE, bool)
    given[0, 0, 0] = False
    amplitude = np.where(given, 5.0, DEFAULT_F)
    assert kinds(table(amplitude, given), MINIMUM) == [ABSENT]


def test_a_grid_of_one_node_has_a_border_too():
    single = StructureFactorTable(
        np.array([[[12.0]]]), np.ones((1, 1, 1), bool), (5, 5, 5), DEFAULT_F, torch.device("cpu")
    )
    assert nearest(single, (5, 5, 5), (6, 5, 5), (5, 4, 5)) == [12.0, DEFAULT_F, DEFAULT_F]


# Interpolation


def interpolated(of, *points):
    index = at(*points)
    return of.tricubic(index, of.can_interpolate(index)).tolist()


def inside(part):
    """A point of the range that can be interpolated: two nodes from every edge."""
    return tuple(
        low + 2 + fraction * (high - low - 4)
        for low, high, fraction in zip(MINIMUM, MAXIMUM, part, strict=True)
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_interpolation_begins_two_nodes_from_the_edge(axis):
    centre = [low + 2.5 for low in MINIMUM]
    edges = []
    for place in (MINIMUM[axis] + 2, MAXIMUM[axis] - 2):
        for beyond in (0.0, 1e-9):
            point = list(centre)
            point[axis] = place + beyond * (1 if place > centre[axis] else -1)
            edges.append(point)
    assert table(NUMBERED).can_interpolate(at(*edges)).tolist() == [True, False, True, False]


def test_a_grid_too_small_to_interpolate_never_does():
    small = table(np.ones((4, 4, 4)))
    middle = tuple(low + 1.5 for low in MINIMUM)
    assert small.can_interpolate(at(middle)).tolist() == [False]


def test_interpolation_passes_through_the_nodes():
    points = [inside((0.0, 0.0, 0.0)), inside((1.0, 1.0, 1.0)), (-1, 5, -7)]
    nodes = [NUMBERED[2, 2, 2], NUMBERED[-3, -3, -3], NUMBERED[2, 3, 3]]
    assert interpolated(table(NUMBERED), *points) == pytest.approx(nodes, rel=1e-14)


@PROPERTY
@given(part=parts, in_h=coefficients, in_k=coefficients, in_l=coefficients)
def test_interpolation_reproduces_products_of_cubic_polynomials(part, in_h, in_k, in_l):
    def polynomial(h, k, l):
        return np.polyval(in_h, h) * np.polyval(in_k, k) * np.polyval(in_l, l + 6)

    amplitude = polynomial(*grid_indices())
    point = inside(part)
    scale = float(np.abs(amplitude).max()) + 1e-300
    (here,) = interpolated(table(amplitude), point)
    assert here / scale == pytest.approx(polynomial(*point) / scale, abs=1e-12)


def test_interpolation_follows_lagrange_not_a_spline():
    # one node of 1 among zeros: the weight of the next interval's far node is -1/16 at its middle
    amplitude = np.zeros((9, 9, 9))
    amplitude[4, 4, 4] = 1.0
    h, k, l = (low + 4 for low in MINIMUM)
    points = [(h + 0.5, k, l), (h + 1.5, k, l), (h + 2.5, k, l)]
    assert interpolated(table(amplitude), *points) == pytest.approx([9 / 16, -1 / 16, 0.0])


def test_points_that_cannot_be_interpolated_do_not_break_those_that_can():
    far = (1e6, -1e6, 1e6)
    good = inside((0.3, 0.6, 0.5))
    of = table(NUMBERED)
    (alone,) = interpolated(of, good)
    assert interpolated(of, far, good, far)[1] == alone
