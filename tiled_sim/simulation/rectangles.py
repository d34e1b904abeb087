"""Parts of images as blocks of pixels, which is how kernels take them."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.kernels.blocks import Blocks, Pixels, images_at_a_time
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


def groups(tile: Tile) -> Iterator[list[Rectangle]]:
    """The parts of a tile, as many at a time as are laid out together."""
    _, _, slow, fast = tile.shape
    parts, number = rectangles(tile), images_at_a_time(slow * fast)
    while some := list(itertools.islice(parts, number)):
        yield some


class RectangleBlocks:
    """Rectangles of one shape as blocks of 16 × 16 pixels, laid out block by block.

    Parameters
    ----------
    parts : the rectangles, in the order of a tile
    mask : uint8 (rectangle, slow, fast), 0 = live
    device : where the pixels are computed
    """

    def __init__(
        self, parts: Sequence[Rectangle], mask: npt.NDArray[np.uint8], device: torch.device
    ) -> None:
        self.parts = parts
        self.device = device
        rows, self._columns = (-(-side // BLOCK) for side in parts[0].shape)
        self._rows, self._each = rows, rows * self._columns
        padded = np.zeros((len(parts), rows * BLOCK, self._columns * BLOCK), dtype=bool)
        padded[:, : mask.shape[1], : mask.shape[2]] = mask == 0
        by_block = padded.reshape(len(parts), rows, BLOCK, self._columns, BLOCK)
        flat = by_block.transpose(0, 1, 3, 2, 4).reshape(-1, BLOCK * BLOCK)
        self._whole = bool(flat.all())
        self._live = torch.from_numpy(flat).to(device)
        self._numbers = np.flatnonzero(flat.any(axis=1))
        self._panels = torch.tensor([part.panel for part in parts], device=device)
        self._photons = torch.zeros(self._live.shape, dtype=torch.float32, device=device)

    def live(self, parts: slice = slice(None)) -> torch.Tensor:
        """Numbers of the blocks of some of the rectangles that hold a live pixel."""
        start, stop, _ = parts.indices(len(self.parts))
        first, last = np.searchsorted(self._numbers, (start * self._each, stop * self._each))
        return torch.from_numpy(self._numbers[first:last]).to(self.device)

    def without(self, panels: frozenset[int], numbers: torch.Tensor) -> torch.Tensor:
        """Some blocks by their numbers, but for those of some panels."""
        left_out = [part.panel in panels for part in self.parts]
        if not any(left_out):
            return numbers
        part = torch.div(numbers, self._each, rounding_mode="floor")
        return numbers[~torch.tensor(left_out, device=self.device)[part]]

    def frames(self) -> Iterator[tuple[int, slice]]:
        """Each frame, and which of the rectangles are its."""
        start = 0
        for frame, parts in itertools.groupby(part.frame for part in self.parts):
            stop = start + len(list(parts))
            yield frame, slice(start, stop)
            start = stop

    def sample(self, numbers: torch.Tensor) -> Pixels:
        """A live pixel of each of some live blocks: the middle one if it is live."""
        blocks = self.blocks(numbers)
        first = blocks.live.to(torch.uint8).argmax(dim=1)
        lane = torch.where(blocks.live[:, _SAMPLED_LANE], _SAMPLED_LANE, first)
        row = torch.div(lane, BLOCK, rounding_mode="floor")
        live = torch.ones_like(lane, dtype=torch.bool)
        return Pixels(blocks.slow + row, blocks.fast + (lane - row * BLOCK), live, blocks.panel)

    def blocks(self, numbers: torch.Tensor) -> Blocks:
        """Some of the blocks of a frame, in order."""
        part = torch.div(numbers, self._each, rounding_mode="floor")
        place = numbers - part * self._each
        row = torch.div(place, self._columns, rounding_mode="floor")
        return Blocks(
            (row * BLOCK + self.parts[0].slow[0]).to(torch.float64),
            ((place - row * self._columns) * BLOCK + self.parts[0].fast[0]).to(torch.float64),
            self._live[numbers],
            self._whole,
            self._panel_of(part),
        )

    def _panel_of(self, part: torch.Tensor) -> int | torch.Tensor:
        """Panel of all of some blocks, or of each, by the rectangles that they are of."""
        first, last = part[[0, -1]].tolist() if len(part) else (0, 0)
        panels = {of.panel for of in self.parts[first : last + 1]}
        return panels.pop() if len(panels) == 1 else self._panels[part]

    def holding(self, pixel: tuple[int, int]) -> tuple[Blocks, int]:
        """The block of a pixel (slow, fast) of the first rectangle, and its place in that."""
        where = self.parts[0]
        row, column = pixel[0] - where.slow[0], pixel[1] - where.fast[0]
        number = torch.tensor([(row // BLOCK) * self._columns + column // BLOCK])
        return self.blocks(number.to(self.device)), (row % BLOCK) * BLOCK + column % BLOCK

    def fill(self, numbers: torch.Tensor, blocks: Blocks, photons: torch.Tensor) -> None:
        """Keep the photons of some blocks, (blocks, 256); pixels that are not live stay 0."""
        values = photons if blocks.whole else torch.where(blocks.live, photons, 0.0)
        self._photons[numbers] = values.to(torch.float32)

    def images(self) -> npt.NDArray[np.float32]:
        """The rectangles, float32 (rectangle, slow, fast)."""
        blocks = self._photons.cpu().numpy()
        by_row = blocks.reshape(-1, self._rows, self._columns, BLOCK, BLOCK).swapaxes(2, 3)
        slow, fast = self.parts[0].shape
        image = by_row.reshape(-1, self._rows * BLOCK, self._columns * BLOCK)[:, :slow, :fast]
        return image
