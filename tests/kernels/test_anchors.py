"""Steps of a sum: their order, and tables of some of them."""

import itertools

import numpy as np
import pytest
import torch

from tiled_sim.kernels import anchors
from tiled_sim.kernels.anchors import StepList, steps_made, steps_of
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment

INCIDENT = (0.0, 0.0, 1.0)
SOURCES = [(0.9, 0.5), (1.1, 1.25), (1.3, 1.25)]
#: Two directions of the beam, three wavelengths, three orientations of the crystal.
MANY = (
    "-default_F 1 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -detpixels 16 -hdivrange 40 -hdivsteps 2 "
    "-dispersion 10 -dispsteps 3 -mosaic 1 -mosaic_domains 3"
)


def steps(number=7, *, keep=False):
    """Every one of so many orientations with every source."""
    generator = torch.Generator().manual_seed(1)
    turned = torch.rand((number, 3, 3), dtype=torch.float64, generator=generator)
    return StepList(INCIDENT, turned, SOURCES, keep=keep), turned


def joined(tables):
    return torch.cat([table.vectors for table in tables])


def test_every_orientation_comes_with_every_source_in_turn():
    listed, turned = steps()
    (table,) = listed.parts(100)
    assert len(listed) == len(table) == 21
    assert table.wavelengths.tolist() == [wavelength for wavelength, _ in SOURCES for _ in turned]
    assert table.weights.tolist() == [weight for _, weight in SOURCES for _ in turned]
    for number, (source, orientation) in enumerate(itertools.product(range(3), range(7))):
        expected = turned[orientation] / SOURCES[source][0]
        assert torch.equal(table.vectors[number], expected)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [1, 4, 7, 8, 21, 64])
def test_parts_are_the_table_cut_into_pieces(size, keep, monkeypatch):
    monkeypatch.setattr(anchors, "STEPS_AT_A_TIME", 10)
    size = min(size, 10)
    listed, _ = steps(keep=keep)
    whole = listed.part(0, 21)
    parts = list(listed.parts(size))
    assert max(map(len, parts)) == size
    assert torch.equal(joined(parts), whole.vectors)
    assert torch.equal(torch.cat([part.weights for part in parts]), whole.weights)


def test_steps_are_found_by_their_numbers():
    listed, turned = steps()
    some = listed.some([20, 0, 8])
    assert some.wavelengths.tolist() == [1.3, 0.9, 1.1]
    expected = torch.stack([turned[6] / 1.3, turned[0] / 0.9, turned[1] / 1.1])
    assert torch.equal(some.vectors, expected)


def test_sources_are_grouped_by_their_direction():
    experiment = Experiment.from_nanobragg(MANY.split())
    scene = Scene.of(experiment, 0)
    listed = steps_of(scene, torch.device("cpu"))
    assert [len(of_direction) for of_direction in listed] == [9, 9]
    assert len({of_direction.incident for of_direction in listed}) == 2
    (table,) = listed[0].parts(9)
    first = scene.spectrum[0]
    assert listed[0].incident == first.incident
    expected = scene.orientations.reshape(-1, 3, 3) / first.wavelength
    assert np.array_equal(table.vectors[:3].numpy(), expected)


@pytest.mark.parametrize("kept", [17, 18])
def test_tables_are_kept_of_scenes_of_few_steps(kept):
    scene = Scene.of(Experiment.from_nanobragg(MANY.split()), 0)
    first, _ = steps_made(scene, torch.device("cpu"), most_kept=kept)
    one, other = (first.part(0, 9).vectors for _ in range(2))
    assert (one.data_ptr() == other.data_ptr()) == (kept == 18)


def test_a_scene_whose_first_sweep_is_like_the_others_has_one_set_of_orientations():
    scene = Scene.of(Experiment.from_nanobragg(MANY.split()), 0)
    assert scene.first_orientations is scene.orientations
    turned = ["-phi", "0", "-osc", "2", "-phisteps", "2"]
    carried = Scene.of(Experiment.from_nanobragg([*MANY.split(), *turned], c_compat=True), 0)
    assert not np.array_equal(carried.first_orientations, carried.orientations)
