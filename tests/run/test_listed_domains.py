"""A run of listed mosaic domains: kept with their hash, computed by workers, and checked."""

import dataclasses
import shutil

import numpy as np
import pytest
import zarr

from support.damage import remove
from tiled_sim.cluster import worker
from tiled_sim.errors import StoreError
from tiled_sim.io.domains import write_domains
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

WORDS = "-default_F 40 -cell 70 80 90 75 85 95 -N 5 -distance 100 -pixel 0.7 -detpixels 32"
LIST = ListedDomains(
    np.array([about_fixed_axes(0.01, 0.02, 0.03), about_fixed_axes(0.0, -0.1, 0.0)]), [1.0, 3.0]
)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    path = tmp_path_factory.mktemp("list") / "list.npz"
    write_domains(path, LIST)
    experiment = Experiment.from_nanobragg(WORDS.split(), mosaic_file=path)
    path.unlink()
    return experiment


@pytest.fixture(scope="module")
def made(listed, tmp_path_factory):
    prepared = prepare(listed, tile=(64, 64), require_coverage=0.0)
    run = create_run(prepared, tmp_path_factory.mktemp("listed") / "run.zarr")
    worker.compute_batch(str(run.path), run.run_id, "cpu", [(n, 1) for n in range(len(run.plan))])
    run.store.open(run.path, mode="r+").finish()
    return run.path


@pytest.fixture
def path(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run.zarr")


def test_the_experiment_comes_back_without_its_file(made, listed):
    run = Run(made)
    assert run.experiment == listed
    assert run.experiment.crystal.domains.listed == LIST
    assert list(run.faults()) == []


def test_workers_compute_the_image_of_the_list(made, listed, simulate):
    assert Run(made).image.values.tobytes() == simulate(listed).image.tobytes()


def test_a_reader_of_zarr_finds_the_list_among_the_inputs(made):
    domains = zarr.open_group(made, mode="r")["inputs/domains"]
    np.testing.assert_array_equal(domains["rotation"][...], LIST.rotation)
    np.testing.assert_array_equal(domains["weight"][...], LIST.weight)


def test_a_weight_that_was_changed_is_refused(path):
    domains = zarr.open_group(path, mode="r+", use_consolidated=False)["inputs/domains"]
    domains["weight"][0] = 2.0
    with pytest.raises(StoreError, match=r"crystal\.domains: the arrays have SHA-256"):
        Run(path)


def test_rotations_that_were_lost_are_named(path):
    remove(path / "inputs/domains/rotation/c/0/0/0")
    with pytest.raises(StoreError, match=r"Lost: inputs/domains/rotation/c/0/0/0"):
        Run(path)


# Of several crystals


def test_a_run_keeps_the_list_of_every_crystal(tmp_path, listed, simulate):
    other = ListedDomains(LIST.rotation[1:], [1.0], "crystal")
    twin = dataclasses.replace(listed.crystal, domains=Domains.of_list(other), share=0.5)
    experiment = dataclasses.replace(listed, further_crystals=(listed.crystal, twin))
    run = create_run(prepare(experiment, tile=(64, 64), require_coverage=0.0), tmp_path / "t.zarr")
    worker.compute_batch(str(run.path), run.run_id, "cpu", [(n, 1) for n in range(len(run.plan))])
    again = Run(run.path)
    assert again.experiment == experiment
    assert again.experiment.crystals[2].domains.listed == other
    assert again.image.values.tobytes() == simulate(experiment).image.tobytes()
