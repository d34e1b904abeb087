"""Workers that are looked over before they compute: who is let in, who is not, and who is told."""

import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import psutil
import pytest
from distributed import Client, LocalCluster

from tiled_sim.cluster import admission, examiner
from tiled_sim.cluster.admission import admitted
from tiled_sim.cluster.examination import Requirements, obstacle
from tiled_sim.errors import TiledSimError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.versions import __version__

#: Seconds after which something that should happen is given up.
PATIENCE = 60
#: Each process finds there what lies in its own working directory.
HERE = "/proc/self/cwd/run.zarr"

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/cwd"), reason="needs /proc for views that differ"
)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(admission, "_SECONDS_FOR_OTHERS", 0.5)


def eventually(true):
    """Wait for something; what it gave."""
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@contextmanager
def worker(address, cwd, *words, **environment):
    """A worker process, as a user starts one."""
    options = f"{address} --nthreads 1 --host 127.0.0.1 --no-dashboard"
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", *options.split(), *words],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made:
        yield made.scheduler_address


@pytest.fixture(scope="module")
def client(scheduler):
    with Client(scheduler, set_as_default=False) as made:
        yield made


@pytest.fixture(scope="module")
def folder(still, tmp_path_factory):
    """Working directory of workers that see the run."""
    return new_run(still(), tmp_path_factory.mktemp("shared"))


def new_run(experiment, folder):
    create_run(prepare(experiment, tile=(32, 32)), folder / "run.zarr")
    return folder


@pytest.fixture(scope="module")
def needs(folder):
    return needs_of(folder)


def needs_of(folder, **changes):
    from tiled_sim.run.run import Run

    return Requirements(**{"path": HERE, "run_id": Run(folder / "run.zarr").run_id, **changes})


def package(folder, text):
    """A folder for PYTHONPATH with a tiled_sim of its own."""
    (folder / "tiled_sim").mkdir(parents=True)
    (folder / "tiled_sim" / "__init__.py").touch()
    (folder / "tiled_sim" / "versions.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def seen(client, scheduler, folder, needs, still, tmp_path_factory):
    """Admission to a run of one worker that is right and of four that are not."""
    scratch = tmp_path_factory.mktemp("others")
    other = new_run(still(), tmp_path_factory.mktemp("other"))
    old = package(scratch / "old", '__version__ = "0.0.9"')
    broken = package(scratch / "broken", "raise ImportError('half installed')")
    ways = [
        *(("right", folder, {}), ("old", folder, old), ("broken", folder, broken)),
        *(("elsewhere", scratch, {}), ("other", other, {})),
    ]
    with ExitStack() as stack:
        for name, cwd, environment in ways:
            stack.enter_context(worker(scheduler, cwd, "--no-nanny", "--name", name, **environment))
        client.wait_for_workers(len(ways), timeout=PATIENCE)
        admission = stack.enter_context(admitted(client, needs))
        eventually(lambda: len(admission.refusals()) == 4)
        yield admission


@pytest.fixture(scope="module")
def address_of(client):
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {about["name"]: address for address, about in workers.items()}


@pytest.fixture
def refusal(seen, address_of):
    """Refusal of a worker by its name."""
    return lambda name: next(r for r in seen.refusals() if r.worker == address_of[name])


def test_a_worker_that_is_right_is_admitted(seen, address_of):
    assert seen.addresses() == [address_of["right"]]
    assert seen.threads() == {address_of["right"]: 1}


def test_only_admitted_workers_compute(client, seen, address_of):
    futures = [
        client.submit(socket.gethostname, resources=seen.resources, pure=False) for _ in range(20)
    ]
    client.gather(futures)
    by = {worker for workers in client.who_has(futures).values() for worker in workers}
    assert by == {address_of["right"]}


def test_a_refusal_names_the_worker_and_its_machine(refusal, address_of):
    told = str(refusal("old"))
    assert told.startswith(f"worker {address_of['old']} on {socket.gethostname()} ")


def test_a_worker_with_another_version_is_told_which_to_install(refusal):
    assert f"it has tiled_sim 0.0.9, the run {__version__}; install" in refusal("old").reason
    assert sys.executable in refusal("old").reason


def test_a_worker_that_cannot_import_the_package_is_told_why(refusal):
    reason = refusal("broken").reason
    assert f"cannot be imported (half installed); install tiled_sim {__version__}" in reason


def test_a_worker_that_does_not_see_the_store_is_told_where_it_must_lie(refusal):
    assert f"does not see {HERE}" in refusal("elsewhere").reason
    assert "file system that every worker shares" in refusal("elsewhere").reason


def test_a_worker_that_sees_another_run_at_the_path_is_refused(refusal, needs):
    assert f"{HERE} is another run there" in refusal("other").reason
    assert needs.run_id in refusal("other").reason


def test_news_of_a_refusal_are_told_once(seen):
    assert len(seen.news()) == 4
    assert seen.news() == []


def test_there_is_no_obstacle_while_one_worker_is_right(seen):
    assert seen.obstacle() == ""


def test_admission_to_one_run_is_none_to_another(client, seen, folder, hasty):
    theirs = needs_of(folder, run_id="another")
    with (
        pytest.raises(TiledSimError, match="no worker can compute the run"),
        admitted(client, theirs),
    ):
        pass
    assert len(seen.addresses()) == 1


def test_a_run_fails_with_the_reasons_if_every_worker_is_wrong(client, seen, folder, hasty):
    with pytest.raises(TiledSimError) as caught, admitted(client, needs_of(folder, device="cuda")):
        pass
    message = str(caught.value)
    assert message.startswith("no worker can compute the run: worker tcp://127.0.0.1:")
    assert "torch sees 0 CUDA devices" in message
    assert "tiled_sim 0.0.9" in message


# Late, lost, and gone


@pytest.fixture
def lonely(scheduler, folder):
    """A scheduler of its own, and a client of it."""
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made,
        Client(made.scheduler_address, set_as_default=False) as client,
    ):
        yield client


def test_late_joiners_are_looked_over_as_well(lonely, folder, needs, tmp_path):
    address = lonely.scheduler.address
    with (
        worker(address, folder, "--no-nanny"),
        admitted(lonely, needs) as seen,
        worker(address, folder, "--no-nanny"),
        worker(address, tmp_path, "--no-nanny"),
    ):
        eventually(lambda: len(seen.addresses()) == 2 and seen.refusals())
        (refused,) = seen.news()
        assert HERE in refused.reason
        futures = [
            lonely.submit(time.sleep, 0.05, resources=seen.resources, pure=False) for _ in range(20)
        ]
        lonely.gather(futures)
        by = {worker for workers in lonely.who_has(futures).values() for worker in workers}
        assert by == set(seen.addresses())


def test_tasks_wait_for_a_killed_worker_to_come_back(lonely, folder, needs):
    with worker(lonely.scheduler.address, folder, "--nanny"), admitted(lonely, needs) as seen:
        (before,) = seen.addresses()
        (pid,) = lonely.run(os.getpid).values()
        futures = [
            lonely.submit(time.sleep, 0.3, resources=seen.resources, pure=False) for _ in range(5)
        ]
        psutil.Process(pid).kill()
        lonely.gather(futures)
        (after,) = eventually(seen.addresses)
        assert after != before


def test_a_worker_is_left_as_it_was_found(lonely, folder, needs):
    with worker(lonely.scheduler.address, folder, "--no-nanny"):
        with admitted(lonely, needs) as seen:
            (plugins,) = lonely.run(lambda dask_worker: list(dask_worker.plugins)).values()
            assert set(seen.resources) <= set(plugins)
        (plugins,) = lonely.run(lambda dask_worker: list(dask_worker.plugins)).values()
        assert not set(seen.resources) & set(plugins)
        (about,) = lonely.scheduler_info(n_workers=-1)["workers"].values()
        assert about["resources"] == dict.fromkeys(seen.resources, 0)
        assert about["status"] == "running"


def test_a_worker_that_does_not_answer_holds_nobody_up(lonely, folder, needs, monkeypatch):
    monkeypatch.setattr(admission, "_SECONDS_TO_TELL", 1)
    address = lonely.scheduler.address
    with worker(address, folder, "--no-nanny"), worker(address, folder, "--no-nanny") as frozen:
        lonely.wait_for_workers(2, timeout=PATIENCE)
        frozen.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with admitted(lonely, needs) as seen:
            assert len(seen.addresses()) == 1
            assert lonely.submit(sum, [1, 2], resources=seen.resources).result() == 3
        assert time.monotonic() - began < 20


def test_a_file_system_that_does_not_answer_is_told(lonely, folder, needs, monkeypatch, hasty):
    text = inspect.getsource(examiner).replace("_SECONDS_TO_LOOK = 60", "_SECONDS_TO_LOOK = 0.001")
    monkeypatch.setattr(admission.inspect, "getsource", lambda _: text)
    reason = rf"has not answered within 0\.001 s; see whether {HERE} can be listed"
    with (
        worker(lonely.scheduler.address, folder, "--no-nanny"),
        pytest.raises(TiledSimError, match=reason),
        admitted(lonely, needs),
    ):
        pass


# One worker's view


def test_a_store_in_which_no_file_can_be_created_is_told(folder, tmp_path):
    run = needs_of(folder).run_id
    view = tmp_path / "view"
    view.mkdir()
    mounted = subprocess.run(
        ["mount", "--bind", "-o", "ro", folder, view], capture_output=True
    ).returncode
    if mounted:
        pytest.skip("needs to be allowed to mount")
    try:
        reason = obstacle(str(view / "run.zarr"), run, "auto")
    finally:
        subprocess.run(["umount", view], check=True)
    assert f"cannot create a file in {view / 'run.zarr'} (Read-only file system)" in reason


def test_looking_leaves_nothing_in_the_store(folder, needs):
    store = folder / "run.zarr"
    before = sorted(store.rglob("*"))
    assert obstacle(str(store), needs.run_id, "auto") == ""
    assert sorted(store.rglob("*")) == before
