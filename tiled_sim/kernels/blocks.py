"""Pixels to compute: flat lists of them, and blocks of 16 × 16.

Tiles are made of whole blocks, so that a pixel's block, and with it its value to the last bit,
does not depend on the tile.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from tiled_sim.model.grid import BLOCK
from tiled_sim.model.settings import COMPILED, REFERENCE, SPOTS, TRITON

#: Pixels of a block.
LANES = BLOCK * BLOCK
#: Blocks that a kernel works on at a time. Of the reference 120 KiB a float64 tensor, so that they
#: stay in cache, and below the size at which the C library maps and unmaps every one of them; of
#: Triton 2 million pixels, several rounds of the ten or so blocks that each multiprocessor works on
#: at a time (anchors, differences and sums take some 20 KiB a block, 160 MiB in all).
AT_A_TIME = {REFERENCE: 60, COMPILED: 256, TRITON: 8192}
#: Of the images that are laid out together, unless one has more: 4 MB of float32. Memory and time
#: depend on it, results do not.
PIXELS_LAID_OUT = 1 << 20
#: Of frames whose kernels are made, and whose blocks are summed, together, and of their steps in
#: all: what a frame costs beside its sum is nothing beside that of many steps.
_FRAMES, _STEPS_OF_FRAMES = 16, 1 << 10


def frames_at_a_time(kernel: str, steps: int) -> int:
    """How many frames of so many steps a kernel takes together."""
    return min(max(_STEPS_OF_FRAMES // steps, 1), _FRAMES) if kernel in (COMPILED, SPOTS) else 1


def images_at_a_time(pixels: int) -> int:
    """How many images of so many pixels are laid out together."""
    return max(PIXELS_LAID_OUT // pixels, 1)


def count_live(live: Tensor) -> int:
    """How many pixels are live; on CPU not by torch, which takes several times as long."""
    return int(live.sum() if live.is_cuda else np.count_nonzero(live.numpy()))


class Pixels(NamedTuple):
    """The pixels to compute, as flat tensors of one length.

    Parameters
    ----------
    slow, fast : whole coordinates on the panel, float64
    live : False where a pixel is not wanted
    panel : number of the panel of all of them, or of each, int64
    """

    slow: Tensor
    fast: Tensor
    live: Tensor
    panel: int | Tensor = 0

    def some(self, which: Tensor | slice) -> "Pixels":
        """Some of the pixels."""
        slow, fast, live, panel = self
        return Pixels(slow[which], fast[which], live[which], _some(panel, which))

    def by_panel(self) -> Iterator["Pixels"]:
        """The pixels of one panel after the other; those of one follow each other."""
        for number, which in _runs(self.panel):
            yield self.some(which)._replace(panel=number)


class Seen:
    """What blocks see, kept from one kernel to the next that sees the same."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._value: Any = None

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What was made last for the key, or is made for it now."""
        if key != self._key:
            self._key, self._value = None, None
            self._value = make()
            self._key = key
        return self._value


class Blocks(NamedTuple):
    """Blocks of 16 × 16 pixels, on the grids of their panels.

    Parameters
    ----------
    slow, fast : corners on the panel [pixel], float64 (blocks,)
    live : False where a pixel is not wanted, (blocks, 256)
    whole : True if all are live
    panel : number of the panel of all of them, or of each, int64 (blocks,), in order
    seen : keeps what they see for the next kernel; None: nothing does
    """

    slow: Tensor
    fast: Tensor
    live: Tensor
    whole: bool
    panel: int | Tensor = 0
    seen: Seen | None = None

    @property
    def number_live(self) -> int:
        """Live pixels of all."""
        return self.live.numel() if self.whole else count_live(self.live)

    def some(self, which: Tensor | slice) -> "Blocks":
        """Some of the blocks."""
        panel = _some(self.panel, which)
        return Blocks(self.slow[which], self.fast[which], self.live[which], self.whole, panel)

    def split(self, size: int) -> Iterator["Blocks"]:
        """So many at a time."""
        for start in range(0, len(self.slow), size):
            yield self.some(slice(start, start + size))

    def by_panel(self) -> Iterator["Blocks"]:
        """The blocks of one panel after the other, in order."""
        for number, which in _runs(self.panel):
            yield self.some(which)._replace(panel=number)

    def pixels(self) -> Pixels:
        """Their pixels, row by row, block after block."""
        lane = torch.arange(LANES, device=self.slow.device)
        panel = self.panel
        return Pixels(
            (self.slow[:, None] + lane // BLOCK).flatten(),
            (self.fast[:, None] + lane % BLOCK).flatten(),
            self.live.flatten(),
            panel if isinstance(panel, int) else panel.repeat_interleave(LANES),
        )


def _some(panel: int | Tensor, which: Tensor | slice) -> int | Tensor:
    return panel if isinstance(panel, int) else panel[which]


def _runs(panel: int | Tensor) -> Iterator[tuple[int, slice]]:
    """Panels one after the other, and which elements are of each."""
    if isinstance(panel, int):
        yield panel, slice(None)
        return
    numbers, counts = torch.unique_consecutive(panel, return_counts=True)
    start = 0
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        yield number, slice(start, start + count)
        start += count
