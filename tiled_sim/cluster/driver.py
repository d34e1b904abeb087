"""Handing out the tiles of a run in batches, and trying again what fails."""

import logging
import math
import queue
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from distributed import Client, Future, KilledWorker

from tiled_sim.cluster.arrival import Admission, Needs, admitted
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.listener import Listener
from tiled_sim.cluster.worker import RUNNING, compute_batch, topic_of
from tiled_sim.errors import TiledSimError, TileError
from tiled_sim.io.control import Control, Failure
from tiled_sim.io.store import RunStore
from tiled_sim.run import Run, id_of

logger = logging.getLogger(__name__)

#: Times that a tile is tried before the run goes on without it.
ATTEMPTS = 3
#: Batches at the scheduler for each thread: no worker idles, and the graph stays small whatever
#: the number of tiles.
_BATCHES_A_THREAD = 2
#: A batch is to take about so long, so that the scheduler has little to do.
_SECONDS_A_BATCH = 1.0
_MOST_TILES_A_BATCH = 256
#: Tiles that fail one after the other, with none done between them, before the run is given up:
#: a full disk fails them all.
_FAILURES_IN_A_ROW = 30
_SECONDS_BETWEEN_LOOKS = 1.0
_LOST_OFTEN = 2 * ATTEMPTS


@dataclass(slots=True)
class Attempts:
    """How often a tile was tried in vain.

    Parameters
    ----------
    count : of failures
    lost : times that its worker died before it was known to have begun
    error : the last one
    worker : where that was
    """

    count: int = 0
    lost: int = 0
    error: str = ""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tiles that one task computes.

    Parameters
    ----------
    tiles : numbers of them in the plan
    shunned : the worker where the only one of them failed; empty for a first attempt
    """

    tiles: tuple[int, ...]
    shunned: str = ""


def drive(run: Run, client: Client, tiles: list[int], device: str, listener: Listener) -> None:
    """Compute tiles on a cluster, commit each, and make the pyramid when all are done.

    Parameters
    ----------
    run : they belong to
    client : of the cluster
    tiles : their numbers in the plan
    device : name of the torch device
    listener : is told of every tile

    Raises
    ------
    TileError
        if tiles failed `ATTEMPTS` times; the others are done
    TiledSimError
        if no worker can compute the run, the scheduler is gone, or somebody asked to stop
    """
    needs = Needs(str(run.path.absolute()), run.run_id, device)
    with (
        Lease(run, len(tiles), client.dashboard_link or "") as lease,
        admitted(client, needs) as admission,
    ):
        listener.started(run, len(tiles), client.dashboard_link or "")
        failures = _Driver(run, client, admission, lease, device, listener).compute(tiles)
        _complain(run, failures)
        listener.finishing()
        RunStore.open(run.path, mode="r+").finish()


def _complain(run: Run, failures: list[Failure]) -> None:
    if failures:
        raise TileError(
            f"{len(failures)} of {len(run.plan)} tiles failed {ATTEMPTS} times, the first "
            f"{failures[0].tile}: {failures[0].error}. The others are done; "
            f"`tiled-sim resume {run.path}` tries these again"
        )


class _Driver:
    """The loop: a few batches a thread at the scheduler, until all tiles are done or given up."""

    def __init__(
        self,
        run: Run,
        client: Client,
        admission: Admission,
        lease: Lease,
        device: str,
        listener: Listener,
    ) -> None:
        self._run = run
        self._client = client
        self._admission = admission
        self._lease = lease
        self._device = device
        self._listener = listener
        self._underway: dict[Future, Batch] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._fresh: deque[int] = deque()
        self._again: deque[Batch] = deque()
        self._attempts: dict[int, Attempts] = {}
        self._begun: dict[int, str] = {}
        self._failures: list[Failure] = []
        self._failed_in_a_row = 0
        self._batches = 0
        self._threads = 1
        self._looked = -math.inf
        self._tiles_timed = 0
        self._seconds_timed = 0.0

    def compute(self, tiles: Iterable[int]) -> list[Failure]:
        """Compute tiles; those that were given up."""
        self._fresh.extend(tiles)
        topic = topic_of(self._run.run_id)
        self._client.subscribe_topic(topic, self._hear)
        try:
            self._look()
            self._send()
            while self._underway:
                self._receive()
                self._look()
                self._send()
        finally:
            self._client.unsubscribe_topic(topic)
            for future in self._underway:
                future.release()
        return self._failures

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Remember on which worker a tile began."""
        _, told = event
        if told["state"] == RUNNING:
            self._begun[told["tile"]] = told["worker"]

    def _look(self) -> None:
        """Now and then: count threads, which come and go, and see whether to go on."""
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._lease.require()
        if self._client.status != "running":
            raise TiledSimError(
                f"the scheduler is gone; what is done is safe, and `tiled-sim resume "
                f"{self._run.path}` computes the rest"
            )
        self._threads = sum(self._admission.threads().values()) or 1
        for refusal in self._admission.news():
            self._listener.worker_refused(str(refusal))
        obstacle = self._admission.obstacle()
        if obstacle:
            raise TiledSimError(f"{obstacle}; `tiled-sim resume {self._run.path}` goes on then")
        self._looked = time.monotonic()

    def _send(self) -> None:
        """Keep the scheduler supplied."""
        while len(self._underway) < _BATCHES_A_THREAD * self._threads:
            if self._fresh:
                size = self._batch_size()
                tiles = [self._fresh.popleft() for _ in range(min(size, len(self._fresh)))]
                self._submit(Batch(tuple(tiles)))
            elif self._again:
                self._submit(self._again.popleft())
            else:
                return

    def _batch_size(self) -> int:
        """Tiles that take about a second, as measured so far, and no thread's share or more."""
        if not self._tiles_timed:
            return 1
        a_tile = max(self._seconds_timed / self._tiles_timed, 1e-6)
        share = len(self._fresh) // (_BATCHES_A_THREAD * self._threads)
        return max(1, min(int(_SECONDS_A_BATCH / a_tile), share, _MOST_TILES_A_BATCH))

    def _submit(self, batch: Batch) -> None:
        self._batches += 1
        elsewhere = None
        if batch.shunned:
            elsewhere = [it for it in self._admission.addresses() if it != batch.shunned] or None
        future = self._client.submit(
            compute_batch,
            str(self._run.path.absolute()),
            self._run.run_id,
            self._device,
            [(tile, self._attempt(tile)) for tile in batch.tiles],
            key=f"tiles-{self._run.run_id[:8]}-{batch.tiles[0]}-{self._batches}",
            pure=False,
            resources=self._admission.resources,
            workers=elsewhere,
            allow_other_workers=elsewhere is not None,
        )
        self._underway[future] = batch
        future.add_done_callback(self._ended.put)

    def _attempt(self, tile: int) -> int:
        found = self._attempts.get(tile)
        return 1 if found is None else found.count + 1

    def _receive(self) -> None:
        """Take what has ended, if anything does within a second."""
        try:
            future = self._ended.get(timeout=_SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            return
        batch = self._underway.pop(future)
        if future.status == "finished":
            self._take(batch, future.result())
        elif future.status == "error":
            self._blame(batch, future.exception())
        else:  # the scheduler forgot it, which a scheduler that is gone does too
            self._again.append(batch)
            self._looked = -math.inf
        future.release()

    def _take(self, batch: Batch, records: list[dict[str, Any]]) -> None:
        """The records of a batch: a tile was done or raised; one without was not begun."""
        left = set(batch.tiles)
        for record in records:
            tile = record["tile"]
            left.discard(tile)
            self._begun.pop(tile, None)
            if "error" in record:
                self._fail(tile, record["error"], record["worker"], 1)
                continue
            self._failed_in_a_row = 0
            self._attempts.pop(tile, None)
            self._tiles_timed += 1
            self._seconds_timed += sum(record["seconds"].values())
            self._lease.count(done=1, evaluations=record["evaluations"])
            self._listener.tile_done(record)
        if left:
            self._again.append(Batch(tuple(sorted(left))))

    def _blame(self, batch: Batch, error: BaseException) -> None:
        """A task died: the tile that its worker had begun is to blame, the others are not."""
        text = f"{type(error).__name__}: {error}"
        worker, deaths = "", 1
        if isinstance(error, KilledWorker):
            worker, deaths = error.last_worker.address, error.allowed_failures + 1
            text = (
                f"its worker process died {deaths} times, {worker} the last: out of memory, or "
                "killed; its log may tell"
            )
        begun = [tile for tile in batch.tiles if self._begun.pop(tile, None)]
        culprit = begun[-1] if begun else self._often_lost(batch.tiles[0])
        rest = tuple(tile for tile in batch.tiles if tile != culprit)
        if rest:
            self._again.append(Batch(rest))
        if culprit is not None:
            self._fail(culprit, text, worker, deaths)

    def _often_lost(self, tile: int) -> int | None:
        """The first tile of a batch, if workers died under it too often without beginning it.

        Once or twice that is the fault of a tile before it; a process may also die before it can
        say that it begins.
        """
        attempts = self._attempts.setdefault(tile, Attempts())
        attempts.lost += 1
        return tile if attempts.lost > _LOST_OFTEN else None

    def _fail(self, tile: int, error: str, worker: str, times: int) -> None:
        """A tile was tried in vain; try it again elsewhere, or give it up."""
        attempts = self._attempts.setdefault(tile, Attempts())
        attempts.count += times
        attempts.error, attempts.worker = error, worker
        final = attempts.count >= ATTEMPTS
        self._failed_in_a_row += 1
        logger.info("tile %d, attempt %d on %s: %s", tile, attempts.count, worker, error)
        self._listener.tile_failed(self._run.plan[tile], error, final)
        if final:
            self._give_up(tile, attempts)
        else:
            self._again.append(Batch((tile,), worker))
        if self._failed_in_a_row >= _FAILURES_IN_A_ROW:
            raise TileError(
                f"{self._failed_in_a_row} tiles failed one after the other, the last "
                f"{id_of(self._run.plan[tile])}: {error}. What is done is safe; "
                f"`tiled-sim resume {self._run.path}` goes on when that is mended"
            )

    def _give_up(self, tile: int, attempts: Attempts) -> None:
        failure = Failure(
            id_of(self._run.plan[tile]), attempts.count, attempts.error, attempts.worker
        )
        self._failures.append(failure)
        self._lease.count(failed=1)
        try:
            Control(self._run.path).write_failure(failure)
        except OSError as error:  # the disk is full: the failure is still told at the end
            logger.info("failure of %s not recorded: %s", failure.tile, error)
