"""How the tiles of a run stand, as its workers tell it, in bounded memory."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tiled_sim.cluster.page.layout import Layout
from tiled_sim.cluster.page.meter import Meter
from tiled_sim.cluster.page.topics import DONE, FAILED, RETRIED, RUNNING, WAITING
from tiled_sim.model.grid import TileGrid

#: The letter of a state, in the states of a run.
LETTERS = {WAITING: "w", RUNNING: "r", DONE: "d", FAILED: "f", RETRIED: "t"}
LOOKUPS = ("in_range", "zero", "absent", "forbidden", "out_of_range", "interpolation_refused")
#: What becomes of a tile that failed.
PENDING, GIVEN_UP, RECOVERED = "pending", "given_up", "recovered"
#: Failures of which the message is kept; of earlier ones only the tile's state is.
_FAILURES_KEPT = 100
_LONGEST_TEXT = 400
#: Running tiles of which it is told how much is done.
_PARTS_TOLD = 200
_CODES = {name: ord(letter) for name, letter in LETTERS.items()}
_FINAL = (_CODES[DONE], _CODES[RETRIED])


@dataclass(slots=True)
class Failed:
    """What is kept of a tile that failed.

    Parameters
    ----------
    tile : its id
    index : its number in the plan
    attempts : made in vain so far
    error : the last one
    worker : where that was
    outcome : ``pending``, ``given_up`` or ``recovered``
    """

    tile: str
    index: int
    attempts: int
    error: str
    worker: str
    outcome: str = PENDING


@dataclass(slots=True)
class Running:
    """A tile that a worker has begun and not ended.

    Parameters
    ----------
    worker : its address
    attempt : 1 for the first
    share : of the tile that is done, 0 to 1
    evaluations : done of it
    """

    worker: str = ""
    attempt: int = 1
    share: float = 0.0
    evaluations: int = 0


@dataclass(slots=True)
class Working:
    """What one worker does for a run.

    Parameters
    ----------
    meter : of evaluations
    tiles : done
    running : begun and not ended
    """

    meter: Meter
    tiles: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class Description:
    """A run, as its driver describes it.

    Parameters
    ----------
    run_id : of it
    path : of the store, as the workers see it
    layout : of its tiles
    evaluations : planned, masked pixels included
    kernel, precision : of every tile
    attempts : after which a tile is given up
    client : id of the driver's connection to the scheduler
    computed : tiles that the driver set out to compute
    seconds : that one core is predicted to take for them [s]; None: that is not known
    counts : whether there are counts beside the photons
    default_F : F of a reflection that no source gives [electrons]
    faintest : fewer photons in a pixel are as good as none
    token : digest of what lets others stop the run; empty: nothing does
    arrangement : where its panels are drawn, as `panels.arrangement`; None: one by one
    geometry : of its panels, as `panels.geometry`; None: they are not flat
    left : tiles that wait for somebody to ask for them: of frames that nobody computes now
    """

    run_id: str
    path: str
    layout: Layout
    evaluations: int
    kernel: str
    precision: str
    attempts: int
    client: str
    computed: int
    seconds: float | None
    counts: bool
    default_F: float
    faintest: float
    token: str
    arrangement: Mapping[str, Any] | None
    geometry: Mapping[str, Any] | None
    left: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Description":
        """From the message of a driver."""
        layout = Layout(TileGrid(tuple(told["shape"]), tuple(told["tile"])), told["factor"])
        return cls(
            layout=layout, **{name: told[name] for name in cls.__slots__ if name != "layout"}
        )

    def predicted_seconds(self, threads: int) -> float | None:
        """What some threads are predicted to take, each a tile at a time [s]; None: not known."""
        if self.seconds is None or not threads:
            return None
        return math.ceil(self.computed / threads) * self.seconds / max(self.computed, 1)


@dataclass(slots=True)
class Total:
    """Sums over the tiles done while the page looked on, and what is done of others.

    Parameters
    ----------
    evaluations, tiles : of them, with their rates
    lookups : of structure factors
    sampled : whether some kernel counted a sample of the look-ups only
    seconds : of work by stage, over all workers [s]
    """

    evaluations: Meter
    tiles: Meter
    lookups: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOOKUPS, 0))
    sampled: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, told: Mapping[str, Any]) -> None:
        """Add a tile that is done; its evaluations and itself have been added."""
        lookups = told.get("lookups", {})
        for name in LOOKUPS:
            self.lookups[name] += lookups.get(name, 0)
        self.sampled |= lookups.get("counted") == "sampled"
        for stage, seconds in told.get("seconds", {}).items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


class RunState:
    """A run, from the messages of its driver and its workers.

    Parameters
    ----------
    description : of the run
    done : which tiles are done already, one bit a tile, the first the highest of its byte
    now : a clock's reading [s]; so are all others
    """

    def __init__(self, description: Description, done: bytes, now: float) -> None:
        self.description = description
        self.state = RUNNING
        self.error = ""
        self.stopping = False
        self.latest = (0, 0)
        self.failed = 0
        self._began = now
        self._ended: float | None = None
        self._states = _states_of(len(description.layout), done)
        self._vain = bytearray(len(self._states))
        self._counts = {name: self._states.count(code) for name, code in _CODES.items()}
        self._names = {code: name for name, code in _CODES.items()}
        self._running: dict[int, Running] = {}
        self._working: dict[str, Working] = {}
        self._failures: OrderedDict[int, Failed] = OrderedDict()
        self._total = Total(Meter(now), Meter(now))

    def tell(self, told: Mapping[str, Any], now: float) -> bool:
        """Take a message of a worker; whether it was about a tile of this run."""
        index = told.get("tile")
        if type(index) is not int or not 0 <= index < len(self._states):
            return False
        state = told.get("state")
        if self._states[index] in _FINAL:
            return True  # a batch whose worker died tells its tiles again
        if state == RUNNING and "share" in told:
            self._advance(index, told, now)
        elif state == RUNNING:
            self._begin(index, told, now)
        elif state == DONE:
            self._finish(index, told, now)
        elif state == FAILED:
            self._fail(index, told, now)
        return True

    def end(self, state: str, error: str, now: float) -> None:
        """The driver has ended, or is gone; tiles that it had begun may still come."""
        self.state, self.error, self._ended = state, _shortened(error), now
        for index in list(self._running):
            self._take_back(self._stop(index), now)
            self._set(index, WAITING)

    def lose(self, worker: str, now: float) -> None:
        """Forget a worker that has left; what it was computing waits again."""
        if self.state != RUNNING:
            return
        for index, running in list(self._running.items()):
            if running.worker == worker:
                error = "its worker left the cluster while it was computing the tile"
                again = {"attempt": self._vain[index] + 1, "final": False}
                self._fail(index, {"worker": worker, "error": error, **again}, now)
                self._set(index, WAITING)
        self._working.pop(worker, None)

    @property
    def can_stop(self) -> bool:
        """Whether somebody computes tiles of it who can be asked to stop."""
        return self.state == RUNNING and self._counts[DONE] + self._counts[RETRIED] < len(
            self._states
        )

    def counts(self) -> dict[str, int]:
        """Number of tiles in each state."""
        return dict(self._counts)

    def states_of(self, frame: int, panel: int) -> bytes:
        """Letters of the tiles of a panel, row by row.

        Raises
        ------
        IndexError
            there is no such panel
        """
        return bytes(self._states[self.description.layout.panel(frame, panel)])

    def states_of_frame(self, frame: int) -> bytes:
        """Letters of the tiles of all panels of a frame, each panel's row by row, as `states_of`.

        Panels that share their tiles have them once.
        """
        return bytes(self._states[self.description.layout.frame(frame)])

    def summary(self) -> dict[str, Any]:
        """What a list of runs says of it."""
        return {
            "run_id": self.description.run_id,
            "path": self.description.path,
            "state": self.state,
            "tiles": len(self._states),
            "done": self._counts[DONE] + self._counts[RETRIED],
        }

    def document(
        self, now: float, *, states: bool, workers: int | None, threads: int = 0
    ) -> dict[str, Any]:
        """Everything, as the ``run`` of ``tiles.schema.json``.

        Parameters
        ----------
        now : the time [s]
        states : with the state of every tile
        workers : at most so many, the fastest; None: all
        threads : of all workers of the cluster
        """
        description = self.description
        here = now if self._ended is None else self._ended
        document = {
            **self.summary(),
            "error": self.error,
            "shape": list(description.layout.tiles.shape),
            "tile": list(description.layout.tiles.tile),
            "grid": list(description.layout.grid),
            "kernel": description.kernel,
            "precision": description.precision,
            "counts": self.counts(),
            "parts": self._parts(),
            "under_way": self._under_way(),
            "seconds": here - self._began,
            "eta_seconds": self._seconds_left(here),
            "predicted_seconds": description.predicted_seconds(threads),
            "stopping": self.stopping,
            "noise": description.counts,
            "default_F": description.default_F,
            "faintest_photons": description.faintest,
            "evaluations_planned": description.evaluations,
            "evaluations": int(self._total.evaluations.total),
            "evaluations_per_second": self._rate(self._total.evaluations, here),
            "worker_count": len(self._working),
            "workers": self._workers(here)[:workers],
            "lookups": {
                **self._total.lookups,
                "counted": "sampled" if self._total.sampled else "exact",
            },
            "stage_seconds": dict(self._total.seconds),
            "failure_count": self.failed,
            "failures": [asdict(failed) for failed in reversed(self._failures.values())],
            "latest": list(self.latest),
            "preview": [*description.layout.preview, description.layout.factor],
        }
        return {**document, "states": run_lengths(self._states)} if states else document

    def _begin(self, index: int, told: Mapping[str, Any], now: float) -> None:
        worker = str(told.get("worker", ""))
        self._take_back(self._stop(index), now)
        self._running[index] = Running(worker, int(told.get("attempt", 1)))
        self._worker(worker, now).running += 1
        self._set(index, RUNNING)

    def _advance(self, index: int, told: Mapping[str, Any], now: float) -> None:
        """A tile that takes long is so far."""
        if index not in self._running:
            self._begin(index, told, now)
        running = self._running[index]
        share, evaluations = float(told["share"]), int(told.get("evaluations", 0))
        self._count(running.worker, share - running.share, evaluations - running.evaluations, now)
        running.share, running.evaluations = share, evaluations

    def _finish(self, index: int, told: Mapping[str, Any], now: float) -> None:
        running = self._stop(index)
        later = self._vain[index] or running.attempt > 1
        self._set(index, RETRIED if later else DONE)
        if index in self._failures:
            self._failures[index].outcome = RECOVERED
        worker = str(told.get("worker", ""))
        if worker != running.worker:
            self._take_back(running, now)
            running = Running()
        evaluations = told.get("evaluations", 0) - running.evaluations
        self._count(worker, 1.0 - running.share, evaluations, now)
        self._worker(worker, now).tiles += 1
        self._total.add(told)
        self.latest = next(self.description.layout.tiles[index].images())

    def _fail(self, index: int, told: Mapping[str, Any], now: float) -> None:
        running = self._stop(index)
        self._take_back(running, now)
        attempt = running.attempt
        vain = self._vain[index]
        if "final" in told:  # said by the driver, who knows how often workers died of it
            attempts, final = max(int(told["attempt"]), vain), bool(told["final"])
        else:
            attempts, final = max(attempt, vain + 1), attempt >= self.description.attempts
        self.failed += attempts - vain
        self._vain[index] = min(attempts, 255)
        self._set(index, FAILED)
        tiles = self.description.layout.tiles
        name = tiles.id_of(tiles[index])
        self._failures.pop(index, None)
        self._failures[index] = Failed(
            name,
            index,
            attempts,
            _shortened(str(told.get("error", ""))),
            str(told.get("worker", "")),
            GIVEN_UP if final else PENDING,
        )
        if len(self._failures) > _FAILURES_KEPT:
            self._failures.popitem(last=False)

    def _stop(self, index: int) -> Running:
        """A tile is no longer running; what is known of it."""
        running = self._running.pop(index, Running())
        if running.worker in self._working:
            self._working[running.worker].running -= 1
        return running

    def _take_back(self, running: Running, now: float) -> None:
        """What was done of a tile is lost."""
        if running.share:
            self._count(running.worker, -running.share, -running.evaluations, now)

    def _count(self, worker: str, tiles: float, evaluations: int, now: float) -> None:
        """So much more is done."""
        self._total.tiles.add(tiles, now)
        self._total.evaluations.add(evaluations, now)
        self._worker(worker, now).meter.add(evaluations, now)

    def _set(self, index: int, state: str) -> None:
        self._counts[self._names[self._states[index]]] -= 1
        self._counts[state] += 1
        self._states[index] = _CODES[state]

    def _worker(self, address: str, now: float) -> Working:
        found = self._working.get(address)
        if found is None:
            found = self._working[address] = Working(Meter(now))
        return found

    def _under_way(self) -> float:
        """What is done of running tiles, in tiles."""
        return sum(running.share for running in self._running.values())

    def _parts(self) -> list[dict[str, Any]]:
        """Of those that take long, what is done of each, in the order of the plan."""
        found = [(index, running.share) for index, running in self._running.items()]
        parts = sorted((index, share) for index, share in found if share)
        return [{"tile": index, "share": share} for index, share in parts[:_PARTS_TOLD]]

    def _workers(self, now: float) -> list[dict[str, Any]]:
        """The fastest first."""
        workers = [
            {
                "address": address,
                "evaluations_per_second": self._rate(working.meter, now),
                "tiles": working.tiles,
                "running": working.running,
            }
            for address, working in self._working.items()
        ]
        return sorted(workers, key=lambda worker: -worker["evaluations_per_second"])

    def _rate(self, meter: Meter, now: float) -> float:
        """Lately, of a run that goes on; on average, of one that has ended [1/s]."""
        rate = meter.rate(now) if self._ended is None else meter.mean(now)
        return max(rate, 0.0)  # what a worker that died had told is taken back

    def _seconds_left(self, now: float) -> float | None:
        if self.state != RUNNING:
            return None
        rate = self._total.tiles.rate(now)
        pending = sum(failed.outcome == PENDING for failed in self._failures.values())
        pending = min(pending, self._counts[FAILED])
        begun = self._counts[RUNNING] - self._under_way()
        left = self._counts[WAITING] - self.description.left + begun + pending
        return left / rate if rate > 0 else None


def run_lengths(states: bytes | bytearray) -> str:
    """States in short: ``120d3r2w`` are 120 letters ``d``, 3 ``r`` and 2 ``w``."""
    letters = np.frombuffer(states, np.uint8)
    starts = np.flatnonzero(np.diff(letters, prepend=0))
    lengths = np.diff(starts, append=len(letters))
    return "".join(
        f"{length}{chr(letter)}"
        for length, letter in zip(lengths.tolist(), letters[starts].tolist(), strict=True)
    )


def _states_of(tiles: int, done: bytes) -> bytearray:
    if len(done) < math.ceil(tiles / 8):
        done = bytes(math.ceil(tiles / 8))
    bits = np.unpackbits(np.frombuffer(done, np.uint8), count=tiles)
    return bytearray(np.where(bits, _CODES[DONE], _CODES[WAITING]).astype(np.uint8).tobytes())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
