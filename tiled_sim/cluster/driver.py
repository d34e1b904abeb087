"""Handing out the tiles of a run in batches, and trying again what fails."""

import logging
import math
import queue
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import numpy.typing as npt
from distributed import Client, Future, KilledWorker
from distributed.scheduler import WorkerState

from tiled_sim.cluster.admission import Admission, admitted
from tiled_sim.cluster.batches import A_THREAD, Attempts, Batch, Pace
from tiled_sim.cluster.events import topic_of
from tiled_sim.cluster.examination import Requirements
from tiled_sim.cluster.examiner import PLENTY
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.listener import Listener
from tiled_sim.cluster.page.registration import link_of, shown, tell_failure
from tiled_sim.cluster.tasks import ByName
from tiled_sim.cluster.under_way import UnderWay
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError, TiledSimError, TileError
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.control import Control, Failure
from tiled_sim.store.durable import reason
from tiled_sim.store.run_store import RunStore

logger = logging.getLogger(__name__)

#: Times that a tile is tried before the run goes on without it.
ATTEMPTS = 3
#: Tiles that fail one after the other, with none done between them, before those that have not
#: been tried are left alone: a full disk fails them all.
_FAILURES_IN_A_ROW = 30
_SECONDS_BETWEEN_LOOKS = 1.0
#: For which no worker is there before that is told: one that died takes some to come back.
_SECONDS_WITHOUT_WORKERS = 10.0
#: A worker that does not hand over what it has told is dead, and another computes that again.
_SECONDS_TO_HAND_OVER = 30.0
#: Times that workers die of a tile that had one to itself, without saying that it began.
_SILENT_DEATHS = 2


def drive(run: Run, client: Client, progress: Progress, device: str, listener: Listener) -> None:
    """Compute tiles on a cluster, commit each, and make the pyramid when all of the run are done.

    Parameters
    ----------
    run : they belong to
    client : of the cluster
    progress : which of them are done
    device : name of the torch device
    listener : is told of every tile

    Raises
    ------
    TileError
        if tiles failed `ATTEMPTS` times; the others are done
    TiledSimError
        if no worker can compute the run, the scheduler is gone, or somebody asked to stop
    """
    tiles, left = progress.missing, progress.left
    requirements = Requirements(str(run.path.absolute()), run.run_id, device)
    with (
        Lease(run, len(tiles), client.dashboard_link or "", len(left)) as lease,
        admitted(client, requirements) as admission,
        shown(client, run, tiles, ATTEMPTS, left, lease) as factor,
    ):
        page = link_of(client) if factor else client.dashboard_link or ""
        lease.shown_at(page)
        listener.started(run, len(tiles), page, len(left))
        driver = _Driver(run, client, admission, lease, device, factor, listener, progress)
        failures = driver.compute(tiles)
        _complain(run, failures, of_store=driver.store_at_fault)
        if progress.complete:
            finish(run, lease, listener)


def finish(run: Run, lease: Lease, listener: Listener) -> None:
    """Make the pyramid of a run whose tiles are all done.

    Parameters
    ----------
    run : to finish
    lease : on it
    listener : is told

    Raises
    ------
    StoreError
        if it cannot be written
    """
    lease.require()
    listener.finishing()
    try:
        store = RunStore.open(run.path, mode="r+")
        store.sweep()  # workers may have died while they wrote
        store.finish()
    except (OSError, StoreError) as error:
        lease.require()
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            f"all tiles of {run.path} are done, but its smaller images cannot be written "
            f"({reason(error)}); `tiled-sim resume {run.path}` makes them when that is mended"
        ) from error


def _complain(run: Run, failures: list[Failure], *, of_store: bool) -> None:
    if failures:
        kind = StoreError if of_store else TileError
        raise kind(
            f"{len(failures)} of {len(run.plan)} tiles failed {ATTEMPTS} times, the first "
            f"{failures[0].tile}: {failures[0].error}. The others are done; "
            f"`tiled-sim resume {run.path}` tries these again"
        )


def _obituary(deaths: int, worker: str) -> str:
    return (
        f"its worker process died {deaths} times, {worker} the last: out of memory, or killed; its "
        "log may tell"
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
        factor: int,
        listener: Listener,
        progress: Progress,
    ) -> None:
        self._run = run
        self._client = client
        self._admission = admission
        self._lease = lease
        self._device = device
        self._factor = factor
        self._listener = listener
        self._progress = progress
        self._tasks: dict[Future, Batch] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._fresh: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)  # not handed out yet
        self._again: deque[Batch] = deque()
        self._attempts: dict[int, Attempts] = {}
        self._under_way = UnderWay()
        self._failures: list[Failure] = []
        self._failing: set[int] = set()  # since a tile was done
        self._unkept = 0  # for the store's fault, since a tile was done
        #: Whether that is why tiles were given up.
        self.store_at_fault = False
        self._batches = 0
        self._threads = 1
        self._looked = -math.inf
        self._had_workers = time.monotonic()
        self._pace = Pace()
        self._parts = (0.0, 0)
        self._notes: set[str] = set()

    def compute(self, tiles: npt.NDArray[np.int64]) -> list[Failure]:
        """Compute tiles; those that were given up."""
        self._fresh = tiles
        topic = topic_of(self._run.run_id)
        self._client.subscribe_topic(topic, self._hear)
        self._progress.write()
        try:
            self._look()
            self._send()
            while self._tasks:
                self._receive()
                self._look()
                self._send()
        finally:
            self._progress.write()
            if self._client.status == "running":
                self._client.unsubscribe_topic(topic)
                for future in self._tasks:
                    future.release()
        return self._failures

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Hear of tiles that are begun and ended."""
        for told in event[1]["tiles"]:
            self._under_way.hear(told)

    def _look(self) -> None:
        """Now and then: count threads, which come and go, and see whether to go on."""
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_LOOKS:
            return
        self._lease.require()
        self._tell_parts()
        self._progress.write_if_due()
        if self._client.status != "running":
            raise self._scheduler_gone()
        threads = sum(self._admission.threads().values())
        self._miss_workers(threads)
        self._threads = threads or 1
        for refusal in self._admission.news():
            self._listener.worker_refused(str(refusal))
        obstacle = self._admission.obstacle()
        if obstacle:
            raise TiledSimError(f"{obstacle}; `tiled-sim resume {self._run.path}` goes on then")
        self._looked = time.monotonic()

    def _tell_parts(self) -> None:
        """Tell how much is done of tiles under way, if that has changed."""
        parts = self._under_way.parts
        if parts != self._parts:
            self._parts = parts
            self._lease.under_way(*parts)
            self._listener.under_way(*parts)

    def _scheduler_gone(self) -> TiledSimError:
        return TiledSimError(
            f"the scheduler is gone; what is done is safe, and `tiled-sim resume {self._run.path}` "
            "computes the rest"
        )

    def _miss_workers(self, threads: int) -> None:
        """Tell, once, that all workers are gone; whether others join is up to their owner."""
        now = time.monotonic()
        if threads:
            self._had_workers = now
        elif now - self._had_workers > _SECONDS_WITHOUT_WORKERS:
            self._had_workers = math.inf
            address = self._client.scheduler_info()["address"]
            self._listener.worker_refused(
                f"no worker that can compute the run is left; it goes on when one joins "
                f"(`dask worker {address}`), and what is done is safe"
            )

    def _send(self) -> None:
        """Keep the scheduler supplied."""
        while len(self._tasks) < A_THREAD * self._threads:
            if len(self._fresh):
                size = self._pace.tiles_of_batch(len(self._fresh), self._threads)
                tiles, self._fresh = self._fresh[:size], self._fresh[size:]
                self._submit(Batch(tuple(tiles.tolist())))
            elif self._again:
                self._submit(self._again.popleft())
            else:
                return

    def _submit(self, batch: Batch) -> None:
        self._batches += 1
        elsewhere = None
        if batch.shunned:
            elsewhere = [it for it in self._admission.addresses() if it != batch.shunned] or None
        resources = self._admission.resources
        if batch.alone:
            resources = dict.fromkeys(resources, PLENTY)
        future = self._client.submit(
            ByName.of(compute_batch),
            str(self._run.path.absolute()),
            self._run.run_id,
            self._device,
            [(tile, self._attempt(tile)) for tile in batch.tiles],
            self._factor,
            self._run.plan.grid.shape[0],
            key=f"tiles-{self._run.run_id[:8]}-{batch.tiles[0]}-{self._batches}",
            pure=False,
            resources=resources,
            workers=elsewhere,
            allow_other_workers=elsewhere is not None,
        )
        self._tasks[future] = batch
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
        batch = self._tasks.pop(future)
        if future.status == "error":
            self._blame(batch, future.exception())
        elif future.status == "cancelled":  # by nobody: the connection was lost
            raise self._scheduler_gone()
        else:
            self._gather(batch, future)
        future.release()

    def _gather(self, batch: Batch, future: Future) -> None:
        """The records of a batch that was computed; its worker may die before it sends them."""
        try:
            records = future.result(timeout=_SECONDS_TO_HAND_OVER)
        except TimeoutError:
            self._again.append(batch)
        except CancelledError:
            raise self._scheduler_gone() from None
        else:
            self._take(batch, records)

    def _take(self, batch: Batch, records: list[dict[str, Any]]) -> None:
        """The records of a batch: a tile was done or raised; one without was not begun."""
        left = set(batch.tiles)
        for record in records:
            self._tell_note(record.get("note", ""))
            tile = record["tile"]
            left.discard(tile)
            self._under_way.end(tile)
            if "error" in record:
                of_store = record["of_store"]
                if of_store:
                    self._doubt_store(record["error"])
                self._fail(tile, record["error"], record["worker"], of_store=of_store)
                continue
            self._failing.clear()
            self._unkept = 0
            self._attempts.pop(tile, None)
            self._pace.add(sum(record["seconds"].values()))
            self._tell_parts()
            self._lease.count(done=1, evaluations=record["evaluations"])
            self._progress.done(tile, record["sums"])
            self._listener.tile_done(record)
        self._try_again(sorted(left))

    def _tell_note(self, note: str) -> None:
        """What a worker has to say beside its tiles, once."""
        if note and note not in self._notes:
            self._notes.add(note)
            self._listener.worker_told(note)

    def _try_again(self, tiles: Sequence[int]) -> None:
        """Tiles through no fault of theirs not done."""
        if tiles:
            self._again.append(Batch(tuple(tiles)))

    def _blame(self, batch: Batch, error: BaseException) -> None:
        """A task failed as a whole, or its workers died: which of its tiles is to blame."""
        begun = [tile for tile in batch.tiles if self._under_way.has_begun(tile)]
        deaths = [self._under_way.end(tile) for tile in batch.tiles if tile in begun]
        if not isinstance(error, KilledWorker):
            first, *others = batch.tiles
            self._try_again(others)
            self._fail(first, f"{type(error).__name__}: {error}", "")
            return
        suspect = self._not_kept(batch, begun[-1]) if begun else None
        if suspect is None:
            self._divide(batch, error.last_worker.address)
        else:
            self._try_again([tile for tile in batch.tiles if tile != suspect])
            self._suspect(batch, suspect, deaths[-1], error.last_worker)

    def _not_kept(self, batch: Batch, begun: int) -> int | None:
        """The first tile of a batch that is not in the store, from one on that was begun.

        A worker tells of quick tiles a little later than it computes them, one after the other.
        """
        for tile in batch.tiles[batch.tiles.index(begun) :]:
            try:
                if self._run.committed(self._run.plan[tile]) is None:
                    return tile
            except StoreError:  # of something in its place
                return tile
        return None

    def _suspect(self, batch: Batch, tile: int, deaths: int, worker: WorkerState) -> None:
        """Workers died while they computed a tile; blame it unless they computed others, too."""
        if batch.alone or worker.nthreads == 1:
            self._fail(tile, _obituary(deaths, worker.address), worker.address, deaths, alone=True)
        else:
            self._again.append(Batch((tile,), alone=True))

    def _divide(self, batch: Batch, worker: str) -> None:
        """Workers died that had a batch and began no tile of it, as far as is known.

        Mostly that is the fault of another batch. But a process may also die before it can say
        that a tile begins; then the parts of the batch tell which.
        """
        half = len(batch.tiles) // 2
        if half:
            self._try_again(batch.tiles[:half])
            self._try_again(batch.tiles[half:])
            return
        (tile,) = batch.tiles
        attempts = self._attempts.setdefault(tile, Attempts())
        attempts.lost += batch.alone
        if attempts.lost < _SILENT_DEATHS:
            self._again.append(Batch((tile,), alone=True))
        else:
            self._fail(tile, _obituary(ATTEMPTS, worker), worker, ATTEMPTS)

    def _doubt_store(self, error: str) -> None:
        """A tile was not computed, or not kept, for the store's fault; that of others will be so.

        Raises
        ------
        StoreError
            if so many were, and none was done between them
        """
        self._lease.require()  # it may have been removed
        self._unkept += 1
        if self._unkept >= ATTEMPTS:
            raise StoreError(
                f"{error}. What is done is safe; `tiled-sim resume {self._run.path}` goes on when "
                "that is mended"
            )

    def _fail(
        self,
        tile: int,
        error: str,
        worker: str,
        times: int = 1,
        *,
        alone: bool = False,
        of_store: bool = False,
    ) -> None:
        """A tile was tried in vain; try it again elsewhere, or give it up."""
        attempts = self._attempts.setdefault(tile, Attempts())
        attempts.count += times
        attempts.error, attempts.worker = error, worker
        final = attempts.count >= ATTEMPTS
        self._failing.add(tile)
        logger.info("tile %d, attempt %d on %s: %s", tile, attempts.count, worker, error)
        if not of_store:  # of a full disk that is told once
            self._listener.tile_failed(self._id(tile), error, final)
        if self._factor:
            tell_failure(
                self._client,
                self._run,
                tile,
                attempts=attempts.count,
                final=final,
                error=error,
                worker=worker,
            )
        if final:
            self.store_at_fault |= of_store
            self._give_up(tile, attempts)
        else:
            self._again.append(Batch((tile,), worker, alone))
        if len(self._fresh) and len(self._failing) >= _FAILURES_IN_A_ROW:
            raise TileError(
                f"{len(self._failing)} tiles failed one after the other, the last "
                f"{self._id(tile)}: {error}. What is done is safe; "
                f"`tiled-sim resume {self._run.path}` goes on when that is mended"
            )

    def _id(self, tile: int) -> str:
        """Name of a tile in the store."""
        return self._run.plan.id_of(self._run.plan[tile])

    def _give_up(self, tile: int, attempts: Attempts) -> None:
        failure = Failure(self._id(tile), attempts.count, attempts.error, attempts.worker)
        self._failures.append(failure)
        self._lease.count(failed=1)
        self._progress.failed(tile)
        try:
            Control(self._run.path).write_failure(failure)
        except OSError as error:  # the disk is full: the failure is still told at the end
            logger.info("failure of %s not recorded: %s", failure.tile, error)
