"""Pixels of a run as tiles of the mosaic need them: small panels are read with their neighbours."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.run.run import Run
from tiled_sim.store.shards import read_pixels
from tiled_sim.viewer.done import Done
from tiled_sim.viewer.kept import Kept

#: Of what was read and is probably asked for again soon [byte].
_KEPT = 96 << 20
#: Panels that are read whole have no more pixels.
_SMALL = 1 << 20


class Pixels:
    """Reads rectangles of panels.

    A tile of a run that holds whole panels is read in one go and kept for a while, because a tile of
    the mosaic has parts of several, and the next has the other parts.

    Parameters
    ----------
    run : finished or not
    done : of it

    Attributes
    ----------
    all_live : whether it is known that no pixel is dead
    """

    def __init__(self, run: Run, done: Done) -> None:
        self._run = run
        self._done = done
        grid = run.plan.grid
        self._has_whole_panels = grid.counts[2:] == (1, 1) and math.prod(grid.shape[2:]) <= _SMALL
        self.all_live = run.store.mask_is_live()
        self._kept: Kept[tuple[str, int, int], npt.NDArray[Any]] = Kept(_KEPT)

    def read(
        self, quantity: str, frame: int, panel: int, slow: slice, fast: slice
    ) -> npt.NDArray[Any]:
        """Pixels of a rectangle, (slow, fast), as the store has them.

        Parameters
        ----------
        quantity : ``image`` or ``counts``
        frame, panel : which image
        slow, fast : of the panel

        Raises
        ------
        StoreError
            they are damaged
        """
        array = self._run.store.array(counts=quantity == "counts")
        if not self._has_whole_panels or not self._is_done(frame, panel):
            return read_pixels(array, (frame, panel, slow, fast), self._run.path)
        side = self._run.plan.grid.tile[1]
        first = panel // side * side
        key = (quantity, frame, first)
        block = self._kept.get(key)
        if block is None:
            region = (frame, slice(first, first + side))
            block = read_pixels(array, region, self._run.path)
            self._kept.put(key, block, block.nbytes)
        return block[panel - first, slow, fast]

    def dead(self, panel: int, slow: slice, fast: slice) -> npt.NDArray[np.bool_]:
        """Which pixels of a rectangle are not live, (slow, fast).

        Raises
        ------
        StoreError
            the mask is damaged
        """
        if math.prod(self._run.plan.grid.shape[2:]) > _SMALL:
            return self._run.store.read_mask(panel, slow, fast) != 0
        key = ("mask", 0, panel)
        whole = self._kept.get(key)
        if whole is None:
            sides = (slice(0, side) for side in self._run.plan.grid.shape[2:])
            whole = self._run.store.read_mask(panel, *sides) != 0
            self._kept.put(key, whole, whole.nbytes)
        return whole[slow, fast]

    def _is_done(self, frame: int, panel: int) -> bool:
        grid = self._run.plan.grid
        place = (frame // grid.tile[0], panel // grid.tile[1], 0, 0)
        return grid.index_at(place) in self._done.tiles(frame)
