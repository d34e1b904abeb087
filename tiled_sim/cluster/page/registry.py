"""The runs that a scheduler has been told of: all that go on, and the last few that have ended."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tiled_sim.cluster.page.preview import Previews
from tiled_sim.cluster.page.state import Description, RunState
from tiled_sim.cluster.page.topics import LOST, RUNNING

#: Runs that have ended, and of which everything is kept.
_ENDED_KEPT = 5


class Registry:
    """Runs by id.

    Parameters
    ----------
    clock : reading of a steady clock [s]
    threads : number of those of all workers
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        threads: Callable[[], int] = lambda: 0,
    ) -> None:
        self.previews = Previews()
        self.clock = clock
        self.threads = threads
        self._runs: OrderedDict[str, RunState] = OrderedDict()

    def __iter__(self) -> Iterator[RunState]:
        """The run that began last comes first."""
        return reversed(self._runs.values())

    def find(self, run_id: str) -> RunState | None:
        """A run; the one that began last for an empty id."""
        return next(iter(self), None) if not run_id else self._runs.get(run_id)

    def tell_tile(self, run_id: str, told: dict[str, Any]) -> None:
        """Take a message of a worker, and its thumbnail out of it.

        The scheduler keeps the last thousand messages and sends them on to whoever listens; both
        would cost it megabytes if the thumbnails stayed inside.
        """
        thumbnail = told.pop("thumbnail", b"")
        run = self._runs.get(run_id)
        if run is not None and run.tell(told, self.clock()) and thumbnail:
            self.previews.paste(run_id, run.description.layout, told["tile"], thumbnail)

    def tell_run(self, told: dict[str, Any]) -> None:
        """Take a message of a driver."""
        if told["state"] == RUNNING:
            done, thumbnails = told.pop("done"), told.pop("thumbnails")  # out of the log, as above
            self._begin(Description.of(told), done, thumbnails)
            return
        run = self._runs.get(told["run_id"])
        if run is not None and run.description.client == told["client"]:
            run.end(told["state"], told["error"], self.clock())

    def lose_worker(self, address: str) -> None:
        """A worker has left the cluster."""
        for run in self._runs.values():
            run.lose(address, self.clock())

    def lose_client(self, client: str) -> None:
        """A client has left; the runs that it drove are driven by nobody."""
        for run in self._runs.values():
            if run.state == RUNNING and run.description.client == client:
                run.end(LOST, "the process that handed out its tiles is gone", self.clock())

    def _begin(
        self, description: Description, done: bytes, thumbnails: Iterable[tuple[int, bytes]]
    ) -> None:
        self._runs[description.run_id] = RunState(description, done, self.clock())
        self._runs.move_to_end(description.run_id)
        for index, thumbnail in thumbnails:
            self.previews.paste(description.run_id, description.layout, index, thumbnail)
        ended = [run_id for run_id, run in self._runs.items() if run.state != RUNNING]
        for run_id in ended[:-_ENDED_KEPT]:
            del self._runs[run_id]
            self.previews.drop(run_id)
