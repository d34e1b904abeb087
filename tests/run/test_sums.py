"""Sums over tiles: the same in any order, through JSON and back."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.stores import sidecar_of
from tiled_sim.run.sums import ExactSum, Sums, excerpt

NUMBERS = st.lists(st.floats(-1e300, 1e300), max_size=30)


def tile(index, peak=1.0, total=0.1):
    """A sidecar of a tile."""
    found = sidecar_of("f00000/p000/r0000c0000")
    found["tile"]["index"] = index
    found["image"] |= {"sum": total, "max": peak, "max_at": [0, 0, 0, index]}
    return found


@given(NUMBERS)
def test_a_sum_is_rounded_once(numbers):
    made = ExactSum()
    for number in numbers:
        made.add(number)
    assert float(made) == math.fsum(numbers)


@given(st.permutations([1e16, 1.0, -1e16, 1e-3, 0.1, 0.1]))
def test_a_sum_does_not_depend_on_the_order(numbers):
    made = ExactSum()
    for number in numbers:
        made.add(number)
    assert float(made) == math.fsum([1e16, 1.0, -1e16, 1e-3, 0.1, 0.1])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_equal_peaks_the_first_in_the_plan_counts(order):
    sums, peaks = Sums(), (0.5, 2.0, 2.0)
    for index in order:
        sums.add(tile(index, peaks[index]))
    assert (sums.peak, sums.peak_at) == (2.0, (0, 0, 0, 1))


def test_an_excerpt_adds_as_its_sidecar():
    of_sidecar, of_excerpt = Sums(), Sums()
    of_sidecar.add(tile(3))
    of_excerpt.add(json.loads(json.dumps(excerpt(tile(3)))))
    assert of_excerpt == of_sidecar


def test_they_come_back_from_json():
    sums = Sums()
    for index in range(3):
        sums.add(tile(index))
    assert Sums.from_dict(json.loads(json.dumps(sums.to_dict()))) == sums


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("done", "2"),
        ("peak_at", [1, 2]),
        ("peak_at", "here"),
        ("total", {"parts": ["much"]}),
        ("total", 7),
        ("lookups", {"in_range": 1}),
        ("counted", None),
    ],
)
def test_values_of_another_kind_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Sums.from_dict(Sums().to_dict() | {name: value})


def test_a_field_of_a_later_version_does_not_count():
    sums = Sums()
    sums.add(tile(0) | {"structure_factor_lookups": {"in_range": 5, "seen": 7, "counted": "exact"}})
    assert sums.lookups.in_range == 5
