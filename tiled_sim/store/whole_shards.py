"""Reading whole shards: several times as quick as by zarr, which waits for each of their chunks.

The bytes are those of zarr's ``sharding_indexed`` with chunks of little-endian numbers under zstd,
which is what runs have; anything else is left to zarr.
"""

import asyncio
import math
import operator
from collections.abc import Iterator
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import zarr
from numcodecs.zstd import decompress
from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype

from tiled_sim.model.grid import Tile
from tiled_sim.store.place import Place
from tiled_sim.store.shards import damage_told, read_pixels

#: A part of a tile: first indices (frame, panel, slow, fast) in the image, and its pixels.
Part = tuple[tuple[int, ...], npt.NDArray[Any]]

#: Of a chunk that was not written.
_NONE = 2**64 - 1
#: Behind the index: its CRC32C.
_CHECKSUM = 4


def parts_of_shard(
    array: zarr.Array, tile: Tile, place: tuple[int, ...], run: Place
) -> Iterator[Part]:
    """All pixels of a tile, part after part; the fill value where there are none.

    A part is overwritten by the next. Called in a thread of a pool: decoding lets go of the
    interpreter.

    Parameters
    ----------
    array : of shards
    tile : whose shard it is
    place : of the tile along each axis
    run : path of the run

    Raises
    ------
    DamagedPixelsError
        the shard cannot be read
    """
    first = tuple(start for start, _ in tile.ranges)
    if not _is_known(array):
        yield first, read_pixels(array, tile.region, run)
        return
    key = "/".join((array.path, "c", *map(str, place)))
    with damage_told(array, run):
        content = asyncio.run(array.store.get(key, default_buffer_prototype()))
        if content is None:
            yield first, np.full(tile.shape, array.fill_value, array.dtype)
            return
        for corner, part in _decoded(memoryview(content.to_bytes()), array, tile.shape):
            yield tuple(map(operator.add, first, corner)), part


def _is_known(array: zarr.Array) -> bool:
    """Whether the shards of an array are what this module reads."""
    codecs: list[Any] = list(getattr(array.metadata, "codecs", ()))
    if len(codecs) != 1 or not isinstance(codecs[0], ShardingCodec):
        return False
    sharding = codecs[0]
    return (
        str(getattr(sharding.index_location, "value", "")) == "end"
        and [type(codec) for codec in sharding.codecs] == [BytesCodec, ZstdCodec]
        and array.dtype.newbyteorder("<") == array.dtype
    )


def _decoded(content: memoryview, array: zarr.Array, shape: tuple[int, ...]) -> Iterator[Part]:
    """The chunks of a shard, as far as they reach into a tile of a shape."""
    assert array.shards is not None
    chunk = array.chunks
    counts = tuple(side // part for side, part in zip(array.shards, chunk, strict=True))
    size_of_index = 16 * math.prod(counts) + _CHECKSUM
    if len(content) < size_of_index:
        raise ValueError(f"it is cut, to {len(content)} bytes")
    encoded = content[-size_of_index:-_CHECKSUM]
    if google_crc32c.value(bytes(encoded)) != int.from_bytes(content[-_CHECKSUM:], "little"):
        raise ValueError("its index has another checksum")
    index = np.frombuffer(encoded, "<u8").reshape(*counts, 2)
    # one for all, which stays in the cache; numcodecs is slower where it makes its own
    pixels = np.empty(chunk, array.dtype)
    there = tuple(-(-size // side) for size, side in zip(shape, chunk, strict=True))
    places = index[tuple(map(slice, there))].reshape(-1, 2).tolist()
    for number, (offset, length) in zip(np.ndindex(*there), places, strict=True):
        if offset == _NONE:
            pixels[...] = array.fill_value
        else:
            decompress(content[offset : offset + length], pixels)
        corner = tuple(map(operator.mul, number, chunk))
        left = map(operator.sub, shape, corner)
        yield corner, pixels[tuple(map(slice, left))]  # all of it but at the end of the tile
