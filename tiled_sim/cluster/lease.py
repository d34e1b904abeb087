"""One driver a run: whoever hands out its tiles says so in the store, every two seconds."""

import contextlib
import os
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol

import psutil

from tiled_sim.errors import StoreError, written
from tiled_sim.store.control import (
    CANCELLED,
    FAILED,
    FINISHED,
    RUNNING,
    SILENT,
    Control,
    Driver,
    new_token,
)
from tiled_sim.store.location import told_if_not_writable
from tiled_sim.store.place import Place
from tiled_sim.store.presence import Presence, RunRemovedError
from tiled_sim.store.run_store import RunStore
from tiled_sim.store.tenure import Tenure

SECONDS_A_BEAT = 2.0
#: A driver whose beat does not change for so long is dead. Only changes are looked at and never
#: times, which are those of other machines.
SECONDS_OF_SILENCE = 4 * SECONDS_A_BEAT


class RunCancelledError(StoreError):
    """A run that somebody asked to stop, or whose tiles another driver hands out now."""

    exit_code = 5


class Held(Protocol):
    """A run that may be taken, opened or not."""

    @property
    def path(self) -> Place:
        """Of the run."""

    @property
    def run_id(self) -> str:
        """Of the run."""


class Lease:
    """The right to hand out the tiles of a run, from ``with`` on to the end of the block.

    Parameters
    ----------
    run : to compute
    missing : tiles that will be
    dashboard : address of the page to watch
    left : tiles that are not done either, and will not be

    Raises
    ------
    StoreError
        if another driver lives, or the store cannot be written
    """

    def __init__(self, run: Held, missing: int, dashboard: str, left: int = 0) -> None:
        self._run = run
        self._control = Control(run.path)
        self._presence = Presence(run.path, run.run_id)
        self._removed: RunRemovedError | None = None
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._stop = ""
        self._asked = threading.Event()
        self._evaluations_under_way = 0
        self._driver = Driver(
            token=new_token(),
            host=socket.gethostname(),
            pid=os.getpid(),
            state=RUNNING,
            beat=0,
            began=datetime.now(UTC).isoformat(),
            seconds=0.0,
            missing=missing,
            done=0,
            failed=0,
            evaluations=0,
            dashboard=dashboard,
            error="",
            left=left,
        )
        self._tenure = Tenure(self._control, self._driver.token)
        self._thread = threading.Thread(target=self._live, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        store = RunStore.open(self._run.path, mode="r+")
        with told_if_not_writable(self._run.path):
            while not self._is_taken():
                pass  # somebody has ended or begun meanwhile
            store.sweep()
        self._thread.start()
        return self

    def _is_taken(self) -> bool:
        """Take the run, unless another driver begins or ends in the same instant."""
        self._tenure.find()
        require_alone(self._run)
        self._control.go_on()
        return self._tenure.take(self._driver)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        if isinstance(error, RunCancelledError | KeyboardInterrupt):
            state = CANCELLED
        else:
            state = FINISHED if error is None else FAILED
        if self._is_ours:
            self._write(state=state, error="" if error is None else written(error))

    def count(self, *, done: int = 0, failed: int = 0, evaluations: int = 0) -> None:
        """Count tiles."""
        with self._lock:
            driver = self._driver
            self._driver = replace(
                driver,
                done=driver.done + done,
                failed=driver.failed + failed,
                evaluations=driver.evaluations + evaluations,
            )

    def under_way(self, tiles: float, evaluations: int) -> None:
        """Say what is done of tiles that are not counted yet, in tiles and in evaluations."""
        with self._lock:
            counted = self._driver.evaluations - self._evaluations_under_way
            self._evaluations_under_way = evaluations
            self._driver = replace(self._driver, under_way=tiles, evaluations=counted + evaluations)

    def shown_at(self, page: str) -> None:
        """Say at which address the run is shown."""
        with self._lock:
            self._driver = replace(self._driver, dashboard=page)

    def ask_to_stop(self) -> None:
        """Have the run stop soon, as ``tiled-sim cancel`` does; waits for nothing."""
        self._asked.set()

    def require(self) -> None:
        """Go on, unless somebody asked to stop, or removed the run.

        Raises
        ------
        RunCancelledError
            saying who
        RunRemovedError
            the store is gone
        """
        path = self._run.path
        self._look()
        if self._removed is not None:
            raise self._removed
        if self._stop == CANCELLED:
            raise RunCancelledError(f"cancelled; `tiled-sim resume {path}` goes on with {path}")
        if self._stop:
            raise RunCancelledError(f"{self._stop} computes {path} now; this one stops")

    def _live(self) -> None:
        while not self._over.wait(SECONDS_A_BEAT):
            self._look()
            if not self._is_ours:
                return
            self._write()

    def _look(self) -> None:
        """See whether another driver has taken the run, or somebody stopped or removed it."""
        try:
            self._presence.require()
        except RunRemovedError as error:
            self._removed = error
            return
        if self._asked.is_set() and not self._stop:
            self._stop = CANCELLED
            with contextlib.suppress(OSError, StoreError):  # workers do not hear of it then
                self._control.cancel()
        with contextlib.suppress(OSError):  # of a network that is cut off: others will see to that
            self._heed(self._control.driver())
            if not self._stop and self._control.cancelled:
                self._stop = CANCELLED

    def _heed(self, found: Driver | None) -> None:
        """Take note of another driver that hands out the tiles now."""
        if found is not None and found.token != self._driver.token:
            self._stop = f"process {found.pid} on {found.host}"

    @property
    def _is_ours(self) -> bool:
        return self._removed is None and self._stop in ("", CANCELLED)

    def _write(self, **changes: str) -> None:
        with self._lock:
            self._driver = replace(
                self._driver,
                beat=self._driver.beat + 1,
                seconds=time.monotonic() - self._began,
                **changes,  # type: ignore[arg-type]
            )
        with contextlib.suppress(OSError):  # a full disk is told by the tiles
            self._heed(self._tenure.say(self._driver))


class Pulse:
    """Whether the driver of a run lives, watched from anywhere that sees the run.

    Parameters
    ----------
    control : of the run
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._last: Driver | None = None
        self._changed = 0.0
        #: Whether it has given a sign of life since the first look.
        self.proven = False

    def driver(self) -> Driver | None:
        """The driver; None if there is none, it has ended, or has been silent for too long."""
        found = self._control.driver()
        if found is None or found.state != RUNNING:
            return None
        if found.host == socket.gethostname() and not psutil.pid_exists(found.pid):
            return None
        now = time.monotonic()
        if found != self._last:
            self.proven = self._last is not None
            self._last, self._changed = found, now
        elif now - self._changed > SECONDS_OF_SILENCE:
            return None
        return found


def living_driver(control: Control) -> Driver | None:
    """The driver of a run after a sign of life; None if there is none. Takes seconds to be sure."""
    pulse = Pulse(control)
    while (found := pulse.driver()) is not None and not pulse.proven:
        time.sleep(SECONDS_A_BEAT / 10)
    return found


def require_alone(run: Held) -> None:
    """Make sure that nobody computes a run; takes seconds to be sure that somebody does.

    Raises
    ------
    StoreError
        naming who does
    """
    living = living_driver(Control(run.path))
    if living is not None:
        raise StoreError(
            f"process {living.pid} on {living.host} is computing {run.path}; "
            f"`tiled-sim watch {run.path}` follows it, `tiled-sim cancel {run.path}` stops it"
        )


def last_driver(control: Control) -> Driver | None:
    """The last driver of a run; as ``silent`` one that died without a word. Takes seconds."""
    living, last = living_driver(control), control.driver()
    if living is not None or last is None or last.state != RUNNING:
        return last
    return replace(last, state=SILENT, error="no sign of life: it was killed, or is cut off")
