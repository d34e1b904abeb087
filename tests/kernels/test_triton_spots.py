"""Spots on a GPU against the loops in C++: on the GPU, or else under Triton's CPU interpreter."""

import dataclasses
import functools

import numpy as np
import pytest
import torch

from support.spots import (
    CPU,
    NEGLIGIBLE,
    blocks_of,
    cubic,
    some,
    table,
    told_of,
    with_nodes_at_a_time,
)
from tiled_sim.kernels.bragg.gpu_cost import gpu_cost
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel
from tiled_sim.model.beam import Source
from tiled_sim.model.detector import Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import PRECISIONS
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import as_tuple, unit
from tiled_sim.simulation.images import simulate

pytest.importorskip("triton")

from tiled_sim.kernels.bragg.lists import Lists
from tiled_sim.kernels.triton_spots import TritonSpotsKernel

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
precisions = pytest.mark.parametrize("precision", PRECISIONS)
#: A block, and no pixel half-way between nodes.
small = functools.partial(cubic, pixels=(16, 16), pixel=1.013e-4)
#: Everything that is summed in another way.
COLOURS = tuple(
    Source(as_tuple(unit(direction)), wavelength, weight)
    for direction, wavelength, weight in (
        ((0.0, 0.0, 1.0), 1.0, 1.0), ((0.0, 0.0, 1.0), 0.98, 0.5), ((0.03, 0.01, 1.0), 1.01, 2.0)
    )
)  # fmt: skip


def of_two_panels(experiment):
    """The same with a second panel, that leans."""
    (panel,) = experiment.detector.panels
    leaning = dataclasses.replace(
        panel,
        origin=(0.004, -0.003, 0.09),
        slow_axis=as_tuple(unit((0.1, 1.0, 0.3))),
        normal=as_tuple(unit(np.cross((1.0, 0.0, 0.0), (0.1, 1.0, 0.3)))),
    )
    detector = dataclasses.replace(experiment.detector, panels=(panel, leaning))
    return dataclasses.replace(experiment, detector=detector)


def behind(sensor, experiment):
    detector = dataclasses.replace(experiment.detector, sensor=sensor)
    return dataclasses.replace(experiment, detector=detector)


TRICLINIC = (
    "-default_F 40 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 8 -gauss_xtal "
    "-distance 100 -pixel 0.15 -Xbeam -4 -oversample 1 -detpixels 16 -mosaic 1 -mosaic_domains 35"
)


def triclinic():
    return Experiment.from_nanobragg(TRICLINIC.split())


SENSOR = Sensor(4.5e-4, layers=2, attenuation_length=3e-4)
TABLE = ((0.9, 4e-4), (1.0, 3e-4), (1.1, 2e-4))
EXPERIMENTS = {
    "spots that are alone": lambda: small(domains=6),
    "spots that overlap": lambda: small(reach=0.7),
    "blocks of two regions": lambda: small(pixels=(16, 48), reach=0.7, pixel=5e-5),
    "flat spots": lambda: small(shape="tophat", domains=3),
    "spots by h, k, l": lambda: small(shape="gauss_hkl", reach=0.3, cells=(10, 8, 14)),
    "subpixels": lambda: small(oversample=2, domains=2),
    "panels, and light of several colours and directions": lambda: of_two_panels(
        small(sources=COLOURS)
    ),
    "layers of a sensor": lambda: behind(SENSOR, small()),
    "layers that absorb each colour differently": lambda: behind(
        dataclasses.replace(SENSOR, attenuation_table=TABLE), small(sources=COLOURS[:2])
    ),
    "a skewed cell, more steps than are looked at side by side": triclinic,
    # off the sphere by 0.005 of the distance between nodes, and so narrow that pixels are 1 μm
    "a large crystal": lambda: small(
        cells=(900, 900, 900), reach=0.006, pixel=1e-6, beam_at=(0.5, -62.0)
    ),
    "a cell that is seen from everywhere": lambda: cubic(
        pixels=(8, 8),
        pixel=5.01e-3,
        distance=1e-3,
        lengths=(2.0, 1.6, 1.5),
        beam_at=(0.4, 0.3),
        reach=30.0,
    ),
}
HERE = functools.cache(lambda name: EXPERIMENTS[name]())


def blocks_everywhere(experiment):
    """All blocks of all panels."""
    blocks, panels = blocks_of(experiment), len(experiment.detector.panels)
    if panels == 1:
        return blocks
    numbers = torch.arange(panels).repeat_interleave(len(blocks.slow))
    return blocks._replace(
        slow=blocks.slow.repeat(panels),
        fast=blocks.fast.repeat(panels),
        live=blocks.live.repeat(panels, 1),
        panel=numbers,
    )


def on_device(blocks):
    moved = (part.to(DEVICE) if isinstance(part, torch.Tensor) else part for part in blocks)
    return type(blocks)(*moved)


def made(experiment, precision="float64", factors=None):
    default_F = experiment.structure_factors.default_F
    factors = table(default_F, DEVICE) if factors is None else factors
    asked = NEGLIGIBLE, precision, DEVICE
    return TritonSpotsKernel(Scene.of(experiment, 0), factors, default_F, *asked)


def by_loops(experiment, factors=None):
    """Photons of the kernel in C++, and the evaluations that count."""
    default_F = experiment.structure_factors.default_F
    factors = table(default_F) if factors is None else factors
    kernel = SpotsKernel(Scene.of(experiment, 0), factors, default_F, NEGLIGIBLE)
    photons, lookups = kernel.photons_of_blocks(blocks_everywhere(experiment))
    return photons.numpy(), lookups.total


@pytest.fixture(scope="module")
def photons(call):
    """Photons of all blocks of an experiment, 0 where there is no pixel, and what counts."""

    @functools.cache
    def compute(name, precision):
        experiment = HERE(name)
        kernel, blocks = made(experiment, precision), on_device(blocks_everywhere(experiment))
        found, lookups = call(kernel.photons_of_blocks, blocks)
        return found.cpu().numpy(), lookups.total

    return compute


def errors(here, truth):
    """Relative errors of the pixels that are lit in either, at most."""
    lit = (here != 0.0) | (truth != 0.0)
    assert lit.sum() > 5
    return np.abs(here[lit] / truth[lit] - 1.0).max()


# Against the loops in C++


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_pixels_are_those_of_the_loops_and_the_same_evaluations_count(photons, name):
    here, counted = photons(name, "float64")
    truth, expected = by_loops(HERE(name))
    assert errors(here, truth) < 1e-9
    assert counted == expected > 0


@pytest.mark.parametrize("name", ["spots that are alone", "flat spots"])
def test_in_mixed_precision_no_more_than_the_exponential_is_rounded(photons, name):
    here, counted = photons(name, "mixed")
    truth, expected = by_loops(HERE(name))
    # where the spot has fallen to 1e-4, its exponent is 9.2
    assert errors(here, truth) < 2e-6
    assert abs(here.sum() / truth.sum() - 1.0) < 1e-6
    assert counted == expected


def test_the_mixed_precision_is_not_float64(photons):
    name = "spots that are alone"
    assert (photons(name, "mixed")[0] != photons(name, "float64")[0]).any()


@pytest.mark.parametrize("default_F", [0.0, 40.0])
def test_beyond_the_table_nodes_have_the_default_f(call, default_F):
    experiment = dataclasses.replace(
        small(domains=3),
        structure_factors=dataclasses.replace(HERE("flat spots").structure_factors, default_F=7.0),
    )
    # of what is in reach the table holds a part
    factors = [
        StructureFactorTable(
            np.full((3, 3, 3), 20.0), np.ones((3, 3, 3), dtype=bool), (0, 0, -1), default_F, device
        )
        for device in (DEVICE, CPU)
    ]
    scene = Scene.of(experiment, 0)
    kernel = TritonSpotsKernel(scene, factors[0], default_F, NEGLIGIBLE, "float64", DEVICE)
    blocks = blocks_of(experiment)
    here, _ = call(kernel.photons_of_blocks, on_device(blocks))
    truth, _ = SpotsKernel(scene, factors[1], default_F, NEGLIGIBLE).photons_of_blocks(blocks)
    assert errors(here.cpu().numpy(), truth.numpy()) < 1e-9


def test_dead_pixels_are_dark_and_not_counted(call, photons):
    name = "spots that are alone"
    blocks, whole = blocks_of(HERE(name)), photons(name, "float64")
    live = torch.rand(blocks.live.shape, generator=torch.Generator().manual_seed(5)) > 0.4
    found = []
    for mask in (live, ~live):
        dead = on_device(blocks._replace(live=mask, whole=False))
        here, lookups = call(made(HERE(name)).photons_of_blocks, dead)
        assert torch.equal(here.cpu(), torch.where(mask, torch.from_numpy(whole[0]), 0.0))
        found.append(lookups.total)
    assert sum(found) == whole[1]
    assert min(found) > 0


def test_what_is_left_out_is_bounded_as_by_the_loops():
    experiment = HERE("spots that overlap")
    there = SpotsKernel(Scene.of(experiment, 0), table(40.0), 40.0, NEGLIGIBLE)
    assert made(experiment).skipped_bound == there.skipped_bound > 0.0
    assert made(HERE("flat spots")).skipped_bound == 0.0


def test_progress_is_told_of_every_step_of_live_pixels(call):
    experiment = HERE("layers of a sensor")
    told = call(told_of, made(experiment), on_device(blocks_of(experiment)))
    assert told == 16 * 16 * 2


def test_a_trace_is_the_float64_chain_of_its_pixel():
    experiment = HERE("spots that are alone")
    pixels = on_device(some(blocks_of(experiment), torch.tensor([0]))).pixels()
    kernel, recorder, expected = made(experiment), Recorder(37), Recorder(37)
    kernel.trace(pixels, recorder)
    Chain(kernel.scene, kernel.table, 0.0).photons(pixels, expected)
    assert recorder.values == expected.values


# Bytes


def test_a_block_has_the_same_bytes_alone_and_among_others(call, photons):
    name = "blocks of two regions"
    together, _ = photons(name, "float64")
    for number in (0, 2):
        alone = some(blocks_of(HERE(name)), torch.tensor([number]))
        here, _ = call(made(HERE(name)).photons_of_blocks, on_device(alone))
        assert here.cpu().numpy().tobytes() == together[number].tobytes()


def test_bytes_do_not_depend_on_how_many_nodes_are_listed_at_a_time(call, photons):
    name = "blocks of two regions"
    kernel, blocks = made(HERE(name)), on_device(blocks_of(HERE(name)))
    here, counted = call(with_nodes_at_a_time, 1, kernel.photons_of_blocks, blocks)
    whole, expected = photons(name, "float64")
    assert here.cpu().numpy().tobytes() == whole.tobytes()
    assert counted.total == expected


def test_no_blocks_give_no_photons(call):
    nothing = some(blocks_of(small()), torch.zeros(0, dtype=torch.int64))
    here, lookups = call(made(small()).photons_of_blocks, on_device(nothing))
    assert (here.shape, lookups.total) == ((0, 256), 0)


# What it cannot do


def test_a_square_crystal_is_refused():
    crystal = dataclasses.replace(small().crystal, shape="square")
    with pytest.raises(ValueError, match="square"):
        made(dataclasses.replace(small(), crystal=crystal))


# Without a GPU


@pytest.mark.skipif(DEVICE.type == "cuda", reason="compiled for the GPU that is here")
@pytest.mark.parametrize("name", ["spots that are alone", "spots that overlap", "flat spots"])
@precisions
def test_what_an_h100_would_run_compiles(for_h100, monkeypatch, name, precision):
    monkeypatch.setattr(Lists, "_starts", one_node_a_region)
    made(HERE(name), precision).photons_of_blocks(blocks_of(HERE(name)))
    *finding, lighting = (part.asm["ptx"] for part in for_h100)
    assert all(part.asm["cubin"] for part in for_h100)
    # nothing but what is written is fused
    assert len(finding) == 4
    assert not any("fma" in part for part in finding)
    assert ("ex2.approx" in lighting) == (precision == "mixed" and name != "flat spots")


def one_node_a_region(lists, bounds, steps, squares, starts=Lists._starts):
    starts(lists, bounds, steps, squares)
    return torch.arange(len(bounds) + 1)


# Its cost


def test_the_cost_is_of_all_frames():
    one = cubic(domains=10, pixels=(1024, 1024))
    three = dataclasses.replace(one, exposures=dataclasses.replace(one.exposures, count=3))
    costs = [gpu_cost(experiment, NEGLIGIBLE, "mixed") for experiment in (one, three)]
    assert costs[1].spots == pytest.approx(3.0 * costs[0].spots)
    assert costs[1].dense == pytest.approx(3.0 * costs[0].dense)


@pytest.mark.parametrize(("reach", "sooner"), [(0.05, True), (0.1, True), (1.5, False)])
def test_spots_are_followed_where_few_evaluations_count(reach, sooner):
    cost = gpu_cost(cubic(domains=100, reach=reach, pixels=(1024, 1024)), NEGLIGIBLE, "float64")
    assert (cost.spots < cost.dense) == sooner


# At the size of a tile, on a GPU

LARGE = functools.partial(cubic, pixels=(512, 512), pixel=1.003e-4, domains=25)


@pytest.mark.gpu
@pytest.mark.parametrize("reach", [0.05, 0.2, 0.7])
@precisions
def test_a_large_tile_is_that_of_the_loops(call, reach, precision):
    experiment = LARGE(reach=reach)
    here, lookups = call(
        made(experiment, precision).photons_of_blocks, on_device(blocks_of(experiment))
    )
    truth, expected = by_loops(experiment)
    bright = truth > 1e-3 * truth.max()
    error = np.abs(here.cpu().numpy()[bright] / truth[bright] - 1.0).max()
    assert error < {"float64": 1e-9, "mixed": 3e-5}[precision]
    # of so many evaluations some lie where the last digit decides
    assert lookups.total == pytest.approx(expected, rel=1e-6)


@pytest.mark.gpu
@precisions
def test_a_large_tile_has_the_same_bytes_in_parts_and_again(precision):
    experiment = LARGE(reach=0.3)
    kernel, blocks = made(experiment, precision), on_device(blocks_of(experiment))
    whole, _ = kernel.photons_of_blocks(blocks)
    for size in (1024, 300):
        parts = torch.arange(1024, device=DEVICE).split(size)
        here = [kernel.photons_of_blocks(some(blocks, part))[0] for part in parts]
        assert torch.equal(torch.cat(here), whole)


@pytest.mark.gpu
def test_an_image_is_that_of_the_loops():
    experiment = triclinic()
    here = simulate(experiment, kernel="spots", device="cuda").values
    np.testing.assert_allclose(here, simulate(experiment, kernel="spots").values, rtol=2e-7)
