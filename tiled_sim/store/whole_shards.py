"""Whole shards, several times as quick as by zarr, which has a thread and a loop for each chunk.

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
from numcodecs.zstd import compress, decompress
from zarr.abc.buffer import Buffer
from zarr.codecs import BytesCodec, ShardingCodec, ZstdCodec
from zarr.storage import MemoryStore, StorePath

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


class ShardEncoder:
    """Makes the bytes of shards in memory.

    zarr itself first reads the shard that it is to replace, which may be damaged, and from an
    object store is one request more.

    Parameters
    ----------
    array : whose shards they are
    """

    def __init__(self, array: zarr.Array) -> None:
        self._array = array
        self._level: int | None = None
        if _is_known(array):
            metadata: Any = array.metadata  # of version 3, which the types do not tell
            self._level = metadata.codecs[0].codecs[1].level

    def __call__(
        self, place: tuple[int, ...], region: tuple[slice, ...], pixels: npt.NDArray[Any]
    ) -> bytes:
        """The whole of a shard as it is stored, chunks of the fill value too.

        Parameters
        ----------
        place : of the shard among those along each axis
        region : of the shard, as far as it reaches into the array
        pixels : of the region
        """
        if self._level is None:
            return _encoded_by_zarr(self._array, place, region, pixels)
        return _encoded(self._array, pixels, self._level)


def _encoded_by_zarr(
    array: zarr.Array, place: tuple[int, ...], region: tuple[slice, ...], pixels: npt.NDArray[Any]
) -> bytes:
    """A shard of any codecs, as `ShardEncoder`."""
    held: dict[str, Buffer] = {}
    metadata: Any = array.metadata
    alone: zarr.Array = zarr.Array(
        zarr.AsyncArray(
            metadata=metadata,
            store_path=StorePath(MemoryStore(held)),
            config={"write_empty_chunks": True},
        )
    )
    alone[region] = pixels
    return held["/".join(("c", *map(str, place)))].to_bytes()


def _encoded(array: zarr.Array, pixels: npt.NDArray[Any], level: int) -> bytes:
    """A shard whose chunks follow each other, those beyond the edge of the array left out."""
    assert array.shards is not None
    chunk = array.chunks
    counts = (side // part for side, part in zip(array.shards, chunk, strict=True))
    there = tuple(-(-size // side) for size, side in zip(pixels.shape, chunk, strict=True))
    whole = tuple(map(operator.mul, there, chunk))
    if pixels.shape != whole:
        padded = np.full(whole, array.fill_value, array.dtype)
        padded[tuple(map(slice, pixels.shape))] = pixels
        pixels = padded
    index = np.full((*counts, 2), _NONE, "<u8")
    contents, end = [], 0
    for number in np.ndindex(*there):
        corner = map(operator.mul, number, chunk)
        part = pixels[tuple(slice(at, at + side) for at, side in zip(corner, chunk, strict=True))]
        content = compress(np.ascontiguousarray(part), level)
        index[number] = end, len(content)
        contents.append(content)
        end += len(content)
    encoded = index.tobytes()
    checksum = google_crc32c.value(encoded).to_bytes(_CHECKSUM, "little")
    return b"".join((*contents, encoded, checksum))


def _is_known(array: zarr.Array) -> bool:
    """Whether the shards of an array are what this module reads and writes itself."""
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
    places = index[tuple(map(slice, there))].reshape(-1, 2).tolist()
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
