"""Reading whole shards: what zarr reads, and its damage told."""

import google_crc32c
import numpy as np
import pytest
import zarr

from support.stores import create, fill
from tiled_sim.store.shards import DamagedPixelsError
from tiled_sim.store.whole_shards import ShardEncoder, parts_of_shard

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
    for corner, part in parts_of_shard(array, tile, place, store.objects, store.path):
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


def test_a_chunk_that_zarr_left_out_is_the_fill_value_among_those_that_are_there(store):
    tile = store.grid[0]
    pixels = store.read_part(tile)
    pixels[1, 0] = np.nan  # a chunk of four, which zarr itself does not write
    array = zarr.open_array(store.path / "0/image", mode="r+")
    array[tile.region] = pixels
    shard = (store.path / "0/image/c/0/0/0/0").read_bytes()
    assert b"\xff" * 16 in shard[-68:]
    np.testing.assert_array_equal(assembled(store, tile), pixels)


def test_chunks_are_found_in_any_order_and_with_anything_between_them(store):
    shard = store.path / "0/image/c/0/0/0/0"
    content = shard.read_bytes()
    index = np.frombuffer(content[-68:-4], "<u8").reshape(4, 2).copy()
    spread = b""
    for number in (2, 3, 0, 1):
        offset, length = index[number].tolist()
        index[number, 0] = len(spread)
        spread += content[offset : offset + length] + b"between" * (number % 2)
    checksum = google_crc32c.value(index.tobytes()).to_bytes(4, "little")
    shard.write_bytes(spread + index.tobytes() + checksum)
    tile = store.grid[0]
    np.testing.assert_array_equal(assembled(store, tile), store.read_part(tile))


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


@pytest.mark.parametrize("other", [{}, {"compressors": None}], ids=["as runs have it", "plain"])
def test_zarr_reads_the_shards_that_are_encoded_in_memory(store, tmp_path, other):
    like = store.array(counts=False)
    options = {"shards": like.shards, "chunks": like.chunks, "dtype": "float32", **other}
    array = zarr.create_array(tmp_path / "a.zarr", shape=SHAPE, fill_value=np.nan, **options)
    encode = ShardEncoder(array)
    for tile in store.grid:
        place = store.grid.place_of(tile.index)
        file = tmp_path / "a.zarr" / "/".join(("c", *map(str, place)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(place, tile.region, store.read_part(tile)))
    assert array[...].tobytes() == store.array(counts=False)[...].tobytes()


def test_chunks_beyond_the_edge_of_the_image_are_left_out_of_a_shard(store):
    last = store.path / "0/image/c/0/0/1/1"  # 18 × 22 pixels of 32 × 48, in chunks of as many
    index = np.frombuffer(last.read_bytes()[-68:-4], "<u8").reshape(4, 2)
    assert (index[:, 1] > 0).all()
    third = store.path / "0/image/c/1/0/0/0"  # the third frame of three, in tiles of two
    index = np.frombuffer(third.read_bytes()[-68:-4], "<u8").reshape(2, 2, 2)
    assert (index[1] == 2**64 - 1).all()
