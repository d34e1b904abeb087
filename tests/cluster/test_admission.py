"""Workers that are looked over before they compute: who is let in, who is not, and who is told."""

import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import psutil
import pytest
from distributed import Client

from support.processes import PATIENCE, eventually, scheduler_here, worker
from support.runs import HERE
from tiled_sim.cluster import admission, examiner
from tiled_sim.cluster.admission import admitted
from tiled_sim.cluster.examination import Requirements, obstacle
from tiled_sim.errors import TiledSimError
from tiled_sim.run.run import Run
from tiled_sim.versions import __version__

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/cwd"), reason="needs /proc for views that differ"
)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(admission, "_SECONDS_FOR_OTHERS", 0.5)


@pytest.fixture(scope="module")
def views():
    """A scheduler of workers that see different things."""
    with scheduler_here() as made, Client(made, set_as_default=False) as observer:
        yield observer


@pytest.fixture(scope="module")
def folder(create_small, tmp_path_factory):
    """Working directory of workers that see the run."""
    return create_small(tmp_path_factory.mktemp("shared")).path.parent


@pytest.fixture(scope="module")
def needs(folder):
    return needs_of(folder)


def needs_of(folder, **changes):
    return Requirements(**{"path": HERE, "run_id": Run(folder / "run.zarr").run_id, **changes})


@pytest.fixture
def needs_there(small_run):
    """Of a run that all workers see."""
    return Requirements(str(small_run.path), small_run.run_id)


def package(folder, text):
    """A folder for PYTHONPATH with a tiled_sim of its own."""
    (folder / "tiled_sim").mkdir(parents=True)
    (folder / "tiled_sim" / "__init__.py").touch()
    (folder / "tiled_sim" / "versions.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def seen(views, folder, needs, create_small, tmp_path_factory):
    """Admission to a run of one worker that is right and of four that are not."""
    scratch, other = tmp_path_factory.mktemp("others"), tmp_path_factory.mktemp("other")
    create_small(other)
    old = package(scratch / "old", '__version__ = "0.0.9"')
    broken = package(scratch / "broken", "raise ImportError('half installed')")
    ways = [
        *(("right", folder, {}), ("old", folder, old), ("broken", folder, broken)),
        *(("elsewhere", scratch, {}), ("other", other, {})),
    ]
    with ExitStack() as stack:
        for name, cwd, environment in ways:
            words = (views.scheduler.address, "--no-nanny", "--name", name)
            stack.enter_context(worker(*words, cwd=cwd, environment=environment))
        views.wait_for_workers(len(ways), timeout=PATIENCE)
        admission = stack.enter_context(admitted(views, needs))
        eventually(lambda: len(admission.refusals()) == 4)
        yield admission


@pytest.fixture(scope="module")
def address_of(views):
    workers = views.scheduler_info(n_workers=-1)["workers"]
    return {about["name"]: address for address, about in workers.items()}


@pytest.fixture
def refusal(seen, address_of):
    """Refusal of a worker by its name."""
    return lambda name: next(r for r in seen.refusals() if r.worker == address_of[name])


def test_a_worker_that_is_right_is_admitted(seen, address_of):
    assert seen.addresses() == [address_of["right"]]
    assert seen.threads() == {address_of["right"]: 1}


def computing(client, admission):
    """Addresses of the workers that compute what is for those who are admitted."""
    futures = [
        client.submit(time.sleep, 0.05, resources=admission.resources, pure=False)
        for _ in range(20)
    ]
    client.gather(futures)
    return {worker for workers in client.who_has(futures).values() for worker in workers}


def test_only_admitted_workers_compute(views, seen, address_of):
    assert computing(views, seen) == {address_of["right"]}


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


def test_admission_to_one_run_is_none_to_another(views, seen, folder, hasty):
    theirs = needs_of(folder, run_id="another")
    with (
        pytest.raises(TiledSimError, match="no worker can compute the run"),
        admitted(views, theirs),
    ):
        pass
    assert len(seen.addresses()) == 1


def test_a_run_fails_with_the_reasons_if_every_worker_is_wrong(views, seen, folder, hasty):
    with pytest.raises(TiledSimError) as caught, admitted(views, needs_of(folder, device="cuda")):
        pass
    message = str(caught.value)
    assert message.startswith("no worker can compute the run: worker tcp://127.0.0.1:")
    assert "torch sees 0 CUDA devices" in message
    assert "tiled_sim 0.0.9" in message


# Late, lost, and gone


def test_late_joiners_are_looked_over_as_well(views, seen, folder, tmp_path):
    address = views.scheduler.address
    seen.news()
    with worker(address, "--no-nanny", cwd=folder), worker(address, "--no-nanny", cwd=tmp_path):
        eventually(lambda: len(seen.addresses()) == 2 and len(seen.refusals()) == 5)
        (refused,) = seen.news()
        assert HERE in refused.reason
        assert computing(views, seen) == set(seen.addresses())


def test_tasks_wait_for_killed_workers_to_come_back(client, needs_there):
    with admitted(client, needs_there) as seen:
        before = set(eventually(lambda: len(found := seen.addresses()) == 2 and found))
        futures = [
            client.submit(time.sleep, 0.3, resources=seen.resources, pure=False) for _ in range(8)
        ]
        for pid in client.run(os.getpid).values():
            psutil.Process(pid).kill()
        client.gather(futures)
        eventually(lambda: len(seen.addresses()) == 2)
        assert not before & set(seen.addresses())


def test_a_worker_is_left_as_it_was_found(client, needs_there):
    def plugins():
        found = client.run(lambda dask_worker: list(dask_worker.plugins))
        return [set(names) for names in found.values()]

    with admitted(client, needs_there) as seen:
        assert all(set(seen.resources) <= names for names in plugins())
    assert not any(set(seen.resources) & names for names in plugins())

    def about_workers():
        return list(client.scheduler_info(n_workers=-1)["workers"].values())

    # workers tell the scheduler in their own time
    eventually(lambda: all(set(one["resources"].values()) == {0} for one in about_workers()))
    for about in about_workers():
        assert set(seen.resources) <= set(about["resources"])
        assert about["status"] == "running"


def test_a_worker_that_does_not_answer_holds_nobody_up(client, address, needs_there, monkeypatch):
    monkeypatch.setattr(admission, "_SECONDS_TO_TELL", 1)
    with worker(address, "--no-nanny") as frozen:
        client.wait_for_workers(3, timeout=PATIENCE)
        frozen.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with admitted(client, needs_there) as seen:
            eventually(lambda: len(seen.addresses()) == 2)
            assert client.submit(sum, [1, 2], resources=seen.resources).result() == 3
        assert time.monotonic() - began < 20


def test_a_file_system_that_does_not_answer_is_told(client, needs_there, monkeypatch, hasty):
    text = inspect.getsource(examiner).replace("_SECONDS_TO_LOOK = 60", "_SECONDS_TO_LOOK = 0.001")
    monkeypatch.setattr(admission.inspect, "getsource", lambda _: text)
    reason = rf"has not answered within 0\.001 s; see whether {needs_there.path} can be listed"
    with pytest.raises(TiledSimError, match=reason), admitted(client, needs_there):
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
