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
LOOKUPS = ("in_range", "zero", "absent", "out_of_range", "interpolation_refused")
#: What becomes of a tile that failed.
PENDING, GIVEN_UP, RECOVERED = "pending", "given_up", "recovered"
#: Failures of which the message is kept; of earlier ones only the tile's state is.
_FAILURES_KEPT = 100
_LONGEST_TEXT = 400
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
    """

    run_id: str
    path: str
    layout: Layout
    evaluations: int
    kernel: str
    precision: str
    attempts: int
    client: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Description":
        """From the message of a driver."""
        layout = Layout(TileGrid(tuple(told["shape"]), tuple(told["tile"])), told["factor"])
        others = {name: told[name] for name in cls.__slots__ if name != "layout"}
        return cls(layout=layout, **others)


@dataclass(slots=True)
class Total:
    """Sums over the tiles done while the page looked on.

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

    def add(self, told: Mapping[str, Any], now: float) -> None:
        """Add a tile that is done."""
        self.evaluations.add(told.get("evaluations", 0), now)
        self.tiles.add(1, now)
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
        self.latest = (0, 0)
        self.failed = 0
        self._began = now
        self._ended: float | None = None
        self._states = _states_of(len(description.layout), done)
        self._vain = bytearray(len(self._states))
        self._counts = {name: self._states.count(code) for name, code in _CODES.items()}
        self._names = {code: name for name, code in _CODES.items()}
        self._running: dict[int, tuple[str, int]] = {}
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
        if state == RUNNING:
            self._begin(index, told, now)
        elif state == DONE:
            self._finish(index, told, now)
        elif state == FAILED:
            self._fail(index, told)
        return True

    def end(self, state: str, error: str, now: float) -> None:
        """The driver has ended, or is gone; tiles that it had begun may still come."""
        self.state, self.error, self._ended = state, _shortened(error), now
        for index in list(self._running):
            self._stop(index)
            self._set(index, WAITING)

    def lose(self, worker: str, now: float) -> None:
        """Forget a worker that has left; what it was computing waits again."""
        if self.state != RUNNING:
            return
        for index, (where, _) in list(self._running.items()):
            if where == worker:
                error = "its worker left the cluster while it was computing the tile"
                again = {"attempt": self._vain[index] + 1, "final": False}
                self._fail(index, {"worker": worker, "error": error, **again})
                self._set(index, WAITING)
        self._working.pop(worker, None)

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

    def summary(self) -> dict[str, Any]:
        """What a list of runs says of it."""
        return {
            "run_id": self.description.run_id,
            "path": self.description.path,
            "state": self.state,
            "tiles": len(self._states),
            "done": self._counts[DONE] + self._counts[RETRIED],
        }

    def document(self, now: float, *, states: bool, workers: int | None) -> dict[str, Any]:
        """Everything, as the ``run`` of ``tiles.schema.json``.

        Parameters
        ----------
        now : the time [s]
        states : with the state of every tile
        workers : at most so many, the fastest; None: all
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
            "seconds": here - self._began,
            "eta_seconds": self._seconds_left(here),
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
        self._stop(index)
        self._running[index] = (worker, int(told.get("attempt", 1)))
        self._worker(worker, now).running += 1
        self._set(index, RUNNING)

    def _finish(self, index: int, told: Mapping[str, Any], now: float) -> None:
        _, attempt = self._stop(index)
        self._set(index, RETRIED if self._vain[index] or attempt > 1 else DONE)
        if index in self._failures:
            self._failures[index].outcome = RECOVERED
        worker = self._worker(str(told.get("worker", "")), now)
        worker.meter.add(told.get("evaluations", 0), now)
        worker.tiles += 1
        self._total.add(told, now)
        self.latest = next(self.description.layout.tiles[index].images())

    def _fail(self, index: int, told: Mapping[str, Any]) -> None:
        _, attempt = self._stop(index)
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

    def _stop(self, index: int) -> tuple[str, int]:
        """A tile is no longer running; the worker and the attempt, as far as they are known."""
        worker, attempt = self._running.pop(index, ("", 1))
        if worker in self._working:
            self._working[worker].running -= 1
        return worker, attempt

    def _set(self, index: int, state: str) -> None:
        self._counts[self._names[self._states[index]]] -= 1
        self._counts[state] += 1
        self._states[index] = _CODES[state]

    def _worker(self, address: str, now: float) -> Working:
        found = self._working.get(address)
        if found is None:
            found = self._working[address] = Working(Meter(now))
        return found

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
        return meter.rate(now) if self._ended is None else meter.mean(now)

    def _seconds_left(self, now: float) -> float | None:
        if self.state != RUNNING:
            return None
        rate = self._total.tiles.rate(now)
        pending = sum(failed.outcome == PENDING for failed in self._failures.values())
        pending = min(pending, self._counts[FAILED])
        left = self._counts[WAITING] + self._counts[RUNNING] + pending
        return left / rate if rate else None


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
