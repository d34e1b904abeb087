"""Runs to which shots are added."""

import io
import os
import shutil
import zipfile

import numpy as np
import pytest

from support.stores import SHOTS, shots_words
from tiled_sim.cluster.growth import finish_growth_of, grow_run
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.submit import append, compute_missing
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError, TiledSimError, UsageError
from tiled_sim.instruments.verification import verify
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare, prepare_more
from tiled_sim.read.more_shots import with_more_shots
from tiled_sim.read.shots import Shots
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.growth import KEY, begin_growth, finish_growth
from tiled_sim.store.run_store import RunStore
from tiled_sim.store.tile_index import TileIndex

BEFORE, ADDED = 3, 2
ALL = BEFORE + ADDED


def shots(count):
    """An experiment of so many random shots, with noise."""
    return Experiment.from_nanobragg(shots_words(), random_shots=count, noise=SHOTS)


def submitted(path, count, tile=(32, 48)):
    """A run of so many shots, nothing computed; with a tile for each, or whatever is planned."""
    return create_run(prepare(shots(count), BY_REFERENCE, tile=tile, require_coverage=0), path)


def computed(run):
    """The same with all tiles, and smaller images."""
    missing = [(tile.index, 1) for tile in run.missing()]
    frames = run.plan.grid.shape[0]
    compute_batch(str(run.path), run.run_id, "cpu", missing, 0, frames)
    RunStore.open(run.path, mode="r+").finish()
    return Run(run.path)


def more(run, count=ADDED):
    """The plan of the run with so many more."""
    experiment = with_more_shots(run.experiment, Shots(random=count))
    return prepare_more(experiment, run.inputs(), run.plan, require_coverage=0)


def bytes_within(path, *folders):
    """Content of all files in some folders, by their place."""
    found = (file for folder in folders for file in (path / folder).rglob("*") if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in found}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A complete run of few shots."""
    return computed(submitted(tmp_path_factory.mktemp("small") / "run.zarr", BEFORE)).path


@pytest.fixture
def run(small, tmp_path):
    """A copy of it."""
    return Run(shutil.copytree(small, tmp_path / "run.zarr"))


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    """Files of the run of all shots, but those that say when and by whom it was made."""
    path = computed(submitted(tmp_path_factory.mktemp("all") / "run.zarr", ALL)).path
    return bytes_within(path, "0", "1", "frames", "inputs", "panels")


def test_a_run_that_has_grown_has_the_bytes_of_one_submitted_at_once(run, at_once):
    old = bytes_within(run.path, "traces", "0/image/c", "0/counts/c")
    times = {name: os.stat(run.path / name).st_mtime_ns for name in old}
    grown = computed(grow_run(run, more(run)))
    assert grown.hashes == {**run.hashes, **more(run).hashes}
    assert grown.hashes["experiment"] == shots(ALL).sha256
    assert bytes_within(run.path, "0", "1", "frames", "inputs", "panels") == at_once
    assert {name: os.stat(run.path / name).st_mtime_ns for name in old} == times
    assert verify(grown).faults == ()
    assert list(grown.frames.index) == list(range(ALL))


def test_tiles_of_before_count_and_those_of_the_added_frames_are_missing(run):
    grown = grow_run(run, more(run))
    assert [tile.frames[0] for tile in grown.missing()] == list(range(BEFORE, ALL))
    assert np.isfinite(grown.image[:BEFORE].values).all()
    assert np.isnan(grown.image[BEFORE:].values).all()
    status = grown.status()
    assert (status.done, status.tiles) == (BEFORE, ALL)


def test_a_run_grows_while_it_is_half_done_and_more_than_once(tmp_path, at_once):
    run = submitted(tmp_path / "run.zarr", 1)
    run = grow_run(run, more(run, 2))
    compute_batch(str(run.path), run.run_id, "cpu", [(1, 1)], 0, 3)
    run = computed(grow_run(run, more(run, 2)))
    assert bytes_within(run.path, "0", "1", "frames", "inputs", "panels") == at_once
    assert [before["frames"] for before in run.attributes["earlier"]] == [1, 3]
    assert verify(run).faults == ()


@pytest.fixture
def uneven(tmp_path):
    """A complete run whose second tile has room for more frames than it has."""
    run = submitted(tmp_path / "uneven.zarr", 3, tile=None)
    run = computed(grow_run(run, more(run, 1)))
    assert [tile.frames for tile in run.plan] == [(0, 3), (3, 4)]
    return run


def test_a_tile_that_was_not_full_is_computed_once_more_with_its_new_frames(uneven):
    before = uneven.image.values
    grown = grow_run(uneven, more(uneven))
    assert [tile.frames for tile in grown.missing()] == [(3, 6)]
    np.testing.assert_array_equal(grown.image.values[:4], before)
    grown = computed(grown)
    np.testing.assert_array_equal(grown.image.values[:4], before)
    assert verify(grown).faults == ()


def test_what_is_known_of_tiles_is_forgotten_where_their_number_stays(uneven):
    compute_missing(uneven)  # writes the index
    assert TileIndex(uneven.path, uneven.run_id).read(2) is not None
    grown = grow_run(uneven, more(uneven, 1))
    assert len(grown.plan) == 2
    assert grown.status().done == 1


def test_growing_that_is_killed_anywhere_can_be_finished(run, tmp_path, at_once):
    before = bytes_within(run.path, "")
    prepared, attributes = more(run), grow_attributes(run, tmp_path)
    begin_growth(run.store.objects, prepared.experiment, prepared.plan.grid, attributes)
    archive = (run.path / KEY).read_bytes()
    names = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    for killed_after in range(len(names) + 1):
        for name, content in before.items():
            (run.path / name).parent.mkdir(parents=True, exist_ok=True)
            (run.path / name).write_bytes(content)
        (run.path / KEY).write_bytes(archive)
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            opened.extractall(run.path, names[:killed_after])
        finish_growth_of(run.path)
        assert not (run.path / KEY).exists()
        assert Run(run.path).plan.grid.shape[0] == ALL
    assert bytes_within(computed(Run(run.path)).path, "0", "1", "frames") == {
        name: content
        for name, content in at_once.items()
        if name.startswith(("0/", "1/", "frames/"))
    }


def grow_attributes(run, folder):
    """What the run will say of itself."""
    other = Run(shutil.copytree(run.path, folder / "other.zarr"))
    return grow_run(other, more(other)).attributes


def test_a_run_between_two_sizes_says_what_finishes_it(run, tmp_path):
    prepared, attributes = more(run), grow_attributes(run, tmp_path)
    begin_growth(run.store.objects, prepared.experiment, prepared.plan.grid, attributes)
    assert any("frames were being added" in str(fault) for fault in verify(run).faults)
    with zipfile.ZipFile(run.path / KEY) as opened:
        opened.extract("frames/orientation/c/0/0/0", run.path)
    with pytest.raises(StoreError, match=r"frames were being added.*tiled-sim resume"):
        Run(run.path)
    finish_growth(run.path)
    assert verify(computed(Run(run.path))).faults == ()


def test_a_run_that_somebody_computes_does_not_grow(run):
    before = bytes_within(run.path, "0", "frames")
    with Lease(run, 0, ""), pytest.raises(StoreError, match="is computing"):
        append(run.path, Shots(random=2))
    assert bytes_within(run.path, "0", "frames") == before


def test_of_two_who_add_to_a_run_at_once_one_is_told(run):
    prepared = more(run)
    grow_run(run, prepared)
    with pytest.raises(StoreError, match="has added frames"):
        grow_run(run, prepared)
    assert Run(run.path).plan.grid.shape[0] == ALL


def test_a_cluster_that_is_not_there_leaves_the_run_as_it_is(run, tmp_path):
    before = bytes_within(run.path, "")
    with pytest.raises(TiledSimError, match="nowhere"):
        append(run.path, Shots(random=2), cluster=f"scheduler-file:{tmp_path / 'nowhere'}")
    assert bytes_within(run.path, "") == before


def test_workers_that_hold_the_smaller_run_compute_the_larger(tmp_path, address):
    run = compute_missing(submitted(tmp_path / "run.zarr", BEFORE), cluster=address)
    assert append(run.path, Shots(random=ADDED), cluster=address).status().complete
    assert verify(Run(run.path)).faults == ()


def test_a_run_in_an_object_store_grows(bucket, run):
    away = computed(submitted(f"{bucket}/run.zarr", BEFORE))
    away, here = (computed(grow_run(one, more(one))) for one in (away, run))
    assert verify(away).faults == ()
    np.testing.assert_array_equal(away.counts.values, here.counts.values)


def test_a_run_of_a_rotation_is_not_added_to(tmp_path):
    rotation = Experiment.from_nanobragg(shots_words())
    run = create_run(prepare(rotation, BY_REFERENCE, require_coverage=0), tmp_path / "run.zarr")
    with pytest.raises(UsageError, match="are a rotation"):
        append(run.path, Shots(random=2))


def spoilt(content, how):
    """The file by which a run grows, otherwise."""
    if how == "nonsense":
        return b"PK nonsense"
    if how == "cut short":
        return content[: len(content) // 2]
    if how == "a byte":
        return content.replace(b"run_id", b"rum_id", 1)
    made = io.BytesIO(b"" if how == "without attributes" else content)
    with zipfile.ZipFile(made, "a") as archive:
        if how == "elsewhere":
            archive.writestr("frames/../../elsewhere", "evil")
        elif how == "another file":
            archive.writestr("inputs/zarr.json", "{}")
        else:
            archive.writestr("0/frame/zarr.json", "{}")
    return made.getvalue()


@pytest.mark.parametrize(
    "how", ["nonsense", "cut short", "a byte", "elsewhere", "another file", "without attributes"]
)
def test_a_file_by_which_it_grows_that_is_spoilt_changes_nothing(small, tmp_path, how):
    path = tmp_path / "run" / "run.zarr"
    shutil.copytree(small, path)
    run = Run(path)
    begin_growth(run.store.objects, more(run).experiment, more(run).plan.grid, {"run_id": "a"})
    (path / KEY).write_bytes(spoilt((path / KEY).read_bytes(), how))
    before = bytes_within(path, "0", "frames", "inputs")
    with pytest.raises(StoreError, match=f"{KEY}, by which .* remove that file"):
        finish_growth_of(path)
    assert bytes_within(path, "0", "frames", "inputs") == before
    assert os.listdir(tmp_path / "run") == ["run.zarr"]
    (path / KEY).unlink()
    assert verify(Run(path)).faults == ()
