"""The sidecar document: its schema, its JSON text, its digest."""

import copy
import hashlib
import json
import re
import struct
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiled_sim.errors import StoreError
from tiled_sim.model.grid import TileGrid
from tiled_sim.store import sidecar, strict_json

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "store.md"
VALIDATOR = jsonschema.Draft202012Validator(sidecar.SCHEMA)
TILE = "f00000/p000/r0001c0000"


@pytest.fixture
def document():
    """The sidecar that the documentation shows."""
    return json.loads(re.search(r"```json\n(.*?)```", DOCUMENTATION.read_text(), re.S)[1])


def at(document, *keys):
    for key in keys:
        document = document[key]
    return document


def objects_with_required_fields(schema, place=()):
    if "required" in schema:
        yield place
    for name, part in schema.get("properties", {}).items():
        yield from objects_with_required_fields(part, (*place, name))
        if "items" in part:
            yield from objects_with_required_fields(part["items"], (*place, name, 0))


def required_at(schema, *place):
    for key in place:
        schema = schema["items"] if key == 0 else schema["properties"][key]
    return schema["required"]


FIXED = list(objects_with_required_fields(sidecar.SCHEMA))


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(sidecar.SCHEMA)


def test_the_documented_sidecar_is_valid(document):
    VALIDATOR.validate(document)


@pytest.mark.parametrize("place", FIXED, ids=lambda place: "/".join(map(str, place)) or "root")
def test_a_field_of_a_later_version_is_kept(document, place):
    at(document, *place)["surprise"] = {"of": ["a", "later", "version"]}
    if place == ("computation", "versions"):
        at(document, *place)["surprise"] = "1.0"
    VALIDATOR.validate(document)
    assert sidecar.decode(sidecar.encode(document), TILE) == document


@pytest.mark.parametrize("place", FIXED, ids=lambda place: "/".join(map(str, place)) or "root")
def test_the_schema_requires_every_field(document, place):
    for name in required_at(sidecar.SCHEMA, *place):
        incomplete = copy.deepcopy(document)
        del at(incomplete, *place)[name]
        assert not VALIDATOR.is_valid(incomplete), name


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ((), "schema", "tiled_sim sidecar 3"),
        (("tile",), "id", "f0/p0/r0c0"),
        (("tile",), "id", "../../etc/passwd"),
        (("tile",), "index", -1),
        (("tile",), "slow", [0]),
        (("tile",), "panels", 0),
        (("hashes",), "mask", None),
        (("image",), "max_at", [3, 4]),
        (("hashes",), "experiment", None),
        (("hashes",), "plan", "not hexadecimal"),
        (("worker",), "attempt", 0),
        (("computation",), "precision", "float32"),
        (("time",), "start", "2026-01-31 12:00:03"),
        (("time", "seconds"), "kernel", -0.5),
        (("evaluations",), "done", 0.5),
        (("structure_factor_lookups",), "counted", "guessed"),
        (("image",), "sum", None),
        (("image",), "sha256", "abc"),
        (("image",), "byte_order", "big"),
        (("traces", 0), "reason", "because"),
        (("traces", 0, "values"), "F_cell", None),
    ],
)
def test_the_schema_refuses_a_value_that_cannot_be(document, place, name, value):
    at(document, *place)[name] = value
    assert not VALIDATOR.is_valid(document)


def test_a_run_without_structure_factors_says_null(document):
    document["hashes"]["structure_factors"] = None
    VALIDATOR.validate(document)


def test_a_decoded_sidecar_equals_the_one_encoded(document):
    assert sidecar.decode(sidecar.encode(document), TILE) == document


def test_the_order_of_fields_does_not_change_the_text(document):
    backwards = dict(reversed(document.items()))
    assert sidecar.encode(backwards) == sidecar.encode(document)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_back_as_the_same_float(number):
    read = json.loads(strict_json.dumps({"number": number}))["number"]
    assert struct.pack("d", read) == struct.pack("d", number)


@pytest.mark.parametrize("number", [np.float32(0.1), np.int64(2**53 + 1), np.uint8(3), np.True_])
def test_numpy_scalars_are_written_exactly(number):
    assert json.loads(strict_json.dumps([number])) == [number.item()]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), np.float32("nan")])
def test_what_is_not_finite_is_refused_by_name(document, number):
    document["traces"][0]["values"]["F_cell"] = number
    with pytest.raises(sidecar.SidecarError, match="traces/0/values/F_cell is not finite"):
        sidecar.encode(document)


def test_nan_inside_an_array_is_refused_too(document):
    document["traces"][0]["values"]["hkl"] = np.array([1.0, np.nan, 2.0])
    with pytest.raises(sidecar.SidecarError, match="values/hkl/1"):
        sidecar.encode(document)


def test_what_json_cannot_say_is_refused(document):
    document["computation"]["device"] = object()
    with pytest.raises(sidecar.SidecarError, match="no JSON form"):
        sidecar.encode(document)


@pytest.mark.parametrize("place", [(), ("tile",), ("hashes",), ("image",)])
def test_a_missing_field_is_refused_by_name_without_a_validator(document, place):
    del at(document, *place)[next(iter(at(document, *place)))]
    with pytest.raises(sidecar.SidecarError, match="lacks"):
        sidecar.encode(document)


@pytest.mark.parametrize(
    "text", ["", "{", '{"schema": "tiled', "[]", "null", "\xff", '{"tile": 3}']
)
def test_a_damaged_sidecar_is_an_error_of_the_store(text):
    with pytest.raises(StoreError):
        sidecar.decode(text.encode("latin-1"), TILE)


def test_a_sidecar_of_a_later_schema_is_refused(document):
    text = sidecar.encode(document).replace("sidecar 2", "sidecar 3")
    with pytest.raises(sidecar.SidecarError, match="'tiled_sim sidecar 3' instead of"):
        sidecar.decode(text, TILE)


def test_a_sidecar_under_the_name_of_another_tile_is_refused(document):
    with pytest.raises(sidecar.SidecarError, match="names tile"):
        sidecar.decode(sidecar.encode(document), "f00000/p000/r0000c0000")


def test_a_tile_id_may_grow_where_the_digits_do_not_suffice(document):
    document["tile"]["id"] = TileGrid.name_of((123456, 1234, 12345, 54321))
    assert document["tile"]["id"] == "f123456/p1234/r12345c54321"
    VALIDATOR.validate(document)


def test_the_digest_is_of_little_endian_float32_in_c_order():
    image = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32)
    expected = hashlib.sha256(struct.pack("<6f", 1, 2, 3, 4, 5, 6)).hexdigest()
    assert sidecar.image_digest(image) == expected


@pytest.mark.parametrize(
    "same",
    [np.asfortranarray, lambda image: image.astype(">f4"), lambda image: np.tile(image, 2)[:, :3]],
    ids=["fortran", "big-endian", "strided"],
)
def test_the_digest_does_not_depend_on_the_memory_layout(same):
    image = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32)
    assert sidecar.image_digest(same(image)) == sidecar.image_digest(image)


def test_the_digest_of_other_types_is_refused():
    with pytest.raises(ValueError, match="float64"):
        sidecar.image_digest(np.zeros((2, 2)))
