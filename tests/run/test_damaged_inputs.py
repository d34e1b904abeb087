"""Inputs lost or changed in the store: nobody goes on with others, and the file is named."""

import shutil

import pytest
import zarr

from support.damage import remove
from tiled_sim.cli.main import main
from tiled_sim.cluster import worker
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.errors import StoreError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

SIDECAR = "traces/f00000/p000/r0001c0001.json"


@pytest.fixture(scope="module")
def made(still, data, tmp_path_factory):
    """A finished run with a mask, a background and sources of several wavelengths."""
    options = "-detpixels 128 -pixel 0.2 -water 20 -dispersion 2 -dispsteps 3"
    files = ("-mask", data / "mask.img", "-stol", data / "droplet.stol")
    prepared = prepare(still(*options.split(), *files), tile=(64, 64), require_coverage=0.0)
    run = create_run(prepared, tmp_path_factory.mktemp("made") / "run.zarr")
    worker.compute_batch(str(run.path), run.run_id, "cpu", [(n, 1) for n in range(len(run.plan))])
    run.store.open(run.path, mode="r+").finish()
    return run.path


@pytest.fixture
def path(made, tmp_path):
    """A copy of which one tile is missing."""
    copy = shutil.copytree(made, tmp_path / "run.zarr")
    (copy / SIDECAR).unlink()
    return copy


def change(array, place=0):
    def damage(path):
        found = zarr.open_group(path, mode="r+", use_consolidated=False)[array]
        found[place] = found[place] + 1

    return damage


def lose(*files):
    def damage(path):
        for file in files:
            remove(path / file)

    return damage


FACTORS = "inputs/structure_factors"
DAMAGES = {
    "a shard of the mask": (lose("0/mask/c/0/0/1"), "0/mask/c/0/0/1"),
    "all shards of the mask": (lose("0/mask/c"), "0/mask/c/0/0/0"),
    "a pixel of the mask": (change("0/mask", (0, 3, 3)), "the mask in the store has SHA-256"),
    "a chunk of F": (lose(f"{FACTORS}/amplitude/c/0/0/0"), f"{FACTORS}/amplitude/c/0/0/0"),
    "an amplitude": (change(f"{FACTORS}/amplitude", (2, 2, 2)), "structure factors are damaged"),
    "an index": (change(f"{FACTORS}/h", 0), "structure factors are damaged"),
    "the background": (change("inputs/background/F", 1), "table of the background is damaged"),
    "its file": (lose("inputs/background/F/c/0"), "inputs/background/F/c/0"),
    "a wavelength": (change("inputs/spectrum/wavelength"), "beam.spectrum: its arrays have SHA"),
    "the wavelengths": (lose("inputs/spectrum/wavelength/c/0"), "inputs/spectrum/wavelength/c/0"),
}


@pytest.fixture(params=DAMAGES)
def damaged(request, path):
    """Path of a run with an input that is damaged, and what must be said of it."""
    damage, told = DAMAGES[request.param]
    damage(path)
    return path, told


def test_resume_refuses_in_a_sentence_and_computes_nothing(damaged, capsys):
    path, told = damaged
    assert main(["resume", str(path), "--no-progress"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (path / SIDECAR).exists()


def test_verify_finds_it_and_names_it(damaged, capsys):
    path, told = damaged
    code = main(["verify", str(path)])
    output, complaint = capsys.readouterr()
    assert code in (4, 5)
    assert told in output + complaint


def test_a_worker_refuses_too(damaged, made):
    path, told = damaged
    worker._workspaces.clear()
    (record,) = worker.compute_batch(str(path), _run_id(made), "cpu", [(3, 1)])
    assert told in record["error"]
    assert record["of_store"]
    assert not (path / SIDECAR).exists()


def _run_id(path):
    return Run(path).run_id


def test_processes_that_load_other_inputs_stop_the_run_with_exit_code_4(path, made, address):
    run = Run(path)
    run.inputs()  # is sound as the client sees it
    lose("0/mask/c/0/0/1")(path)
    run.inputs = lambda: None  # which the client looked at before the file was lost
    with pytest.raises(StoreError, match="0/mask/c/0/0/1") as caught:
        compute_missing(run, cluster=address)
    assert caught.value.exit_code == 4
    assert not (path / SIDECAR).exists()


def test_a_mask_that_is_all_live_has_no_files_to_lose(still, tmp_path):
    run = create_run(prepare(still(), tile=(48, 96)), tmp_path / "run.zarr")
    assert not (run.path / "0/mask/c").exists()
    assert run.inputs().mask.all_live
