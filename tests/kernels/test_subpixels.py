"""The loop that works out directions as it sums, for real: its source is compiled in seconds.

Against the C program and the reference kernel it is held with the graphs, in `test_compiled`.
"""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from tiled_sim.kernels import subpixels
from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.compiled import CompiledKernel, packages_of
from tiled_sim.kernels.graphs import PRECISIONS
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.detector import Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.sampling import Sampling
from tiled_sim.model.settings import Settings
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.simulator import Simulator

pytestmark = pytest.mark.skipif(
    not subpixels.has_wide_vectors(), reason="the loop is written for AVX-512, which is not here"
)
CPU = torch.device("cpu")
LAYERS = ("-detector_thick", 450, "-detector_abs", 500, "-detector_thicksteps", 3)
OWN = ("-oversample_thick", "-oversample_polar", "-oversample_omega")
STEPS = ("-phi", 1, "-osc", 1, "-phisteps", 5, "-divergence", 2, "-divsteps", 3, "-polar", 0.7)
SHAPES = {
    "square": (),
    "round": ("-round_xtal",),
    "gauss": ("-gauss_xtal",),
    "tophat": ("-tophat_spots", "-fudge", 0.5),
}
precisions = pytest.mark.parametrize("precision", PRECISIONS)
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def kernels(experiment, precision="float64"):
    """The compiled kernel of an experiment, and the reference kernel."""
    factors, F = load_inputs(experiment).factors, experiment.structure_factors.default_F
    table = StructureFactorTable(factors.filled(F), factors.given, factors.minimum, F, CPU)
    scene = Scene.of(experiment, 0)
    return CompiledKernel(scene, table, F, precision), ReferenceKernel(scene, table, F)


def square_of(blocks):
    """A square of blocks at the corner of a panel."""
    corners = 16.0 * torch.arange(blocks, dtype=torch.float64)
    slow, fast = torch.meshgrid(corners, corners, indexing="ij")
    live = torch.ones((blocks * blocks, 256), dtype=torch.bool)
    return Blocks(slow.flatten(), fast.flatten(), live, True)


def photons(kernel, blocks):
    return kernel.photons_of_blocks(blocks)[0].numpy()


def assert_like(here, truth, bright, sum_):
    counted = truth > 1e-3 * truth.max()
    assert np.abs(here[counted] / truth[counted] - 1.0).max() < bright
    assert abs(here.sum() / truth.sum() - 1.0) < sum_


@pytest.mark.parametrize("oversample", [2, 3, 7])
@shapes
@precisions
def test_subpixels_are_those_of_the_reference_kernel(still, shape, oversample, precision):
    experiment = still(*shape, *STEPS, "-oversample", oversample)
    assert subpixels.sums(experiment)
    here, truth = (photons(kernel, square_of(2)) for kernel in kernels(experiment, precision))
    errors = {"float64": (1e-9, 1e-11), "mixed": (3e-5, 1e-6)}
    assert_like(here, truth, *errors[precision])


@pytest.mark.parametrize(
    "options",
    [
        ("-oversample", 1, *LAYERS),
        ("-oversample", 3, *LAYERS),
        ("-oversample", 3, "-distance", 20, "-default_F", 9, *OWN[1:]),
        ("-oversample", 3, *LAYERS, *OWN),
        ("-oversample", 1, *LAYERS, *OWN),
        (
            "-oversample",
            2,
            *LAYERS,
            "-oversample_omega",
            "-divsteps",
            1,
            "-mosaic",
            1,
            "-mosaic_domains",
            15,
        ),
    ],
    ids=["layers", "layers, cut", "own", "layers, own", "layers, not cut, own", "many steps"],
)
@shapes
@precisions
def test_layers_and_factors_of_subpixels_are_those_of_the_reference_kernel(
    still, options, shape, precision
):
    experiment = still(*shape, *STEPS, *options)
    assert subpixels.sums(experiment)
    compiled, reference = kernels(experiment, precision)
    blocks = square_of(1)
    errors = {"float64": (1e-9, 1e-11), "mixed": (3e-5, 1e-6)}
    assert_like(photons(compiled, blocks), photons(reference, blocks), *errors[precision])
    planned = blocks.live.numel() * experiment.steps * experiment.detector.layers
    assert compiled.photons_of_blocks(blocks)[1].total == planned


@precisions
def test_wavelengths_are_absorbed_as_the_table_of_the_sensor_says(still, precision):
    dispersed = "-dispersion", 4, "-dispsteps", 5, "-mosaic", 1, "-mosaic_domains", 12
    experiment = still("-oversample", 2, *LAYERS, *OWN[:1], "-divergence", 2, *dispersed)
    plain = photons(kernels(experiment, precision)[0], square_of(1))
    sensor = dataclasses.replace(
        experiment.detector.sensor, attenuation_table=((0.9, 9e-4), (1.0, 5e-4), (1.1, 1e-4))
    )
    detector = dataclasses.replace(experiment.detector, sensor=sensor)
    experiment = dataclasses.replace(experiment, detector=detector)
    here, truth = (photons(kernel, square_of(1)) for kernel in kernels(experiment, precision))
    assert_like(here, truth, *{"float64": (1e-9, 1e-11), "mixed": (3e-5, 1e-6)}[precision])
    assert np.abs(here / plain - 1.0).max() > 0.01


@pytest.mark.parametrize("distance", [0.5, 2, 5, 20])
@precisions
def test_pixels_that_look_large_are_those_of_the_reference_kernel(still, distance, precision):
    experiment = still("-oversample", 3, "-distance", distance, "-N", 3, "-default_F", 9)
    here, truth = (photons(kernel, square_of(3)) for kernel in kernels(experiment, precision))
    assert_like(here, truth, *{"float64": (1e-9, 1e-11), "mixed": (3e-5, 1e-6)}[precision])


@precisions
def test_more_steps_than_are_summed_in_one_go_are_those_of_the_reference_kernel(still, precision):
    experiment = still("-oversample", 2, "-mosaic", 1, "-mosaic_domains", 130)
    here, truth = (photons(kernel, square_of(1)) for kernel in kernels(experiment, precision))
    assert_like(here, truth, *{"float64": (1e-9, 1e-11), "mixed": (3e-5, 1e-6)}[precision])


@precisions
def test_a_pixel_that_is_not_cut_has_the_bits_of_the_graphs(still, monkeypatch, precision):
    experiment = still("-polar", 0.7)
    blocks = square_of(6)
    assert packages_of(experiment, precision) == (subpixels.LIBRARY,)
    here = photons(kernels(experiment, precision)[0], blocks)
    monkeypatch.setattr(subpixels, "sums", lambda scene: False)
    graphs = kernels(experiment, precision)[0]
    np.testing.assert_array_equal(here, photons(graphs, blocks))


@pytest.mark.parametrize(
    "options",
    [
        ("-dmin", 4),
        ("-interpolate",),
        ("-curved_det",),
        ("-dmin", 4, "-detector_thick", 450, "-detector_abs", 500),
        ("-oversample", 65),
        ("-oversample", 1, "-phi", 1, "-osc", 1, "-phisteps", 2),
    ],
    ids=lambda options: " ".join(map(str, options)),
)
def test_the_graphs_sum_the_rest(still, options):
    assert not subpixels.sums(still("-oversample", 2, *options))


def test_without_wide_vectors_the_graphs_sum(still, monkeypatch):
    monkeypatch.setattr(subpixels, "has_wide_vectors", lambda: False)
    assert not subpixels.sums(still("-oversample", 2))


def in_tiles(experiment, precision, tile):
    """The image, made in tiles of a shape."""
    inputs = load_inputs(experiment)
    settings = Settings("compiled", precision, 0.0, "as asked")
    plan = make_plan(experiment, inputs, settings, tile=tile)
    simulator = Simulator(experiment, inputs, plan, CPU)
    image = np.zeros(experiment.shape, np.float32)
    for part in plan:
        image[part.region] = simulator.simulate_tile(part).image
    return image


@pytest.mark.parametrize("more", [(), (*LAYERS, *OWN)], ids=["", "layers, own factors"])
@precisions
@shapes
def test_a_pixel_has_the_same_bits_in_whatever_tile_it_is(still, shape, precision, more):
    steps = "-phi", 1, "-osc", 1, "-phisteps", 70
    sides = "-detpixels_s", 40, "-detpixels_f", 150
    experiment = still(*shape, "-oversample", 2, *steps, *sides, *more)
    whole = in_tiles(experiment, precision, (512, 512))
    for tile in (16, 48), (32, 80):
        np.testing.assert_array_equal(in_tiles(experiment, precision, tile), whole)


@pytest.mark.parametrize("layers", [(0, 0, 0), (2, 2, 2), (3, 0, 1)], ids=str)
def test_a_block_has_the_same_bits_whichever_panel_is_beside_it(data, monkeypatch, layers):
    monkeypatch.chdir(data)
    experiment = Experiment.from_toml("panels.toml")
    sensors = [Sensor(3e-4, 5e-4, number) if number else None for number in layers]
    panels = experiment.detector.panels
    own = tuple(
        dataclasses.replace(panel, sensor=sensor)
        for panel, sensor in zip(panels, itertools.cycle(sensors), strict=False)
    )
    experiment = dataclasses.replace(
        experiment,
        sampling=Sampling(oversample=2),
        detector=dataclasses.replace(experiment.detector, panels=own, sensor=None),
    )
    factors = StructureFactorTable(
        np.random.default_rng(7).random((9, 9, 9)), np.ones((9, 9, 9), bool), (-4, -4, -4), 0.5, CPU
    )
    kernel = CompiledKernel(Scene.of(experiment, 0), factors, 0.5)
    one = square_of(1)
    panels = range(len(experiment.detector.panels))
    apart = [photons(kernel, one._replace(panel=panel)) for panel in panels]
    count = len(panels)
    together = Blocks(
        one.slow.repeat(count), one.fast.repeat(count), one.live.repeat(count, 1), True,
        torch.arange(count),
    )  # fmt: skip
    assert count > 1
    truth = photons(ReferenceKernel(Scene.of(experiment, 0), factors, 0.5), together)
    assert_like(np.concatenate(apart), truth, 1e-9, 1e-11)
    np.testing.assert_array_equal(photons(kernel, together), np.concatenate(apart))
