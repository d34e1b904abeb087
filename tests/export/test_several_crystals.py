"""Several crystals in exported files: each is an experiment of a list, one is in the others."""

import json

import numpy as np
import pytest

from support.small_camera import CAMERA, SCAN, complete, exported, planned
from tiled_sim.export.exporting import export_run
from tiled_sim.io.dials_experiments import read_experiments
from tiled_sim.model.experiment import Experiment

TWINS = [(10, 20, 30, 0.5), (0, 90, 0, 0.1)]


def made(words="", **own):
    return Experiment.from_nanobragg(f"{CAMERA} {words}".split(), twins=TWINS, **own)


def turns(file, number):
    """What turns the first crystal of each of a list's images to the others, lab of the file."""
    vectors = [one.crystal.direct_vectors for one in read_experiments(file)]
    images = [vectors[first : first + number] for first in range(0, len(vectors), number)]
    return [[np.linalg.solve(first, other).T for other in others] for first, *others in images]


@pytest.mark.parametrize(("words", "own", "images"), [("", {"random_shots": 2}, 2), (SCAN, {}, 1)])
def test_each_crystal_is_an_experiment_of_the_same_image(tmp_path, words, own, images):
    experiment = made(words, **own)
    run = planned(experiment, tmp_path / "run.zarr")
    file = exported(run, tmp_path / "a.expt", "expt")
    first, *others = (crystal.direct_vectors for crystal in experiment.crystals)
    due = [np.trace(np.linalg.solve(first, other)) for other in others]
    found = turns(file, len(experiment.crystals))
    assert len(found) == images
    for image in found:
        assert [np.trace(turn) for turn in image] == pytest.approx(due)
    document = json.loads(file.read_text())
    assert len(document["detector"]) == len(document["beam"]) == 1
    assert len(document["experiment"]) == 3 * images


def test_crystals_of_one_image_share_its_file(tmp_path):
    run = complete(made(random_shots=2), tmp_path / "run.zarr")
    exported(run, tmp_path / "images", "cbf")
    (file,) = (tmp_path / "images").glob("*.expt")
    document = json.loads(file.read_text())
    assert [one["imageset"] for one in document["experiment"]] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(("to", "name"), [("nxmx", "nxmx"), ("xds", "XDS.INP")])
def test_what_has_one_crystal_says_so(tmp_path, to, name):
    run = complete(made(SCAN), tmp_path / "run.zarr")
    notes = export_run(run, tmp_path / name, to=to).notes
    assert any("of the 3 crystals of the image the first is written" in note for note in notes)
