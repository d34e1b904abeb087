"""Exports of shots that differ in more than how the crystal stands."""

import dataclasses

import h5py
import numpy as np
import pytest

from support.stores import experiment_of
from tiled_sim import simulate
from tiled_sim.cluster.submit import submit
from tiled_sim.errors import UsageError
from tiled_sim.export.exporting import export_run
from tiled_sim.io.dials_experiments import read_experiments
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import frame_of
from tiled_sim.physics.vectors import about_axis

TURNS = np.stack([about_axis((0.0, 0.6, 0.8), angle) for angle in (0.0, 0.4, -1.1)])


def run_of(folder, **columns):
    experiment = experiment_of((1, 1, 32, 48))
    experiment = dataclasses.replace(experiment, exposures=Listed(TURNS, **columns))
    return submit(experiment, folder / "run.zarr", require_coverage=0.0, kernel="reference")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_of(
        tmp_path_factory.mktemp("shots"),
        wavelength=[1.0, 1.01, 0.99],
        detector_shift=[[0.0, 0.0, 0.0], [0.001, 0.0, 0.0], [0.0, 0.0, 0.0]],
        vectors=np.diag([50.0, 60.0, 70.0]) * np.array([1.0, 1.01, 0.99])[:, None, None],
    )


def test_an_experiment_list_has_each_shots_light_detector_and_crystal(run, tmp_path):
    export_run(run, tmp_path / "a.expt", to="expt")
    found = read_experiments(tmp_path / "a.expt")
    assert len(found) == 3
    origins = [one.geometry.panels[0].origin for one in found]
    np.testing.assert_allclose(np.linalg.norm(np.subtract(origins[1], origins[0])), 0.001)
    assert origins[2] == origins[0]
    for number, one in enumerate(found):
        due = frame_of(run.experiment, number)
        assert one.geometry.light.wavelength[0] == pytest.approx(due.beam.wavelength, rel=1e-9)
        lengths = np.linalg.norm(one.crystal.direct_vectors, axis=1)
        np.testing.assert_allclose(lengths, np.linalg.norm(due.crystal.direct_vectors, axis=1))


@pytest.mark.parametrize("to", ["nxmx", "cbf", "smv", "edf", "geom"])
def test_what_a_format_says_once_for_all_frames_must_be_the_same_in_all(run, tmp_path, to):
    with pytest.raises(UsageError, match=r"differ in .*detector_shift.* once for all.*to expt"):
        export_run(run, tmp_path / "out", to=to)
    assert list(tmp_path.iterdir()) == []


def test_one_of_the_shots_is_exported_as_it_was(run, tmp_path):
    export_run(run, tmp_path / "a.nxs", to="nxmx", frames=(1, 2))
    with h5py.File(tmp_path / "a.nxs") as file:
        beam = file["entry/instrument/beam"]
        assert beam["incident_wavelength"][()] == pytest.approx(1.01)


def test_nxmx_has_the_wavelength_of_every_frame(tmp_path):
    run = run_of(tmp_path, wavelength=[1.0, 1.01, 0.99])
    export_run(run, tmp_path / "a.nxs", to="nxmx")
    with h5py.File(tmp_path / "a.nxs") as file:
        found = file["entry/instrument/beam/incident_wavelength"][()]
    np.testing.assert_allclose(found, [1.0, 1.01, 0.99])


def test_a_table_read_again_by_the_same_options_makes_the_same_frames(tmp_path):
    words = (
        "-default_F 100 -cell 50 60 70 90 90 90 -misset 10 20 30 -N 3 -distance 100 -detpixels 32 "
        "-pixel 0.5 -oversample 1 -phi 30 -osc 5 -phisteps 3"
    )
    experiment = Experiment.from_nanobragg(words.split(), random_shots=2)
    run = submit(experiment, tmp_path / "run.zarr", require_coverage=0.0, kernel="reference")
    export_run(run, tmp_path / "truth.csv", to="shots")
    again = Experiment.from_nanobragg(words.split(), shots=tmp_path / "truth.csv")
    np.testing.assert_allclose(simulate(again).values, run.image.values, rtol=1e-5)


@pytest.mark.parametrize("to", ["shots", "spots"])
def test_a_table_whose_name_does_not_tell_its_format_is_refused(run, tmp_path, to):
    with pytest.raises(UsageError, match=r"truth.txt.* the ending .* tells .*\.parquet or \.csv"):
        export_run(run, tmp_path / "truth.txt", to=to)
    assert list(tmp_path.iterdir()) == []
