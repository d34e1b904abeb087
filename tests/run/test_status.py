"""How far a run is, by the index that its driver kept and by the sidecars that decide."""

import dataclasses
import json
import shutil
import threading

import numpy as np
import pytest

from tiled_sim.cluster.submit import compute_missing
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.model.readout import Noise
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.tile_index import DONE

NAMES = [f"f00000/p000/r{row:04d}c{column:04d}" for row in range(3) for column in range(3)]


def compute(run, *indices):
    """Do in this process what a worker does with these tiles; its records."""
    tiles = [(index, 1) for index in indices]
    return compute_batch(str(run.path), run.run_id, "cpu", tiles)


@pytest.fixture(scope="module")
def begun(still, tmp_path_factory):
    """A run of 9 tiles with tiles 1 and 5 done, of which its index knows; not to be touched."""
    path = tmp_path_factory.mktemp("begun") / "run.zarr"
    run = create_run(prepare(still(), tile=(32, 32)), path)
    progress = Progress(run)
    for record in compute(run, 1, 5):
        progress.done(record["tile"], record["sums"])
    progress.failed(7)
    progress.write()
    return Run(path)


@pytest.fixture
def copy(begun, tmp_path):
    """The same, to be touched."""
    return Run(shutil.copytree(begun.path, tmp_path / "copy.zarr"))


def without_index(run):
    """What the sidecars alone say."""
    (run.path / "tiles/summary.json").unlink()
    return run.status()


def test_the_index_says_what_the_sidecars_say(begun, copy):
    assert begun.status() == without_index(copy)


def test_what_the_index_calls_done_is_not_read_again(copy):
    (copy.path / f"traces/{NAMES[5]}.json").unlink()
    assert copy.status().done == 2
    assert [tile.index for tile in copy.missing()] == [0, *range(2, 9)]


def test_a_tile_that_the_index_does_not_know_is_looked_for(copy):
    compute(copy, 0, 7)
    status = copy.status()
    assert status.done == 4
    assert status == without_index(copy)


@pytest.mark.parametrize("edit", [{"done": 3}, {"done": "2"}, {"total": None}, {"peak_at": "here"}])
def test_sums_that_cannot_be_are_not_believed(begun, copy, edit):
    file = copy.path / "tiles/summary.json"
    document = json.loads(file.read_bytes())
    document["summary"] |= edit
    file.write_text(json.dumps(document))
    assert copy.status() == begun.status()


def test_an_index_that_was_changed_is_not_believed(begun, copy):
    (copy.path / "tiles/index").write_bytes(bytes([1] * 9))
    assert copy.status() == begun.status()


def test_of_a_copy_that_is_another_run_the_sidecars_are_read(begun, copy, tmp_path, still):
    other = create_run(prepare(still(), tile=(32, 32)), tmp_path / "other.zarr")
    for name in ("index", "summary.json"):
        shutil.copy(copy.path / "tiles" / name, other.path / "tiles" / name)
    assert other.status().done == 0


def test_resume_finds_a_tile_that_the_index_wrongly_calls_done(copy):
    (copy.path / f"traces/{NAMES[5]}.json").unlink()
    resumed = compute_missing(copy, cluster="local:1")
    assert resumed.status().complete
    assert resumed.status() == without_index(resumed)
    assert list(resumed.faults()) == []


def test_resume_of_a_finished_run_makes_a_lost_index_anew(copy):
    resumed = compute_missing(copy, cluster="local:1")
    shutil.rmtree(resumed.path / "tiles")
    (resumed.path / "tiles").mkdir()
    compute_missing(resumed)
    assert (resumed.path / "tiles/index").read_bytes() == bytes([1] * 9)
    assert Progress.known(resumed).sums.done == 9


def test_a_reader_never_sees_an_index_without_its_sums(copy):
    """The driver replaces two files while others read them."""
    progress, over = Progress.surveyed(copy), threading.Event()
    states = progress.states.copy()

    def write():
        while not over.is_set():
            progress.states = states if progress.states is not states else states * 0
            progress.sums.done = int(np.count_nonzero(progress.states))
            progress.write()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [Progress.known(copy) for _ in range(200)]
    finally:
        over.set()
        writer.join()
    for one in found:
        assert one.sums.done == np.count_nonzero(one.states == DONE)


def test_where_the_run_is_gone_nothing_is_written(copy):
    progress = Progress.known(copy)
    shutil.rmtree(copy.path)
    progress.write()
    assert not copy.path.exists()


@pytest.fixture(scope="module")
def noisy(still, tmp_path_factory):
    """A run of 9 tiles that counts photons."""
    experiment = dataclasses.replace(still(), noise=Noise())
    path = tmp_path_factory.mktemp("noisy") / "run.zarr"
    return create_run(prepare(experiment, tile=(32, 32)), path)


class TestCounts:
    def test_of_an_unfinished_run_what_was_not_counted_is_no_number(self, noisy):
        compute(noisy, 0)
        counts = Run(noisy.path).counts
        assert counts.dtype == np.float64
        assert int(counts.notnull().sum()) == 32 * 32
        assert float(counts.mean()) >= 0

    def test_of_a_finished_run_they_are_whole_numbers(self, noisy):
        compute(noisy, *range(9))
        counts = Run(noisy.path).counts
        assert counts.dtype == np.int32
        assert int(counts.min()) >= 0
