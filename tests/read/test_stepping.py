"""Ranges, steps and counts: which of them wins."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import ExperimentError
from tiled_sim.model.values import whole
from tiled_sim.physics.constants import RADIAN
from tiled_sim.read.stepping import phi_sweep, sweep

PROPERTY = settings(deadline=None, max_examples=150)

maybe_length = st.none() | st.floats(-0.1, 0.0) | st.floats(1e-6, 5.0)
maybe_count = st.none() | st.integers(-2, 12)


def swept(range_=None, step=None, count=None):
    """(range, step, count) of a divergence or dispersion."""
    steps = sweep("x", range_, step, count)
    return pytest.approx((steps.range, steps.step)), steps.count


def phi(range_=None, step=None, count=None):
    """(range, step, count) of phi."""
    steps = phi_sweep(range_, step, count)
    return pytest.approx((steps.range, steps.step)), steps.count


@pytest.mark.parametrize(
    ("given_values", "resolved"),
    [
        # range, step, count
        ((None, None, None), ((0.0, 0.0), 1)),
        ((None, 0.5, None), ((0.5, 0.5), 2)),
        ((None, 0.5, 7), ((0.5, 0.5), 2)),
        ((None, None, 4), ((1.0, 0.25), 4)),
        ((3.0, None, None), ((3.0, 3.0), 2)),
        ((3.0, None, 4), ((3.0, 1.0), 4)),
        ((3.0, None, 1), ((3.0, 3.0), 2)),
        ((3.0, 1.0, None), ((3.0, 1.0), 3)),
        ((3.0, 1.25, None), ((3.0, 1.25), 3)),
        ((3.0, 1.0, 9), ((3.0, 1.0), 9)),
        # what is not positive counts as not given
        ((3.0, 0.0, 4), ((3.0, 1.0), 4)),
        ((3.0, -1.0, 4), ((3.0, 1.0), 4)),
        ((3.0, 1.0, 0), ((3.0, 1.0), 3)),
        ((-3.0, 0.5, None), ((0.5, 0.5), 2)),
        # nothing to sweep
        ((0.0, None, None), ((0.0, 0.0), 1)),
        ((0.0, 0.5, 4), ((0.0, 0.0), 1)),
        ((0.0, None, 4), ((0.0, 0.0), 1)),
    ],
)
def test_divergence_and_dispersion_resolve_by_the_rules_of_c(given_values, resolved):
    assert swept(*given_values) == resolved


@pytest.mark.parametrize(
    ("given_values", "resolved"),
    [
        ((None, None, None), ((0.0, 0.0), 1)),
        ((None, 0.5, None), ((0.5, 0.5), 2)),
        ((None, 0.5, 7), ((0.5, 0.5), 2)),
        ((None, None, 4), ((math.radians(1), math.radians(0.25)), 4)),
        ((3.0, None, None), ((3.0, 1.5), 2)),
        ((3.0, None, 4), ((3.0, 0.75), 4)),
        ((3.0, None, 0), ((3.0, 3.0), 1)),
        ((3.0, 1.0, None), ((3.0, 1.0), 3)),
        ((3.0, 1.25, None), ((3.0, 1.25), 3)),
        ((3.0, 1.0, 9), ((3.0, 1.0), 9)),
        ((3.0, None, -1), ((3.0, 1.5), 2)),
        ((-3.0, 0.5, None), ((0.5, 0.5), 2)),
        ((0.0, None, 4), ((0.0, 0.0), 4)),
        # a step of 0 said in full is one
        ((3.0, 0.0, 4), ((3.0, 0.0), 4)),
        ((3.0, 0.0, None), ((3.0, 1.5), 2)),
    ],
)
def test_phi_resolves_by_the_rules_of_c(given_values, resolved):
    assert phi(*given_values) == resolved


def test_a_quotient_that_rounding_spoils_makes_one_step_more_as_in_c():
    assert sweep("x", 2.1, 0.3, None).count == 8


def test_a_count_that_is_discarded_is_noted():
    assert "not the 7 asked for" in sweep("hdiv", None, 0.5, 7).note


def test_a_count_of_phi_that_is_discarded_is_noted():
    assert "not the 7 of -phisteps" in phi_sweep(None, 0.5, 7).note


@pytest.mark.parametrize("count", [None, 2])
def test_a_count_that_is_not_discarded_is_not_noted_as_such(count):
    assert "not the" not in sweep("hdiv", None, 0.5, count).note


def test_a_note_names_what_is_swept():
    assert sweep("hdiv", 3.0, None, None).note.startswith("hdiv:")


@pytest.mark.parametrize(("step", "count"), [(0.25, 5), (None, 5), (1.0, 2)])
def test_steps_that_fill_their_range_are_not_noted(step, count):
    assert sweep("x", 1.0, step, count).note == ""


@pytest.mark.parametrize(("step", "count"), [(0.25, 4), (0.25, 6), (0.5, None)])
def test_steps_that_do_not_fill_their_range_are_noted(step, count):
    # as in C they begin at its left edge all the same
    assert "lie off the centre" in sweep("x", 1.0, step, count).note


def test_a_count_too_small_for_a_range_is_noted():
    assert sweep("x", 1.0, None, 1).note == "x: a range needs 2 steps, not 1"


def test_a_count_without_a_range_to_fill_is_noted():
    assert sweep("x", 0.0, None, 4).note == "x: 1 step, not 4: the range is 0"


def test_steps_of_phi_that_come_from_a_quotient_are_noted():
    assert "gives 3 steps" in phi_sweep(3.0, 1.25, None).note


@PROPERTY
@given(range_=maybe_length, step=maybe_length, count=maybe_count)
def test_a_sweep_has_at_least_one_step(range_, step, count):
    assert sweep("x", range_, step, count).count >= 1


@PROPERTY
@given(range_=maybe_length, step=maybe_length, count=maybe_count)
def test_a_sweep_without_extent_is_a_single_step(range_, step, count):
    steps = sweep("x", range_, step, count)
    single = (steps.range, steps.step, steps.count) == (0.0, 0.0, 1)
    assert single or (steps.range > 0 and steps.step > 0)


@pytest.mark.parametrize(
    ("quotient", "rounded"),
    [(2.0, 2), (2.0000000001, 2), (2.00000001, 3), (1.9, 2), (0.0, 0), (12.3, 13)],
)
def test_a_quotient_is_rounded_up_unless_it_is_whole_but_for_rounding(quotient, rounded):
    assert whole(quotient) == rounded


def test_degrees_become_radians_in_the_arithmetic_of_c():
    assert 180.0 * (1.0 / math.pi) == RADIAN
    assert pytest.approx(math.degrees(1.0), rel=1e-15) == RADIAN


@pytest.mark.parametrize("step", [1e-9, 2e-313])
def test_a_sweep_of_millions_of_steps_is_refused_with_its_numbers(step):
    with pytest.raises(ExperimentError, match="more than 10000000"):
        sweep("hdiv", 2.0, step, None)
