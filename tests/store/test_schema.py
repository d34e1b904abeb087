"""Our own check of documents says the same as a validator of JSON Schema."""

import copy
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.stores import sidecar_of
from tiled_sim.store import sidecar, strict_json
from tiled_sim.store.schema import check_of

VALIDATOR = jsonschema.Draft202012Validator(sidecar.SCHEMA)
FAULT = check_of(sidecar.SCHEMA)
SOUND = sidecar_of("f00000/p000/r0001c0000")
VALUES = [None, True, -1, 0, 2.5, "", "text", "0" * 64, [], [1], [0, 1], {}, {"a": 1}]


def places_in(value, place=()):
    """Places of everything in a document."""
    yield place
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            yield from places_in(part, (*place, key))


PLACES = list(places_in(SOUND))


def replaced(place, value):
    """The sound document with another value at a place."""
    if not place:
        return value
    document = copy.deepcopy(SOUND)
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return document


def test_a_sound_document_has_no_fault():
    assert FAULT(SOUND) == ""


@pytest.mark.parametrize("value", VALUES, ids=json.dumps)
def test_a_value_of_another_kind_anywhere_is_a_fault_where_a_validator_says_so(value):
    for place in PLACES:
        document = replaced(place, value)
        assert (FAULT(document) == "") == VALIDATOR.is_valid(document), (place, FAULT(document))


@given(st.data())
def test_any_json_anywhere_is_a_fault_where_a_validator_says_so(data):
    leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
    value = data.draw(
        st.recursive(
            leaves | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x % 1),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=6,
        )
    )
    document = replaced(data.draw(st.sampled_from(PLACES)), value)
    assert (FAULT(document) == "") == VALIDATOR.is_valid(document)


def test_a_fault_is_told_with_its_place():
    document = replaced(("image", "sum"), "12")
    assert FAULT(document) == "/image/sum is '12' and no number"


def test_a_whole_number_that_is_written_as_another_is_none():
    assert FAULT(replaced(("worker", "pid"), True)) == "/worker/pid is True and no integer"


def test_a_keyword_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="no check is made for uniqueItems"):
        check_of({"uniqueItems": True})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("NaN", "NaN is no finite number"),
        ("[1, -Infinity]", "-Infinity is no finite number"),
        ("1e999", "1e999 is no finite number"),
        ("[" * 100_000, "nested too deeply"),
        ("{", "Expecting property name"),
        (b"\xff", "codec"),
    ],
)
def test_text_that_is_no_json_is_refused_with_the_reason(text, told):
    with pytest.raises(ValueError, match=told):
        strict_json.loads(text)
