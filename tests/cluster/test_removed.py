"""A run whose store is removed, moved away or replaced while it is computed."""

import os
import shutil
import time
from contextlib import ExitStack

import psutil
import pytest
from distributed import Client

from support.faults import sabotage, taking
from support.processes import (
    PATIENCE,
    SLOWLY,
    complaints,
    eventually,
    frames_of_ours,
    process,
    scheduler,
    worker,
)
from support.runs import JOB, SIDE, sidecars
from support.witness import Witness
from tiled_sim.cli.main import main
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.run.run import Run
from tiled_sim.store.control import Control, Failure
from tiled_sim.store.presence import RunRemovedError
from tiled_sim.store.run_store import RunStore

#: In which the workers end the tile in hand, and a driver beats.
SECONDS = 3


def remove(path):
    """As ``rm -rf``, which has to look again where others still write."""
    while path.exists():
        shutil.rmtree(path, ignore_errors=True)


def move(path):
    path.rename(path.with_name("elsewhere"))


@pytest.fixture
def underway(data, tmp_path):
    """``underway(cluster)``: the job as a command of its own, and the path of its run."""
    with ExitStack() as stack:

        def start(cluster):
            path = tmp_path / "run.zarr"
            options = f"--no-progress --tile {SIDE} --cluster {cluster} --out {path} -hkl p1.hkl"
            words = ("tiled_sim", "submit", *options.split(), *JOB.split())
            started = stack.enter_context(process(*words, heard=True, cwd=data, environment=SLOWLY))
            eventually(lambda: started.poll() is not None or len(sidecars(path)) >= 4)
            assert started.poll() is None, started.communicate()
            return started, path

        yield start


@pytest.mark.parametrize("take_away", [remove, move])
def test_a_command_whose_run_is_taken_away_stops_with_one_sentence_and_makes_nothing(
    underway, take_away
):
    command, path = underway("local:2")
    children = psutil.Process(command.pid).children(recursive=True)
    take_away(path)
    output, complaint = command.communicate(timeout=PATIENCE)
    assert (command.returncode, output) == (4, "")
    (line,) = complaints(complaint)
    assert line.startswith(f"tiled-sim: {path} was removed while it was computed")
    psutil.wait_procs(children, timeout=PATIENCE)
    assert not path.exists()


def test_a_run_that_another_takes_the_place_of_is_not_written_to(client, address, create, tmp_path):
    other = create(tmp_path / "there")
    run = create(tmp_path / "here")

    def replace():
        run.path.rename(tmp_path / "elsewhere")
        other.path.rename(run.path)

    with sabotage(client, taking(0.1)):
        with pytest.raises(RunRemovedError, match="replaced by another run"):
            compute_missing(run, cluster=address, listener=Witness(at=3, then=replace))
        time.sleep(SECONDS)
    assert sidecars(run.path) == {}
    assert not (run.path / "control").exists()
    assert not (run.path / "0/image/c").exists()


def test_running_workers_make_nothing_where_the_run_was(client, address, run):
    with sabotage(client, taking(0.1)):
        witness = Witness(at=3, then=lambda: remove(run.path))
        with pytest.raises(RunRemovedError, match="was removed while it was computed"):
            compute_missing(run, cluster=address, listener=witness)
        time.sleep(SECONDS)
    assert witness.failed == []
    assert not run.path.exists()


def test_a_detached_driver_ends_where_the_run_was_removed(client, address, run):
    with sabotage(client, taking(0.1)):
        words = f"resume {run.path} --detach --no-progress --cluster {address}"
        assert main(words.split()) == 0
        eventually(lambda: len(sidecars(run.path)) > 2)
        remove(run.path)
        eventually(lambda: not any(client.processing().values()))
    assert not run.path.exists()


def test_the_log_of_a_worker_has_a_sentence_of_it_and_no_traceback(run, tmp_path):
    with (
        scheduler(tmp_path) as made,
        worker(made.address, "--no-nanny", heard=True, environment=SLOWLY) as started,
        Client(made.address, set_as_default=False) as client,
    ):
        words = f"resume {run.path} --detach --no-progress --cluster {made.address}"
        assert main(words.split()) == 0
        eventually(lambda: len(sidecars(run.path)) > 2)
        remove(run.path)
        eventually(lambda: not any(client.processing().values()))
        started.terminate()
        _, log = started.communicate(timeout=PATIENCE)
    assert f"{run.path} was removed while it was computed" in log
    assert frames_of_ours(log) == []


def test_the_smaller_images_are_not_made_of_a_run_that_is_gone(run, address):
    def vanish():
        remove(run.path)

    class AtTheEnd(Witness):
        def finishing(self):
            vanish()

    with pytest.raises(RunRemovedError):
        compute_missing(run, cluster=address, listener=AtTheEnd())
    assert not run.path.exists()


def test_a_lease_on_a_run_that_is_gone_leaves_nothing_behind(run):
    def hold():
        with Lease(run, 1, "") as lease:
            remove(run.path)
            time.sleep(SECONDS)  # it beats
            lease.require()

    with pytest.raises(RunRemovedError):
        hold()
    assert not run.path.exists()


def test_nothing_that_writes_brings_back_the_directory_of_a_run(run):
    tile = run.plan[0]
    store, control = RunStore.open(run.path, mode="r+"), Control(run.path)
    image = store.read_part(tile)
    remove(run.path)
    failure = Failure(run.plan.id_of(tile), 1, "", "")
    for write in (
        lambda: store.write_tile(tile, image),
        lambda: control.write_failure(failure),
        control.cancel,
        store.finish,
    ):
        with pytest.raises(OSError, match=str(run.path.name)):
            write()
    assert not run.path.exists()


def test_a_run_is_there_as_long_as_it_is_the_same_wherever_it_is_seen(run, tmp_path):
    from tiled_sim.store.presence import Presence

    link = tmp_path / "link.zarr"
    link.symlink_to(run.path)
    presence = Presence(link, run.run_id)
    presence.require()
    # as on file systems that number a directory anew
    shutil.copytree(run.path, tmp_path / "copy.zarr")
    link.unlink()
    link.symlink_to(tmp_path / "copy.zarr")
    presence.require()
    os.unlink(tmp_path / "copy.zarr/zarr.json")
    with pytest.raises(RunRemovedError, match="removed"):
        presence.require()


def test_the_status_of_a_run_that_was_removed_is_a_sentence(run, capsys):
    path = Run(run.path).path
    remove(path)
    assert main(["status", str(path)]) == 4
    assert "no such run" in capsys.readouterr().err
