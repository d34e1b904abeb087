"""Patches: the rectangles of blocks that are worked on at a time."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks, count_live
from tiled_sim.kernels.panels import Panels
from tiled_sim.model.detector import Panel
from tiled_sim.model.grid import BLOCK
from tiled_sim.physics.vectors import Array

# What is worked on at a time. Memory and time depend on these numbers, results do not.
PATCH_SIDE = 512


class Patch(NamedTuple):
    """A rectangle of whole blocks of a panel.

    Parameters
    ----------
    corner : (slow, fast) on the panel [pixel]
    shape : (slow, fast) [pixel]
    oversample : subpixels along a side of a pixel
    panel : its number
    """

    corner: tuple[int, int]
    shape: tuple[int, int]
    oversample: int
    panel: int = 0

    @property
    def subpixels(self) -> tuple[int, int]:
        """(slow, fast) [subpixel]."""
        rows, columns = self.shape
        return rows * self.oversample, columns * self.oversample

    @property
    def number_of_blocks(self) -> int:
        """Of all of them, row by row."""
        rows, columns = self.shape
        return rows * columns // BLOCK**2

    def wanted(self, place: Tensor, live: Tensor) -> Tensor | None:
        """Which subpixels are of live pixels, (slow, fast); None if all are.

        Parameters
        ----------
        place : of blocks among those of the patch, int64 (blocks,)
        live : of their pixels, (blocks, 256)
        """
        if len(place) == self.number_of_blocks and count_live(live) == live.numel():
            return None
        rows, columns = (side // BLOCK for side in self.shape)
        every = torch.zeros((rows * columns, BLOCK * BLOCK), dtype=torch.bool)
        every[place] = live
        pixels = every.view(rows, columns, BLOCK, BLOCK).transpose(1, 2).reshape(self.shape)
        for axis in range(2):
            pixels = pixels.repeat_interleave(self.oversample, axis)
        return pixels.contiguous()

    def corners(self, panel: Panel) -> Array:
        """Directions to its four corners, in turn, (4, 3)."""
        rows, columns = self.shape
        corners = np.add([(0, 0), (0, columns), (rows, columns), (rows, 0)], self.corner)
        axes = np.array([panel.slow_axis, panel.fast_axis])
        position = np.array(panel.origin) + (corners * panel.pixel_size) @ axes
        return position / np.linalg.norm(position, axis=1, keepdims=True)


def patches_of(
    blocks: Blocks, panels: Panels, oversample: int
) -> Iterator[tuple[Patch, Tensor, Tensor]]:
    """Patches that hold some blocks, with their places among all of the patch and their numbers.

    Patches keep to the cells of a grid of the panel's own.
    """
    side = _side(oversample)
    before = 0
    for some in blocks.by_panel():
        panel = some.panel
        assert isinstance(panel, int)
        rows, columns = panels[panel].pixels
        after = before + len(some.slow)
        if after > before and max(rows, columns) <= side:  # there is but one
            yield *_around(some, panel, oversample), torch.arange(before, after)
        else:
            cell = (some.slow // side) * columns + some.fast // side
            for number in cell.unique():
                numbers = (cell == number).nonzero()[:, 0]
                yield *_around(some.some(numbers), panel, oversample), numbers + before
        before = after


class PatchGrid:
    """The patches that hold the region of a panel, numbered row by row.

    Parameters
    ----------
    panel : whose region it is
    oversample : subpixels along a side of a pixel
    number : of the panel
    """

    def __init__(self, panel: Panel, oversample: int, number: int = 0) -> None:
        self._oversample = oversample
        self._number = number
        self._side = _side(oversample)
        self._ends = panel.ends
        self._rows, self._columns = (
            range(first // self._side * self._side, stop, self._side) for first, stop in self._ends
        )

    def __len__(self) -> int:
        return len(self._rows) * len(self._columns)

    def __getitem__(self, number: int) -> Patch:
        row, column = divmod(number, len(self._columns))
        starts = self._rows[row], self._columns[column]
        corner, shape = [], []
        for start, (first, stop) in zip(starts, self._ends, strict=True):
            corner.append(max(start, first // BLOCK * BLOCK))
            shape.append(-(-(min(start + self._side, stop) - corner[-1]) // BLOCK) * BLOCK)
        whole = (shape[0], shape[1])
        return Patch((corner[0], corner[1]), whole, self._oversample, self._number)


def _side(oversample: int) -> int:
    """Side of the largest patch, whole blocks [pixel]."""
    return max(PATCH_SIDE // oversample // BLOCK, 1) * BLOCK


def _around(blocks: Blocks, panel: int, oversample: int) -> tuple[Patch, Tensor]:
    """The patch that holds some blocks, and the place of each among all blocks of the patch."""
    slow, fast = int(blocks.slow.min()), int(blocks.fast.min())
    row, column = ((blocks.slow - slow) // BLOCK).long(), ((blocks.fast - fast) // BLOCK).long()
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    patch = Patch((slow, fast), (rows * BLOCK, columns * BLOCK), oversample, panel)
    return patch, row * columns + column
