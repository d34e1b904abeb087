"""Processes killed in the worst moment, disks that are full, two who resume: the run comes whole.

What dies, dies by SIGKILL and at a place that the test has chosen.
"""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import dask
import pytest
from distributed import Client, LocalCluster
from distributed.diagnostics.plugin import WorkerPlugin

import tiled_sim as ts
from tiled_sim.cli.main import main
from tiled_sim.cluster import driver
from tiled_sim.cluster.events import topic_of
from tiled_sim.cluster.listener import Silent
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.errors import TileError
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store import pyramid
from tiled_sim.store.control import FINISHED, Control

#: Seconds after which something that should happen is given up.
PATIENCE = 120
TILES = 36
#: Number of the tile that a fault befalls, in the middle of the run.
VICTIM = 14
#: Each process finds there what lies in its own working directory.
HERE = "/proc/self/cwd/run.zarr"


@pytest.fixture(scope="module")
def job(still):
    """A run of 36 tiles that takes seconds."""
    return still("-detpixels", 288, "-pixel", 0.1, "-oversample", 2)


@pytest.fixture(scope="module")
def undisturbed(job):
    """Bytes of its image."""
    return ts.simulate(job).values.tobytes()


@pytest.fixture(scope="module")
def address(cluster):
    return cluster.scheduler_address


@pytest.fixture(scope="module")
def client(address):
    with Client(address, set_as_default=False) as made:
        yield made


@pytest.fixture
def run(job, tmp_path):
    """The run, with nothing computed."""
    return create_run(prepare(job, Settings("reference"), tile=(48, 48)), tmp_path / "run.zarr")


class Witness(Silent):
    """Remembers what it is told, and does something when so many tiles are done."""

    def __init__(self, at=0, then=None):
        self.done = []
        self.failed = []
        self.warnings = []
        self._at, self._then = at, then

    def tile_done(self, record):
        self.done.append(record["id"])
        if len(self.done) == self._at:
            self._then()

    def tile_failed(self, tile, error, final):
        self.failed.append((tile, error, final))

    def worker_refused(self, reason):
        self.warnings.append(reason)


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


def id_of(run, number):
    """Name of a tile."""
    return run.plan.id_of(run.plan[number])


def leftovers(path):
    """What interrupted writes left behind."""
    return [file for file in path.rglob("*") if file.suffix in (".tmp", ".partial")]


def assert_whole(path, undisturbed, before=None):
    """The run is complete, sound and tidy, and what was committed before is as it was."""
    run = Run(path)
    assert list(run.faults()) == []
    assert run.image.values.tobytes() == undisturbed
    assert leftovers(path) == []
    assert Control(path).driver().state == FINISHED
    after = sidecars(path)
    assert len(after) == TILES
    assert {file: after[file] for file in before or {}} == (before or {})


def resume(path, address, capsys):
    """Complete a run as its user would; what was there before."""
    before = sidecars(path)
    assert 0 < len(before) < TILES
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 0
    assert "Traceback" not in capsys.readouterr().err
    return before


@contextmanager
def sabotage(client, fault):
    """Have ``fault(monkeypatch)`` done in every worker, those that start later included."""

    class Saboteur(WorkerPlugin):
        name = "saboteur"

        def setup(self, worker):
            self.patch = pytest.MonkeyPatch()
            fault(self.patch)

        def teardown(self, worker):
            self.patch.undo()

    client.register_plugin(Saboteur())
    try:
        yield
    finally:
        client.unregister_worker_plugin("saboteur")


def befalling_the_victim(what):
    """A fault: ``what()`` is done in place of computing the victim."""

    def fault(patch):
        from tiled_sim.simulation.simulator import Simulator

        real = Simulator.simulate_tile

        def simulate_tile(self, tile, *arguments, **options):
            if tile.index == VICTIM:
                what()
            return real(self, tile, *arguments, **options)

        patch.setattr(Simulator, "simulate_tile", simulate_tile)

    return fault


def taking(seconds):
    """A fault: every tile takes so long."""

    def fault(patch):
        from tiled_sim.simulation.simulator import Simulator

        real = Simulator.simulate_tile

        def simulate_tile(self, tile, *arguments, **options):
            time.sleep(seconds)
            return real(self, tile, *arguments, **options)

        patch.setattr(Simulator, "simulate_tile", simulate_tile)

    return fault


def once(flag, what):
    """Something that is done the first time only, whichever process comes first."""

    def done():
        try:
            open(flag, "x").close()
        except FileExistsError:
            return
        what()

    return done


def dying():
    """A function that kills its own process."""

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    return die


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


@contextmanager
def worker(address, cwd, *words):
    """A worker process without a nanny, as a user starts one."""
    options = f"{address} --nthreads 1 --host 127.0.0.1 --no-dashboard --no-nanny"
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", *options.split(), *words],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def empty():
    """A scheduler without workers; its address."""
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as made:
        yield made.scheduler_address


def test_a_run_that_lost_all_workers_says_so_and_goes_on_when_one_joins(
    run, undisturbed, empty, monkeypatch
):
    monkeypatch.setattr(driver, "_SECONDS_WITHOUT_WORKERS", 1.0)
    with ExitStack() as stack, ThreadPoolExecutor(1) as thread:
        first = stack.enter_context(worker(empty, run.path.parent))
        witness = Witness(5, first.kill)
        going = thread.submit(compute_missing, run, cluster=empty, listener=witness)
        eventually(lambda: witness.warnings or going.done())
        (warning,) = witness.warnings
        assert warning.startswith("no worker that can compute the run is left")
        assert f"dask worker {empty}" in warning
        before = sidecars(run.path)
        assert 5 <= len(before) < TILES
        stack.enter_context(worker(empty, run.path.parent))
        going.result(timeout=PATIENCE)
        assert len(witness.warnings) == 1
    assert_whole(run.path, undisturbed, before)


# Workers come, and one sees nothing


def test_a_worker_that_joins_late_gets_tiles_and_one_without_the_store_is_named(
    job, undisturbed, empty, tmp_path, monkeypatch
):
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    for folder in (shared, elsewhere):
        folder.mkdir()
    create_run(prepare(job, Settings("reference"), tile=(48, 48)), shared / "run.zarr")
    monkeypatch.chdir(shared)
    with ExitStack() as stack, Client(empty, set_as_default=False) as observer:
        stack.enter_context(worker(empty, shared, "--name", "first"))
        stack.enter_context(worker(empty, elsewhere, "--name", "blind"))
        observer.wait_for_workers(2, timeout=PATIENCE)

        def join():
            stack.enter_context(worker(empty, shared, "--name", "late"))
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


@contextmanager
def process(*words, cwd=None):
    """A process of its own group, with its output."""
    started = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()


def test_a_killed_scheduler_is_told_and_resume_completes_the_run(
    run, undisturbed, address, tmp_path, capsys
):
    file = tmp_path / "scheduler.json"
    scheduler = f"--host 127.0.0.1 --port 0 --no-dashboard --scheduler-file {file}"
    with process("distributed.cli.dask_scheduler", *scheduler.split()) as head:
        eventually(file.is_file)
        where = json.loads(file.read_text())["address"]
        with (
            worker(where, tmp_path),
            process(
                *("tiled_sim", "resume", str(run.path), "--cluster", where, "--no-progress")
            ) as command,
        ):
            eventually(lambda: len(sidecars(run.path)) > 3)
            head.kill()
            output, complaint = command.communicate(timeout=PATIENCE)
    assert command.returncode in (1, 5)
    assert output == ""
    assert complaint.startswith("tiled-sim: the scheduler is gone")
    assert complaint.count("\n") == 1
    assert f"`tiled-sim resume {run.path}`" in complaint
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))


def test_a_killed_client_of_a_running_scheduler_is_followed_at_once(
    run, undisturbed, client, address, capsys
):
    words = ("tiled_sim", "resume", str(run.path), "--cluster", address, "--no-progress")
    with sabotage(client, taking(0.1)), process(*words) as command:
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
        "pyramid.LONGEST_SIDE, real = 32, pyramid.fill_level\n"
        "def fill_level(fine, coarse, apply=map):\n"
        "    if coarse.shape[-1] < 100: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(fine, coarse, apply)\n"
        "pyramid.fill_level = fill_level\n"
        f"sys.exit(main(['resume', {str(run.path)!r}, '--cluster', {address!r}]))"
    )
    killed = subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    before = sidecars(run.path)
    assert len(before) == TILES
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    assert main(["resume", str(run.path), "--no-progress"]) == 0
    assert (run.path / "4/image").is_dir()
    assert_whole(run.path, undisturbed, before)


# Two at once


def test_who_resumes_a_run_that_is_computed_is_refused_with_the_name_of_who_does(
    run, undisturbed, client, address, capsys
):
    words = ("tiled_sim", "resume", str(run.path), "--cluster", address, "--no-progress")
    with sabotage(client, taking(0.3)), process(*words) as command:
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
    assert (run.path / "4/image").is_dir()
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
    job, undisturbed, address, small_disk, capsys
):
    path = small_disk / "run.zarr"
    create_run(prepare(job, Settings("reference"), tile=(48, 48)), path)
    ballast = fill(small_disk, 120_000)
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 4
    complaint = capsys.readouterr().err
    assert "No space left on device" in complaint
    assert "Traceback" not in complaint
    assert leftovers(path) == []
    ballast.unlink()
    assert_whole(path, undisturbed, resume(path, address, capsys))


def test_a_disk_that_is_full_from_the_start_is_refused(job, address, small_disk, capsys):
    path = small_disk / "run.zarr"
    create_run(prepare(job, Settings("reference"), tile=(48, 48)), path)
    fill(small_disk, 0)
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 4
    assert f"{path} cannot be written (No space left on device" in capsys.readouterr().err


def test_a_disk_without_room_for_the_smaller_images_keeps_the_tiles(
    job, undisturbed, address, small_disk, capsys
):
    path = small_disk / "run.zarr"
    create_run(prepare(job, Settings("reference"), tile=(48, 48)), path)
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


def raising(after=0.0):
    def raise_it():
        time.sleep(after)
        raise FloatingPointError("the kernel has met its match")

    return raise_it


def test_a_tile_that_always_raises_is_set_aside_and_told(run, undisturbed, client, address, capsys):
    heard = []
    topic = topic_of(run.run_id)
    client.subscribe_topic(topic, lambda event: heard.append(event[1]))
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
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit="1500MB",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as small,
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

    def fault(patch):
        from tiled_sim.simulation.simulator import Simulator

        real = Simulator.simulate_tile

        def simulate_tile(self, tile, *arguments, **options):
            if tile.index == VICTIM:
                time.sleep(0.5)
                os.kill(os.getpid(), signal.SIGKILL)
            if VICTIM - 4 < tile.index < VICTIM + 4:
                time.sleep(2)
            return real(self, tile, *arguments, **options)

        patch.setattr(Simulator, "simulate_tile", simulate_tile)

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=4, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as threaded,
        Client(threaded) as its,
        sabotage(its, fault),
        pytest.raises(TileError),
    ):
        compute_missing(run, cluster=threaded.scheduler_address, listener=witness)
    assert [(tile, final) for tile, _, final in witness.failed] == [(id_of(run, VICTIM), True)]
    assert len(witness.done) == TILES - 1
    assert_whole(run.path, undisturbed, resume(run.path, address, capsys))
