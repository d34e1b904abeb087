"""Processes killed in the worst moment, disks that are full, two who resume: the run comes whole.

What dies, dies by SIGKILL and at a place that the test has chosen.
"""

import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import dask
import pytest
from distributed import Client

import tiled_sim as ts
from support.faults import (
    VICTIM,
    befalling_the_victim,
    before_each_tile,
    dying,
    once,
    raising,
    sabotage,
    taking,
)
from support.processes import (
    PATIENCE,
    SLOWLY,
    complaints,
    eventually,
    process,
    scheduler,
    scheduler_here,
    worker,
)
from support.runs import HERE, TILES, assert_whole, leftovers, resume, sidecars
from support.witness import Witness
from tiled_sim.cli.main import main
from tiled_sim.cluster import driver
from tiled_sim.cluster.events import topic_of
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.errors import TileError
from tiled_sim.run.run import Run
from tiled_sim.store import pyramid


def id_of(run, number):
    """Name of a tile."""
    return run.plan.id_of(run.plan[number])


# A worker dies


def in_the_middle_of_the_tile(flag):
    return befalling_the_victim(once(flag, dying()))


def in_the_middle_of_the_image(flag):
    """Half of the shard is in its temporary file."""
    strike = once(flag, dying())

    def fault(patch):
        real = os.replace

        def replace(partial, file):
            if os.fspath(file).endswith("/2/2") and not os.path.exists(flag):
                os.truncate(partial, 100)
                strike()
            real(partial, file)

        patch.setattr(os, "replace", replace)

    return fault


def between_image_and_sidecar(flag):
    strike = once(flag, dying())

    def fault(patch):
        from tiled_sim.store.run_store import RunStore

        real = RunStore.write_sidecar

        def write_sidecar(self, document):
            if document["tile"]["index"] == VICTIM:
                strike()
            real(self, document)

        patch.setattr(RunStore, "write_sidecar", write_sidecar)

    return fault


def in_the_middle_of_the_sidecar(flag):
    """It is written, and not yet in its place."""
    strike = once(flag, dying())

    def fault(patch):
        from pathlib import Path

        real = Path.replace

        def replace(self, target):
            if "r0002c0002" in target.name:
                strike()
            return real(self, target)

        patch.setattr(Path, "replace", replace)

    return fault


@pytest.mark.parametrize(
    "where",
    [
        in_the_middle_of_the_tile,
        in_the_middle_of_the_image,
        between_image_and_sidecar,
        in_the_middle_of_the_sidecar,
    ],
)
def test_a_worker_that_is_killed_costs_nothing(run, undisturbed, client, address, tmp_path, where):
    flag = str(tmp_path / "struck")
    pids = set(client.run(os.getpid).values())
    witness = Witness()
    with sabotage(client, where(flag)):
        compute_missing(run, cluster=address, listener=witness)
    assert os.path.exists(flag)
    assert sorted(witness.done) == sorted(id_of(run, number) for number in range(TILES))
    assert witness.failed == []
    assert_whole(run.path, undisturbed)
    client.wait_for_workers(2, timeout=PATIENCE)
    assert set(client.run(os.getpid).values()) != pids


def test_all_workers_killed_come_back_and_complete_the_run(run, undisturbed, client, address):
    def kill():
        for pid in client.run(os.getpid).values():
            os.kill(pid, signal.SIGKILL)

    witness = Witness(5, kill)
    compute_missing(run, cluster=address, listener=witness)
    assert_whole(run.path, undisturbed)
    assert witness.failed == []


def test_a_run_that_lost_all_workers_says_so_and_goes_on_when_one_joins(
    run, undisturbed, empty, monkeypatch
):
    monkeypatch.setattr(driver, "_SECONDS_WITHOUT_WORKERS", 1.0)
    with ExitStack() as stack, ThreadPoolExecutor(1) as thread:
        first = stack.enter_context(worker(empty, "--no-nanny", environment=SLOWLY))
        witness = Witness(5, first.kill)
        going = thread.submit(compute_missing, run, cluster=empty, listener=witness)
        eventually(lambda: witness.warnings or going.done())
        (warning,) = witness.warnings
        assert warning.startswith("no worker that can compute the run is left")
        assert f"dask worker {empty}" in warning
        before = sidecars(run.path)
        assert 5 <= len(before) < TILES
        stack.enter_context(worker(empty, "--no-nanny"))
        going.result(timeout=PATIENCE)
        assert len(witness.warnings) == 1
    assert_whole(run.path, undisturbed, before)


# Workers come, and one sees nothing


def named(name):
    return "--no-nanny", "--name", name


def test_a_worker_that_joins_late_gets_tiles_and_one_without_the_store_is_named(
    create, undisturbed, empty, tmp_path, monkeypatch
):
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    for folder in (shared, elsewhere):
        folder.mkdir()
    create(shared)
    monkeypatch.chdir(shared)
    with ExitStack() as stack, Client(empty, set_as_default=False) as observer:
        stack.enter_context(worker(empty, *named("first"), cwd=shared))
        stack.enter_context(worker(empty, *named("blind"), cwd=elsewhere))
        observer.wait_for_workers(2, timeout=PATIENCE)

        def join():
            stack.enter_context(worker(empty, *named("late"), cwd=shared))
            observer.wait_for_workers(3, timeout=PATIENCE)

        witness = Witness(3, join)
        with sabotage(observer, taking(0.3)):
            compute_missing(Run(HERE), cluster=empty, listener=witness)
    by = {sidecar["worker"]["name"] for sidecar in Run(shared / "run.zarr").sidecars}
    assert by == {"first", "late"}
    (warning,) = witness.warnings
    assert "computes nothing: it does not see /proc/self/cwd/run.zarr" in warning
    assert_whole(shared / "run.zarr", undisturbed)


# The scheduler or the client dies


def resuming(run, address):
    """A command that completes a run, with what it says."""
    words = ("resume", run.path, "--cluster", address, "--no-progress")
    return process("tiled_sim", *words, heard=True)


def test_a_killed_scheduler_is_told_and_resume_completes_the_run(
    run, undisturbed, address, tmp_path, capsys
):
    with (
        scheduler(tmp_path) as head,
        worker(head.address, "--no-nanny", environment=SLOWLY),
        resuming(run, head.address) as command,
    ):
        eventually(lambda: len(sidecars(run.path)) > 3)
        head.process.kill()
        output, complaint = command.communicate(timeout=PATIENCE)
    assert command.returncode in (1, 5)
    assert output == ""
    (line,) = complaints(complaint)
    assert line.startswith("tiled-sim: the scheduler is gone")
    assert f"`tiled-sim resume {run.path}`" in line
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))


def test_a_killed_client_of_a_running_scheduler_is_followed_at_once(
    run, undisturbed, client, address, capsys
):
    with sabotage(client, taking(0.1)), resuming(run, address) as command:
        eventually(lambda: len(sidecars(run.path)) > 3)
        command.kill()
        command.wait()
    assert main(["status", str(run.path)]) == 5
    assert f"driver    silent: process {command.pid} on {socket.gethostname()}" in (
        capsys.readouterr().out
    )
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))


def test_a_client_killed_while_it_makes_the_smaller_images_leaves_them_to_resume(
    run, undisturbed, address, monkeypatch
):
    code = (
        "import os, signal, sys; from tiled_sim.cli.main import main\n"
        "from tiled_sim.store import pyramid\n"
        "pyramid.LONGEST_SIDE, real = 32, pyramid.reduced_shard\n"
        "def reduced_shard(objects, run, fine, coarse, shard):\n"
        "    if coarse.shape[-1] < 100: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(objects, run, fine, coarse, shard)\n"
        "pyramid.reduced_shard = reduced_shard\n"
        f"sys.exit(main(['resume', {str(run.path)!r}, '--cluster', {address!r}]))"
    )
    killed = subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    before = sidecars(run.path)
    assert len(before) == TILES
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    assert main(["resume", str(run.path), "--no-progress"]) == 0
    assert (run.path / "3/image").is_dir()
    assert_whole(run.path, undisturbed, before)


# Two at once


def test_who_resumes_a_run_that_is_computed_is_refused_with_the_name_of_who_does(
    run, undisturbed, client, address, capsys
):
    with sabotage(client, taking(0.3)), resuming(run, address) as command:
        eventually(lambda: len(sidecars(run.path)) > 1)
        before = sidecars(run.path)
        assert main(["resume", str(run.path), "--cluster", address, "--no-progress"]) == 4
        assert f"process {command.pid} on {socket.gethostname()} is computing" in (
            capsys.readouterr().err
        )
        assert command.wait(timeout=PATIENCE) == 0
    assert_whole(run.path, undisturbed, before)


def test_two_that_resume_in_the_same_instant_do_no_damage(
    run, undisturbed, address, capsys, tmp_path
):
    gate = tmp_path / "gate"
    code = (
        "import os, sys, time; from tiled_sim.cli.main import main; "
        "from tiled_sim.cluster import lease, submit; from tiled_sim.store import pyramid\n"
        "pyramid.LONGEST_SIDE = 32\n"
        "real = lease.living_driver\n"
        "def looking(control):\n"
        "    found = real(control)\n"
        f"    open({str(gate)!r} + str(os.getpid()), 'x').close()\n"
        f"    while not os.path.exists({str(gate)!r}): time.sleep(0.001)\n"
        "    return found\n"
        "lease.living_driver = looking\n"
        f"sys.exit(main(['resume', {str(run.path)!r}, '--cluster', {address!r}]))"
    )
    with ExitStack() as stack:
        both = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
            )
            for _ in range(2)
        ]
        eventually(lambda: len(list(tmp_path.glob("gate?*"))) == 2)
        gate.touch()
        complaints = [it.communicate(timeout=PATIENCE)[1] for it in both]
    codes = sorted(it.returncode for it in both)
    assert codes[0] == 0, complaints
    assert codes[1] in (0, 4, 5)
    assert not any("Traceback" in complaint for complaint in complaints)
    assert (run.path / "3/image").is_dir()
    assert_whole(run.path, undisturbed)


# Clocks


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_disk_with_another_time_changes_nothing(
    run, undisturbed, client, address, capsys, tmp_path, hours
):
    with (
        sabotage(client, befalling_the_victim(raising())),
        pytest.raises(TileError),
    ):
        compute_missing(run, cluster=address)
    then = time.time() + 3600 * hours
    for file in run.path.rglob("*"):
        os.utime(file, (then, then))
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))


# Disks


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tiled-sim-test", folder]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs to be allowed to mount")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder, spare):
    """Leave so many bytes free; the file that takes up the rest."""
    ballast = folder / "ballast"
    space = os.statvfs(folder)
    with ballast.open("wb") as file:
        file.write(b"1" * (space.f_bavail * space.f_frsize - spare))
    return ballast


def test_a_full_disk_is_told_and_resume_completes_the_run_when_there_is_room(
    create, undisturbed, address, small_disk, capsys
):
    path = create(small_disk).path
    ballast = fill(small_disk, 120_000)
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 4
    complaint = capsys.readouterr().err
    assert "No space left on device" in complaint
    assert "Traceback" not in complaint
    assert leftovers(path) == []
    ballast.unlink()
    assert_whole(path, undisturbed, resume(path, address, capsys))


def test_a_disk_that_is_full_from_the_start_is_refused(create, address, small_disk, capsys):
    path = create(small_disk).path
    fill(small_disk, 0)
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 4
    assert f"{path} cannot be written (No space left on device" in capsys.readouterr().err


def test_a_disk_without_room_for_the_smaller_images_keeps_the_tiles(
    create, undisturbed, address, small_disk, capsys
):
    path = create(small_disk).path
    ballasts = []
    witness = Witness(TILES, lambda: ballasts.append(fill(small_disk, 0)))
    with pytest.raises(ts.errors.StoreError) as caught:
        compute_missing(Run(path), cluster=address, listener=witness)
    assert "all tiles" in str(caught.value)
    assert "No space left on device" in str(caught.value)
    before = sidecars(path)
    ballasts[0].unlink()
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert_whole(path, undisturbed, before)


def test_a_read_only_store_is_told_and_can_be_looked_at(
    run, undisturbed, client, address, tmp_path, capsys
):
    with sabotage(client, befalling_the_victim(raising())), pytest.raises(TileError):
        compute_missing(run, cluster=address)
    view = tmp_path / "view"
    view.mkdir()
    command = ["mount", "--bind", "-o", "ro", run.path, view]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs to be allowed to mount")
    try:
        assert main(["resume", str(view), "--cluster", address, "--no-progress"]) == 4
        assert f"{view} cannot be written (Read-only file system" in capsys.readouterr().err
        assert main(["status", str(view)]) == 5
        assert main(["verify", str(view)]) == 5
        assert f"{TILES - 1} of {TILES} tiles" in capsys.readouterr().out
    finally:
        subprocess.run(["umount", view], check=True)
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))


# Tiles that raise


def test_a_tile_that_always_raises_is_set_aside_and_told(run, undisturbed, client, address, capsys):
    heard = []
    topic = topic_of(run.run_id)
    client.subscribe_topic(topic, lambda event: heard.extend(event[1]["tiles"]))
    client.wait_for_workers(2, timeout=PATIENCE)
    client.run(importlib.import_module, "tiled_sim.cluster.worker")
    with sabotage(client, befalling_the_victim(raising(after=2.0))):  # both are admitted by then
        assert main(["resume", str(run.path), "--cluster", address, "--no-progress"]) == 5
    complaint = capsys.readouterr().err
    name = id_of(run, VICTIM)
    ending = "FloatingPointError: the kernel has met its match"
    assert f"1 of {TILES} tiles failed 3 times, the first {name}: {ending}" in complaint
    assert "Traceback" not in complaint
    assert main(["status", str(run.path)]) == 5
    said = capsys.readouterr().out
    assert f"missing   {name}\n" in said
    assert f"failed    {name}, 3 times, the last on tcp://" in said
    assert ending in said
    failed = [told for told in heard if told["state"] == "failed"]
    by = [told["worker"] for told in failed if "final" not in told]  # the driver tells it again
    assert len(by) == 3
    assert by[0] != by[1] != by[2]
    client.unsubscribe_topic(topic)
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))
    assert main(["status", str(run.path)]) == 0
    assert "failed" not in capsys.readouterr().out


def test_a_tile_that_raises_sometimes_is_done(run, undisturbed, client, address, tmp_path):
    witness = Witness()
    with sabotage(client, befalling_the_victim(once(str(tmp_path / "struck"), raising()))):
        compute_missing(run, cluster=address, listener=witness)
    assert [(tile, final) for tile, _, final in witness.failed] == [(id_of(run, VICTIM), False)]
    assert_whole(run.path, undisturbed)


# Tiles that kill


def greedy():
    """A function that takes more and more memory."""

    def take():
        taken = []
        while True:
            taken.append(b"1" * 50_000_000)
            time.sleep(0.02)

    return take


def test_a_tile_that_exhausts_memory_is_set_aside_and_the_others_are_done(
    run, undisturbed, address, capsys
):
    witness = Witness()
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 2}),
        scheduler_here(workers=2, memory_limit="1500MB") as small,
        Client(small) as its,
        sabotage(its, befalling_the_victim(greedy())),
        pytest.raises(TileError) as caught,
    ):
        compute_missing(run, cluster=small.scheduler_address, listener=witness)
    assert f"1 of {TILES} tiles failed 3 times" in str(caught.value)
    assert [(tile, final) for tile, _, final in witness.failed] == [(id_of(run, VICTIM), True)]
    assert "out of memory, or killed" in witness.failed[0][1]
    assert sorted(witness.done) == sorted(
        run.plan.id_of(tile) for tile in run.plan if tile.index != VICTIM
    )
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))


@pytest.mark.slow
def test_in_a_process_with_several_threads_only_the_tile_that_kills_it_is_blamed(
    run, undisturbed, address, capsys
):
    witness = Witness()

    def befall(tile):
        if tile == VICTIM:
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        if VICTIM - 4 < tile < VICTIM + 4:
            time.sleep(2)

    with (
        scheduler_here(workers=1, threads=4) as threaded,
        Client(threaded) as its,
        sabotage(its, before_each_tile(befall)),
        pytest.raises(TileError),
    ):
        compute_missing(run, cluster=threaded.scheduler_address, listener=witness)
    assert [(tile, final) for tile, _, final in witness.failed] == [(id_of(run, VICTIM), True)]
    assert len(witness.done) == TILES - 1
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))
