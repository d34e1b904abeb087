"""What is told of a run beside its pixels: sidecars, scaling chains, how far it is."""

import threading
from typing import Any

from tiled_sim.errors import StoreError, UsageError
from tiled_sim.instruments.tracing import Tracer, trace_document
from tiled_sim.model.grid import BLOCK
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.control import Control
from tiled_sim.viewer.done import Done

#: Terms of the sum over a pixel's block, which the reference kernel computes in seconds.
_MOST_TERMS = 2 * 10**8


class Details:
    """Of one run; may be asked from several threads.

    Parameters
    ----------
    run : finished or not
    done : of it
    """

    def __init__(self, run: Run, done: Done) -> None:
        self._run = run
        self._done = done
        self._one_at_a_time = threading.Lock()

    def sidecar(self, frame: int, panel: int, slow: int, fast: int) -> dict[str, Any] | None:
        """The sidecar of the tile that holds a pixel; None: it is not done.

        Raises
        ------
        IndexError
            there is no such pixel
        StoreError
            it cannot be read
        """
        return self._run.sidecar(self._run.plan.grid.holding(frame, panel, slow, fast))

    def chain(self, frame: int, panel: int, slow: int, fast: int) -> dict[str, Any]:
        """The scaling chain of a pixel, by the reference kernel, as ``tiled-sim trace --json``.

        Raises
        ------
        UsageError
            for a pixel that is not computed, or that takes too long
        StoreError
            if an input in the store is damaged
        """
        run = self._run
        run.plan.grid.require(frame=frame, panel=panel, slow=slow, fast=fast)
        terms = run.plan.evaluations_per_pixel * BLOCK**2
        if terms > _MOST_TERMS:
            raise UsageError(
                f"a pixel has {run.plan.evaluations_per_pixel} steps, too many to trace here: "
                f"`tiled-sim trace {run.path} --pixel {slow} {fast} --frame {frame} "
                f"--panel {panel}`"
            )
        with self._one_at_a_time:
            tracer = Tracer.of_run(run, [(slow, fast)], BY_REFERENCE, "cpu")
            return trace_document(tracer, [tracer.trace((slow, fast), frame=frame, panel=panel)])

    def status(self, frame: int) -> dict[str, Any]:
        """How far the run and one of its frames are.

        Raises
        ------
        StoreError
            that cannot be told
        """
        self._run.plan.grid.require(frame=frame)
        of_frame = self._run.plan.grid.of_frame(frame)
        done = len(self._done.tiles(frame))
        driver = Control(self._run.path).driver()
        try:
            known = Progress.known(self._run).sums.done
        except StoreError:
            known = 0
        return {
            "frame": {"done": done, "tiles": len(of_frame)},
            "run": {"done": max(known, done), "tiles": len(self._run.plan)},
            "driver": None if driver is None else driver.state,
        }
