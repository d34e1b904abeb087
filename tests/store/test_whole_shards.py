"""Reading whole shards: what zarr reads, and its damage told."""

import numpy as np
import pytest

from support.stores import create, fill
from tiled_sim.store.shards import DamagedPixelsError
from tiled_sim.store.whole_shards import parts_of_shard

SHAPE = (3, 2, 50, 70)


@pytest.fixture
def store(tmp_path):
    made = create(tmp_path / "r.zarr", SHAPE, (2, 2, 32, 48))
    fill(made, np.random.default_rng(1).random(SHAPE, dtype=np.float32))
    return made


def assembled(store, tile):
    """All parts of a tile in their places."""
    found = np.full(tile.shape, -1.0, np.float32)
    array, place = store.array(counts=False), store.grid.place_of(tile.index)
    for corner, part in parts_of_shard(array, tile, place, store.path):
        begin = [at - start for at, (start, _) in zip(corner, tile.ranges, strict=True)]
        here = tuple(slice(at, at + size) for at, size in zip(begin, part.shape, strict=True))
        found[here] = part
    return found


def test_the_parts_of_every_tile_are_what_zarr_reads(store):
    for tile in store.grid:
        assert np.array_equal(assembled(store, tile), store.read_part(tile))


def test_a_shard_that_is_not_there_is_the_fill_value(store):
    (store.path / "0/image/c/0/0/1/0").unlink()
    assert np.isnan(assembled(store, store.grid[2])).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:100],
        lambda content: b"",
        lambda content: bytes(64) + content[64:],
        lambda content: content[:-10] + b"\xff" + content[-9:],
    ],
    ids=["cut", "empty", "a chunk", "the index"],
)
def test_damage_is_told_as_that_of_the_run(store, damage):
    shard = store.path / "0/image/c/0/0/0/0"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(DamagedPixelsError, match="the image cannot be read"):
        assembled(store, store.grid[0])
