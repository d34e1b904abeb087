"""What workers tell of the tiles of a run while they compute them."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from distributed import get_worker

from tiled_sim.cluster.page import topics

#: Between two messages about how far a tile is, and before the first [s].
_SECONDS_BETWEEN_PARTS = 2.0


def topic_of(run_id: str) -> str:
    """Topic of the events that workers log of a run's tiles."""
    return f"{topics.TILES}{run_id}"


def tell(run_id: str, event: dict[str, Any]) -> None:
    """Log an event of a tile, for the driver and the page on the dashboard."""
    with contextlib.suppress(ValueError):  # outside a worker, as in a test, nobody listens
        worker = get_worker()
        worker.log_event(topic_of(run_id), {"worker": worker.address, **event})


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
