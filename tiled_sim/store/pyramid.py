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

LONGEST_SIDE = 512
"""No level is made of a level whose sides are this long or shorter [pixel]."""


@dataclass(frozen=True, slots=True)
class PixelAxis:
    """Where equally spaced pixels stand along one axis of a panel.

    Parameters
    ----------
    first : centre of pixel 0 [mm, or pixel]
    pitch : from one centre to the next, in the same unit
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
    """Mean of each 2 × 2 pixels, float32 (ceil(slow / 2), ceil(fast / 2)).

    NaN pixels, and those beyond an odd edge, do not count; where none counts the result is NaN.

    Parameters
    ----------
    image : float32 (slow, fast)
    """
    shape = tuple(math.ceil(side / 2) for side in image.shape)
    total = np.zeros(shape, dtype=np.float64)
    count = np.zeros(shape, dtype=np.uint8)
    for slow, fast in itertools.product(range(2), repeat=2):
        part = image[slow::2, fast::2]
        corner = np.s_[: part.shape[0], : part.shape[1]]
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


def fill_level(
    fine: zarr.Array, coarse: zarr.Array, apply: Callable[..., Iterable[Any]] = map
) -> None:
    """Write one level from the one before, shard by shard.

    At most two shards are in memory for each call of ``apply`` in progress, however large the
    detector.

    Parameters
    ----------
    fine, coarse : float32 (frame, panel, slow, fast) with the same shards of even sides
    apply : as ``map``; that of a ``ThreadPoolExecutor`` makes shards side by side
    """
    assert coarse.shards is not None
    sides = zip(coarse.shape, coarse.shards, strict=True)
    shards = itertools.product(*(range(math.ceil(size / side)) for size, side in sides))
    for _ in apply(partial(_fill_shard, fine, coarse), shards):
        pass


def _fill_shard(fine: zarr.Array, coarse: zarr.Array, shard: tuple[int, int, int, int]) -> None:
    frame, panel, row, column = shard
    slow, fast = _shard_region(coarse, row, column)
    image = np.empty((slow.stop - slow.start, fast.stop - fast.start), dtype=np.float32)
    for down, right in itertools.product(range(2), repeat=2):
        fine_slow, fine_fast = _shard_region(fine, 2 * row + down, 2 * column + right)
        if fine_slow.start >= fine_slow.stop or fine_fast.start >= fine_fast.stop:
            continue
        part = halve(np.asarray(fine[frame, panel, fine_slow, fine_fast]))
        top, left = fine_slow.start // 2 - slow.start, fine_fast.start // 2 - fast.start
        image[top : top + part.shape[0], left : left + part.shape[1]] = part
    coarse[frame, panel, slow, fast] = image


def _shard_region(array: zarr.Array, row: int, column: int) -> tuple[slice, slice]:
    """Pixels of a shard, cut at the edge of the panel; empty beyond it."""
    assert array.shards is not None
    slow, fast = (
        slice(min(number * side, size), min((number + 1) * side, size))
        for number, side, size in zip(
            (row, column), array.shards[-2:], array.shape[-2:], strict=True
        )
    )
    return slow, fast
