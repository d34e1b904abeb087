"""What holds of every kernel."""

import functools

import pytest
import torch

from support.graphs import eager_graph
from tiled_sim.kernels import compiled
from tiled_sim.kernels.blocks import LANES, Blocks
from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel
from tiled_sim.model.experiment import Experiment

KERNELS = {
    "reference": ReferenceKernel,
    "compiled": CompiledKernel,
    "spots": functools.partial(SpotsKernel, negligible=1e-9),
}
#: Two directions of the beam, two wavelengths, 70 orientations, four subpixels.
MANY = (
    "-default_F 40 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 -gauss_xtal -pixel 0.7 "
    "-hdivrange 40 -hdivsteps 2 -dispersion 10 -dispsteps 2 -mosaic 1 -mosaic_domains 70 "
    "-oversample 2 -detpixels_s 16 -detpixels_f 48"
)
LAYERS = "-detector_thick 400 -detector_abs 300 -thicksteps 2"
CASES = {
    "reference": ("reference", ""),
    "compiled": ("compiled", ""),
    "compiled, layers": ("compiled", LAYERS),
    "compiled, dmin": ("compiled", "-dmin 3"),
    "spots": ("spots", ""),
}


@pytest.fixture(params=CASES)
def kernel(request, monkeypatch):
    """A kernel, its graphs as they stand."""
    name, options = CASES[request.param]
    monkeypatch.setattr(compiled, "load", eager_graph)
    experiment = Experiment.from_nanobragg(f"{MANY} {options}".split())
    return KERNELS[name](Scene.of(experiment, 0), None, 40.0)


def blocks():
    """Three blocks, of the last of which half the pixels are live."""
    live = torch.ones((3, LANES), dtype=torch.bool)
    live[2, LANES // 2 :] = False
    places = torch.tensor([0.0, 16.0, 32.0], dtype=torch.float64)
    return Blocks(torch.zeros_like(places), places, live, False)


def test_progress_is_told_of_every_evaluation_that_is_planned(kernel):
    told = []
    kernel.photons_of_blocks(blocks(), told.append)
    assert min(told) > 0
    planned = kernel.scene.steps * kernel.scene.detector.layers
    assert sum(told) == planned * blocks().live.sum()


def test_progress_is_told_in_between(kernel):
    told = []
    kernel.photons_of_blocks(blocks(), told.append)
    assert max(told) <= sum(told) / 2


def test_whoever_is_told_of_progress_has_the_same_photons_and_look_ups(kernel):
    alone, told = (
        kernel.photons_of_blocks(blocks(), progress) for progress in (None, lambda more: None)
    )
    assert torch.equal(alone[0], told[0])
    assert alone[1] == told[1]


def test_live_pixels_are_counted():
    whole = blocks()._replace(live=torch.ones((3, LANES), dtype=torch.bool), whole=True)
    assert (blocks().number_live, whole.number_live) == (2 * LANES + LANES // 2, 3 * LANES)
