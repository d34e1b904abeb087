"""The frames of a run as a table."""

import dataclasses

import numpy as np
import pytest

from support.stores import experiment_of
from tiled_sim.cluster.submit import submit
from tiled_sim.export.exporting import export_run
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.physics.orientation import random_rotations
from tiled_sim.run.frames import frames_table

TURNS = random_rotations(3, np.arange(3))


def shots(**columns):
    experiment = experiment_of((1, 1, 32, 48))
    return dataclasses.replace(experiment, exposures=Listed(TURNS, **columns))


def test_a_is_that_of_the_crystal_at_the_first_step_of_each_frame():
    for experiment in (
        experiment_of((3, 1, 32, 48)),
        shots(),
        shots(start=[0.1, 0.2, 0.3], spindle=(0.0, 1.0, 0.0)),
    ):
        table = frames_table(experiment)
        for frame, a in enumerate(table.A):
            turn = experiment.exposures[frame].rotations[0]
            due = np.linalg.inv(experiment.crystal.direct_vectors).T @ turn.T
            np.testing.assert_allclose(a, due, rtol=0, atol=1e-15)


def test_a_has_the_cell_of_each_shot():
    vectors = np.diag([50.0, 60.0, 70.0]) * np.array([1.0, 1.01, 0.99])[:, None, None]
    table = frames_table(shots(vectors=vectors))
    for frame, a in enumerate(table.A):
        direct = np.linalg.inv(a).T
        np.testing.assert_allclose(direct, vectors[frame] @ TURNS[frame].T, atol=1e-12)


def test_a_table_of_some_frames_is_that_part_of_all():
    experiment = shots(fluence=[1e24, 2e24, 3e24], cells=[[1, 2, 3]] * 3)
    some, every = frames_table(experiment, range(1, 3)), frames_table(experiment)
    assert list(some.index) == [1, 2]
    names = [name for name in every if name != "A"]
    assert some[names].equals(every[names].iloc[1:])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_exported_table_of_shots_makes_the_same_images(tmp_path, data, ending):
    words = f"-hkl {data / 'p1.hkl'} -cell 70 80 90 75 85 95 -lambda 1 -N 3 -oversample 1"
    words = f"{words} -distance 100 -detpixels 48 -pixel 0.4 -osc 1 -phisteps 2".split()
    first = Experiment.from_nanobragg(words, random_shots=2)
    run = submit(first, tmp_path / "a.zarr", kernel="reference")
    table = tmp_path / f"truth.{ending}"
    export_run(run, table, to="shots")
    again = submit(
        Experiment.from_nanobragg(words, shots=table), tmp_path / "b.zarr", kernel="reference"
    )
    np.testing.assert_allclose(again.image.values, run.image.values, rtol=1e-6)
    (sidecar,) = again.sidecars
    assert sidecar["exposures"]["Na"] == [3, 3]
    np.testing.assert_allclose(sidecar["exposures"]["a_star_x_per_A"], run.frames.a_star_x_per_A)
