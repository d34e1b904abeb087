"""What workers tell of the tiles of a run while they compute them."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from distributed import Worker, get_worker

from tiled_sim.cluster.page import topics

#: Between two messages about how far a tile is, and before the first [s].
_SECONDS_BETWEEN_PARTS = 2.0
#: Between two messages of a batch: each costs worker, scheduler and driver a millisecond.
_SECONDS_BETWEEN_MESSAGES = 0.1


def topic_of(run_id: str) -> str:
    """Topic of the events that workers log of a run's tiles."""
    return f"{topics.TILES}{run_id}"


class Bulletin(contextlib.AbstractContextManager):
    """Events of tiles, for the driver and the page on the dashboard: ``tiles`` of a message.

    The first is sent at once, and those of the next tenth of a second together; at the end of the
    block nothing is left.

    Parameters
    ----------
    run_id : of the run
    """

    def __init__(self, run_id: str) -> None:
        self._topic = topic_of(run_id)
        self._held: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._is_waiting = False
        self._timer: object | None = None
        self._worker: Worker | None = None
        with contextlib.suppress(ValueError):  # outside a worker, as in a test, nobody listens
            self._worker = get_worker()

    def tell(self, event: dict[str, Any], *, at_once: bool = False) -> None:
        """Tell an event, soon or at once."""
        if self._worker is None:
            return
        with self._lock:
            self._held.append({"worker": self._worker.address, **event})
            at_once |= not self._is_waiting
            self._is_waiting = True
        if at_once:
            self._worker.loop.add_callback(self._send)

    def __exit__(self, *_: object) -> None:
        if self._worker is not None and self._held:
            self._worker.loop.add_callback(self._send)

    def _send(self) -> None:
        """Send what is held; called by the worker's loop alone, so that the order is kept."""
        assert self._worker is not None  # nothing is held without one
        with self._lock:
            held, self._held = self._held, []
            self._is_waiting = bool(held)
        if self._timer is not None:
            self._worker.loop.remove_timeout(self._timer)
            self._timer = None
        if held:
            self._worker.log_event(self._topic, {"tiles": held})
            self._timer = self._worker.loop.call_later(_SECONDS_BETWEEN_MESSAGES, self._send)


class Parts:
    """Tells now and then how much of a tile is behind its worker, if that takes seconds.

    Parameters
    ----------
    event : that says of a tile that it is running
    planned : evaluations of the tile, asked for once something is told
    counted : whether evaluations that are behind were done, and not left out; asked for then, too
    tell : takes the event with ``share`` of the tile, 0 to 1, and ``evaluations`` done so far
    """

    def __init__(
        self,
        event: dict[str, Any],
        planned: Callable[[], int],
        counted: Callable[[], bool],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._event = event
        self._planned, self._counted, self._tell = planned, counted, tell
        self._due = time.monotonic() + _SECONDS_BETWEEN_PARTS
        self._told = 0.0

    def __call__(self, behind: int) -> None:
        """So many of the planned evaluations are behind."""
        if time.monotonic() < self._due:
            return
        share = min(behind / max(self._planned(), 1), 1.0)
        if share > self._told:
            evaluations = behind if self._counted() else 0
            self._tell({**self._event, "share": share, "evaluations": evaluations})
            self._told = share
        self._due = time.monotonic() + _SECONDS_BETWEEN_PARTS
