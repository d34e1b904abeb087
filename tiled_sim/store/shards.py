"""Whether a shard can be read, by a look at its index alone."""

import math
import struct
from pathlib import Path

import zarr

from tiled_sim.errors import StoreError
from tiled_sim.store import durable, files

#: Of a chunk that was not written; ours all are.
_NONE = 2**64 - 1
#: Behind the index: its CRC32C.
_CHECKSUM = 4


def chunks_of_shard(array: zarr.Array) -> int:
    """Number of chunks in each shard of an array."""
    assert array.shards is not None
    sides = zip(array.shards, array.chunks, strict=True)
    return math.prod(shard // chunk for shard, chunk in sides)


def fault_of_shard(file: Path, chunks: int) -> str:
    """What keeps a shard from being read; empty if its index says that all chunks are there.

    A damaged chunk is found when it is decoded, and changed pixels by their digest.

    Parameters
    ----------
    file : of the shard, its index at the end
    chunks : that it must have

    Raises
    ------
    StoreError
        something that cannot be read, nor replaced, stands in its place
    """
    size_of_index = 16 * chunks + _CHECKSUM
    try:
        with files.open_file(file) as opened:
            size = opened.seek(0, 2)
            if size < size_of_index:
                return f"is cut, to {size} bytes"
            opened.seek(size - size_of_index)
            index = opened.read(size_of_index)
    except FileNotFoundError:
        return "is lost"
    except OSError as error:
        if files.is_shortage(error):
            raise
        raise StoreError(
            f"{file} cannot be read ({durable.reason(error)}); remove it, and `tiled-sim resume` "
            "computes its tile again"
        ) from error
    places = struct.unpack(f"<{2 * chunks}Q", index[:-_CHECKSUM])
    for offset, length in zip(places[::2], places[1::2], strict=True):
        if offset == _NONE or length == 0 or offset + length > size - size_of_index:
            return "has lost chunks"
    return ""
