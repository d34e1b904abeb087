"""A run on disk: what it says of itself, and what it says when it is not what it should be."""

import hashlib
import json
import shutil

import dask.array
import numpy as np
import pytest
import zarr

import tiled_sim as ts
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run, open_run


def compute(run, *indices):
    """Do in this process what a worker does with these tiles."""
    for index in indices or range(len(run.plan)):
        compute_batch(str(run.path), run.run_id, "cpu", [(index, 1)])


@pytest.fixture(scope="module")
def made(still, tmp_path_factory):
    """A run of 9 tiles that has computed nothing yet, not to be touched."""
    return create_run(prepare(still(), tile=(32, 32)), tmp_path_factory.mktemp("made") / "run.zarr")


@pytest.fixture(scope="module")
def partial(made, tmp_path_factory):
    """The same with tiles 1 and 5 done, not to be touched."""
    run = Run(shutil.copytree(made.path, tmp_path_factory.mktemp("partial") / "run.zarr"))
    compute(run, 1, 5)
    return Run(run.path)


@pytest.fixture(scope="module")
def finished(made, tmp_path_factory):
    """The same with all tiles done, not to be touched."""
    run = Run(shutil.copytree(made.path, tmp_path_factory.mktemp("finished") / "run.zarr"))
    compute(run)
    return Run(run.path)


@pytest.fixture
def copy(finished, tmp_path):
    """Path of a finished run to damage."""
    return shutil.copytree(finished.path, tmp_path / "copy.zarr")


def edit_root(path, edit):
    """Change the attributes of a run in its zarr.json."""
    file = path / "zarr.json"
    document = json.loads(file.read_bytes())
    edit(document["attributes"]["tiled_sim"])
    file.write_text(json.dumps(document))


# What a run knows


def test_a_run_knows_its_experiment_and_its_plan(still, finished):
    assert finished.experiment == still()
    assert finished.plan == prepare(still(), tile=(32, 32)).plan


def test_a_run_knows_the_hashes_of_what_it_was_made_from(finished):
    assert finished.hashes == {
        "experiment": finished.experiment.sha256,
        "structure_factors": finished.store.read_structure_factors().sha256,
        "mask": finished.inputs().mask.sha256,
        "background": None,
        "plan": finished.plan.sha256,
    }


def test_a_run_says_where_its_structure_factors_come_from(data, finished):
    source = finished.attributes["structure_factors"]
    file = data / "p1.hkl"
    assert source["path"] == str(file)
    assert source["size"] == file.stat().st_size
    assert source["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert source["count"] == len(file.read_text().splitlines())
    assert (source["minimum"], source["maximum"]) == ([-14, -16, -18], [14, 16, 18])
    assert source["coverage"]["fraction"] == 1.0


def test_a_run_says_what_software_made_it(finished):
    assert finished.attributes["versions"]["tiled_sim"] == ts.__version__
    assert finished.plan.settings.kernel in ("reference", "compiled")


def test_two_runs_of_one_experiment_have_ids_of_their_own(still, made, tmp_path):
    other = create_run(prepare(still(), tile=(32, 32)), tmp_path / "run.zarr")
    assert other.hashes == made.hashes
    assert other.run_id != made.run_id


def test_a_run_is_opened_by_its_path_as_text(finished):
    assert open_run(str(finished.path)).run_id == finished.run_id


# The image


def test_the_image_is_read_when_it_is_asked_for(finished):
    assert isinstance(finished.image.data, dask.array.Array)


def test_the_image_has_named_axes_in_millimetres(finished):
    image = finished.image
    assert image.dims == ("frame", "panel", "slow", "fast")
    assert image.dtype == np.float32
    np.testing.assert_allclose(image.slow, (np.arange(96) + 0.5) * 0.3, rtol=1e-12)
    np.testing.assert_allclose(image.fast, (np.arange(96) + 0.5) * 0.3, rtol=1e-12)
    assert image.slow.attrs["units"] == image.fast.attrs["units"] == "mm"
    assert image.attrs["units"] == "photon"


def test_what_is_not_computed_is_nan_and_what_is_computed_is_not(partial):
    computed = np.isfinite(partial.image.values[0, 0])
    expected = np.zeros((96, 96), bool)
    expected[0:32, 32:64] = expected[32:64, 64:96] = True
    np.testing.assert_array_equal(computed, expected)


def test_the_mask_has_a_bit_for_the_mask_file_and_one_for_the_region(data, tmp_path):
    words = "-cell 70 80 90 75 85 95 -N 5 -oversample 1 -roi 20 99 40 111"
    experiment = ts.Experiment.from_nanobragg(
        ["-hkl", str(data / "p1.hkl"), "-mask", str(data / "mask.img"), *words.split()]
    )
    run = create_run(prepare(experiment), tmp_path / "run.zarr")
    pixels = np.frombuffer((data / "mask.img").read_bytes()[512:], "<u2").reshape(128, 128)
    outside = np.ones((128, 128), np.uint8)
    outside[40:112, 20:100] = 0
    expected = np.uint8(1) * (pixels == 0) + np.uint8(2) * outside
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(run.mask.values[0], expected)
    assert run.mask.dtype == np.uint8


# How far it is


def test_a_run_that_has_computed_nothing_misses_every_tile(made):
    status = made.status()
    assert (status.tiles, status.done, status.complete) == (9, 0, False)
    assert status.missing == [made.plan.id_of(tile) for tile in made.plan]
    assert (status.total, status.peak, status.peak_at) == (0.0, 0.0, None)


def test_a_run_misses_the_tiles_that_are_not_done_in_the_order_of_the_plan(partial):
    assert [tile.index for tile in partial.missing()] == [0, 2, 3, 4, 6, 7, 8]


def test_the_sidecars_are_those_of_the_tiles_done_in_the_order_of_the_plan(partial):
    assert [sidecar["tile"]["index"] for sidecar in partial.sidecars] == [1, 5]


def test_the_status_of_a_finished_run_is_that_of_its_image(finished):
    status = finished.status()
    image = finished.image.values.astype(np.float64)
    assert status.complete
    assert status.missing == []
    assert status.total == pytest.approx(image.sum(), rel=1e-12)
    assert status.peak == image.max()
    assert status.peak_at == np.unravel_index(image.argmax(), image.shape)
    assert status.nan == 0


def test_the_status_counts_every_evaluation(finished):
    status = finished.status()
    assert status.evaluations == 96 * 96 * finished.experiment.steps
    assert status.kernel_seconds > 0


def test_the_status_tells_the_first_ten_missing_tiles_only(still, tmp_path):
    run = create_run(prepare(still(), tile=(16, 16)), tmp_path / "run.zarr")
    assert run.status().missing == [run.plan.id_of(tile) for tile in run.plan][:10]


def test_the_status_is_plain_json(partial):
    status = partial.status().to_dict()
    assert json.loads(json.dumps(status, allow_nan=False))["done"] == 2


# What is wrong with it


def test_a_sound_run_has_no_faults(finished):
    assert list(finished.faults()) == []


def test_every_tile_that_is_missing_is_a_fault(partial):
    faults = list(partial.faults())
    assert len(faults) == 7
    assert faults[0] == "f00000/p000/r0000c0000: not computed, or its sidecar is damaged"


def test_pixels_that_were_changed_are_a_fault_of_their_tile_alone(copy):
    image = zarr.open_group(copy, mode="r+")["0/image"]
    image[0, 0, 33, 34] = np.nextafter(image[0, 0, 33, 34], np.float32(np.inf))
    (fault,) = Run(copy).faults()
    assert fault.startswith("f00000/p000/r0001c0001: ")
    assert "SHA-256" in fault


def test_a_pixel_that_is_nan_is_counted(copy):
    image = zarr.open_group(copy, mode="r+")["0/image"]
    image[0, 0, 5, 6] = np.nan
    changed, counted = Run(copy).faults()
    assert "SHA-256" in changed
    assert counted == "f00000/p000/r0000c0000: 1 pixels are NaN"


# What is refused


def test_where_there_is_no_run_submit_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"no such run; `tiled-sim submit"):
        Run(tmp_path / "run.zarr")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no zarr store"):
        Run(tmp_path)


def test_an_edited_experiment_is_refused_with_both_hashes(copy, finished):
    edit_root(copy, lambda run: run["experiment"]["crystal"].update(cells=[9, 9, 9]))
    with pytest.raises(StoreError, match=f"not {finished.hashes['experiment']}"):
        Run(copy)


def test_a_spectrum_that_is_not_the_one_written_is_refused(copy):
    zarr.open_group(copy, mode="r+")["inputs/spectrum/wavelength"][0] = 1.5
    with pytest.raises(StoreError, match=r"beam\.spectrum: its arrays have SHA-256"):
        Run(copy)


def test_a_run_with_another_spectrum_is_refused(copy):
    zarr.open_group(copy, mode="r+")["inputs/spectrum/wavelength"][0] = 1.01
    with pytest.raises(StoreError, match=r"beam\.spectrum: its arrays have SHA-256"):
        Run(copy)


def test_an_edited_plan_is_refused(copy):
    edit_root(copy, lambda run: run["plan"].update(evaluations_per_pixel=7))
    with pytest.raises(StoreError, match="plan"):
        Run(copy)


@pytest.mark.parametrize("name", ["experiment", "plan", "hashes", "run_id"])
def test_a_run_without_one_of_its_attributes_is_refused(copy, name):
    edit_root(copy, lambda run: run.pop(name))
    with pytest.raises(StoreError, match=name):
        Run(copy)


@pytest.mark.parametrize("part", ["beam", "crystal", "detector", "structure_factors"])
def test_a_run_without_a_part_of_its_experiment_is_refused(copy, part):
    edit_root(copy, lambda run: run["experiment"].pop(part))
    with pytest.raises(StoreError, match=part):
        Run(copy)


def test_an_experiment_with_a_field_of_another_version_is_refused(copy):
    edit_root(copy, lambda run: run["experiment"].update(colour="red"))
    with pytest.raises(StoreError, match="colour"):
        Run(copy)
