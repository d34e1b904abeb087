"""Whether a shard can be read, by a look at its index alone."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from tiled_sim.errors import StoreError
from tiled_sim.store import durable, files
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place

#: Of a chunk that was not written; those of ours that have pixels all are.
_NONE = 2**64 - 1
#: Behind the index: its CRC32C.
_CHECKSUM = 4


class DamagedPixelsError(StoreError):
    """Pixels of a run that cannot be read."""


def read_pixels(array: zarr.Array, region: tuple[Any, ...], run: Place) -> npt.NDArray[Any]:
    """A part of the image or of the counts of a run.

    Parameters
    ----------
    array : ``0/image`` or ``0/counts``
    region : to read
    run : path of it

    Raises
    ------
    DamagedPixelsError
        its files are damaged
    """
    with damage_told(array, run):
        return np.asarray(array[region])


@contextlib.contextmanager
def damage_told(array: zarr.Array, run: Place) -> Iterator[None]:
    """Tell of damage to the files of an array as `DamagedPixelsError`; not of a shortage."""
    try:
        yield
    except files.DAMAGE as error:
        if files.is_shortage(error):
            raise
        raise DamagedPixelsError(
            f"{run}: the {array.basename} cannot be read ({error}); `tiled-sim verify {run}` names "
            "the tiles that are damaged"
        ) from error


def fault_of_shard(objects: Objects, key: str, array: zarr.Array, shape: tuple[int, ...]) -> str:
    """What keeps a shard from being read; empty if its index says that all chunks are there.

    A damaged chunk is found when it is decoded, and changed pixels by their digest.

    Parameters
    ----------
    objects : of the run
    key : of the shard, its index at the end
    array : that it is of
    shape : of the part of it that lies in the array: chunks beyond the edge are never written

    Raises
    ------
    StoreError
        something that cannot be read, nor replaced, stands in its place
    """
    assert array.shards is not None
    counts, there = (
        tuple(-(-side // chunk) for side, chunk in zip(sides, array.chunks, strict=True))
        for sides in (array.shards, shape)
    )
    size_of_index = 16 * math.prod(counts) + _CHECKSUM
    try:
        index, size = objects.get_tail(key, size_of_index)
        if size < size_of_index:
            return f"is cut, to {size} bytes"
    except FileNotFoundError:
        return "is lost"
    except OSError as error:
        if files.is_shortage(error):
            raise
        raise StoreError(
            f"{key} cannot be read ({durable.reason(error)}); remove it, and `tiled-sim resume` "
            "computes its tile again"
        ) from error
    places = np.frombuffer(index[:-_CHECKSUM], "<u8").reshape(*counts, 2)
    having_pixels = places[tuple(slice(number) for number in there)]
    for offset, length in having_pixels.reshape(-1, 2).tolist():
        if offset == _NONE or length == 0 or offset + length > size - size_of_index:
            return "has lost chunks"
    return ""
