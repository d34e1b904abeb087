"""Reading whole shards: several times as quick as by zarr, which waits for each of their chunks.

The bytes are those of zarr's ``sharding_indexed`` with chunks of little-endian numbers under zstd,
which is what runs have; anything else is left to zarr.
"""

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

from tiled_sim.model.grid import Tile
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place
from tiled_sim.store.shards import damage_told, read_pixels

#: A part of a tile: first indices (frame, panel, slow, fast) in the image, and its pixels.
Part = tuple[tuple[int, ...], npt.NDArray[Any]]

#: Of a chunk that was not written.
_NONE = 2**64 - 1
#: Behind the index: its CRC32C.
_CHECKSUM = 4
#: Of pixels that one call decodes, near the size of a core's own cache [byte].
_AT_ONCE = 1 << 20


def parts_of_shard(
    array: zarr.Array, tile: Tile, place: tuple[int, ...], objects: Objects, run: Place
) -> Iterator[Part]:
    """All pixels of a tile, part after part; the fill value where there are none.

    A part is overwritten by the next. Called in a thread of a pool: decoding lets go of the
    interpreter.

    Parameters
    ----------
    array : of shards
    tile : whose shard it is
    place : of the tile along each axis
    objects : of the run
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
        try:
            content = objects.get(key)
        except FileNotFoundError:
            yield first, np.full(tile.shape, array.fill_value, array.dtype)
            return
        for corner, part in _decoded(memoryview(content), array, tile.shape):
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
    there = tuple(-(-size // side) for size, side in zip(shape, chunk, strict=True))
    listed = index[tuple(map(slice, there))].reshape(-1, 2).tolist()
    places = [(int(start), int(length)) for start, length in listed]
    corners = [tuple(map(operator.mul, number, chunk)) for number in np.ndindex(*there)]
    # one memory for all, which stays in the cache; numcodecs is slower where it makes its own
    most = max(1, _AT_ONCE // (array.dtype.itemsize * math.prod(chunk)))
    pixels = np.empty((most, *chunk), array.dtype)
    for chunks in _neighbours(places, most):
        if places[chunks[0]][0] == _NONE:
            pixels[:1] = array.fill_value
        else:
            start, end = places[chunks[0]][0], sum(places[chunks[-1]])
            decompress(content[start:end], pixels[: len(chunks)])
        for number, values in zip(chunks, pixels, strict=False):
            left = map(operator.sub, shape, corners[number])
            # all of it but at the end of the tile
            yield corners[number], values[tuple(map(slice, left))]


def _neighbours(places: list[tuple[int, int]], most: int) -> Iterator[list[int]]:
    """Numbers of chunks that follow one another in a shard, which are decoded by one call.

    Those that are not there come one by one.

    Parameters
    ----------
    places : offset and length of every chunk
    most : in a group
    """
    group: list[int] = []
    end = _NONE
    for number in sorted(range(len(places)), key=places.__getitem__):
        offset, length = places[number]
        if group and (offset != end or len(group) == most):
            yield group
            group = []
        group.append(number)
        end = offset + length
    if group:
        yield group
