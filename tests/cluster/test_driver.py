"""The loop that hands out tiles: how many at once, to whom again, and who is to blame."""

import time
from contextlib import contextmanager
from types import SimpleNamespace

import cloudpickle
import pytest
from distributed import Client, KilledWorker

import tiled_sim as ts
from support.runs import block
from support.witness import Witness
from tiled_sim.cluster import batches, driver
from tiled_sim.cluster.batches import Batch, Pace
from tiled_sim.cluster.examiner import PLENTY
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import TileError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.status import Progress
from tiled_sim.store.control import Control

A, B = "tcp://127.0.0.1:1", "tcp://127.0.0.1:2"
#: Of the tiles of a run of 3 × 3.
ID = [f"f00000/p000/r{row:04d}c{column:04d}" for row in range(3) for column in range(3)]


class Lease:
    """Counts nothing."""

    def count(self, **_):
        pass


class Task:
    """A future that never ends."""

    def add_done_callback(self, _):
        pass


@pytest.fixture
def run(small_run):
    return small_run


# Batches


@contextmanager
def recorded():
    """Tiles of each batch that is submitted, bytes of its task, and the most underway at once."""
    seen = SimpleNamespace(batches=[], bytes=[], most=0)
    submit_batch, submit_task = driver._Driver._submit, Client.submit

    def submit(self, batch):
        submit_batch(self, batch)
        seen.batches.append(batch.tiles)
        seen.most = max(seen.most, len(self._tasks))

    def record(self, function, *args, **options):
        seen.bytes.append(len(cloudpickle.dumps((function, args))))
        return submit_task(self, function, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver._Driver, "_submit", submit)
        patch.setattr(Client, "submit", record)
        yield seen


@pytest.fixture(scope="module")
def many(still, address, tmp_path_factory):
    """A run of 576 tiles that took no time, and how it was handed out."""
    prepared = prepare(still("-detpixels", 384, "-pixel", 0.075), tile=(16, 16))
    made = create_run(prepared, tmp_path_factory.mktemp("many") / "run.zarr")
    with recorded() as seen:
        compute_missing(made, cluster=address)
    return made, seen


def test_batches_of_tiles_that_take_no_time_grow(many):
    sizes = [len(tiles) for tiles in many[1].batches]
    assert sizes[0] == 1
    assert max(sizes) > 10
    assert len(sizes) < 576 / 4


def test_every_tile_is_handed_out_once(many):
    handed_out = [tile for tiles in many[1].batches for tile in tiles]
    assert sorted(handed_out) == list(range(576))


def test_the_scheduler_has_a_few_batches_a_thread_whatever_the_number_of_tiles(many):
    assert many[1].most <= 2 * 2


def test_a_task_is_a_small_message(many):
    run, seen = many
    for size, tiles in zip(seen.bytes, seen.batches, strict=True):
        assert size < 300 + len(str(run.path)) + 10 * len(tiles)


def test_the_image_is_the_same_whatever_the_batches(many):
    run, _ = many
    assert run.image.values.tobytes() == ts.simulate(run.experiment).values.tobytes()


def test_batches_of_tiles_that_take_long_hold_one(run, address, monkeypatch):
    for name in ("_SECONDS_A_BATCH", "_SECONDS_A_TASK", "_SECONDS_A_TASK_AND_WORKER"):
        monkeypatch.setattr(batches, name, 1e-9)
    with recorded() as seen:
        compute_missing(run, cluster=address)
    assert [len(tiles) for tiles in seen.batches] == [1] * 9


@pytest.mark.parametrize(("threads", "seconds"), [(1, 1), (100, 1), (1000, 14), (4000, 164)])
def test_batches_are_longer_on_many_workers(threads, seconds):
    pace = Pace(tiles=1, seconds=1.0)
    assert pace.tiles_of_batch(8 * threads * seconds, threads) == seconds


# Tiles that raise


@pytest.mark.parametrize(
    ("there", "asked_for"), [([A, B], [B]), ([B], [B]), ([A], None), ([], None)]
)
def test_a_tile_that_failed_is_tried_on_another_worker_if_there_is_one(run, there, asked_for):
    options = {}
    client = SimpleNamespace(submit=lambda *_, **given: options.update(given) or Task())
    admission = SimpleNamespace(addresses=lambda: there, resources={"admitted": 1})
    made = driver._Driver(run, client, admission, Lease(), "cpu", 0, Witness(), Progress(run))
    made._submit(Batch((4,), shunned=A))
    assert options["workers"] == asked_for
    assert options["allow_other_workers"] == (asked_for is not None)


def test_a_tile_that_is_given_up_is_recorded_with_its_error(run, address):
    block(run, run.plan[4])
    with pytest.raises(TileError):
        compute_missing(run, cluster=address)
    (failure,) = Control(run.path).failures()
    assert failure.tile == run.plan.id_of(run.plan[4])
    assert failure.attempts == 3
    assert "Is a directory" in failure.error
    assert failure.worker.startswith("tcp://")
    assert run.status().failed == [failure]


def test_a_run_whose_tiles_all_fail_is_given_up_before_all_have_been_tried(
    run, address, monkeypatch
):
    monkeypatch.setattr(driver, "_FAILURES_IN_A_ROW", 3)
    for tile in run.plan:
        block(run, tile)
    witness = Witness()
    with pytest.raises(TileError, match="3 tiles failed one after the other") as caught:
        compute_missing(run, cluster=address, listener=witness)
    assert f"`tiled-sim resume {run.path}` goes on" in str(caught.value)
    assert len(witness.failed) < 2 * 9


def test_when_all_others_were_tried_those_that_fail_have_all_their_attempts(
    run, address, monkeypatch
):
    monkeypatch.setattr(driver, "_FAILURES_IN_A_ROW", 3)
    bad = [run.plan[number] for number in (0, 4, 7, 8)]
    for tile in bad:
        block(run, tile)
    witness = Witness()
    with pytest.raises(TileError, match="4 of 9 tiles failed 3 times"):
        compute_missing(run, cluster=address, listener=witness)
    assert sorted(witness.done) == [ID[number] for number in (1, 2, 3, 5, 6)]
    assert {failure.tile for failure in Control(run.path).failures()} == set(
        map(run.plan.id_of, bad)
    )


# Workers that die: which tile is to blame


@pytest.fixture
def witness():
    return Witness()


def blamed(witness):
    """Names of the tiles that failed, and whether for good."""
    return [(tile, final) for tile, _, final in witness.failed]


@pytest.fixture
def loop(run, witness):
    """The loop without a cluster; batches that it means to submit are in ``loop.again``."""
    made = driver._Driver(run, None, None, Lease(), "cpu", 0, witness, Progress(run))

    def hear(told):
        made._hear((0.0, {"tiles": [told]}))

    return SimpleNamespace(
        begin=lambda tile, worker: hear({"tile": tile, "state": "running", "worker": worker}),
        end=lambda tile: hear({"tile": tile, "state": "done", "worker": A}),
        lose=made._blame,
        take=made._take,
        again=made._again,
    )


def death(worker, threads=1):
    """What dask says of a task whose workers have all died."""
    last = SimpleNamespace(address=worker, nthreads=threads)
    return KilledWorker("task", last, 3)


def test_the_tile_that_was_being_computed_is_to_blame(loop, witness):
    for worker in (A, B, A, B):
        loop.begin(3, worker)
        loop.end(3)
        loop.begin(4, worker)
    loop.lose(Batch((3, 4, 5)), death(B))
    assert blamed(witness) == [(ID[4], True)]
    assert list(loop.again) == [Batch((3, 5))]


def test_a_tile_that_was_done_is_never_to_blame(loop, witness):
    loop.begin(3, A)
    loop.end(3)
    loop.lose(Batch((3, 4)), death(A))
    assert blamed(witness) == []
    assert list(loop.again) == [Batch((3,)), Batch((4,))]


def test_deaths_of_workers_that_had_not_begun_the_tile_do_not_count(loop, witness):
    loop.begin(4, A)
    loop.lose(Batch((4,)), death(A))
    assert blamed(witness) == [(ID[4], False)]
    assert list(loop.again) == [Batch((4,), shunned=A, alone=True)]


def test_of_tiles_that_were_not_told_of_the_first_that_is_not_in_the_store_is_to_blame(
    loop, witness, run
):
    compute_batch(str(run.path), run.run_id, "cpu", [(3, 1), (4, 1)])
    for worker in (A, B, A, B):
        loop.begin(3, worker)
    loop.lose(Batch((2, 3, 4, 5, 6)), death(B))
    assert blamed(witness) == [(ID[5], True)]
    assert list(loop.again) == [Batch((2, 3, 4, 6))]


def test_of_a_batch_whose_tiles_are_all_in_the_store_none_is_to_blame(loop, witness, run):
    compute_batch(str(run.path), run.run_id, "cpu", [(3, 1), (4, 1)])
    loop.begin(3, A)
    loop.lose(Batch((3, 4)), death(A))
    assert blamed(witness) == []
    assert list(loop.again) == [Batch((3,)), Batch((4,))]


def test_of_a_process_with_several_threads_no_tile_is_blamed_at_once(loop, witness):
    for worker in (A, B, A, B):
        loop.begin(4, worker)
        loop.begin(9, worker)
    loop.lose(Batch((4, 5)), death(B, threads=4))
    assert blamed(witness) == []
    assert list(loop.again) == [Batch((5,)), Batch((4,), alone=True)]


def test_a_tile_that_kills_a_process_of_which_it_had_all_threads_is_to_blame(loop, witness):
    for worker in (A, B, A, B):
        loop.begin(4, worker)
    loop.lose(Batch((4,), alone=True), death(B, threads=4))
    assert blamed(witness) == [(ID[4], True)]


def test_a_batch_that_died_before_it_began_is_divided_until_one_is_left(loop, witness):
    loop.lose(Batch((1, 2, 3)), death(A))
    assert list(loop.again) == [Batch((1,)), Batch((2, 3))]
    loop.again.clear()
    loop.lose(Batch((3,)), death(A))
    assert list(loop.again) == [Batch((3,), alone=True)]
    assert blamed(witness) == []


def test_a_tile_that_kills_too_fast_to_say_so_is_to_blame_in_the_end(loop, witness):
    loop.lose(Batch((3,), alone=True), death(A))
    assert blamed(witness) == []
    loop.lose(Batch((3,), alone=True), death(A))
    assert blamed(witness) == [(ID[3], True)]


def test_of_a_task_that_fails_as_a_whole_the_first_tile_is_tried_by_itself(loop, witness):
    loop.lose(Batch((3, 4, 5)), MemoryError("no room"))
    assert blamed(witness) == [(ID[3], False)]
    assert list(loop.again) == [Batch((4, 5)), Batch((3,))]


def test_tiles_that_a_task_did_not_begin_are_handed_out_again(loop, witness):
    loop.take(
        Batch((3, 4, 5)), [{"tile": 3, "error": "ValueError: no", "of_store": False, "worker": A}]
    )
    assert blamed(witness) == [(ID[3], False)]
    assert list(loop.again) == [Batch((3,), shunned=A), Batch((4, 5))]


def test_a_tile_that_is_suspected_has_a_worker_to_itself(run, address, monkeypatch):
    resources = []
    real = Client.submit

    def record(self, *args, **options):
        resources.append(options["resources"])
        return real(self, *args, **options)

    monkeypatch.setattr(Client, "submit", record)
    real_send = driver._Driver._send

    def send(self):
        self._again.extend(Batch((tile,), alone=True) for tile in self._fresh.tolist())
        self._fresh = self._fresh[:0]
        real_send(self)

    monkeypatch.setattr(driver._Driver, "_send", send)
    compute_missing(run, cluster=address)
    assert len(resources) == 9
    assert all(set(needed.values()) == {PLENTY} for needed in resources)
    assert run.status().complete


# What a worker does with a batch


def test_a_worker_that_cannot_open_the_run_returns_one_failure_and_leaves_the_rest(run):
    records = compute_batch(str(run.path), "another", "cpu", [(3, 1), (4, 1)], 0)
    (record,) = records
    assert record["tile"] == 3
    assert "holds another run" in record["error"]


def test_a_tile_that_another_driver_had_committed_meanwhile_is_left_as_it_is(run, monkeypatch):
    from tiled_sim.simulation.simulator import Simulator

    real = Simulator.simulate_tile
    tile = run.plan[4]
    sidecar = run.path / "traces" / f"{run.plan.id_of(tile)}.json"
    written = []

    def simulate_tile(self, tile, *arguments, **options):
        result = real(self, tile, *arguments, **options)
        if not written:
            written.append(None)
            compute_batch(str(run.path), run.run_id, "cpu", [(tile.index, 1)], 0)
            written.append(sidecar.stat().st_mtime_ns)
            time.sleep(0.01)
        return result

    monkeypatch.setattr(Simulator, "simulate_tile", simulate_tile)
    (record,) = compute_batch(str(run.path), run.run_id, "cpu", [(4, 1)], 0)
    assert record["id"] == run.plan.id_of(tile)
    assert sidecar.stat().st_mtime_ns == written[1]


def test_a_cancelled_batch_begins_no_tile(run):
    Control(run.path).cancel()
    assert compute_batch(str(run.path), run.run_id, "cpu", [(3, 1), (4, 1)], 0) == []
