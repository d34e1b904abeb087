"""Pixels of a run as tiles of the mosaic need them: small panels are read with their neighbours."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.run.run import Run
from tiled_sim.store.pyramid import halve
from tiled_sim.store.shards import read_pixels
from tiled_sim.viewer.done import Done
from tiled_sim.viewer.kept import Kept

#: Of what was read and is probably asked for again soon [byte].
_KEPT = 96 << 20
#: Panels that are read whole have no more pixels.
_SMALL = 1 << 20


class Pixels:
    """Reads rectangles of panels.

    A tile of a run that holds whole panels is read in one go and kept for a while, because a tile
    of the mosaic has parts of several, and the next has the other parts. The same goes for smaller
    copies of such panels, of which the run has none where they are short.

    Parameters
    ----------
    run : finished or not
    done : of it

    Attributes
    ----------
    has_whole_panels : whether tiles of the run hold whole panels, which are small
    all_live : whether it is known that no pixel is dead
    """

    def __init__(self, run: Run, done: Done) -> None:
        self._run = run
        self._done = done
        grid = run.plan.grid
        self.has_whole_panels = grid.counts[2:] == (1, 1) and math.prod(grid.shape[2:]) <= _SMALL
        self.all_live = run.store.mask_is_live()
        self._kept: Kept[tuple[str, int, int, int], npt.NDArray[Any]] = Kept(_KEPT)

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
        if not self.has_whole_panels or not self._is_done(frame, panel):
            array = self._run.store.array(counts=quantity == "counts")
            return read_pixels(array, (frame, panel, slow, fast), self._run.path)
        first, block = self._block(quantity, frame, panel, 0)
        return block[panel - first, slow, fast]

    def read_smaller(
        self, quantity: str, frame: int, panel: int, level: int, part: tuple[slice, slice]
    ) -> npt.NDArray[np.float32]:
        """Means of 2ⁿ × 2ⁿ pixels of a rectangle, where `has_whole_panels`; NaN: not computed yet.

        Parameters
        ----------
        quantity, frame, panel : as `read`
        level : n
        part : of the panel's level n, slow and fast

        Raises
        ------
        StoreError
            they are damaged
        """
        if not self._is_done(frame, panel):
            return np.full([one.stop - one.start for one in part], np.nan, np.float32)
        first, block = self._block(quantity, frame, panel, level)
        return block[panel - first, part[0], part[1]]

    def _block(
        self, quantity: str, frame: int, panel: int, level: int
    ) -> tuple[int, npt.NDArray[Any]]:
        """Panels that share a tile that is done, and the number of the first of them."""
        side = self._run.plan.grid.tile[1]
        first = panel // side * side
        key = (quantity, frame, first, level)
        block = self._kept.get(key)
        if block is None:
            if level:
                finer = self._block(quantity, frame, panel, level - 1)[1]
                block = halve(finer.astype(np.float32))
            else:
                array = self._run.store.array(counts=quantity == "counts")
                block = read_pixels(array, (frame, slice(first, first + side)), self._run.path)
            self._kept.put(key, block, block.nbytes)
        return first, block

    def dead(self, panel: int, slow: slice, fast: slice) -> npt.NDArray[np.bool_]:
        """Which pixels of a rectangle are not live, (slow, fast).

        Raises
        ------
        StoreError
            the mask is damaged
        """
        if math.prod(self._run.plan.grid.shape[2:]) > _SMALL:
            return self._run.store.read_mask(panel, slow, fast) != 0
        key = ("mask", 0, panel, 0)
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
