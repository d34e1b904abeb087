"""Counts of runs made by workers: the same bytes as in one process, committed with their image."""

import dataclasses
import os

import jsonschema
import numpy as np
import pytest
import xarray as xr
import zarr

from support.faults import dying, once, sabotage
from tiled_sim.cluster.submit import compute_missing, submit
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError
from tiled_sim.instruments.recomputation import recomputed_faults
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.run_store import NOT_COUNTED, RunStore
from tiled_sim.store.sidecar import SCHEMA

TILE = (32, 32)
TILES = 9


@pytest.fixture(scope="module")
def experiment(still):
    noise = Noise(
        seed=3, readout=2.0, offset=10.0, saturation=400, point_spread=PointSpread("gauss", 6e-4)
    )
    return dataclasses.replace(still("-fluence", 1e30), noise=noise)


@pytest.fixture(scope="module")
def undisturbed(experiment, simulate):
    """Its counts, of the whole panel at once."""
    return simulate(experiment).counts


@pytest.fixture(scope="module")
def run(experiment, address, tmp_path_factory):
    """A finished run of 9 tiles by two workers."""
    path = tmp_path_factory.mktemp("counts") / "run.zarr"
    return submit(experiment, path, cluster=address, tile=TILE)


@pytest.fixture
def begun(experiment, tmp_path):
    """The run, with nothing computed."""
    return create_run(prepare(experiment, tile=TILE), tmp_path / "run.zarr")


def compute(run, *indices):
    compute_batch(str(run.path), run.run_id, "cpu", [(number, 1) for number in indices])


def damage(run, number):
    """Change a count of a tile; its id."""
    tile = run.plan[number]
    counts = run.store.read_counts_part(tile)
    counts[0, 0, 3, 4] += 1
    RunStore.open(run.path, mode="r+").write_counts(tile, counts)
    return run.plan.id_of(tile)


def test_workers_count_the_same_bytes(run, undisturbed):
    assert run.counts.values.tobytes() == undisturbed.tobytes()


def test_other_tiles_count_the_same_bytes(experiment, address, tmp_path, undisturbed):
    path = tmp_path / "run.zarr"
    made = submit(experiment, path, cluster=address, tile=(48, 16))
    assert made.counts.values.tobytes() == undisturbed.tobytes()


def test_one_process_counts_the_same_bytes(begun, undisturbed):
    compute(begun, *range(TILES))
    assert begun.counts.values.tobytes() == undisturbed.tobytes()


def test_a_worker_that_is_killed_between_image_and_counts_costs_nothing(
    begun, client, address, tmp_path, undisturbed
):
    flag = str(tmp_path / "struck")
    strike = once(flag, dying())

    def fault(patch):
        real = RunStore.write_counts

        def write_counts(self, *arguments):
            strike()
            real(self, *arguments)

        patch.setattr(RunStore, "write_counts", write_counts)

    with sabotage(client, fault):
        compute_missing(begun, cluster=address)
    assert os.path.exists(flag)
    assert list(Run(begun.path).faults()) == []
    assert Run(begun.path).counts.values.tobytes() == undisturbed.tobytes()


def test_a_run_that_was_broken_off_goes_on_to_the_same_bytes(begun, address, undisturbed):
    compute(begun, 0, 4, 8)
    # a driver died here: shards of a tile that was not committed are there, one of them damaged
    compute(begun, 1)
    (begun.path / "traces" / f"{begun.plan.id_of(begun.plan[1])}.json").unlink()
    begun.path.joinpath("0/counts/c/0/0/0/1").write_bytes(b"half")
    compute_missing(Run(begun.path), cluster=address)
    assert Run(begun.path).counts.values.tobytes() == undisturbed.tobytes()


# What is told of them


def test_the_sidecar_tells_the_counts_of_its_tile(run, undisturbed):
    total = 0
    for document in run.sidecars:
        jsonschema.validate(document, SCHEMA)
        slow, fast = slice(*document["tile"]["slow"]), slice(*document["tile"]["fast"])
        counts, told = undisturbed[0, 0, slow, fast], document["counts"]
        assert (told["sum"], told["max"]) == (counts.sum(), counts.max())
        assert undisturbed[tuple(told["max_at"])] == told["max"]
        assert told["overloads"] == (counts == 400).sum()
        assert told["negative"] == (counts < 0).sum()
        assert document["time"]["seconds"]["noise"] > 0
        total += told["sum"]
    assert total == undisturbed.sum()


def test_the_status_adds_the_counts_of_all_tiles(run, undisturbed):
    counted = run.status().counted
    assert (counted.total, counted.peak) == (undisturbed.sum(), undisturbed.max())
    assert counted.overloads == (undisturbed == 400).sum() > 0


def test_a_run_without_noise_has_no_counts_and_says_so(still, tmp_path):
    made = create_run(prepare(still(), tile=TILE), tmp_path / "run.zarr")
    compute(made, 0)
    assert made.sidecar(made.plan[0])["counts"] is None
    assert made.status().counted is None
    with pytest.raises(StoreError, match=r"no counts: it was made without noise.*noise="):
        _ = made.counts


def test_what_is_not_counted_yet_is_no_number_and_has_a_value_of_its_own_in_the_store(begun):
    compute(begun, 0)
    counts = begun.counts
    assert counts[0, 0, 32:].isnull().all()
    assert counts[0, 0, :32, :32].notnull().all()
    whole = slice(0, counts.sizes["slow"]), slice(0, counts.sizes["fast"])
    stored = begun.store.read_counts(0, 0, *whole)
    assert np.all(stored[32:] == NOT_COUNTED)
    assert np.all(stored[:32, :32] != NOT_COUNTED)


# Verified


def test_a_run_with_counts_is_sound_and_comes_out_the_same(run):
    assert list(run.faults()) == []
    assert list(recomputed_faults(run, 3, "cpu")) == []


def test_a_count_that_was_changed_is_a_fault_of_its_tile(begun):
    compute(begun, *range(TILES))
    name = damage(begun, 4)
    fault = "the counts are not those that were committed (SHA-256)"
    assert [str(found) for found in Run(begun.path).faults()] == [f"{name}: {fault}"]


def test_counts_that_do_not_decode_are_a_fault_of_their_tile(begun):
    compute(begun, *range(TILES))
    shard = begun.path / "0/counts/c/0/0/1/1"
    content = shard.read_bytes()  # where its chunks lie is at its end
    shard.write_bytes(b"no chunk" + content[len(b"no chunk") :])
    (fault,) = Run(begun.path).faults()
    assert str(fault).startswith("f00000/p000/r0001c0001: the counts cannot be read")


def test_computing_again_shows_counts_that_were_altered_with_their_digest(begun):
    compute(begun, *range(TILES))
    path = begun.path / "traces" / f"{begun.plan.id_of(begun.plan[4])}.json"
    digest = Run(begun.path).sidecar(begun.plan[4])["counts"]["sha256"]
    path.write_text(path.read_text().replace(digest, "0" * 64))
    (fault,) = recomputed_faults(Run(begun.path), TILES, "cpu")
    assert str(fault).endswith("it is other counts")


# Through the readers of others


def test_zarr_and_xarray_read_whole_numbers_with_their_unit(run, undisturbed):
    by_zarr = zarr.open_group(run.path, mode="r")["0/counts"]
    by_xarray = xr.open_zarr(run.path / "0", mask_and_scale=False)["counts"]
    masked = xr.open_zarr(run.path / "0")["counts"]  # where nothing was counted yet: NaN
    assert by_zarr.dtype == by_xarray.dtype == np.int32
    np.testing.assert_array_equal(masked, undisturbed)
    np.testing.assert_array_equal(by_zarr[...], undisturbed)
    np.testing.assert_array_equal(by_xarray, undisturbed)
    assert by_xarray.attrs["units"] == "ADU"
    assert by_xarray.dims == ("frame", "panel", "slow", "fast")


def test_the_tree_of_xarray_has_image_and_counts(run):
    tree = xr.open_datatree(run.path, engine="zarr")
    assert {"image", "counts"} <= set(tree["0"].data_vars)
