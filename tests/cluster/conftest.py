"""Fixtures that tests of the cluster share: who computes, and what."""

import pytest
from distributed import Client

import tiled_sim as ts
from support.processes import scheduler_here
from support.runs import JOB, SIDE
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run


@pytest.fixture(scope="session")
def client(address):
    """Of the scheduler with two workers."""
    with Client(address, set_as_default=False) as made:
        yield made


@pytest.fixture
def empty():
    """Address of a scheduler without workers."""
    with scheduler_here() as made:
        yield made.scheduler_address


@pytest.fixture(scope="session")
def job(data):
    """An experiment of a few tiles that take no time unless they are slowed down."""
    return ts.Experiment.from_nanobragg(["-hkl", str(data / "p1.hkl"), *JOB.split()])


@pytest.fixture(scope="session")
def undisturbed(job):
    """Bytes of its image."""
    return ts.simulate(job).values.tobytes()


@pytest.fixture(scope="session")
def create(job):
    """Make the run of it in a folder, with nothing computed."""
    prepared = prepare(job, Settings("reference"), tile=(SIDE, SIDE))
    return lambda folder: create_run(prepared, folder / "run.zarr")


@pytest.fixture
def run(create, tmp_path):
    """The run of it, with nothing computed."""
    return create(tmp_path)


@pytest.fixture(scope="session")
def create_small(still):
    """Make a run of 9 tiles of 32 × 32 pixels in a folder, with nothing computed."""
    prepared = prepare(still(), tile=(32, 32))
    return lambda folder: create_run(prepared, folder / "run.zarr")


@pytest.fixture
def small_run(create_small, tmp_path):
    """A run of 9 tiles of 32 × 32 pixels, with nothing computed."""
    return create_small(tmp_path)
