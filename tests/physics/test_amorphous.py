"""F between the points of a table."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics.amorphous import AmorphousFactor

STOL = np.array([0.0, 0.05, 0.08, 0.2, 0.3, 0.5])
CPU = torch.device("cpu")
PROPERTY = settings(deadline=None, max_examples=60)


def F_of(values, *stol, points=STOL):
    factor = AmorphousFactor(points, np.asarray(values, dtype=np.float64), CPU)
    return factor.at(torch.tensor(stol, dtype=torch.float64)).numpy()


def test_at_its_points_it_is_the_table():
    values = [2.0, 3.0, 1.0, 7.0, 4.0, 2.0]
    assert F_of(values, *STOL) == pytest.approx(values, rel=1e-12)


@PROPERTY
@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.floats(0.05, 0.3))
def test_between_inner_points_a_cubic_comes_out_exact(coefficients, stol):
    cubic = np.polynomial.Polynomial(coefficients)
    assert F_of(cubic(STOL), stol) == pytest.approx([cubic(stol)], rel=1e-9, abs=1e-9)


@PROPERTY
@given(
    st.lists(st.floats(-5, 5), min_size=3, max_size=3),
    st.floats(0.0, 0.05) | st.floats(0.3, 0.5),
)
def test_in_the_first_and_last_interval_a_parabola_comes_out_exact(coefficients, stol):
    parabola = np.polynomial.Polynomial(coefficients)
    assert F_of(parabola(STOL), stol) == pytest.approx([parabola(stol)], rel=1e-9, abs=1e-9)


def test_before_the_first_point_it_is_constant():
    points = STOL + 0.1
    assert F_of(STOL + 3.0, 0.0, 0.05, points=points) == pytest.approx([3.0, 3.0])


def test_two_points_are_a_line():
    assert F_of([1.0, 3.0], 0.25, points=np.array([0.0, 0.5])) == pytest.approx([2.0])


def test_a_value_does_not_depend_on_those_looked_up_with_it():
    stol = np.linspace(0.0, 0.5, 103)
    values = [2.0, 3.0, 1.0, 7.0, 4.0, 2.0]
    together = F_of(values, *stol)
    assert [F_of(values, one)[0] for one in stol] == list(together)
