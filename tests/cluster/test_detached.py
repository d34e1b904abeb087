"""Runs that are left to a scheduler: the client has gone home, and the driver is a task.

The scheduler and the workers are processes as a user starts them, and so are the commands.
"""

import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import psutil
import pytest
from distributed import Client

import tiled_sim as ts
from support.faults import sabotage, saboteur, taking, waiting_for
from support.processes import (
    PATIENCE,
    eventually,
    process,
    scheduler_with_two_workers,
    worker,
)
from support.runs import HERE, JOB, SIDE, TILES, assert_whole, sidecars
from tiled_sim.cli.main import main
from tiled_sim.cluster import detached, lease
from tiled_sim.cluster.examination import Requirements
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.tasks import ByName
from tiled_sim.errors import TiledSimError
from tiled_sim.run.run import Run
from tiled_sim.store.control import CANCELLED, FINISHED, RUNNING, Control


@contextmanager
def slowly(address, seconds):
    """Slow tiles down, on workers that start later as well, until the end of the block."""
    with Client(address, set_as_default=False) as client, sabotage(client, taking(seconds)):
        yield client


@contextmanager
def gate(address, tmp_path):
    """No tile begins before the function that is given is called."""
    flag = tmp_path / "go"
    with Client(address, set_as_default=False) as client, sabotage(client, waiting_for(str(flag))):
        try:
            yield flag.touch
        finally:
            flag.touch()


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


def requirements_of(run, path=None):
    """What a driver is asked to compute."""
    return Requirements(str(path or run.path), run.run_id, "auto")


def watch(path):
    return main(["watch", str(path), "--no-progress"])


# All goes well


def test_a_detached_run_is_left_watched_and_verified_by_commands(address, data, tmp_path, capsys):
    path = tmp_path / "run.zarr"
    options = ("-hkl", data / "p1.hkl", *JOB.split())
    with gate(address, tmp_path) as opened:
        said = command(
            *("submit", "--out", path, "--tile", SIDE, "--cluster", address, "--detach"),
            *options,
        )
        assert f"`tiled-sim watch {path}` follows it" in said
        assert not sidecars(path)
        opened()
        assert watch(path) == 0
        assert f"({TILES} of {TILES} tiles)" in capsys.readouterr().out
    assert main(["verify", str(path)]) == 0
    assert f"all {TILES} tiles are as committed" in capsys.readouterr().out
    assert Control(path).driver().state == FINISHED


def test_a_driver_hands_out_tiles_from_a_worker_that_computes_as_well(address, run, undisturbed):
    with slowly(address, 0.1) as client:
        pids = client.run(os.getpid).values()
        detach(run.path, address)
        assert Control(run.path).driver().pid in pids
        assert watch(run.path) == 0
    assert {sidecar["worker"]["pid"] for sidecar in run.sidecars} == set(pids)
    assert_whole(run.path, undisturbed)


def test_a_run_that_is_computed_is_not_left_to_a_second_driver(
    address, run, undisturbed, tmp_path, capsys
):
    with gate(address, tmp_path) as opened:
        detach(run.path, address)
        pid = Control(run.path).driver().pid
        again = ["resume", str(run.path), "--cluster", address, "--detach"]
        assert main(again) == 4
        assert f"process {pid} on {socket.gethostname()} is computing" in capsys.readouterr().err
        opened()
        assert watch(run.path) == 0
    assert_whole(run.path, undisturbed)


def test_a_driver_that_lands_on_a_worker_without_the_store_sends_itself_to_another(
    create, undisturbed, empty, tmp_path, monkeypatch
):
    shared = tmp_path / "shared"
    shared.mkdir()
    create(shared)
    monkeypatch.chdir(shared)
    with ExitStack() as stack:
        stack.enter_context(worker(empty, "--no-nanny", cwd=tmp_path))
        with Client(empty, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=PATIENCE)
            run = Run(HERE)
            detached._begin(client, requirements_of(run, HERE))
            stack.enter_context(worker(empty, "--no-nanny", cwd=shared))
            eventually(lambda: Control(run.path).driver())
        assert watch(HERE) == 0
    assert_whole(shared / "run.zarr", undisturbed)


# It is stopped


def test_cancel_stops_a_detached_run_within_seconds_and_resume_completes_it(
    address, run, undisturbed, capsys
):
    with slowly(address, 1):
        detach(run.path, address)
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
    detach(run.path, address)
    assert watch(run.path) == 0
    assert_whole(run.path, undisturbed, before)


def test_cancel_stops_an_attached_run_and_says_how_to_go_on(address, run, capsys):
    with slowly(address, 1):
        attached = subprocess.Popen(
            [sys.executable, "-m", "tiled_sim", "resume", run.path, "--cluster", address],
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


def test_a_driver_whose_worker_is_killed_begins_again_on_another(
    address, run, undisturbed, patient
):
    with slowly(address, 0.2) as client:
        detach(run.path, address)
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


def test_a_driver_begins_again_when_all_workers_were_killed(address, run, undisturbed, patient):
    with slowly(address, 0.2) as client:
        detach(run.path, address)
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
    address, run, undisturbed, tmp_path, capsys, monkeypatch, killed
):
    with scheduler_with_two_workers(tmp_path) as doomed:
        with Client(doomed.address, set_as_default=False) as client:
            client.register_plugin(saboteur(taking(0.3)))
        detach(run.path, doomed.address)
        eventually(lambda: len(sidecars(run.path)) > 3)
        doomed.process.kill()
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
    detach(run.path, address)
    assert watch(run.path) == 0
    assert_whole(run.path, undisturbed, before)


def test_a_driver_that_was_cancelled_while_it_was_dead_does_not_begin_again(address, run):
    Control(run.path).cancel()
    with Client(address, set_as_default=False) as client:
        client.submit(ByName.of(detached.drive_here), str(run.path), run.run_id, "auto").result(
            PATIENCE
        )
    assert Control(run.path).driver() is None
    assert sidecars(run.path) == {}


@pytest.fixture
def dead(run):
    """The last driver of the run, which was killed before anybody looked."""
    with Lease(run, TILES, ""):
        pass
    with process("time") as ended:
        ended.wait()
    left = Control(run.path).look()
    killed = dataclasses.replace(left.driver, pid=ended.pid, state=RUNNING)
    Control(run.path).write_driver(killed, left.version)
    return killed


def test_watch_waits_for_the_driver_that_follows_a_dead_one(address, run, dead, undisturbed):
    with Client(address, set_as_default=False) as client:
        beginning = threading.Timer(1.0, detached._begin, (client, requirements_of(run)))
        beginning.start()
        assert watch(run.path) == 0
        beginning.join()
    assert Control(run.path).driver().token != dead.token
    assert_whole(run.path, undisturbed)


def test_a_dead_driver_is_cancelled_as_well_lest_it_begins_again(run, dead, capsys):
    assert main(["cancel", str(run.path)]) == 0
    assert Control(run.path).cancelled


# What is refused


@pytest.mark.parametrize("cluster", ["local", "local:2x1", "gpu"])
def test_a_run_is_not_left_to_a_cluster_that_ends_with_the_command(still, tmp_path, cluster):
    with pytest.raises(TiledSimError) as caught:
        ts.submit(still(), tmp_path / "run.zarr", cluster=cluster, detach=True)
    message = str(caught.value)
    assert f"cluster={cluster!r} ends with this command" in message
    assert "start `dask scheduler` and `dask worker`" in message
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_another_experiment_is_refused_with_the_first_field_that_differs(
    run, data, address, capsys
):
    options = ("-hkl", str(data / "p1.hkl"), *JOB.split(), "-lambda", "1.5")
    words = ["resume", str(run.path), "--cluster", address, "--detach", *options]
    assert main(words) == 2
    complaint = capsys.readouterr().err
    assert f"{run.path} is a run of another experiment: its beam." in complaint
    assert "is 1.0, not 1.5" in complaint
    assert Control(run.path).driver() is None
