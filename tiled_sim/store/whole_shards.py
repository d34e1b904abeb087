"""Whole shards, several times as quick as by zarr, which has a thread and a loop for each chunk.

The bytes are those of zarr's ``sharding_indexed`` with chunks of little-endian numbers under zstd,
or blosc and a checksum, which is what runs have; anything else is left to zarr.
"""

import functools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import google_crc32c
import numpy as np
import numpy.typing as npt
import zarr
from numcodecs import blosc, zstd
from zarr.abc.buffer import Buffer
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec
from zarr.storage import MemoryStore, StorePath

from tiled_sim.model.grid import Tile
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place
from tiled_sim.store.shards import damage_told, read_pixels

#: A part of a tile: first indices (frame, panel, slow, fast) in the image, and its pixels.
Part = tuple[tuple[int, ...], npt.NDArray[Any]]

#: Decodes a chunk into pixels, and makes one of them.
Decoder = Callable[[memoryview, npt.NDArray[Any]], Any]
Encoder = Callable[[npt.NDArray[Any]], bytes]

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
    decode = _DECODERS.get(tuple(map(type, _codecs(array))))
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
        codecs = _codecs(array)
        encode = _ENCODERS.get(tuple(map(type, codecs)))
        self._encode = None if encode is None else functools.partial(encode, codecs[1])

    def __call__(
        self, place: tuple[int, ...], region: tuple[slice, ...], pixels: npt.NDArray[Any]
    ) -> list[bytes]:
        """The whole of a shard as it is stored, chunks of the fill value too, part after part.

        Parameters
        ----------
        place : of the shard among those along each axis
        region : of the shard, as far as it reaches into the array
        pixels : of the region
        """
        if self._encode is None:
            return [_encoded_by_zarr(self._array, place, region, pixels)]
        return _encoded(self._array, pixels, self._encode)


def _encoded_by_zarr(
    array: zarr.Array, place: tuple[int, ...], region: tuple[slice, ...], pixels: npt.NDArray[Any]
) -> bytes:
    """A shard of any codecs, as `ShardEncoder`."""
    held: dict[str, Buffer] = {}
    metadata: Any = array.metadata  # of version 3, which the types do not tell
    alone: zarr.Array = zarr.Array(
        zarr.AsyncArray(
            metadata=metadata,
            store_path=StorePath(MemoryStore(held)),
            config={"write_empty_chunks": True},
        )
    )
    alone[region] = pixels
    return held["/".join(("c", *map(str, place)))].to_bytes()


def _encoded(array: zarr.Array, pixels: npt.NDArray[Any], encode: Encoder) -> list[bytes]:
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
        content = encode(np.ascontiguousarray(part))
        index[number] = end, len(content)
        contents.append(content)
        end += len(content)
    encoded = index.tobytes()
    return [*contents, encoded, _checksum(encoded)]


def _codecs(array: zarr.Array) -> tuple[Any, ...]:
    """Codecs of the chunks of an array; none where its shards are not what is known here."""
    codecs: list[Any] = list(getattr(array.metadata, "codecs", ()))
    if len(codecs) != 1 or not isinstance(codecs[0], ShardingCodec):
        return ()
    sharding = codecs[0]
    if (
        str(getattr(sharding.index_location, "value", "")) != "end"
        or array.dtype.newbyteorder("<") != array.dtype
    ):
        return ()
    return tuple(sharding.codecs)


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


def _encode_zstd(codec: ZstdCodec, pixels: npt.NDArray[Any]) -> bytes:
    return bytes(zstd.compress(pixels, codec.level, codec.checksum))


def _encode_blosc(codec: BloscCodec, pixels: npt.NDArray[Any]) -> bytes:
    shuffle = ("noshuffle", "shuffle", "bitshuffle").index(codec.shuffle.value)
    name, level, size = codec.cname.value.encode(), codec.clevel, codec.blocksize
    content = bytes(blosc.compress(pixels, name, level, shuffle, size, codec.typesize))
    return content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    return google_crc32c.value(content).to_bytes(_CHECKSUM, "little")


#: How chunks are decoded into memory, and made, by their codecs.
_DECODERS: dict[tuple[type, ...], Decoder] = {
    (BytesCodec, ZstdCodec): zstd.decompress,
    (BytesCodec, BloscCodec, Crc32cCodec): _decode_checked,
}
_ENCODERS: dict[tuple[type, ...], Callable[[Any, npt.NDArray[Any]], bytes]] = {
    (BytesCodec, ZstdCodec): _encode_zstd,
    (BytesCodec, BloscCodec, Crc32cCodec): _encode_blosc,
}
