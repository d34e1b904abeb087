"""Bytes of tiles: any reader gets the numbers back, and why there is none."""

import zlib

import numpy as np
import pytest

from tiled_sim.viewer.encoding import encode
from tiled_sim.viewer.mosaic import GAP, LIT, MASKED, WAITING, MosaicTile

STATE = np.array([[LIT, WAITING, MASKED], [GAP, LIT, LIT]], dtype=np.uint8)


def decoded(content):
    """As web/js/encoding.js does it."""
    planes = np.frombuffer(zlib.decompress(content[1:]), np.uint8).reshape(4, -1)
    words = sum(plane.astype(np.uint32) << (8 * n) for n, plane in enumerate(planes))
    return content[:1], words.astype(np.uint32)


def test_photons_keep_their_bits():
    values = np.array([[1.5, 0, 0], [0, 1e-20, 3.25e7]], np.float32)
    kind, words = decoded(encode(MosaicTile(values, STATE, 0)))
    assert kind == b"f"
    found = words.view(np.float32).reshape(2, 3)
    assert (found[STATE == LIT] == values[STATE == LIT]).all()
    assert [int(word) >> 16 for word in words[[1, 2, 3]]] == [0x7FC1, 0x7FC2, 0x7FC3]


def test_counts_are_exact_beyond_what_float32_holds():
    values = np.array([[2**30 + 1, 0, 0], [0, -7, 5]], np.int32)
    kind, words = decoded(encode(MosaicTile(values, STATE, 0)))
    assert kind == b"i"
    found = words.view(np.int32).reshape(2, 3)
    assert (found[STATE == LIT] == values[STATE == LIT]).all()
    assert found[STATE != LIT].tolist() == [-(2**31), -(2**31) + 1, -(2**31) + 2]


@pytest.mark.parametrize("value", [np.nan, -np.nan])
def test_a_value_that_is_no_number_is_not_taken_for_a_kind(value):
    values = np.full((2, 3), value, np.float32)
    _, words = decoded(encode(MosaicTile(values, STATE, 0)))
    assert words[0] == 0
