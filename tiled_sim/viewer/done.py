"""Which tiles of a run's frames are done, looked at again now and then while it is computed."""

import threading
import time

import numpy as np

from tiled_sim.run.run import Run
from tiled_sim.run.status import ids_of

#: What was seen counts for so long [s].
_FRESH = 1.0
#: Frames of which it is remembered.
_FRAMES = 1000


class Done:
    """The tiles of a frame that have a sidecar, by their numbers.

    Parameters
    ----------
    run : finished or not
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: dict[int, tuple[float, frozenset[int]]] = {}
        self._lock = threading.Lock()

    def tiles(self, frame: int) -> frozenset[int]:
        """Those of a frame that are done."""
        group = frame // self._run.plan.grid.tile[0]
        every = self._run.plan.grid.of_frame(frame)
        with self._lock:
            known = self._seen.get(group)
        if known and (len(known[1]) == len(every) or time.monotonic() - known[0] < _FRESH):
            return known[1]
        names = {name: number for number, name in ids_of(self._run.plan.grid, np.array(every))}
        there = self._run.store.having_sidecars(names)
        found = frozenset(names[name] for name in there)
        with self._lock:
            if len(self._seen) >= _FRAMES:
                self._seen.clear()
            self._seen[group] = (time.monotonic(), found)
        return found

    def is_complete(self, frame: int) -> bool:
        """Whether all tiles of a frame are done."""
        return len(self.tiles(frame)) == len(self._run.plan.grid.of_frame(frame))
