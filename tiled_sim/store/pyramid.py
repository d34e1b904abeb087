"""Smaller copies of an image, each the mean of 2 × 2 pixels of the one before."""

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from tiled_sim.errors import StoreError
from tiled_sim.model.grid import Tile, TileGrid
from tiled_sim.store import files

LONGEST_SIDE = 512
"""No level is made of a level whose sides are this long or shorter [pixel]."""


class UnreadableShardError(StoreError):
    """A shard that is damaged.

    Parameters
    ----------
    array : path of the array
    index : number of the shard
    error : what its decoder said
    """

    def __init__(self, array: str, index: int, error: object) -> None:
        super().__init__(f"shard {index} of {array} cannot be read ({error})")
        self.index = index
        self._made_of = (array, index, str(error))

    def __reduce__(self) -> tuple[Any, ...]:
        """So that it can be sent from a worker."""
        return type(self), self._made_of


@dataclass(frozen=True, slots=True)
class PixelAxis:
    """Where equally spaced pixels stand along one axis of a panel.

    Parameters
    ----------
    first : centre of pixel 0
    pitch : from one centre to the next
    """

    first: float
    pitch: float

    @classmethod
    def through(cls, centres: npt.NDArray[np.float64]) -> "PixelAxis":
        """Axis of these pixel centres; a single pixel is taken to begin at 0.

        Raises
        ------
        ValueError
            they are not finite, ascending and equally spaced
        """
        first, last, count = float(centres[0]), float(centres[-1]), len(centres)
        axis = cls(first, (last - first) / (count - 1) if count > 1 else 2 * first)
        if not (axis.pitch > 0 and np.allclose(axis.centres(count), centres, 0, 1e-6 * axis.pitch)):
            raise ValueError("pixel centres must be finite, ascending and equally spaced")
        return axis

    def at_level(self, level: int) -> "PixelAxis":
        """Axis of the pixels of a pyramid level; level 0 is the axis itself."""
        factor = 2**level
        return PixelAxis(self.first + (factor - 1) / 2 * self.pitch, factor * self.pitch)

    def centres(self, count: int) -> npt.NDArray[np.float64]:
        """Centres of the first pixels, float64 (count,)."""
        return self.first + self.pitch * np.arange(count, dtype=np.float64)


def halve(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of each 2 × 2 pixels, float32 (…, ceil(slow / 2), ceil(fast / 2)).

    NaN pixels, and those beyond an odd edge, do not count; where none counts the result is NaN.

    Parameters
    ----------
    image : float32 (…, slow, fast)
    """
    shape = (*image.shape[:-2], *(math.ceil(side / 2) for side in image.shape[-2:]))
    total = np.zeros(shape, dtype=np.float64)
    count = np.zeros(shape, dtype=np.uint8)
    for slow, fast in itertools.product(range(2), repeat=2):
        part = image[..., slow::2, fast::2]
        corner = np.s_[..., : part.shape[-2], : part.shape[-1]]
        valid = ~np.isnan(part)
        np.add(total[corner], part, out=total[corner], where=valid)
        count[corner] += valid
    mean = np.full(shape, np.nan, dtype=np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="same_kind")
    return mean


def smaller_shapes(slow: int, fast: int) -> list[tuple[int, int]]:
    """Shapes (slow, fast) of levels 1, 2, …; none where level 0 is small already."""
    shapes = []
    while max(slow, fast) > LONGEST_SIDE:
        slow, fast = math.ceil(slow / 2), math.ceil(fast / 2)
        shapes.append((slow, fast))
    return shapes


def grid_of_level(finer: TileGrid, sides: tuple[int, int]) -> TileGrid:
    """Shards of a level: those of the level before, no larger than the image.

    Parameters
    ----------
    finer : of the level before
    sides : (slow, fast) pixels of a panel of the level
    """
    return TileGrid.cut((*finer.shape[:2], *sides), finer.tile)


def fill_level(
    fine: zarr.Array, coarse: zarr.Array, apply: Callable[..., Iterable[Any]] = map
) -> None:
    """Write one level from the one before, shard by shard.

    At most two shards are in memory for each call of ``apply`` in progress, however large the
    detector and however many panels and frames a shard holds.

    Parameters
    ----------
    fine, coarse : float32 (frame, panel, slow, fast), the shards of ``coarse`` by `grid_of_level`
    apply : as ``map``; that of a ``ThreadPoolExecutor`` makes shards side by side
    """
    for _ in apply(partial(_fill_shard, fine, coarse), shards_of(coarse)):
        pass


def _fill_shard(fine: zarr.Array, coarse: zarr.Array, shard: Tile) -> None:
    """Write a shard of a level."""
    coarse[shard.region] = reduced_shard(fine, coarse, shard)


def shards_of(array: zarr.Array) -> TileGrid:
    """The shards of an array."""
    assert array.shards is not None
    frames, panels, slow, fast = array.shape
    of_shard = array.shards
    return TileGrid(
        (frames, panels, slow, fast), (of_shard[0], of_shard[1], of_shard[2], of_shard[3])
    )


def reduced_shard(fine: zarr.Array, coarse: zarr.Array, shard: Tile) -> npt.NDArray[np.float32]:
    """Pixels of a shard of a level, from the shards of the one before that lie under it.

    Parameters
    ----------
    fine, coarse : as `fill_level`
    shard : of ``coarse``

    Raises
    ------
    UnreadableShardError
        naming the one of ``fine`` that is damaged
    """
    finer = shards_of(fine)
    frame, panel, row, column = shards_of(coarse).place_of(shard.index)
    image = np.empty(shard.shape, dtype=np.float32)
    for below in itertools.product((2 * row, 2 * row + 1), (2 * column, 2 * column + 1)):
        place = (frame, panel, *below)
        if any(number >= count for number, count in zip(place, finer.counts, strict=True)):
            continue
        tile = finer[finer.index_at(place)]
        part = halve(_read(fine, tile))
        top, left = tile.slow[0] // 2 - shard.slow[0], tile.fast[0] // 2 - shard.fast[0]
        image[..., top : top + part.shape[-2], left : left + part.shape[-1]] = part
    return image


def _read(array: zarr.Array, shard: Tile) -> npt.NDArray[np.float32]:
    try:
        return np.asarray(array[shard.region])
    except files.DAMAGE as error:
        if files.is_shortage(error):
            raise
        raise UnreadableShardError(array.path, shard.index, error) from error
