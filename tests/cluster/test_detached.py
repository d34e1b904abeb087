"""Runs that are left to a scheduler: the client has gone home, and the driver is a task.

The scheduler and the workers are processes as a user starts them, and so are the commands.
"""

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import psutil
import pytest
from distributed import Client
from distributed.diagnostics.plugin import WorkerPlugin

import tiled_sim as ts
from tiled_sim.cli.main import main
from tiled_sim.cluster import detached, lease
from tiled_sim.cluster.examination import Requirements
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.tasks import ByName
from tiled_sim.errors import TiledSimError
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.control import CANCELLED, FINISHED, RUNNING, Control

#: Seconds after which something that should happen is given up.
PATIENCE = 120
TILES = 36
#: Each process finds there what lies in its own working directory.
HERE = "/proc/self/cwd/run.zarr"


@pytest.fixture(scope="module")
def job(still):
    return still("-detpixels", 288, "-pixel", 0.1, "-oversample", 2)


@pytest.fixture(scope="module")
def undisturbed(job):
    """Bytes of its image."""
    return ts.simulate(job).values.tobytes()


@pytest.fixture
def run(job, tmp_path):
    """The run, with nothing computed."""
    return create_run(prepare(job, Settings("reference"), tile=(48, 48)), tmp_path / "run.zarr")


def eventually(true):
    """Wait for something; what it gave."""
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def sidecars(path):
    """When the sidecar of every finished tile was written."""
    return {file: file.stat().st_mtime_ns for file in path.glob("traces/f*/p*/*.json")}


def assert_whole(path, undisturbed, before=None):
    """The run is complete, sound and tidy, and what was committed before is as it was."""
    made = Run(path)
    assert list(made.faults()) == []
    assert made.image.values.tobytes() == undisturbed
    assert [file for file in path.rglob("*") if file.suffix in (".tmp", ".partial")] == []
    after = sidecars(path)
    assert len(after) == TILES
    assert {file: after[file] for file in before or {}} == (before or {})


@contextmanager
def process(*words, cwd=None):
    """A process in a group of its own, which is killed at the end."""
    started = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@contextmanager
def own_scheduler(folder):
    """A scheduler, as a user starts it."""
    file = folder / "scheduler.json"
    words = f"--host 127.0.0.1 --port 0 --dashboard-address 127.0.0.1:0 --scheduler-file {file}"
    with process("distributed.cli.dask_scheduler", *words.split()) as scheduler:
        eventually(file.is_file)
        address = json.loads(file.read_text())["address"]
        yield SimpleNamespace(address=address, scheduler=scheduler)


def own_worker(address, cwd=None):
    """A worker with its nanny, as a user starts it."""
    words = f"{address} --nthreads 1 --host 127.0.0.1 --no-dashboard"
    return process("distributed.cli.dask_worker", *words.split(), cwd=cwd)


@contextmanager
def own_cluster(folder):
    """A scheduler and two workers."""
    with own_scheduler(folder) as made, own_worker(made.address), own_worker(made.address):
        with Client(made.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield made


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    with own_cluster(tmp_path_factory.mktemp("there")) as made:
        yield made


def slow_down(client, seconds):
    """Have every tile take so long, on workers that start later as well."""

    class Brake(WorkerPlugin):
        name = "brake"

        def setup(self, worker):
            from tiled_sim.simulation.simulator import Simulator

            real = Simulator.simulate_tile

            def simulate_tile(self, tile, *arguments, **options):
                time.sleep(seconds)
                return real(self, tile, *arguments, **options)

            self.patch = pytest.MonkeyPatch()
            self.patch.setattr(Simulator, "simulate_tile", simulate_tile)

        def teardown(self, worker):
            self.patch.undo()

    client.register_plugin(Brake())


@contextmanager
def slowly(address, seconds):
    """Slow tiles down, until the end of the block."""
    with Client(address, set_as_default=False) as client:
        slow_down(client, seconds)
        yield client
        client.unregister_worker_plugin("brake")


def command(*words):
    """A command as a user types it: its output; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "tiled_sim", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done
    return done.stdout


def detach(path, address):
    """Leave a run to a scheduler."""
    assert main(["resume", str(path), "--cluster", address, "--detach", "--no-progress"]) == 0


def watch(path):
    return main(["watch", str(path), "--no-progress"])


# All goes well


def test_a_detached_run_is_left_watched_and_verified_by_commands(there, data, tmp_path):
    path = tmp_path / "run.zarr"
    options = (
        f"-hkl {data / 'p1.hkl'} -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
        "-distance 100 -detpixels 288 -pixel 0.1 -oversample 2"
    ).split()
    with slowly(there.address, 0.1):
        said = command(
            *("submit", "--out", path, "--tile", 48, "--cluster", there.address, "--detach"),
            *options,
        )
        assert f"`tiled-sim watch {path}` follows it" in said
        assert len(sidecars(path)) < TILES
        assert f"({TILES} of {TILES} tiles)" in command("watch", path)
    assert f"all {TILES} tiles are as committed" in command("verify", path)
    assert Control(path).driver().state == FINISHED


def test_a_driver_hands_out_tiles_from_a_worker_that_computes_as_well(there, run, undisturbed):
    with slowly(there.address, 0.1) as client:
        pids = client.run(os.getpid).values()
        detach(run.path, there.address)
        assert Control(run.path).driver().pid in pids
        assert watch(run.path) == 0
    assert {sidecar["worker"]["pid"] for sidecar in run.sidecars} == set(pids)
    assert_whole(run.path, undisturbed)


def test_a_run_that_is_computed_is_not_left_to_a_second_driver(there, run, undisturbed, capsys):
    with slowly(there.address, 0.1):
        detach(run.path, there.address)
        pid = Control(run.path).driver().pid
        again = ["resume", str(run.path), "--cluster", there.address, "--detach"]
        assert main(again) == 4
        assert f"process {pid} on {socket.gethostname()} is computing" in capsys.readouterr().err
        assert watch(run.path) == 0
    assert_whole(run.path, undisturbed)


def test_a_driver_that_lands_on_a_worker_without_the_store_sends_itself_to_another(
    job, undisturbed, tmp_path, monkeypatch
):
    shared = tmp_path / "shared"
    shared.mkdir()
    create_run(prepare(job, Settings("reference"), tile=(48, 48)), shared / "run.zarr")
    monkeypatch.chdir(shared)
    with ExitStack() as stack:
        made = stack.enter_context(own_scheduler(tmp_path))
        stack.enter_context(own_worker(made.address, cwd=tmp_path))
        with Client(made.address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=PATIENCE)
            run = Run(HERE)
            detached._begin(client, Requirements(HERE, run.run_id, "auto"))
            stack.enter_context(own_worker(made.address, cwd=shared))
            eventually(lambda: Control(run.path).driver())
        assert watch(HERE) == 0
    assert_whole(shared / "run.zarr", undisturbed)


# It is stopped


def test_cancel_stops_a_detached_run_within_seconds_and_resume_completes_it(
    there, run, undisturbed, capsys
):
    with slowly(there.address, 0.3):
        detach(run.path, there.address)
        eventually(lambda: len(sidecars(run.path)) > 3)
        began = time.monotonic()
        assert main(["cancel", str(run.path)]) == 0
        assert time.monotonic() - began < 10
    assert f"{run.path}: cancelled; `tiled-sim resume {run.path}`" in capsys.readouterr().out
    assert Control(run.path).driver().state == CANCELLED
    before = sidecars(run.path)
    assert len(before) < TILES
    assert main(["status", str(run.path)]) == 5
    assert "driver    cancelled" in capsys.readouterr().out
    detach(run.path, there.address)
    assert watch(run.path) == 0
    assert_whole(run.path, undisturbed, before)


def test_cancel_stops_an_attached_run_and_says_how_to_go_on(there, run, capsys):
    with slowly(there.address, 0.3):
        attached = subprocess.Popen(
            [sys.executable, "-m", "tiled_sim", "resume", run.path, "--cluster", there.address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: len(sidecars(run.path)) > 1)
        assert main(["cancel", str(run.path)]) == 0
        complaint = attached.communicate(timeout=PATIENCE)[1]
    assert attached.returncode == 5
    assert f"tiled-sim: cancelled; `tiled-sim resume {run.path}`" in complaint
    assert "Traceback" not in complaint


# The driver dies


@pytest.fixture
def patient(monkeypatch):
    """`watch` waits long for the next driver, which on a busy machine takes its time to begin."""
    monkeypatch.setattr(lease, "SECONDS_OF_SILENCE", PATIENCE / 4)


def test_a_driver_whose_worker_is_killed_begins_again_on_another(there, run, undisturbed, patient):
    with slowly(there.address, 0.2) as client:
        detach(run.path, there.address)
        eventually(lambda: len(sidecars(run.path)) > 3)
        first = Control(run.path).driver()
        before = sidecars(run.path)
        psutil.Process(first.pid).kill()
        assert watch(run.path) == 0
        client.wait_for_workers(2, timeout=PATIENCE)
    last = Control(run.path).driver()
    assert last.state == FINISHED
    assert last.token != first.token
    assert last.pid != first.pid
    assert_whole(run.path, undisturbed, before)


def test_a_driver_begins_again_when_all_workers_were_killed(there, run, undisturbed, patient):
    with slowly(there.address, 0.2) as client:
        detach(run.path, there.address)
        eventually(lambda: len(sidecars(run.path)) > 3)
        before = sidecars(run.path)
        for pid in client.run(os.getpid).values():
            os.kill(pid, signal.SIGKILL)
        assert watch(run.path) == 0
        client.wait_for_workers(2, timeout=PATIENCE)
    assert_whole(run.path, undisturbed, before)


def driver_lines(summary):
    """What a summary says of the driver."""
    (told,) = re.findall(r"^driver .*(?:\n {10}.*)*", summary, re.M)
    return told


@pytest.mark.parametrize("killed", ["the scheduler", "everything"])
def test_a_run_whose_cluster_was_killed_is_completed_on_another(
    there, run, undisturbed, tmp_path, capsys, monkeypatch, killed
):
    with own_cluster(tmp_path) as doomed:
        with Client(doomed.address, set_as_default=False) as client:
            slow_down(client, 0.3)
        detach(run.path, doomed.address)
        eventually(lambda: len(sidecars(run.path)) > 3)
        doomed.scheduler.kill()
        if killed == "everything":
            psutil.Process(Control(run.path).driver().pid).kill()
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(lease, "SECONDS_OF_SILENCE", 2.0)
            assert watch(run.path) == 5
    said = capsys.readouterr().out
    if killed == "everything":
        assert "driver    silent: process" in said
        assert "no sign of life" in said
    else:  # the driver may live long enough to say what has happened
        assert "the scheduler is gone" in said or "no sign of life" in said
    assert main(["status", str(run.path)]) == 5
    # a worker may have committed another tile in the meantime
    assert driver_lines(capsys.readouterr().out) == driver_lines(said)
    before = sidecars(run.path)
    assert 0 < len(before) < TILES
    detach(run.path, there.address)
    assert watch(run.path) == 0
    assert_whole(run.path, undisturbed, before)


def test_a_driver_that_was_cancelled_while_it_was_dead_does_not_begin_again(there, run):
    Control(run.path).cancel()
    with Client(there.address, set_as_default=False) as client:
        client.submit(ByName.of(detached.drive_here), str(run.path), run.run_id, "auto").result(
            PATIENCE
        )
    assert Control(run.path).driver() is None
    assert sidecars(run.path) == {}


def test_a_dead_driver_is_cancelled_as_well_lest_it_begins_again(run, capsys):
    with Lease(run, TILES, ""):
        driver = Control(run.path).driver()
    with process("time") as dead:
        dead.wait()
    Control(run.path).write_driver(dataclasses.replace(driver, pid=dead.pid, state=RUNNING))
    assert main(["cancel", str(run.path)]) == 0
    assert Control(run.path).cancelled


# What is refused


@pytest.mark.parametrize("cluster", ["local", "local:2x1", "gpu"])
def test_a_run_is_not_left_to_a_cluster_that_ends_with_the_command(still, tmp_path, cluster):
    with pytest.raises(TiledSimError) as caught:
        ts.submit(still(), tmp_path / "run.zarr", cluster=cluster, detach=True)
    message = str(caught.value)
    assert f"--cluster {cluster} ends with this command" in message
    assert "start `dask scheduler` and `dask worker`" in message
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_another_experiment_is_refused_with_the_first_field_that_differs(run, data, there, capsys):
    options = (
        f"-hkl {data / 'p1.hkl'} -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1.5 -N 5 "
        "-distance 100 -detpixels 288 -pixel 0.1 -oversample 2"
    ).split()
    words = ["resume", str(run.path), "--cluster", there.address, "--detach", *options]
    assert main(words) == 2
    complaint = capsys.readouterr().err
    assert f"{run.path} is a run of another experiment: its beam." in complaint
    assert "is 1.0, not 1.5" in complaint
    assert Control(run.path).driver() is None
