"""Pixels to compute: flat lists of them, and blocks of 16 × 16.

Tiles are made of whole blocks, so that a pixel's block, and with it its value to the last bit,
does not depend on the tile.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.model.grid import BLOCK

#: Pixels of a block.
LANES = BLOCK * BLOCK


class Pixels(NamedTuple):
    """The pixels to compute, as flat tensors of one length.

    Parameters
    ----------
    slow, fast : whole coordinates on the panel, float64
    live : False where a pixel is not wanted
    """

    slow: Tensor
    fast: Tensor
    live: Tensor


class Blocks(NamedTuple):
    """Blocks of 16 × 16 pixels, on the panel's own grid.

    Parameters
    ----------
    slow, fast : corners on the panel [pixel], float64 (blocks,)
    live : False where a pixel is not wanted, (blocks, 256)
    whole : True if all are live
    """

    slow: Tensor
    fast: Tensor
    live: Tensor
    whole: bool

    @property
    def number_live(self) -> int:
        """Live pixels of all."""
        return self.live.numel() if self.whole else int(self.live.sum())

    def split(self, size: int) -> Iterator["Blocks"]:
        """So many at a time."""
        for start in range(0, len(self.slow), size):
            part = slice(start, start + size)
            yield Blocks(self.slow[part], self.fast[part], self.live[part], self.whole)

    def pixels(self) -> Pixels:
        """Their pixels, row by row, block after block."""
        lane = torch.arange(LANES, device=self.slow.device)
        return Pixels(
            (self.slow[:, None] + lane // BLOCK).flatten(),
            (self.fast[:, None] + lane % BLOCK).flatten(),
            self.live.flatten(),
        )
