"""Weights of mosaic domains, in every kernel: an image is the mean of its domains' by weight."""

import dataclasses

import numpy as np
import pytest

from support.graphs import eager_graph
from tiled_sim.kernels import compiled
from tiled_sim.kernels.anchors import steps_of
from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.simulation.steps import steps_of_sum

import torch  # isort: skip

CPU = torch.device("cpu")
F = 40.0
STILL = (
    f"-default_F {F} -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100 -pixel 0.7 "
    "-oversample 1 -detpixels 16 -dispersion 4 -dispsteps 2 -phi 3 -osc 4 -phisteps 2"
)
ROTATIONS = np.stack([about_fixed_axes(0.02 * n, 0.01 * n, -0.03 * n) for n in range(4)])
WEIGHTS = np.array([1.0, 0.25, 0.0, 6.0])
WIDE = {"crystal.shape": "gauss_star", "crystal.fudge": 0.5}
KERNELS = {
    "reference": (lambda scene: ReferenceKernel(scene, None, F), {}),
    "compiled": (lambda scene: CompiledKernel(scene, None, F), {}),
    "compiled, with dmin": (lambda scene: CompiledKernel(scene, None, F), {"sampling.dmin_A": 3.0}),
    "spots": (lambda scene: SpotsKernel(scene, None, F, 1e-12), WIDE),
}


def experiment_of(rotations, weights, changes):
    experiment = Experiment.from_nanobragg(STILL.split()).with_(changes)
    domains = Domains.of_list(ListedDomains(rotations, weights))
    crystal = dataclasses.replace(experiment.crystal, domains=domains)
    return dataclasses.replace(experiment, crystal=crystal)


def block():
    corner = torch.zeros(1, dtype=torch.float64)
    return Blocks(corner, corner, torch.ones((1, 256), dtype=torch.bool), True)


@pytest.fixture
def photons(monkeypatch):
    """Of the panel, by a kernel."""
    monkeypatch.setattr(compiled, "load", eager_graph)

    def by(make, experiment):
        return make(Scene.of(experiment, 0)).photons_of_blocks(block())[0].numpy()

    return by


@pytest.mark.parametrize("name", KERNELS)
def test_an_image_is_the_mean_of_those_of_its_domains_by_weight(photons, name):
    make, changes = KERNELS[name]
    together = photons(make, experiment_of(ROTATIONS, WEIGHTS, changes))
    alone = [photons(make, experiment_of(rotation[None], [1.0], changes)) for rotation in ROTATIONS]
    expected = np.average(alone, axis=0, weights=WEIGHTS)
    assert np.abs(alone[3] - alone[0]).max() > 0.1 * expected.max()
    np.testing.assert_allclose(together, expected, rtol=1e-9, atol=1e-12 * expected.max())


@pytest.mark.parametrize("name", KERNELS)
def test_weights_that_are_all_alike_are_as_none(photons, name):
    make, changes = KERNELS[name]
    one, other = (
        photons(make, experiment_of(ROTATIONS, np.full(4, weight), changes))
        for weight in (1.0, 0.1)
    )
    assert one.tobytes() == other.tobytes()


def test_a_step_has_the_weight_of_its_source_and_of_its_domain():
    scene = Scene.of(experiment_of(ROTATIONS, WEIGHTS, {}), 0)
    (listed,) = steps_of(scene, CPU)
    (table,) = listed.parts(100)
    expected = [
        source * domain for source in scene.weights for _ in range(2) for domain in WEIGHTS / 1.8125
    ]
    assert table.weights.tolist() == pytest.approx(expected)


def test_a_trace_is_of_the_pixel_and_its_steps_have_the_weights_of_both():
    scene = Scene.of(experiment_of(ROTATIONS, WEIGHTS, {}), 0)
    kernel, pixels, place = ReferenceKernel(scene, None, F), block().pixels(), 100
    recorder = Recorder(place, every_step=True)
    traced = Chain(scene, None, F).photons(pixels, recorder)
    assert traced == pytest.approx(float(kernel.photons_of_blocks(block())[0][0, place]))
    steps = steps_of_sum(recorder)
    for step in steps:
        own = scene.weights[step["source"]] * WEIGHTS[step["domain"]] / 1.8125
        assert step["weight"] == pytest.approx(own)
        assert step["intensity"] == pytest.approx(
            own * (step["F_latt"] * step["F_cell"]) ** 2, rel=1e-9
        )
    assert len(steps) == 2 * 2 * 4
