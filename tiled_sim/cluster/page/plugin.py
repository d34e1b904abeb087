"""The scheduler's part of the page: it hears what workers and drivers tell, and serves the page."""

import logging
from typing import Any

from distributed import Scheduler, SchedulerPlugin

from tiled_sim.cluster.page.handlers import application
from tiled_sim.cluster.page.registry import Registry
from tiled_sim.cluster.page.state import RunState
from tiled_sim.cluster.page.topics import RUNS, STOP, TILES

logger = logging.getLogger(__name__)

#: Name of the plugin on the scheduler, and last part of the page's address.
NAME = "tiled-sim"


class PagePlugin(SchedulerPlugin):
    """Serves ``/tiled-sim`` beside the dashboard of a scheduler.

    One serves all runs: registered again, it stays as it is.
    """

    name = NAME
    idempotent = True

    def __init__(self) -> None:
        self.registry: Registry | None = None

    async def start(self, scheduler: Scheduler) -> None:
        """Serve the page, and a tab that leads to it."""
        self.registry = Registry(threads=lambda: scheduler.total_nthreads)
        pages = _tabs(scheduler)

        def stop(run: RunState) -> None:
            told = {"client": run.description.client}
            scheduler.log_event(STOP + run.description.run_id, told)

        scheduler.http_application.add_application(application(self.registry, pages, stop))
        if pages and NAME not in pages:
            pages.append(NAME)

    def log_event(self, topic: str, msg: Any) -> None:
        """Hear what is told."""
        if self.registry is None or not isinstance(msg, dict):
            return
        if topic.startswith(TILES):
            for told in msg["tiles"]:
                self.registry.tell_tile(topic.removeprefix(TILES), told)
        elif topic == RUNS:
            self.registry.tell_run(msg)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:
        """Hear that a worker has left."""
        if self.registry is not None:
            self.registry.lose_worker(worker)

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Hear that a client has left."""
        if self.registry is not None:
            self.registry.lose_client(client)


def _tabs(scheduler: Scheduler) -> list[str]:
    """Names of the tabs of the dashboard, as its pages list them; empty without a dashboard.

    Every page of the dashboard draws this one list, so that what is added to it becomes a tab.
    """
    if not scheduler.http_application.applications:
        return []
    try:
        from distributed.dashboard.scheduler import template_variables

        tabs = template_variables(scheduler)["pages"]
    except Exception:  # another release of dask, or bokeh: the page is there without a tab
        logger.info("the dashboard has no tab for %s", NAME, exc_info=True)
        return []
    return tabs if isinstance(tabs, list) else []
