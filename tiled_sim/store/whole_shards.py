"""Reading whole shards: several times as quick as by zarr, which waits for each of their chunks.

The bytes are those of zarr's ``sharding_indexed`` with chunks of little-endian numbers under zstd,
or blosc and a checksum, which is what runs have; anything else is left to zarr.
"""

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import zarr
from numcodecs import blosc, zstd
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec

from tiled_sim.model.grid import Tile
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place
from tiled_sim.store.shards import damage_told, read_pixels

#: A part of a tile: first indices (frame, panel, slow, fast) in the image, and its pixels.
Part = tuple[tuple[int, ...], npt.NDArray[Any]]

#: Decodes a chunk into pixels.
Decoder = Callable[[memoryview, npt.NDArray[Any]], Any]

#: Of a chunk that was not written.
_NONE = 2**64 - 1
#: Behind the index: its CRC32C.
_CHECKSUM = 4


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
    decode = _decoder(array)
    if decode is None:
        yield first, read_pixels(array, tile.region, run)
        return
    key = "/".join((array.path, "c", *map(str, place)))
    with damage_told(array, run):
        try:
            content = objects.get(key)
        except FileNotFoundError:
            yield first, np.full(tile.shape, array.fill_value, array.dtype)
            return
        for corner, part in _decoded(memoryview(content), array, tile.shape, decode):
            yield tuple(map(operator.add, first, corner)), part


def _decoder(array: zarr.Array) -> Decoder | None:
    """What decodes the chunks of an array; None where its shards are not what is read here."""
    codecs: list[Any] = list(getattr(array.metadata, "codecs", ()))
    if len(codecs) != 1 or not isinstance(codecs[0], ShardingCodec):
        return None
    sharding = codecs[0]
    if (
        str(getattr(sharding.index_location, "value", "")) != "end"
        or array.dtype.newbyteorder("<") != array.dtype
    ):
        return None
    return _DECODERS.get(tuple(type(codec) for codec in sharding.codecs))


def _decoded(
    content: memoryview, array: zarr.Array, shape: tuple[int, ...], decode: Decoder
) -> Iterator[Part]:
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
            decode(content[offset : offset + length], pixels)
        corner = tuple(map(operator.mul, number, chunk))
        left = map(operator.sub, shape, corner)
        yield corner, pixels[tuple(map(slice, left))]  # all of it but at the end of the tile


def _decode_checked(chunk: memoryview, into: npt.NDArray[Any]) -> None:
    """Decode blosc's bytes, which must be whole: it may take the process down with it if not."""
    encoded, checksum = chunk[:-_CHECKSUM], chunk[-_CHECKSUM:]
    if google_crc32c.value(bytes(encoded)) != int.from_bytes(checksum, "little"):
        raise ValueError("a chunk has another checksum")
    blosc.decompress(encoded, into)


#: How chunks are decoded into memory, by their codecs.
_DECODERS: dict[tuple[type, ...], Decoder] = {
    (BytesCodec, ZstdCodec): zstd.decompress,
    (BytesCodec, BloscCodec, Crc32cCodec): _decode_checked,
}
