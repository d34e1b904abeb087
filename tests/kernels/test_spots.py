"""The kernel that follows spots: against the reference kernel with what is negligible cut off."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from strategies import scenes
from strategies.numbers import finite
from support.spots import (
    CENTRED,
    CPU,
    ENDS,
    GRID,
    LOW,
    NEGLIGIBLE,
    assert_dead_pixels_are_dark_and_not_counted,
    blocks_of,
    cubic,
    fudge_for,
    some,
    table,
)
from tiled_sim.kernels.bragg import loops, patches, steps
from tiled_sim.kernels.bragg.spot import SHAPES
from tiled_sim.kernels.evaluation import Evaluator
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel, obstacle, predicted_cost
from tiled_sim.model.beam import Source
from tiled_sim.model.detector import Region, Sensor
from tiled_sim.model.experiment import Reflections
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics import geometry, lattice
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import as_tuple, unit


class Truncated(ReferenceKernel):
    """The reference kernel without what is negligible; counts what is left, where F is not 0."""

    def __init__(self, scene, table, default_F):
        super().__init__(scene, table, default_F)
        self._evaluator = NotNegligible(scene, table, default_F)

    @property
    def evaluated(self):
        return self._evaluator.evaluated


class NotNegligible(Evaluator):
    """Evaluates what is not negligible."""

    evaluated = 0

    def lattice_factor(self, index):
        (factor,) = super().lattice_factor(index)
        relative = factor / math.prod(self._scene.crystal.cells)
        return (torch.where(relative * relative >= NEGLIGIBLE, factor, 0.0),)

    def evaluate(self, q, axes, counted, everything, lookups):
        step = super().evaluate(q, axes, counted, everything, lookups)
        self.evaluated += int(((step.intensity > 0.0) & counted).sum())
        return step


# Experiments


def fudges(shape, edges, cells):
    """With which spots reach from a hundredth of the cell to well beyond it."""
    reach = finite(math.log(0.05), math.log(3.0)).map(math.exp)
    return reach.map(lambda reach: fudge_for(reach, 1.0 / edges.max(), cells, shape))


#: Anything that the kernel computes.
any_experiment = scenes.experiments(
    [*scenes.LAYOUTS, (3, 1, 30, 1)],
    lambda domains: scenes.crystals(
        domains, SHAPES, 300.0, st.integers(1, 20), fudges, skewed=True
    ),
    lambda laboratory: scenes.panels(laboratory, 0.9, strange=True),
)
# Running kernels


def made(kernel, experiment, factors=None):
    """The kernel of an experiment."""
    default_F = experiment.structure_factors.default_F
    factors = table(default_F) if factors is None else factors
    rest = (NEGLIGIBLE,) if kernel is SpotsKernel else ()
    return kernel(Scene.of(experiment, 0), factors, default_F, *rest)


def run(kernel, experiment, factors=None):
    """Photons of the live pixels, and the evaluations done."""
    blocks = blocks_of(experiment)
    photons, lookups = made(kernel, experiment, factors).photons_of_blocks(blocks)
    return photons[blocks.live].numpy(), lookups.total


def on_an_edge(experiment):
    """Pixels with a step so near the end of a spot, or to another node, that rounding decides."""
    scene, blocks = Scene.of(experiment, 0), blocks_of(experiment)
    crystal = scene.crystal
    pixels = blocks.pixels().some(blocks.live.flatten())
    optics = Optics(scene)
    orientations = torch.from_numpy(scene.orientations).reshape(-1, 3, 3)
    if crystal.shape.endswith("hkl"):
        metric = torch.diag(torch.tensor(crystal.cells, dtype=torch.float64) ** 2)
    else:
        reciprocal = crystal.reciprocal_vectors * math.prod(crystal.cells)
        metric = torch.from_numpy(reciprocal @ reciprocal.T)
    size = crystal.fudge / ENDS[crystal.shape]
    apart = torch.zeros(len(pixels.slow), dtype=torch.bool)
    for subpixel in range(scene.sampling.oversample**2):
        diffracted, _ = optics.to_subpixel(pixels, subpixel)
        for source in scene.spectrum:
            q = geometry.scattering_vector(diffracted, source.incident, source.wavelength)
            hkl = torch.einsum("sij,jp->sip", orientations, torch.stack(list(q)))
            rest = hkl - lattice.nearest_node(hkl)
            distance = torch.einsum("sip,ij,sjp->sp", rest, metric, rest) * size
            between = (0.5 - rest.abs() < 1e-9).any(1)
            # both nodes are beyond reach, as a rule
            apart |= (between & (distance < 1.01)).any(0)
            apart |= ((distance - 1.0).abs() < 1e-8).any(0)
    return apart.numpy()


def errors(here, truth):
    """Largest relative error of the pixels that are lit in either."""
    lit = (here != 0.0) | (truth != 0.0)
    assert lit.any()
    return np.abs(here[lit] / truth[lit] - 1.0).max()


# Against the reference kernel

RANDOM = settings(deadline=None, max_examples=60, derandomize=True)


@RANDOM
@given(experiment=any_experiment, default_F=st.sampled_from([0.0, 40.0]))
def test_any_image_is_that_of_the_reference_kernel_less_what_is_negligible(experiment, default_F):
    experiment = dataclasses.replace(
        experiment, structure_factors=Reflections("grid.hkl", "hkl", default_F)
    )
    truth, _ = run(Truncated, experiment)
    kept = ~on_an_edge(experiment)
    assume((truth[kept] > 0.0).any())
    here, _ = run(SpotsKernel, experiment)
    assert errors(here[kept], truth[kept]) < 1e-9


@RANDOM
@given(experiment=any_experiment)
def test_no_pixel_lacks_more_than_the_bound_nor_exceeds_the_reference(experiment):
    truth, _ = run(ReferenceKernel, experiment)
    here, _ = run(SpotsKernel, experiment)
    bound = made(SpotsKernel, experiment).skipped_bound
    if experiment.crystal.shape.startswith("gauss"):
        assert (truth - here).max() <= bound + 1e-9 * truth.max()
    kept = ~on_an_edge(experiment)
    assert (here[kept] - truth[kept] <= 1e-9 * truth[kept]).all()


@pytest.mark.parametrize("reach", [0.1, 0.49, 0.7, 100.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_axes_of_crystal_beam_and_panel_may_be_the_same(shape, reach):
    # a node then lies right on the sphere where lines only touch it; pixels keep off half indices
    experiment = cubic(reach=reach, shape=shape, pixel=1.03e-4)
    truth, _ = run(Truncated, experiment)
    here, _ = run(SpotsKernel, experiment)
    kept = ~on_an_edge(experiment)
    assert errors(here[kept], truth[kept]) < 1e-9


def test_a_crystal_of_one_cell_lights_every_pixel():
    experiment = cubic(reach=100.0, cells=(1, 1, 1))
    here, done = run(SpotsKernel, experiment, table(40.0))
    assert done == (here > 0.0).sum() > 0.5 * here.size


@pytest.mark.parametrize("negligible", [1e-12, 0.0, 0.5])
@pytest.mark.parametrize("shape", ["tophat", "tophat_hkl"])
def test_flat_topped_spots_are_exact_whatever_is_negligible(shape, negligible):
    experiment = cubic(shape=shape, domains=8)
    kernel = SpotsKernel(Scene.of(experiment, 0), table(40.0), 40.0, negligible)
    here, _ = kernel.photons_of_blocks(blocks_of(experiment))
    truth, _ = run(ReferenceKernel, experiment)
    assert errors(here.flatten().numpy(), truth) < 1e-12


def test_spots_much_smaller_than_a_pixel_are_met_by_chance():
    experiment = cubic(reach=0.04, pixel=5e-3, domains=150)
    truth, _ = run(Truncated, experiment)
    here, _ = run(SpotsKernel, experiment)
    assert (truth > 0.0).sum() > 20
    assert errors(here, truth) < 1e-9


WIDE = {
    "beam at its middle": {"beam_at": CENTRED, "reach": 0.1, "domains": 20},
    "up to the crystal's own height": {"distance": 1e-3, "reach": 0.4},
    "a node in the middle of the sphere": {
        "sources": (Source((0.0, 0.0, 1.0), 41.0),),
        "lengths": (20.0, 20.0, 300.0),
        "reach": 9.0,
        "distance": 1e-3,
    },
}


@pytest.mark.parametrize("kind", WIDE)
def test_a_panel_may_reach_to_wide_angles(kind):
    experiment = cubic(pixel=5.01e-3, **WIDE[kind])
    truth, _ = run(Truncated, experiment)
    here, _ = run(SpotsKernel, experiment)
    kept = ~on_an_edge(experiment)
    assert kept.mean() > 0.9
    assert errors(here[kept], truth[kept]) < 1e-9


SENSORS = {
    "as C has it": {"attenuation_length": 3e-4},
    "of a material": {
        "attenuation_length": 3e-4,
        "attenuation_table": ((0.9, 4e-4), (1.0, 3e-4), (1.1, 2e-4)),
    },
}


@pytest.mark.parametrize("kind", SENSORS)
@pytest.mark.parametrize("oversample", [1, 2])
def test_each_layer_of_a_sensor_absorbs_its_share_of_each_wavelength(kind, oversample):
    sources = tuple(Source((0.0, 0.0, 1.0), 0.95 + 0.05 * n, 1.0 + n) for n in range(3))
    experiment = cubic(domains=6, oversample=oversample, sources=sources, pixel=1e-3)
    sensor = Sensor(4.5e-4, layers=3, **SENSORS[kind])
    detector = dataclasses.replace(experiment.detector, sensor=sensor)
    experiment = dataclasses.replace(experiment, detector=detector)
    truth, _ = run(Truncated, experiment)
    here, _ = run(SpotsKernel, experiment)
    kept = ~on_an_edge(experiment)
    assert errors(here[kept], truth[kept]) < 1e-9


def oblong(detector):
    """A detector whose pixels are longer along fast."""
    longer = (
        dataclasses.replace(panel, pixel_size=(panel.pixel_size[0], 2 * panel.pixel_size[0]))
        for panel in detector.panels
    )
    return dataclasses.replace(detector, panels=tuple(longer))


@pytest.mark.parametrize("reach", [0.2, 0.7])
@pytest.mark.parametrize("oversample", [1, 3])
def test_pixels_need_not_be_square(reach, oversample):
    experiment = cubic(reach=reach, domains=12, oversample=oversample, pixels=(70, 40))
    experiment = dataclasses.replace(experiment, detector=oblong(experiment.detector))
    truth, _ = run(Truncated, experiment)
    here, _ = run(SpotsKernel, experiment)
    kept = ~on_an_edge(experiment)
    assert errors(here[kept], truth[kept]) < 1e-9


def test_each_direction_of_the_beam_has_its_own_polarization():
    sources = tuple(
        Source(as_tuple(unit(direction)), wavelength, weight)
        for direction, wavelength, weight in (
            ((0.0, 0.0, 1.0), 1.0, 1.0), ((0.3, 0.1, 1.0), 1.01, 2.0), ((0.0, 0.0, 1.0), 0.99, 0.5)
        )
    )  # fmt: skip
    experiment = cubic(sources=sources, pixel=2e-3, domains=5)
    truth, _ = run(Truncated, experiment)
    here, _ = run(SpotsKernel, experiment)
    assert errors(here, truth) < 1e-9


# Structure factors


def test_nodes_whose_f_is_0_light_nothing():
    nothing = StructureFactorTable(np.zeros(GRID), np.ones(GRID, dtype=bool), LOW, 0.0, CPU)
    here, done = run(SpotsKernel, cubic(default_F=0.5), nothing)
    outside = run(SpotsKernel, cubic(default_F=0.5))[1]
    assert (here.max(), done) == (0.0, 0)
    assert outside > 0


def test_nodes_out_of_range_have_the_default_f():
    experiment = cubic(pixel=2e-3, default_F=40.0)
    far = StructureFactorTable(np.ones(GRID), np.ones(GRID, dtype=bool), (90, 90, 90), 40.0, CPU)
    truth, _ = run(Truncated, experiment, far)
    here, _ = run(SpotsKernel, experiment, far)
    assert errors(here, truth) < 1e-9


def test_without_a_table_f_is_the_default_everywhere():
    experiment = cubic(domains=4)
    scene = Scene.of(experiment, 0)
    blocks = blocks_of(experiment)
    truth, _ = Truncated(scene, None, 7.0).photons_of_blocks(blocks)
    here, _ = SpotsKernel(scene, None, 7.0, NEGLIGIBLE).photons_of_blocks(blocks)
    assert errors(here.numpy(), truth.numpy()) < 1e-9


# Which pixels are worked on together


def busy():
    """Overlapping footprints of many steps, on more than one patch of a small size."""
    sources = tuple(Source((0.0, 0.0, 1.0), 1.0 + 0.002 * n) for n in range(5))
    return cubic(pixel=1e-4, pixels=(75, 83), sources=sources, domains=12, oversample=2)


def bytes_of(experiment, groups):
    """Bytes of the blocks of a panel, worked on in these groups."""
    blocks, kernel = blocks_of(experiment), made(SpotsKernel, experiment)
    photons = torch.zeros(blocks.live.shape, dtype=torch.float64)
    for numbers in groups:
        photons[numbers] = kernel.photons_of_blocks(some(blocks, numbers))[0]
    return photons.numpy().tobytes()


def every(experiment):
    return [torch.arange(len(blocks_of(experiment).slow))]


@pytest.mark.parametrize("reach", [0.3, 0.8])
def test_bytes_of_a_block_alone_are_those_it_has_among_others(reach):
    experiment = dataclasses.replace(busy(), crystal=cubic(reach=reach, domains=12).crystal)
    alone = [number[None] for number in every(experiment)[0]]
    assert bytes_of(experiment, alone) == bytes_of(experiment, every(experiment))


def test_bytes_do_not_depend_on_the_order_of_blocks():
    experiment = busy()
    mixed = torch.randperm(
        len(every(experiment)[0]), generator=torch.Generator().manual_seed(3)
    ).split(7)
    assert bytes_of(experiment, mixed) == bytes_of(experiment, every(experiment))


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (patches, "PATCH_SIDE", 32),
        (steps, "_STEPS_AT_A_TIME", 7),
        (steps, "_STEPS_KEPT", 1),
    ],
)
def test_bytes_do_not_depend_on_how_much_is_worked_on_at_a_time(monkeypatch, module, name, value):
    experiment = busy()
    usual = bytes_of(experiment, every(experiment))
    monkeypatch.setattr(module, name, value)
    assert bytes_of(experiment, every(experiment)) == usual


@RANDOM
@given(experiment=any_experiment, number=st.integers(0, 8))
def test_bytes_of_any_block_alone_are_those_it_has_among_others(experiment, number):
    kernel, blocks = made(SpotsKernel, experiment), blocks_of(experiment)
    number = number % len(blocks.slow)
    alone, _ = kernel.photons_of_blocks(some(blocks, torch.tensor([number])))
    together, _ = kernel.photons_of_blocks(blocks)
    assert alone[0].numpy().tobytes() == together[number].numpy().tobytes()


def test_no_blocks_give_no_photons():
    experiment = cubic()
    nothing = some(blocks_of(experiment), torch.zeros(0, dtype=torch.int64))
    photons, lookups = made(SpotsKernel, experiment).photons_of_blocks(nothing)
    assert (photons.shape, lookups.total) == ((0, 256), 0)


def test_a_panel_that_no_spot_meets_is_dark():
    here, done = run(SpotsKernel, cubic(reach=1e-5, pixel=1.3e-5))
    assert (here.max(), done) == (0.0, 0)


# Counts


@pytest.mark.parametrize("reach", [0.1, 0.3, 0.8])
def test_evaluations_are_those_that_are_not_negligible(reach):
    # 0.0203 m: no pixel lies half-way between nodes
    experiment = cubic(reach=reach, pixel=2.03e-4, pixels=(40, 50), domains=6, oversample=2)
    assert not on_an_edge(experiment).any()
    reference = made(Truncated, experiment)
    reference.photons_of_blocks(blocks_of(experiment))
    assert run(SpotsKernel, experiment)[1] == reference.evaluated > 0


def test_a_dead_pixel_is_dark_and_not_counted():
    experiment = cubic(domains=6)
    kernel, blocks = made(SpotsKernel, experiment), blocks_of(experiment)
    assert_dead_pixels_are_dark_and_not_counted(kernel, blocks)


# Traces


def test_a_trace_is_the_float64_chain_of_its_pixel():
    experiment = cubic(domains=3)
    pixels = some(blocks_of(experiment), torch.tensor([4])).pixels()
    told = []
    for kernel in (SpotsKernel, ReferenceKernel):
        recorder = Recorder(37)
        made(kernel, experiment).trace(pixels, recorder)
        told.append(recorder.values)
    assert told[0].keys() == told[1].keys()
    for name, value in told[0].items():
        np.testing.assert_allclose(value, told[1][name], rtol=1e-12, err_msg=name)


# What it cannot do


def test_it_can_compute_a_plain_experiment():
    assert obstacle(cubic()) == ""


@pytest.mark.parametrize(
    ("word", "change"),
    [
        ("shape", lambda e: {"crystal": dataclasses.replace(e.crystal, shape="square")}),
        ("curved", lambda e: {"detector": dataclasses.replace(e.detector, curvature_radius=0.1)}),
        ("once a pixel", lambda e: {"sampling": Sampling(2, oversample_polar=True)}),
        ("32 × 32", lambda e: {"sampling": Sampling(33)}),
        ("dmin", lambda e: {"sampling": Sampling(dmin=2.0)}),
        ("interpolate", lambda e: {"sampling": Sampling(interpolate=True)}),
        ("faults", lambda e: {"c_compat": True}),
    ],
)
def test_an_obstacle_is_named(word, change):
    experiment = cubic()
    assert word in obstacle(dataclasses.replace(experiment, **change(experiment)))


@pytest.mark.parametrize("negligible", [0.0, 1.0, -1.0, math.nan, 1e-310])
def test_gaussian_spots_need_an_end(negligible):
    with pytest.raises(ValueError, match="negligible"):
        SpotsKernel(Scene.of(cubic(), 0), None, 1.0, negligible)


def test_a_square_crystal_is_refused():
    crystal = dataclasses.replace(cubic().crystal, shape="square")
    with pytest.raises(ValueError, match="square"):
        SpotsKernel(
            Scene.of(dataclasses.replace(cubic(), crystal=crystal), 0), None, 1.0, NEGLIGIBLE
        )


# Cost


def evaluations_of(experiment, monkeypatch):
    """Evaluations that a run really does."""
    done = 0
    add = loops.Loops.add

    def counting(*arguments):
        nonlocal done
        counts = add(*arguments)
        done += counts.evaluations
        return counts

    monkeypatch.setattr(loops.Loops, "add", counting)
    run(SpotsKernel, experiment)
    return done


@pytest.mark.parametrize(
    "options",
    [
        {"domains": 40, "pixels": (200, 200)},
        {"domains": 40, "reach": 0.7, "pixels": (100, 100)},
        {"domains": 20, "reach": 0.1, "pixels": (128, 600), "pixel": 1e-4},
        {"domains": 20, "reach": 0.1, "oversample": 2, "pixels": (300, 300)},
    ],
)
def test_the_cost_is_predicted_within_a_factor_of_two(monkeypatch, options):
    experiment = cubic(**options)
    done = evaluations_of(experiment, monkeypatch)
    assert 0.5 < predicted_cost(experiment, NEGLIGIBLE, table=table(40.0)).evaluations / done < 2.0


def test_the_cost_is_of_all_frames():
    one = cubic(domains=10)
    three = dataclasses.replace(one, exposures=dataclasses.replace(one.exposures, count=3))
    costs = [predicted_cost(experiment, NEGLIGIBLE) for experiment in (one, three)]
    assert costs[1].seconds == pytest.approx(3 * costs[0].seconds)


def test_the_cost_is_of_the_region_only():
    part = cubic(domains=10, pixels=(1000, 1000), region=Region(40, 60, 70, 90))
    small = predicted_cost(part, NEGLIGIBLE)
    assert small.seconds < 0.5 * predicted_cost(
        cubic(domains=10, pixels=(1000, 1000)), NEGLIGIBLE
    ).seconds  # fmt: skip


def test_zero_structure_factors_cost_less():
    experiment = cubic(domains=40)
    nothing = StructureFactorTable(np.zeros(GRID), np.ones(GRID, dtype=bool), LOW, 0.0, CPU)
    assert predicted_cost(experiment, NEGLIGIBLE, table=nothing).evaluations == 0.0
    assert predicted_cost(experiment, NEGLIGIBLE).evaluations > 0.0
