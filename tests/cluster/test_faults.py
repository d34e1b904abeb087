"""Killed workers, killed clients, Ctrl-C, damaged files: nothing lost, nothing taken for sound."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from distributed import Client

import tiled_sim as ts
from tiled_sim.cli.main import main
from tiled_sim.cluster.listener import Silent
from tiled_sim.cluster.submit import compute_missing, submit
from tiled_sim.run.run import Run

#: Seconds after which a process that should do something is given up.
PATIENCE = 60
TILES = 36


@pytest.fixture(scope="module")
def job(still):
    """Options of a run of 36 tiles that takes seconds."""
    return still("-detpixels", 192, "-pixel", 0.15, "-oversample", 6)


@pytest.fixture(scope="module")
def undisturbed(job):
    """Bytes of its image."""
    return ts.simulate(job).values.tobytes()


@pytest.fixture(scope="module")
def address(cluster):
    return cluster.scheduler_address


def sidecars(path):
    """When the sidecar of every finished tile was written."""
    return {file: file.stat().st_mtime_ns for file in path.glob("traces/f*/p*/*.json")}


# Killed in the middle


class Killer(Silent):
    """Kills one of the workers when three tiles are done."""

    def __init__(self, address):
        with Client(address, set_as_default=False) as client:
            self.victim = min(client.run(os.getpid).values())
        self.done = 0
        self.left = None

    def started(self, run, missing, dashboard):
        self.left = missing

    def tile_done(self, record):
        self.done += 1
        self.left -= 1
        if self.done == 3:
            os.kill(self.victim, signal.SIGKILL)
            assert self.left > TILES / 2


def test_a_run_that_loses_a_worker_completes_with_the_same_bytes(
    job, undisturbed, address, tmp_path
):
    killer = Killer(address)
    run = submit(job, tmp_path / "run.zarr", cluster=address, tile=(32, 32), listener=killer)
    assert killer.done == TILES
    assert run.image.values.tobytes() == undisturbed
    assert list(run.faults()) == []
    by_others = [s for s in run.sidecars if s["worker"]["pid"] != killer.victim]
    assert len(by_others) > TILES / 2
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE)
        assert killer.victim not in client.run(os.getpid).values()


@pytest.fixture
def underway(data, tmp_path):
    """The job as a process group of its own, with some tiles done.

    ``underway(cluster, *words)`` gives the process, those it started, and the path of the run.
    """
    started = []

    def start(cluster, *words):
        path = tmp_path / "run.zarr"
        options = (
            f"--tile 32 --cluster {cluster} --out {path} "
            "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
            "-distance 100 -detpixels 192 -pixel 0.15 -oversample 6"
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "tiled_sim", "submit", *options.split(), *words],
            cwd=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        deadline = time.monotonic() + PATIENCE
        while len(sidecars(path)) < 4:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process, psutil.Process(process.pid).children(recursive=True), path

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def resume(path, address):
    """Complete a run as its user would; ids of the tiles that this computed."""
    before = sidecars(path)
    assert 0 < len(before) < TILES
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 0
    after = sidecars(path)
    assert len(after) == TILES
    assert {file: after[file] for file in before} == before
    return after.keys() - before.keys()


def test_ctrl_c_leaves_no_traceback_and_no_process_and_resume_completes_the_run(
    underway, undisturbed, address
):
    process, children, path = underway("local:2")
    os.killpg(process.pid, signal.SIGINT)
    output, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert output == ""
    assert "Traceback" not in complaint
    assert f"`tiled-sim resume {path}`" in complaint
    assert complaint.endswith("tiled-sim: interrupted\n")
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
    done = len(sidecars(path))
    assert f"{done} of {TILES} tiles are done and safe" in complaint
    assert len(resume(path, address)) == TILES - done
    assert Run(path).image.values.tobytes() == undisturbed


def test_ctrl_c_on_a_running_scheduler_leaves_it_running_and_json_whole(underway, address):
    process, _, path = underway(address, "--json")
    os.killpg(process.pid, signal.SIGINT)
    output, complaint = process.communicate(timeout=PATIENCE)
    assert json.loads(output) == {"error": "interrupted", "exit_code": 130}
    assert f"`tiled-sim resume {path}`" in complaint
    assert "Traceback" not in complaint
    with Client(address, set_as_default=False) as client:
        assert len(client.run(os.getpid)) == 2


def test_a_killed_client_takes_its_workers_along_and_resume_completes_the_run(
    underway, undisturbed, address
):
    process, children, path = underway("local:2")
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    resume(path, address)
    assert Run(path).image.values.tobytes() == undisturbed


# Damaged files


class Witness(Silent):
    """Remembers which tiles were computed."""

    def __init__(self):
        self.done = []

    def tile_done(self, record):
        self.done.append(record["id"])


@pytest.fixture(scope="module")
def finished(still, address, tmp_path_factory):
    """A finished run of 9 tiles, not to be touched."""
    path = tmp_path_factory.mktemp("finished") / "run.zarr"
    return submit(still(), path, cluster=address, tile=(32, 32))


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of it to damage; its path."""
    return shutil.copytree(finished.path, tmp_path / "copy.zarr")


@pytest.fixture
def sidecar(copy):
    """File of the sidecar of the middle tile."""
    return copy / "traces/f00000/p000/r0001c0001.json"


@pytest.fixture
def shard(copy):
    """File of the pixels of the middle tile."""
    return copy / "0/image/c/0/0/1/1"


def assert_only_the_middle_is_computed_again(copy, finished, address):
    witness = Witness()
    run = compute_missing(Run(copy), cluster=address, listener=witness)
    assert witness.done == ["f00000/p000/r0001c0001"]
    assert list(run.faults()) == []
    assert run.image.values.tobytes() == finished.image.values.tobytes()


def edited(sidecar, edit):
    document = json.loads(sidecar.read_bytes())
    edit(document)
    sidecar.write_text(json.dumps(document))


@pytest.mark.parametrize("length", [0, 1, 1000], ids=["empty", "one byte", "cut"])
def test_a_truncated_sidecar_is_computed_again(copy, sidecar, finished, address, length):
    sidecar.write_bytes(sidecar.read_bytes()[:length])
    assert_only_the_middle_is_computed_again(copy, finished, address)


@pytest.mark.parametrize("name", ["experiment", "structure_factors", "plan"])
def test_a_sidecar_with_another_hash_is_computed_again(copy, sidecar, finished, address, name):
    edited(sidecar, lambda document: document["hashes"].update({name: "0" * 64}))
    assert_only_the_middle_is_computed_again(copy, finished, address)


def test_the_sidecar_of_another_tile_is_computed_again(copy, sidecar, finished, address):
    shutil.copy(sidecar.with_name("r0000c0000.json"), sidecar)
    assert_only_the_middle_is_computed_again(copy, finished, address)


def test_a_sidecar_being_written_when_the_machine_stopped_does_not_count(
    copy, sidecar, finished, address
):
    sidecar.rename(sidecar.with_name(f".{sidecar.name}.0123.tmp"))
    assert_only_the_middle_is_computed_again(copy, finished, address)


def test_a_tile_without_its_sidecar_is_computed_again_over_whatever_is_there(
    copy, sidecar, shard, finished, address
):
    sidecar.unlink()
    shard.write_bytes(b"half a shard")
    assert_only_the_middle_is_computed_again(copy, finished, address)


def verify(copy, capsys, *words):
    """Exit code and output of verify; nothing may go to standard error."""
    code = main(["verify", str(copy), *words])
    output, complaint = capsys.readouterr()
    assert complaint == ""
    return code, output


def test_verify_finds_nothing_wrong_with_a_sound_run(finished, capsys):
    code, output = verify(finished.path, capsys)
    assert code == 0
    *unseen, last = output.splitlines()
    assert last == f"{finished.path}: all 9 tiles are as committed"
    assert all(line.startswith("not looked at: ") for line in unseen)


@pytest.mark.parametrize("place", [0.001, 0.25, 0.5, 0.75, 0.999, -1, -5, -12])
def test_verify_finds_a_flipped_byte_wherever_it_is(copy, shard, capsys, place):
    content = bytearray(shard.read_bytes())
    content[int(place * len(content)) if 0 < place < 1 else place] ^= 0xFF
    shard.write_bytes(content)
    code, output = verify(copy, capsys)
    assert code == 5
    assert "\nf00000/p000/r0001c0001: " in output
    assert "1 fault; `tiled-sim verify --repair" in output


@pytest.mark.parametrize("damage", ["cut", "emptied", "removed", "of another tile"])
def test_verify_finds_a_shard_that_is(copy, shard, capsys, damage):
    content = shard.read_bytes()
    if damage == "removed":
        shard.unlink()
    elif damage == "of another tile":
        shutil.copy(shard.with_name("0"), shard)
    else:
        shard.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])
    code, output = verify(copy, capsys)
    assert code == 5
    assert "f00000/p000/r0001c0001: " in output
    assert "r0000c0000" not in output


def test_verify_tells_all_damage_and_not_the_first_alone(copy, shard, capsys):
    shard.write_bytes(b"")
    (copy / "traces/f00000/p000/r0002c0002.json").unlink()
    code, output = verify(copy, capsys, "--json")
    document = json.loads(output)
    assert code == 5
    assert document["tiles"] == 9
    names = {fault.split(":")[0] for fault in document["faults"]}
    assert names == {"f00000/p000/r0001c0001", "f00000/p000/r0002c0002", "tiles/index"}


def test_what_verify_says_to_do_repairs_a_damaged_shard(copy, shard, capsys, finished, address):
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0xFF
    shard.write_bytes(content)
    _, output = verify(copy, capsys)
    assert f"`tiled-sim verify --repair {copy}` mends 1 of them" in output
    before = sidecars(copy)
    code, output = verify(copy, capsys, "--repair", "--json", "--cluster", address)
    assert code == 0
    (mended,) = json.loads(output)["mended"]
    assert mended.startswith("f00000/p000/r0001c0001: ")
    after = sidecars(copy)
    changed = [file.stem for file in before if after[file] != before[file]]
    assert changed == ["r0001c0001"]
    assert Run(copy).image.values.tobytes() == finished.image.values.tobytes()


def test_a_tile_id_is_the_same_in_plan_and_store(finished):
    assert sorted(finished.store.sidecar_ids()) == [
        finished.plan.id_of(tile) for tile in finished.plan
    ]
