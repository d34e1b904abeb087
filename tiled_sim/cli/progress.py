"""The progress bar of a run: tiles, evaluations per second, time left, dashboard."""

import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from tiled_sim.cli.printing import plan_line, rate
from tiled_sim.cluster.dashboard import DASHBOARD_PORT, LOOPBACK, dashboard_port
from tiled_sim.plan.plan import Plan
from tiled_sim.run.run import Run
from tiled_sim.store.control import Driver


class ProgressBar:
    """Shows on standard error how a run goes on.

    Parameters
    ----------
    shown : False: tell where the run goes on, and failures
    silent : tell failures only
    """

    def __init__(self, shown: bool, *, silent: bool = False) -> None:
        self._silent = silent
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._shown = shown
        self._done = self._total = 0
        self._evaluations = 0
        self._under_way = 0.0, 0
        self._began = time.monotonic()
        self._progress = Progress(
            TextColumn("tiles"),
            BarColumn(),
            TextColumn("[progress.download]{task.fields[tiles]}"),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not shown,
        )
        self._task = self._progress.add_task("tiles", total=None, rate="", tiles="")

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        # stopping one that never began would print an empty line
        if self._progress.live.is_started:
            self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar, if anything is shown."""
        if self._shown:
            self._console.print(text, markup=False)

    def planned(self, plan: Plan) -> None:
        """Say what it is predicted to take."""
        self.say(f"tiles     {plan_line(plan)}")

    def compiling(self) -> None:
        """Say what is waited for."""
        self.say("kernel    compiling it for this machine, once (about a minute)")

    def started(self, run: Run, missing: int, dashboard: str, left: int = 0) -> None:
        """Say where the work goes on; see `tiled_sim.cluster.listener.Listener`."""
        self._done = done = len(run.plan) - left - missing
        self._began = time.monotonic()
        self._progress.start()
        self._total = len(run.plan) - left
        self._progress.update(self._task, total=self._total)
        self._show(done, 0.0, "")
        if not self._silent:
            self._console.print(f"run       {run.path}", markup=False)
            self._console.print(f"dashboard {dashboard}{_busy(dashboard)}", markup=False)
        if done:
            self.say(f"resuming  {done} of {len(run.plan)} tiles are done already")

    def worker_refused(self, reason: str) -> None:
        """Tell it, shown or not."""
        self._console.print(reason, markup=False)

    def worker_told(self, note: str) -> None:
        """Tell it, shown or not."""
        self._console.print(f"note      {note}", markup=False)

    def under_way(self, tiles: float, evaluations: int) -> None:
        """Advance the bar by what is done of tiles that take long."""
        self._under_way = tiles, evaluations
        self._advance(tiles, evaluations)

    def tile_done(self, record: dict[str, Any]) -> None:
        """Advance the bar."""
        self._done += 1
        self._evaluations += record["evaluations"]
        self._advance(*self._under_way)
        for found in record["departures"]:
            slow, fast = found["pixel"]
            self._console.print(
                f"tile {record['id']}: the scaling chain of pixel {slow} {fast} ends "
                f"{found['departure']:.3g} photons from the image: a step lies on a half-integer "
                "index, or the kernel is at fault; --kernel reference decides",
                markup=False,
            )

    def show(self, done: int, driver: Driver) -> None:
        """Show how far a driver elsewhere has come; ``done`` are the tiles of the run."""
        found = driver.evaluations / max(driver.seconds, 1e-9)
        failed = f", {driver.failed} failed" if driver.failed else ""
        self._show(done, driver.under_way, f"{rate(found)}{failed}")

    def _advance(self, tiles: float, evaluations: int) -> None:
        found = (self._evaluations + evaluations) / max(time.monotonic() - self._began, 1e-9)
        self._show(self._done, tiles, rate(found))

    def _show(self, done: int, under_way: float, pace: str) -> None:
        """Show how many tiles are done, and how much of others."""
        self._progress.update(
            self._task, completed=done + under_way, rate=pace, tiles=f"{done}/{self._total}"
        )

    def tile_failed(self, tile: str, error: str, final: bool) -> None:
        """Tell a failure, shown or not."""
        ending = "given up" if final else "trying again"
        self._console.print(f"tile {tile} failed, {ending}: {error}", markup=False)

    def finishing(self) -> None:
        """Say that the tiles are done."""
        self.say("pyramid   making the smaller images")


def _busy(dashboard: str) -> str:
    """Why a dashboard of this machine is not where dask's are; empty if it is."""
    if f":{DASHBOARD_PORT}/" in dashboard or not dashboard.startswith(f"http://{LOOPBACK}:"):
        return ""
    return "" if dashboard_port() else f" (port {DASHBOARD_PORT} is taken)"
