"""The index of tiles: believed as a whole or not at all."""

import json

import numpy as np
import pytest

from tiled_sim.store.tile_index import DONE, FAILED, Known, TileIndex

STATES = np.array([DONE, 0, FAILED, 0, 0, 0, DONE, 0], np.uint8)
SUMMARY = {"done": 2, "total": 1.5}


@pytest.fixture
def index(store):
    """Of a run of 8 tiles, written."""
    made = TileIndex(store.path, "a run")
    made.write(Known(STATES, SUMMARY))
    return made


def edit(path, **changes):
    file = path / "tiles/summary.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | changes))


def test_a_new_run_knows_nothing_of_its_tiles(store):
    assert TileIndex(store.path, "a run").read(8) is None


def test_it_is_read_as_it_was_written(index):
    found = index.read(8)
    np.testing.assert_array_equal(found.states, STATES)
    assert found.summary == SUMMARY


def test_it_is_a_byte_for_each_tile_in_their_order(store, index):
    assert (store.path / "tiles/index").read_bytes() == STATES.tobytes()


def test_that_of_a_new_run_is_of_bytes_too(store):
    assert (store.path / "tiles/index").read_bytes() == bytes(len(store.grid))


def test_that_of_another_run_is_not_believed(store, index):
    assert TileIndex(store.path, "another").read(8) is None


def test_that_of_another_number_of_tiles_is_not_believed(index):
    assert index.read(9) is None


def test_states_that_the_summary_is_not_of_are_not_believed(store, index):
    file = store.path / "tiles/index"
    file.write_bytes(bytes([DONE] * 8))
    assert index.read(8) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", "{}", "[" * 100_000])
def test_a_damaged_summary_is_as_good_as_none(store, index, text):
    (store.path / "tiles/summary.json").write_text(text)
    assert index.read(8) is None


def test_a_summary_of_another_kind_is_as_good_as_none(store, index):
    edit(store.path, summary=7)
    assert index.read(8) is None


def test_a_lost_index_is_as_good_as_none(store, index):
    (store.path / "tiles/index").unlink()
    assert index.read(8) is None


def test_where_the_run_is_gone_nothing_is_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        TileIndex(tmp_path / "run.zarr", "a run").write(Known(STATES, SUMMARY))
    assert list(tmp_path.iterdir()) == []
