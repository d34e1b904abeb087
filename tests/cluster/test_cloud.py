"""Runs at URLs: computed by worker processes against a real S3 server, and what a run must bear."""

import os
import pickle
import signal
import threading
import time

import h5py
import numpy as np
import pytest

import tiled_sim as ts
from support.object_server import KEY, SECRET
from support.processes import PATIENCE, SLOWLY, eventually, process
from support.runs import JOB, SIDE, TILES
from tiled_sim.cli.main import main
from tiled_sim.cluster import lease
from tiled_sim.cluster.examination import obstacle
from tiled_sim.cluster.lease import Lease, RunCancelledError, living_driver
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.errors import StoreError
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store import pyramid
from tiled_sim.store.control import Control
from tiled_sim.store.place import place_of
from tiled_sim.store.presence import Presence, RunRemovedError
from tiled_sim.store.run_store import RunStore


@pytest.fixture
def url(bucket):
    return f"{bucket}/run.zarr"


@pytest.fixture
def run(job, url):
    """The run of it at a URL, with nothing computed."""
    return create_run(prepare(job, Settings("reference"), tile=(SIDE, SIDE)), url)


def worker_of(run):
    """Number of the process that computed the first tile that is done; None if none is."""
    found = next(iter(run.sidecars), None)
    return found and found["worker"]["pid"]


@pytest.fixture
def on_disk(job, undisturbed, tmp_path):
    """The same run on a disk, finished."""
    made = create_run(prepare(job, Settings("reference"), tile=(SIDE, SIDE)), tmp_path / "run.zarr")
    store = RunStore.open(made.path, "r+")
    image = np.frombuffer(undisturbed, np.float32).reshape(store.shape)
    for tile in made.plan:
        store.write_tile(tile, image[tile.region])
    store.finish()
    return made


def shards(run):
    """Of the image and its smaller copies, by name."""
    objects = run.store.objects
    return {key: objects.get(key) for key in objects.keys("") if "/image/c/" in key}


def test_a_run_at_a_url_survives_its_workers_and_is_that_of_a_disk(
    url, data, on_disk, tmp_path, capfd
):
    words = ["-hkl", str(data / "p1.hkl"), *JOB.split(), "--tile", str(SIDE)]
    words += ["--kernel", "reference", "--no-progress", "--cluster", "local:2"]
    with process("tiled_sim", "submit", "--out", url, *words, environment=SLOWLY, heard=True) as it:
        eventually(lambda: Control(place_of(url)).driver())
        run = Run(url)
        victim = eventually(lambda: worker_of(run))
        os.kill(victim, signal.SIGKILL)
        done = run.status().done
        eventually(lambda: run.status().done > done)
        assert main(["cancel", url]) == 0
        told = "".join(it.communicate(timeout=PATIENCE))
        assert it.returncode == 5, told
    assert "Traceback" not in told
    assert 0 < run.status().done < TILES
    assert main(["status", url]) == 5
    assert main(["resume", url, "--no-progress", "--cluster", "local"]) == 0
    assert main(["status", url]) == main(["verify", url, "--recompute", "1"]) == 0
    assert main(["view", url, "--out", str(tmp_path / "run.png")]) == 0
    for to, name in (("npy", "run.npy"), ("nxmx", "run.nxs")):
        assert main(["export", url, "--to", to, "--out", str(tmp_path / name), "--image"]) == 0
    assert shards(Run(url)) == shards(on_disk)
    np.testing.assert_array_equal(Run(url).image.values, on_disk.image.values)
    with h5py.File(tmp_path / "run.nxs") as file:
        exported = file["entry/data/data"][:]
    for found in (np.load(tmp_path / "run.npy")[:, 0], exported):
        np.testing.assert_array_equal(found, on_disk.image.values[:, 0])
    assert main(["compare", url, url]) == 0
    assert main(["trace", url, "--pixel", "3", "5"]) == 0
    told += "".join(capfd.readouterr())
    kept = b"".join(run.store.objects.get(key) for key in run.store.objects.keys(""))
    for secret in (KEY, SECRET):
        assert secret not in told
        assert secret.encode() not in kept
    assert "Traceback" not in told


def test_levels_of_tiles_at_a_url_are_those_of_a_disk_and_are_mended(
    url, job, tmp_path, monkeypatch
):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", SIDE)
    monkeypatch.setattr(pyramid, "WORTH_A_FILE", 1)
    prepared = prepare(job, Settings("reference"), tile=(2 * SIDE, 2 * SIDE))
    there, here = (
        compute_missing(create_run(prepared, place), cluster="local")
        for place in (url, tmp_path / "run.zarr")
    )
    due = shards(here)
    of_tiles = sorted(key for key in due if key.startswith("1/"))
    assert len(of_tiles) == len(there.plan) > 1
    assert shards(there) == due
    there.store.objects.delete(of_tiles[0])
    there.store.objects.put(of_tiles[1], due[of_tiles[1]][:-9])
    assert main(["verify", url]) == 5
    assert main(["verify", "--repair", url]) == 0
    assert shards(Run(url)) == due


# Who may compute


def test_a_worker_with_the_environment_that_opens_it_may_compute_a_run(run):
    assert obstacle(str(run.path), run.run_id, "cpu") == ""
    assert run.store.objects.names() == ["0", "frames", "inputs", "panels", "tiles", "zarr.json"]


def test_a_worker_without_it_is_told_what_it_lacks(run, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    found = obstacle(str(run.path), run.run_id, "cpu")
    assert "there are no credentials in the environment; set AWS_ACCESS_KEY_ID" in found


def test_a_worker_that_finds_no_run_is_told_by_what_it_looks(run):
    found = obstacle(f"{run.path}2", run.run_id, "cpu")
    assert "it does not see" in found
    assert "each worker opens it by the environment in which it was started" in found


def test_an_image_that_is_sent_to_a_worker_takes_no_credentials_with_it(run):
    sent = pickle.dumps(run.image)
    assert KEY.encode() not in sent
    assert SECRET.encode() not in sent
    assert np.isnan(pickle.loads(sent).isel(slow=0, fast=0).values).all()


def test_nothing_is_submitted_to_where_something_is(run, job):
    with pytest.raises(StoreError, match="exists already"):
        ts.submit(job, str(run.path))


def test_a_run_that_was_removed_is_missed(run):
    presence = Presence(run.path, run.run_id)
    presence.require()
    run.store.objects.put("zarr.json", run.store.objects.get("zarr.json") + b"\n")
    presence.require()
    run.store.objects.remove()
    with pytest.raises(RunRemovedError, match="was removed"):
        presence.require()


# Who hands out the tiles


@pytest.fixture
def _hasty(monkeypatch):
    monkeypatch.setattr(lease, "SECONDS_A_BEAT", 0.1)
    monkeypatch.setattr(lease, "SECONDS_OF_SILENCE", 0.5)


@pytest.mark.usefixtures("_hasty")
def test_of_drivers_that_race_for_a_run_one_begins(run):
    go = threading.Barrier(4, timeout=PATIENCE)
    refused, kept = [], []

    def drive():
        go.wait()
        try:
            with Lease(run, 9, "") as held:
                eventually(lambda: len(refused) == 3)
                held.require()
                kept.append(held)
        except StoreError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=drive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 1
    assert all(f"is computing {run.path}" in told for told in refused)


@pytest.mark.usefixtures("_hasty")
def test_a_driver_that_was_taken_for_dead_stops_when_it_comes_back(run, monkeypatch):
    """As one on a machine that slept: it writes nothing over the word of the other."""
    with Lease(run, 9, "") as slept:
        monkeypatch.setattr(lease.socket, "gethostname", lambda: "elsewhere")
        slept._over.set()
        slept._thread.join()
        with Lease(run, 9, "") as other:
            mine = Control(run.path).driver().token
            slept._write()
            assert Control(run.path).driver().token == mine
            assert living_driver(Control(run.path)) is not None
            other.require()
            with pytest.raises(RunCancelledError, match="computes"):
                slept.require()


@pytest.mark.usefixtures("_hasty")
def test_a_driver_outlives_a_network_that_is_gone_for_a_while(run, monkeypatch, closed_port):
    from tiled_sim.store import cloud

    with Lease(run, 9, "") as held:
        real = held._control._objects._client
        monkeypatch.setattr(cloud, "_RETRIES", {"max_retries": 0})
        with monkeypatch.context() as cut:
            cut.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{closed_port}")
            held._control._objects._client = cloud.client_of(run.path)
            time.sleep(0.5)
            held.require()
        beat = Control(run.path).driver().beat
        held._control._objects._client = real
        eventually(lambda: Control(run.path).driver().beat > beat)
        held.require()
