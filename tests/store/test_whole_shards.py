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
    made = create(tmp_path / "r.zarr", SHAPE, (2, 2, 32, 48), noise=True)
    fill(made, np.random.default_rng(1).random(SHAPE, dtype=np.float32))
    counts = np.random.default_rng(2).poisson(3.0, SHAPE).astype(np.int32)
    for tile in made.grid:
        made.write_counts(tile, counts[tile.region])
    return made


def assembled(store, tile, counts=False):
    """All parts of a tile in their places."""
    array, place = store.array(counts=counts), store.grid.place_of(tile.index)
    found = np.full(tile.shape, -1, array.dtype)
    for corner, part in parts_of_shard(array, tile, place, store.objects, store.path):
        begin = [at - start for at, (start, _) in zip(corner, tile.ranges, strict=True)]
        here = tuple(slice(at, at + size) for at, size in zip(begin, part.shape, strict=True))
        found[here] = part
    return found


def test_the_parts_of_every_tile_are_what_zarr_reads(store):
    for tile in store.grid:
        assert np.array_equal(assembled(store, tile), store.read_part(tile))
        assert np.array_equal(assembled(store, tile, counts=True), store.read_counts_part(tile))


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


@pytest.mark.parametrize("name", ["image", "counts"])
def test_shards_are_as_zarr_makes_them_but_for_the_order_of_their_chunks(store, tmp_path, name):
    like, tile = store.array(counts=name == "counts"), store.grid[0]
    codec = like.metadata.codecs[0]
    by_zarr = zarr.create_array(
        tmp_path / "a.zarr",
        shape=SHAPE,
        shards=like.shards,
        chunks=like.chunks,
        dtype=like.dtype,
        compressors=codec.codecs[1:],
    )
    by_zarr[tile.region] = like[tile.region]
    ours, theirs = (
        (folder / "c/0/0/0/0").read_bytes()
        for folder in (store.path / "0" / name, by_zarr.store.root)
    )
    chunks = [
        sorted(
            shard[at : at + size] for at, size in np.frombuffer(shard[-68:-4], "<u8").reshape(4, 2)
        )
        for shard in (ours, theirs)
    ]
    assert len(ours) == len(theirs)
    assert chunks[0] == chunks[1]


def test_shards_of_other_codecs_are_made_by_zarr(store, tmp_path):
    like = store.array(counts=False)
    options = {"shards": like.shards, "chunks": like.chunks, "dtype": "float32"}
    array = zarr.create_array(tmp_path / "a.zarr", shape=SHAPE, compressors=None, **options)
    encode = ShardEncoder(array)
    for tile in store.grid:
        place = store.grid.place_of(tile.index)
        file = tmp_path / "a.zarr" / "/".join(("c", *map(str, place)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(encode(place, tile.region, store.read_part(tile))))
    assert array[...].tobytes() == like[...].tobytes()


def test_chunks_beyond_the_edge_of_the_image_are_left_out_of_a_shard(store):
    last = store.path / "0/image/c/0/0/1/1"  # 18 × 22 pixels of 32 × 48, in chunks of as many
    index = np.frombuffer(last.read_bytes()[-68:-4], "<u8").reshape(4, 2)
    assert (index[:, 1] > 0).all()
    third = store.path / "0/image/c/1/0/0/0"  # the third frame of three, in tiles of two
    index = np.frombuffer(third.read_bytes()[-68:-4], "<u8").reshape(2, 2, 2)
    assert (index[1] == 2**64 - 1).all()


@pytest.mark.parametrize("byte", [0, 8, 13, 40])
def test_a_damaged_chunk_of_counts_is_told_before_blosc_reads_it(store, byte):
    """Which may crash on it: the header says how long the chunk is."""
    shard = store.path / "0/counts/c/0/0/0/0"
    content = bytearray(shard.read_bytes())
    content[byte] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(DamagedPixelsError, match="a chunk has another checksum"):
        assembled(store, store.grid[0], counts=True)
    with pytest.raises(DamagedPixelsError, match="checksum"):
        store.read_counts_part(store.grid[0])
