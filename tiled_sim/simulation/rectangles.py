"""Parts of images as blocks of pixels, which is how kernels take them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.model.grid import BLOCK, Range, Tile

#: The pixel of a block whose look-ups are counted for a kernel that does not count, if it is live.
_SAMPLED_LANE = 8 * BLOCK + 8


class Rectangle(NamedTuple):
    """Part of one image: where it begins, and how large it is.

    Parameters
    ----------
    frame, panel : of which image
    slow, fast : (start, stop) pixels, half-open
    """

    frame: int
    panel: int
    slow: Range
    fast: Range

    @property
    def shape(self) -> tuple[int, int]:
        """(slow, fast) number of pixels."""
        return self.slow[1] - self.slow[0], self.fast[1] - self.fast[0]

    @property
    def sides(self) -> tuple[slice, slice]:
        """The pixels as slices of the panel."""
        return slice(*self.slow), slice(*self.fast)

    def holds(self, slow: int, fast: int) -> bool:
        """Whether a pixel of the panel lies in it."""
        return slow in range(*self.slow) and fast in range(*self.fast)


def rectangles(tile: Tile) -> Iterator[Rectangle]:
    """The parts of a tile, one an image."""
    return (Rectangle(frame, panel, tile.slow, tile.fast) for frame, panel in tile.images())


class RectangleBlocks:
    """A rectangle as blocks of 16 × 16 pixels, laid out block by block.

    Parameters
    ----------
    where : the rectangle
    mask : uint8 (slow, fast) of it, 0 = live
    device : where the pixels are computed
    """

    def __init__(self, where: Rectangle, mask: npt.NDArray[np.uint8], device: torch.device) -> None:
        self.where = where
        self.device = device
        self._rows, self.columns = (-(-side // BLOCK) for side in where.shape)
        padded = np.ones((self._rows * BLOCK, self.columns * BLOCK), dtype=bool)
        padded[: where.shape[0], : where.shape[1]] = mask != 0
        live = ~padded.reshape(self._rows, BLOCK, self.columns, BLOCK).transpose(0, 2, 1, 3)
        flat = live.reshape(-1, BLOCK * BLOCK)
        self._whole = bool(flat.all())
        self._live = torch.from_numpy(np.ascontiguousarray(flat)).to(device)
        #: Numbers of the blocks that hold a live pixel.
        self.live = torch.from_numpy(np.flatnonzero(flat.any(axis=1))).to(device)
        self._photons = torch.zeros(self._live.shape, dtype=torch.float32, device=device)

    def sample(self, spacing: int) -> Pixels:
        """A live pixel of every so many live blocks: the middle one if it is live."""
        blocks = self.blocks(self.live[::spacing])
        first = blocks.live.to(torch.uint8).argmax(dim=1)
        lane = torch.where(blocks.live[:, _SAMPLED_LANE], _SAMPLED_LANE, first)
        row = torch.div(lane, BLOCK, rounding_mode="floor")
        live = torch.ones_like(lane, dtype=torch.bool)
        return Pixels(blocks.slow + row, blocks.fast + (lane - row * BLOCK), live)

    def blocks(self, numbers: torch.Tensor) -> Blocks:
        """Some of the blocks."""
        row = torch.div(numbers, self.columns, rounding_mode="floor")
        return Blocks(
            (row * BLOCK + self.where.slow[0]).to(torch.float64),
            ((numbers - row * self.columns) * BLOCK + self.where.fast[0]).to(torch.float64),
            self._live[numbers],
            self._whole,
        )

    def holding(self, pixel: tuple[int, int]) -> tuple[Blocks, int]:
        """The block of a pixel (slow, fast), and the pixel's place in it."""
        row, column = pixel[0] - self.where.slow[0], pixel[1] - self.where.fast[0]
        number = torch.tensor([(row // BLOCK) * self.columns + column // BLOCK])
        return self.blocks(number.to(self.device)), (row % BLOCK) * BLOCK + column % BLOCK

    def fill(self, numbers: torch.Tensor, blocks: Blocks, photons: torch.Tensor) -> None:
        """Keep the photons of some blocks, (blocks, 256); pixels that are not live stay 0."""
        values = photons if blocks.whole else torch.where(blocks.live, photons, 0.0)
        self._photons[numbers] = values.to(torch.float32)

    def image(self) -> npt.NDArray[np.float32]:
        """The rectangle, float32 (slow, fast)."""
        blocks = self._photons.cpu().numpy().reshape(self._rows, self.columns, BLOCK, BLOCK)
        whole = blocks.transpose(0, 2, 1, 3).reshape(self._rows * BLOCK, self.columns * BLOCK)
        slow, fast = self.where.shape
        return np.ascontiguousarray(whole[:slow, :fast])
