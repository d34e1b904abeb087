"""Parts of images as blocks of pixels, which is how kernels take them."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.kernels.blocks import LANES, Blocks, Pixels, images_at_a_time
from tiled_sim.model.detector import Panel
from tiled_sim.model.grid import BLOCK, Range, Tile

#: The pixel of a block whose look-ups are counted for a kernel that does not count, if it is live.
_SAMPLED_LANE = 8 * BLOCK + 8

#: Of blocks, in order.
Numbers = npt.NDArray[np.int64]


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


def cut_to_regions(parts: Sequence[Rectangle], panels: Sequence[Panel]) -> list[Rectangle]:
    """Rectangles of one shape cut to the blocks that may hold a live pixel of any of them.

    Parameters
    ----------
    parts : of one tile
    panels : of the detector, outside whose regions no pixel is live

    Returns
    -------
    of one shape again; empty if there are no such blocks
    """
    ends = [panels[number].ends for number in {part.panel for part in parts}]
    slow, fast = map(_cut, (parts[0].slow, parts[0].fast), zip(*ends, strict=True))
    if slow is None or fast is None:
        return []
    return [part._replace(slow=slow, fast=fast) for part in parts]


def _cut(side: Range, wanted: Sequence[Range]) -> Range | None:
    """The blocks of a side of a tile that reach into any of some ranges; None: there are none."""
    first = min(start for start, _ in wanted) // BLOCK * BLOCK
    start, stop = max(side[0], first), min(side[1], max(stop for _, stop in wanted))
    return (start, stop) if start < stop else None


class OfFrames(NamedTuple):
    """Rectangles of frames with the same panels, those of one frame after the other.

    Parameters
    ----------
    frames : their numbers
    start : number of the first rectangle
    each : rectangles of a frame
    blocks : of a frame, by which a block's number grows from one frame to the next
    """

    frames: list[int]
    start: int
    each: int
    blocks: int

    @property
    def first(self) -> slice:
        """The rectangles of the first frame."""
        return slice(self.start, self.start + self.each)

    @property
    def every(self) -> slice:
        """All of them."""
        return slice(self.start, self.start + self.each * len(self.frames))


def all_live(parts: Sequence[Rectangle]) -> npt.NDArray[np.bool_]:
    """Live pixels of rectangles of one shape that have no others; of no size, to be read only."""
    return np.broadcast_to(np.True_, (len(parts), *parts[0].shape))


def numbers_live(live: npt.NDArray[np.bool_]) -> list[int]:
    """How many pixels of each of some rectangles are live; those of `all_live` need no counting."""
    if not any(live.strides):
        return [live[0].size] * len(live)
    numbers: list[int] = np.count_nonzero(live, axis=(1, 2)).tolist()
    return numbers


class RectangleBlocks:
    """Rectangles of one shape as blocks of 16 × 16 pixels.

    Parameters
    ----------
    parts : the rectangles, in the order of a tile
    live : pixels that are wanted, (rectangle, slow, fast)
    device : where the pixels are computed
    images : to be filled in, zeros (rectangle, slow, fast) [photons]; None: none are
    """

    def __init__(
        self,
        parts: Sequence[Rectangle],
        live: npt.NDArray[np.bool_],
        device: torch.device,
        images: npt.NDArray[np.float32] | None = None,
    ) -> None:
        self.parts = parts
        self.device = device
        rows, columns = self._sides = tuple(-(-side // BLOCK) for side in parts[0].shape)
        sides = rows * BLOCK, columns * BLOCK
        if live.shape[1:] != sides:
            padded = np.zeros((len(parts), *sides), dtype=np.bool_)
            padded[:, : live.shape[1], : live.shape[2]] = live
            live = padded
        number = len(parts) * rows * columns
        if not any(live.strides):  # of `all_live`
            self._whole = True
            self._live = torch.ones((1, LANES), dtype=torch.bool, device=device).expand(number, -1)
            self._numbers = np.arange(number)
        else:
            self._whole = bool(live.all())
            if not self._whole:  # else the order is of no account
                live = live.reshape(len(parts), rows, BLOCK, columns, BLOCK).swapaxes(2, 3)
            flat = live.reshape(number, LANES)
            self._live = torch.from_numpy(flat).to(device)
            self._numbers = np.arange(number) if self._whole else np.flatnonzero(flat.any(axis=1))
        self._each = rows * columns
        self._panels = np.array([part.panel for part in parts])
        slow, fast = (
            start + BLOCK * np.arange(count, dtype=np.float64)
            for (start, _), count in zip((parts[0].slow, parts[0].fast), self._sides, strict=True)
        )
        corners = np.tile(slow.repeat(columns), len(parts)), np.tile(fast, rows * len(parts))
        self._corners = tuple(torch.from_numpy(corner).to(device) for corner in corners)
        self._images = images
        self._photons: torch.Tensor | None = None
        if images is not None:
            self._photons = self._laid_out(images, sides)

    def _laid_out(self, images: npt.NDArray[np.float32], sides: tuple[int, int]) -> torch.Tensor:
        """The images themselves where that can be, else others of whole blocks, by blocks.

        Returns
        -------
        (rectangle, row of blocks, column of blocks, 16, 16)
        """
        rows, columns = self._sides
        if self.device.type == "cpu" and images.shape[1:] == sides:
            photons = torch.from_numpy(images)
            self._images = None
        else:
            photons = torch.zeros((len(images), *sides), dtype=torch.float32, device=self.device)
        by_row = photons.unflatten(2, (columns, BLOCK)).unflatten(1, (rows, BLOCK))
        return by_row.transpose(2, 3)

    def live(self, parts: slice = slice(None)) -> Numbers:
        """Numbers of the blocks of some of the rectangles that hold a live pixel."""
        start, stop, _ = parts.indices(len(self.parts))
        first, last = np.searchsorted(self._numbers, (start * self._each, stop * self._each))
        return self._numbers[first:last]

    def without(self, panels: frozenset[int], numbers: Numbers) -> Numbers:
        """Some blocks by their numbers, but for those of some panels."""
        if not panels:
            return numbers
        left_out = np.isin(self._panels, list(panels))
        return numbers[~left_out[numbers // self._each]]

    def frames(self, most: int) -> Iterator["OfFrames"]:
        """The rectangles by frames: those with the same panels together, at most so many."""
        start = 0
        each = [
            (frame, [part.panel for part in parts])
            for frame, parts in itertools.groupby(self.parts, lambda part: part.frame)
        ]
        for panels, same in itertools.groupby(each, lambda one: one[1]):
            numbers = [frame for frame, _ in same]
            for first in range(0, len(numbers), most):
                some = numbers[first : first + most]
                yield OfFrames(some, start, len(panels), len(panels) * self._each)
                start += len(some) * len(panels)

    def sample(self, numbers: Numbers) -> Pixels:
        """A live pixel of each of some live blocks: the middle one if it is live."""
        blocks = self.blocks(numbers)
        row: int | torch.Tensor
        column: int | torch.Tensor
        if blocks.whole:
            row, column = divmod(_SAMPLED_LANE, BLOCK)
        else:
            first = blocks.live.to(torch.uint8).argmax(dim=1)
            lane = torch.where(blocks.live[:, _SAMPLED_LANE], _SAMPLED_LANE, first)
            row = torch.div(lane, BLOCK, rounding_mode="floor")
            column = lane - row * BLOCK
        live = torch.ones_like(blocks.slow, dtype=torch.bool)
        return Pixels(blocks.slow + row, blocks.fast + column, live, blocks.panel)

    def blocks(self, numbers: Numbers) -> Blocks:
        """Some of the blocks of a frame, in order."""
        places = self._places(numbers)
        slow, fast = (corner[places] for corner in self._corners)
        return Blocks(slow, fast, self._live[places], self._whole, self._panel_of(numbers))

    def _places(self, numbers: Numbers) -> slice | torch.Tensor:
        """Where some blocks lie; those that follow each other need not be copied."""
        if len(numbers) and numbers[-1] - numbers[0] + 1 == len(numbers):
            return slice(int(numbers[0]), int(numbers[-1]) + 1)
        return torch.from_numpy(numbers).to(self.device)

    def _panel_of(self, numbers: Numbers) -> int | torch.Tensor:
        """Panel of all of some blocks, or of each."""
        first, last = (numbers[0], numbers[-1]) if len(numbers) else (0, 0)
        panels = {of.panel for of in self.parts[first // self._each : last // self._each + 1]}
        if len(panels) == 1:
            return panels.pop()
        return torch.from_numpy(self._panels[numbers // self._each]).to(self.device)

    def holding(self, pixel: tuple[int, int]) -> tuple[Blocks, int]:
        """The block of a pixel (slow, fast) of the first rectangle, and its place in that."""
        where = self.parts[0]
        row, column = pixel[0] - where.slow[0], pixel[1] - where.fast[0]
        number = np.array([(row // BLOCK) * self._sides[1] + column // BLOCK])
        return self.blocks(number), (row % BLOCK) * BLOCK + column % BLOCK

    def fill(self, numbers: Numbers, blocks: Blocks, photons: torch.Tensor) -> None:
        """Keep the photons of some blocks, (blocks, 256); pixels that are not live stay 0."""
        assert self._photons is not None
        values = photons
        if not blocks.whole:
            values = torch.where(blocks.live, photons.to(torch.float32), 0.0)
        if (rows := self._whole_rows(numbers)) is not None:
            # a copy without indices is fast
            target = self._photons[rows]
            target.copy_(values.view(target.shape))
            return
        image, number = np.divmod(numbers, self._each)
        places = (image, *np.divmod(number, self._sides[1]))
        at = tuple(torch.from_numpy(place).to(self.device) for place in places)
        self._photons[at] = values.to(torch.float32).view(-1, BLOCK, BLOCK)

    def _whole_rows(self, numbers: Numbers) -> tuple[slice, slice] | None:
        """The rectangles, and of each the rows of blocks, that some blocks are; None: others."""
        first, last, (rows, columns) = int(numbers[0]), int(numbers[-1]), self._sides
        count, rest = divmod(len(numbers), columns)
        if last - first + 1 != len(numbers) or first % columns or rest:
            return None
        image, row = divmod(first // columns, rows)
        if row + count <= rows:
            return slice(image, image + 1), slice(row, row + count)
        whole = slice(image, image + count // rows), slice(rows)
        return None if row or count % rows else whole

    def write(self) -> None:
        """Have all photons in the images."""
        if self._images is None:
            return  # that is where they were put
        assert self._photons is not None
        _, slow, fast = self._images.shape
        photons = self._photons.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        self._images[:] = photons.cpu().numpy()[:, :slow, :fast]
