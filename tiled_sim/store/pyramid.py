"""Smaller copies of an image, each the mean of 2 × 2 pixels of the one before."""

import itertools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr

from tiled_sim.errors import StoreError
from tiled_sim.model.grid import BLOCK, Tile, TileGrid
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place
from tiled_sim.store.shards import DamagedPixelsError
from tiled_sim.store.whole_shards import parts_of_shard

LONGEST_SIDE = 512
"""No level is made of a level whose sides are this long or shorter [pixel]."""
WORTH_A_FILE = 1 << 18
"""Of a tile, on levels that have a file for each: 1 MB of float32 [pixel]."""
#: Rows that are halved at a time: they stay in the cache.
_ROWS = 32


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
        self.array = array
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
    *images, slow, fast = image.shape
    mean = np.empty((*images, math.ceil(slow / 2), math.ceil(fast / 2)), dtype=np.float32)
    with np.errstate(invalid="ignore"):  # pixels that are spoilt may be NaN that signal
        for start in range(0, slow, _ROWS):
            stop = start + _ROWS
            _halve(image[..., start:stop, :], mean[..., start // 2 : stop // 2, :])
    return mean


def _halve(image: npt.NDArray[np.float32], mean: npt.NDArray[np.float32]) -> None:
    """Some rows, as `halve`."""
    if image.shape[-2] % 2 == image.shape[-1] % 2 == 0:
        values = image.astype(np.float64)
        total = values[..., 0::2, 0::2] + values[..., 0::2, 1::2]
        total += values[..., 1::2, 0::2]
        total += values[..., 1::2, 1::2]
        if not np.isnan(total).any():
            np.multiply(total, 0.25, out=mean, casting="same_kind")
            return
    total = np.zeros(mean.shape, dtype=np.float64)
    count = np.zeros(mean.shape, dtype=np.uint8)
    for first, second in itertools.product(range(2), repeat=2):
        part = image[..., first::2, second::2]
        corner = np.s_[..., : part.shape[-2], : part.shape[-1]]
        valid = ~np.isnan(part)
        np.add(total[corner], part, out=total[corner], where=valid)
        count[corner] += valid
    mean[...] = np.nan
    np.divide(total, count, out=mean, where=count > 0, casting="same_kind")


def smaller_shapes(slow: int, fast: int) -> list[tuple[int, int]]:
    """Shapes (slow, fast) of levels 1, 2, …; none where level 0 is small already."""
    shapes = []
    while max(slow, fast) > LONGEST_SIDE:
        slow, fast = math.ceil(slow / 2), math.ceil(fast / 2)
        shapes.append((slow, fast))
    return shapes


class Level(NamedTuple):
    """How a level is divided.

    Parameters
    ----------
    grid : of its shards
    of_tiles : whether each is a smaller copy of a tile, which who computes that makes; else their
        sides are those of tiles, and they are made when all tiles are there
    """

    grid: TileGrid
    of_tiles: bool


def levels_of(grid: TileGrid, worth_a_file: float | None = None) -> list[Level]:
    """How levels 1, 2, … are divided.

    Parameters
    ----------
    grid : of the tiles
    worth_a_file : pixels that a shard of a tile has at least; None: `WORTH_A_FILE`
    """
    fewest = WORTH_A_FILE if worth_a_file is None else worth_a_file
    frames, panels, *sides = grid.tile
    levels: list[Level] = []
    for shape in smaller_shapes(*grid.shape[2:]):
        factor = 2 ** (len(levels) + 1)
        of_tiles = (
            all(side % (factor * BLOCK) == 0 for side in sides)
            and math.prod(grid.tile) // factor**2 >= fewest
        )
        whole = (*grid.shape[:2], *shape)
        if of_tiles:
            slow, fast = (side // factor for side in sides)
            level = TileGrid(whole, (frames, panels, slow, fast))
        else:
            level = TileGrid.cut(whole, grid.tile)
        levels.append(Level(level, of_tiles))
    return levels


def shards_of(array: zarr.Array) -> TileGrid:
    """The shards of an array."""
    assert array.shards is not None
    frames, panels, slow, fast = array.shape
    of_shard = array.shards
    return TileGrid(
        (frames, panels, slow, fast), (of_shard[0], of_shard[1], of_shard[2], of_shard[3])
    )


def reduced_shard(
    objects: Objects, run: Place, fine: zarr.Array, coarse: zarr.Array, shard: Tile
) -> npt.NDArray[np.float32]:
    """Pixels of a shard of a level, from the shards of the one before that lie under it.

    It and one more are in memory, however large the detector.

    Parameters
    ----------
    objects, run : of the run, and its path
    fine, coarse : float32 (frame, panel, slow, fast), by `levels_of`
    shard : of ``coarse``

    Raises
    ------
    UnreadableShardError
        naming the one of ``fine`` that is damaged
    """
    finer = shards_of(fine)
    frame, panel, _, _ = shards_of(coarse).place_of(shard.index)
    rows, columns = (
        range(2 * start // side, math.ceil(min(2 * stop, size) / side))
        for (start, stop), side, size in zip(
            shard.ranges[2:], finer.tile[2:], finer.shape[2:], strict=True
        )
    )
    image = np.empty(shard.shape, dtype=np.float32)
    for row, column in itertools.product(rows, columns):
        place = (frame, panel, row, column)
        below = finer[finer.index_at(place)]
        try:
            for first, part in parts_of_shard(fine, below, place, objects, run):
                half = halve(part)
                corner = (first[0], first[1], first[2] // 2, first[3] // 2)
                image[
                    tuple(
                        slice(at - start, at - start + side)
                        for at, (start, _), side in zip(
                            corner, shard.ranges, half.shape, strict=True
                        )
                    )
                ] = half
        except DamagedPixelsError as error:
            raise UnreadableShardError(fine.path, below.index, error.__cause__) from error
    return image
