"""How panels stand to the sample and to each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.numbers import finite, unit_vectors
from tiled_sim.model.arrangement import away, left_handed, overlapping
from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import as_tuple, unit

PROPERTY = settings(deadline=None, max_examples=100)


def make(x, y, z=100.0, *, fast=(1.0, 0.0, 0.0), slow=(0.0, 1.0, 0.0), pixels=(10, 20)):
    """A panel of pixels of side 1, by its outer corner."""
    origin = (float(x), float(y), float(z))
    return Panel(origin, fast, slow, away(origin, fast, slow), pixels, (1.0, 1.0))


def test_the_normal_turns_with_the_side_that_the_sample_is_on():
    x, y = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    assert away((5.0, 5.0, 3.0), x, y) == away((5.0, 5.0, 3.0), y, x) == (0.0, 0.0, 1.0)
    assert away((5.0, 5.0, -3.0), x, y) == (0.0, 0.0, -1.0)


def test_parallel_axes_have_no_normal():
    assert away((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (1.0, 0.0, 0.0)) == (0.0, 0.0, 0.0)


def test_a_mirrored_panel_is_left_handed():
    mirrored = make(0, 0, slow=(0.0, -1.0, 0.0))
    behind = make(0, 0, z=-100)
    assert left_handed([make(0, 0), mirrored, behind]) == [1, 2]


def test_one_panel_overlaps_with_none():
    assert overlapping([make(0, 0)]) == []


@pytest.mark.parametrize(
    ("x", "y", "overlap"),
    [(20, 0, False), (19.6, 0, False), (19, 0, True), (0, 9, True), (0, 10.2, False), (3, 4, True)],
)
def test_panels_overlap_where_they_share_more_than_half_a_pixel(x, y, overlap):
    assert overlapping([make(0, 0), make(x, y)]) == ([(0, 1)] if overlap else [])


def test_a_panel_hides_one_behind_it():
    front, behind = make(0, 0, 50), make(10, 5, 200)
    assert overlapping([behind, front]) == [(0, 1)]


def test_panels_before_and_behind_the_sample_do_not_hide_each_other():
    assert overlapping([make(-10, -5, 100), make(-10, -5, -100)]) == []


def test_turned_panels_may_reach_into_each_other_s_rectangle_without_overlap():
    turned = unit([1.0, 1.0, 0.0]), unit([-1.0, 1.0, 0.0])
    diamond = make(30, -7, fast=as_tuple(turned[0]), slow=as_tuple(turned[1]), pixels=(10, 10))
    assert overlapping([make(0, 0), diamond]) == []
    assert overlapping([make(4, 0), diamond]) == [(0, 1)]


def test_every_pair_of_many_panels_is_found_once():
    panels = [make(21 * column, 11 * row) for row in range(-9, 9) for column in range(-9, 9)]
    assert overlapping(panels) == []
    assert overlapping([*panels, make(5, 5, 90)]) == [
        (index, len(panels)) for index in (171, 172, 189, 190)
    ]


@st.composite
def anywhere(draw):
    """A panel of any size that faces the sample from about 100 pixels."""
    normal, other = draw(unit_vectors), draw(unit_vectors)
    fast = np.cross(normal, other)
    if np.linalg.norm(fast) < 0.1:
        fast = np.cross(normal, np.roll(normal, 1) + np.array([0.3, 0.0, -0.2]))
    fast = unit(fast)
    pixels = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    origin = np.array(normal) * draw(finite(60, 200))
    return make(*origin, fast=as_tuple(fast), slow=as_tuple(np.cross(normal, fast)), pixels=pixels)


@PROPERTY
@given(first=anywhere(), second=anywhere())
def test_panels_overlap_if_and_only_if_a_ray_meets_both(first, second):
    slow, fast = np.indices(np.array(first.pixels) * 2) / 2 + 0.25
    points = (
        np.array(first.origin)
        + fast[..., None] * first.fast_axis
        + slow[..., None] * np.array(first.slow_axis)
    )
    along = points @ np.array(second.normal)
    rays = points * (second.close_distance / np.where(along > 0, along, np.nan))[..., None]
    local = rays - np.array(second.origin)
    places = local @ np.array(second.slow_axis), local @ np.array(second.fast_axis)
    # how deep the deepest ray lies within the second panel [pixel]
    deep = np.full(along.shape, np.inf)
    for place, size in zip(places, second.pixels, strict=True):
        deep = np.minimum(deep, np.minimum(place, size - place))
    deepest = np.nanmax(deep) if np.isfinite(deep).any() else -np.inf
    found = overlapping([first, second]) == [(0, 1)]
    if deepest > 4.0:
        assert found
    if deepest < -4.0:
        assert not found
