"""The GPU kernel against the reference kernel: on the GPU, or under Triton's CPU interpreter."""

import dataclasses
import functools
import subprocess
import sys

import numpy as np
import pytest
import torch

from tiled_sim.kernels import graphs
from tiled_sim.kernels.anchored import AnchoredSum, Summand, loop_of
from tiled_sim.kernels.anchors import StepList
from tiled_sim.kernels.blocks import LANES, Blocks
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystal import SHAPES
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable

triton = pytest.importorskip("triton")

from tiled_sim.kernels.triton import TritonKernel, TritonLoops, obstacle  # noqa: E402

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PRECISIONS = list(graphs.PRECISIONS)
DEFAULT_F = 40.0
#: A small detector, so near that h, k, l leave the table.
STILL = (
    "-default_F 40 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
    "-distance 100 -pixel 0.7 -oversample 1 -detpixels_s 10 -detpixels_f 24"
)
#: Two directions of the beam, two wavelengths, two orientations; on one block.
SOURCES = (
    "-hdivrange 40 -hdivsteps 2 -dispersion 10 -dispsteps 2 -mosaic 1 -mosaic_domains 2 "
    "-detpixels_f 16 -Xbeam 9"
)
DOMAINS = "-mosaic 1 -mosaic_domains 2"
LOOPS = dict.fromkeys(map(loop_of, SHAPES))
INTERPOLATE = {"nearest": False, "tricubic": True}


@functools.cache
def table():
    """F of a small grid, some nodes 0."""
    generator = np.random.default_rng(20260102)
    amplitude = generator.uniform(5.0, 500.0, (13, 12, 15))
    amplitude[generator.random(amplitude.shape) > 0.9] = 0.0
    given = np.ones(amplitude.shape, dtype=bool)
    return StructureFactorTable(amplitude, given, (-6, -5, -7), DEFAULT_F, DEVICE)


@functools.cache
def scene(options="", shape="square", F="nearest"):
    experiment = Experiment.from_nanobragg(f"{STILL} {options}".split())
    # flat spots by h, k, l are so wide that a small detector meets some
    wider = {"crystal.fudge": 0.3} if shape == "tophat_hkl" else {}
    experiment = experiment.with_({"crystal.shape": shape, **wider})
    # the command line interpolates nothing that comes from no file
    sampling = dataclasses.replace(experiment.sampling, interpolate=INTERPOLATE[F])
    return Scene.of(dataclasses.replace(experiment, sampling=sampling), 0)


def blocks_of(scene):
    """All blocks of a panel."""
    slow, fast = scene.panels[0].pixels
    down, along = torch.cartesian_prod(torch.arange(0, slow, 16), torch.arange(0, fast, 16)).T
    lane = torch.arange(LANES)
    live = (down[:, None] + lane // 16 < slow) & (along[:, None] + lane % 16 < fast)
    parts = (down.to(torch.float64), along.to(torch.float64), live)
    return Blocks(*(part.to(DEVICE) for part in parts), bool(live.all()))


def chosen(blocks, numbers):
    return Blocks(blocks.slow[numbers], blocks.fast[numbers], blocks.live[numbers], blocks.whole)


def live_photons(kernel, call=lambda function, *arguments: function(*arguments)):
    blocks = blocks_of(kernel.scene)
    photons, _ = call(kernel.photons_of_blocks, blocks)
    return photons[blocks.live].cpu().numpy()


@functools.cache
def by_reference(scene):
    return live_photons(ReferenceKernel(scene, table(), DEFAULT_F))


@pytest.fixture(scope="module")
def photons(call):
    """Photons of the live pixels of a scene."""

    @functools.cache
    def compute(scene, precision):
        return live_photons(TritonKernel(scene, table(), DEFAULT_F, precision, DEVICE), call)

    return compute


def relative_errors(here, truth, above):
    bright = truth > above * truth.max()
    assert bright.sum() > 10
    return np.abs(here[bright] / truth[bright] - 1.0)


def assert_agrees(here, truth, precision, error=1e-9):
    """DESIGN.md 3, and in float64 far more."""
    if precision == "float64":
        assert relative_errors(here, truth, 1e-9).max() < error
    else:
        assert relative_errors(here, truth, 1e-3).max() < 3e-5


def error_of_sum(here, truth):
    return abs(here.sum() / truth.sum() - 1.0)


# Against the reference kernel

shapes = pytest.mark.parametrize("shape", SHAPES)
precisions = pytest.mark.parametrize("precision", PRECISIONS)
tables = pytest.mark.parametrize("F", INTERPOLATE)


@tables
@shapes
@precisions
def test_pixels_are_those_of_the_reference_kernel(photons, shape, precision, F):
    of_sources = scene(SOURCES, shape, F)
    assert_agrees(photons(of_sources, precision), by_reference(of_sources), precision)


@tables
@shapes
@precisions
def test_the_sum_is_that_of_the_reference_kernel(photons, shape, precision, F):
    of_sources = scene(SOURCES, shape, F)
    error = error_of_sum(photons(of_sources, precision), by_reference(of_sources))
    assert error < {"float64": 1e-12, "mixed": 1e-6}[precision]


def test_what_is_compared_looks_up_nodes_in_the_table_of_zero_and_beyond():
    of_sources = scene(SOURCES, "square", "tricubic")
    blocks = blocks_of(of_sources)
    _, met = ReferenceKernel(of_sources, table(), DEFAULT_F).photons_of_blocks(blocks)
    assert min(met.in_range, met.zero, met.out_of_range, met.interpolation_refused) > 50
    assert met.interpolation_refused < met.total - 100


VARIED = {
    "oversampled": f"-oversample 2 {DOMAINS}",
    "polarized": "-polar 0.7 -phi 1 -osc 1 -phisteps 3",
    "more steps than are summed in one go": "-mosaic 1 -mosaic_domains 65 -detpixels_f 10",
    "one cell": "-N 1",
    "many cells": "-N 100 -mosaic 1 -mosaic_domains 4",
    "one step": "",
    "one block": "-detpixels_f 10",
    "with a limit of resolution": f"-dmin 6 {DOMAINS}",
    "on a curved detector": "-curved_det",
}


@pytest.mark.parametrize("options", VARIED.values(), ids=VARIED)
@precisions
def test_any_other_scene_is_that_of_the_reference_kernel(photons, options, precision):
    varied = scene(options)
    assert_agrees(photons(varied, precision), by_reference(varied), precision)


@precisions
def test_sources_look_f_up_in_their_grids(call, precision):
    of_scene = dataclasses.replace(scene(SOURCES), grids=(0, 1, 1, 0, 1, 0, 0, 1))
    first = table()
    tripled = StructureFactorTable(
        3.0 * first.amplitudes(torch.float64).view(15, 14, 17)[1:-1, 1:-1, 1:-1].cpu().numpy(),
        np.ones((13, 12, 15), dtype=bool),
        first.minimum,
        DEFAULT_F,
        DEVICE,
        beside=(first,),
    )
    truth = live_photons(ReferenceKernel(of_scene, tripled, DEFAULT_F))
    found = live_photons(TritonKernel(of_scene, tripled, DEFAULT_F, precision, DEVICE), call)
    assert_agrees(found, truth, precision)
    assert np.abs(truth - by_reference(scene(SOURCES))).max() > truth.max() / 3.0


@precisions
def test_domains_count_by_their_weight(photons, precision):
    alike = scene(DOMAINS)
    weighed = dataclasses.replace(alike, domain_weights=np.array([0.25, 1.75]))
    truth, unweighed = by_reference(weighed), by_reference(alike)
    assert_agrees(photons(weighed, precision), truth, precision)
    assert np.abs(truth - unweighed).max() > 0.01 * unweighed.max()


@precisions
def test_without_a_table_f_is_default_f_everywhere(call, precision):
    without = scene()
    here = live_photons(TritonKernel(without, None, DEFAULT_F, precision, DEVICE), call)
    assert_agrees(here, live_photons(ReferenceKernel(without, None, DEFAULT_F)), precision)


# Bytes and directions


@pytest.mark.parametrize("numbers", [[0], [1, 0, 1], [1]], ids=str)
@precisions
def test_a_pixel_has_the_same_bytes_whichever_blocks_are_computed_with_its_own(
    call, precision, numbers
):
    kernel = TritonKernel(scene(DOMAINS), table(), DEFAULT_F, precision, DEVICE)
    blocks = blocks_of(kernel.scene)
    together, _ = call(kernel.photons_of_blocks, blocks)
    here, _ = call(kernel.photons_of_blocks, chosen(blocks, numbers))
    assert torch.equal(here, together[numbers])


def test_directions_are_those_of_the_graph(call):
    given = []

    class Recording:
        def directions_of_blocks(self, *tensors):
            given.append(tensors)
            return list(graphs.Directions()(*tensors))

        def add_steps(self, *arguments):
            pass

    turned = scene("-polar 0.7 -oversample 2 -twotheta 20")
    AnchoredSum(turned, table(), Recording(), DEVICE).photons_of_blocks(blocks_of(turned))
    loops = TritonLoops(Summand.of(turned, table(), "float64"))
    assert len(given) == 4
    for tensors in given:
        *differences, scale = call(loops.directions_of_blocks, *tensors)
        *expected, expected_scale = graphs.Directions()(*tensors)
        torch.testing.assert_close(differences, expected, rtol=0.0, atol=4e-16)
        torch.testing.assert_close(scale, expected_scale, rtol=1e-14, atol=0.0)


# Single evaluations: h, k, l of some pixels in, F² · F_latt² out


@pytest.fixture(scope="module")
def evaluated(call):
    """The sum over steps of some weights at h, k, l (each a list), for a crystal of N cells."""

    def evaluate(precision, indices, options="", shape="square", F="nearest", weights=(1.0,)):
        loops = TritonLoops(Summand.of(scene(options, shape, F), table(), precision))
        h, k, l = (
            torch.tensor(n, dtype=torch.float64, device=DEVICE) for n in zip(*indices, strict=True)
        )
        zero = torch.zeros((len(indices), LANES), dtype=torch.float64, device=DEVICE)
        axes = torch.eye(3, dtype=torch.float64, device=DEVICE)[None]
        steps = StepList((0.0, 0.0, 1.0), axes, [(1.0, weight) for weight in weights], keep=True)
        # another process may write to it
        total = zero.clone().share_memory_()
        call(loops.add_steps, (zero, zero, zero), Vectors(h, k, l), steps, total, int)
        assert (total == total[:, :1]).all()
        return total[:, 0].tolist()

    return evaluate


def F_at(h, k, l):
    """F of the table."""
    here = table().amplitudes(torch.float64).reshape(15, 14, 17)
    return here[h + 7, k + 6, l + 8].item()


ROUNDING = {"float64": 1e-11, "mixed": 2e-6}
NODES = [(0, 0, 0), (1, -2, 3), (-6, -5, -7), (6, 6, 7), (3, 4, -1)]


@shapes
@precisions
def test_a_spot_at_a_node_is_as_high_as_the_crystal_has_cells(evaluated, shape, precision):
    here = evaluated(precision, NODES, "-Na 3 -Nb 4 -Nc 10", shape)
    height = 120.0 * (0.723601254558268 if shape == "round" else 1.0)
    expected = [(F_at(*node) * height) ** 2 for node in NODES]
    assert here == pytest.approx(expected, rel=ROUNDING[precision])


@precisions
def test_f_at_a_node_is_interpolated_to_that_of_the_node(evaluated, precision):
    inside = [(0, 0, 0), (1, -2, 3), (-4, -3, -5), (4, 4, 5)]
    here = evaluated(precision, inside, "-N 1", F="tricubic")
    expected = [F_at(*node) ** 2 for node in inside]
    assert here == pytest.approx(expected, rel=ROUNDING[precision])


@precisions
def test_beside_a_node_there_is_no_noise(evaluated, precision):
    beside = [(1.0 + delta, -2.0, 3.0) for delta in (1e-12, -1e-12, 0.9e-9, -0.9e-9, 1.1e-9)]
    here = evaluated(precision, beside, "-Na 1000 -Nb 1 -Nc 1")
    height = (F_at(1, -2, 3) * 1000.0) ** 2
    assert here == pytest.approx([height] * 5, rel=max(1e-10, ROUNDING[precision]))


@precisions
def test_halves_are_rounded_down(evaluated, precision):
    halves = (0.5, 1.5, -0.5, -1.5, 0.5 + 1e-9)
    here = evaluated(precision, [(h, 0.0, 0.0) for h in halves], "-N 1")
    expected = [F_at(h, 0, 0) ** 2 for h in (0, 1, -1, -2, 1)]
    assert here == pytest.approx(expected, rel=ROUNDING[precision])


@tables
@precisions
def test_beyond_the_table_f_is_default_f(evaluated, precision, F):
    beyond = [(-7, 0, 0), (7, 0, 0), (0, -50, 0), (0, 7, 0), (1, 1, 8), (1e6, 1, -1e6)]
    here = evaluated(precision, beyond, "-N 1", F=F)
    assert here == pytest.approx([DEFAULT_F**2] * len(beyond), rel=ROUNDING[precision])


@precisions
def test_steps_are_added_with_their_weights(evaluated, precision):
    index = [(0.3, 1.1, 2.0)]
    (once,) = evaluated(precision, index)
    (here,) = evaluated(precision, index, weights=(1.0, 0.0, 0.25, 3.0))
    assert here == pytest.approx(4.25 * once, rel=ROUNDING[precision])


class InShortLaunches(StepList):
    """Steps of which three are launched at a time."""

    def parts(self, size):
        return super().parts(3)


@precisions
def test_a_sum_has_the_same_bytes_however_many_steps_are_launched_at_a_time(call, precision):
    of_scene = scene("-mosaic 1 -mosaic_domains 10")
    loops = TritonLoops(Summand.of(of_scene, table(), precision))
    turned = torch.from_numpy(of_scene.orientations).reshape(-1, 3, 3).to(DEVICE)
    differences = 1e-3 * torch.rand((3, 1, LANES), dtype=torch.float64, device=DEVICE)
    anchor = Vectors(*torch.tensor([[0.1], [0.2], [-0.05]], dtype=torch.float64, device=DEVICE))
    sums = []
    for kind in (StepList, InShortLaunches):
        total = torch.full((1, LANES), 0.1, dtype=torch.float64, device=DEVICE).share_memory_()
        steps = kind((0.0, 0.0, 1.0), turned, [(1.0, 1.0)], keep=True)
        call(loops.add_steps, tuple(differences), anchor, steps, total, int)
        sums.append(total)
    assert (sums[0] > 0.1).all()
    assert torch.equal(*sums)


@precisions
def test_small_steps_are_not_lost_beside_large_ones(evaluated, precision):
    # 1 + 1e-9, any number of times, is 1 in float32
    index = [(0.0, 0.0, 0.0)]
    (once,) = evaluated(precision, index, "-N 1")
    (here,) = evaluated(precision, index, "-N 1", weights=(1.0, *[1e-9] * 20))
    assert here / once - 1.0 == pytest.approx(2e-8, rel=1e-5)


@precisions
def test_a_gaussian_spot_is_exactly_dark_where_it_underflows(evaluated, precision):
    assert evaluated(precision, [(0.4, 0.0, 0.0)], "-N 100", "gauss_star") == [0.0]


# Without a GPU, and without Triton


@pytest.mark.skipif(DEVICE.type == "cuda", reason="compiled for the GPU that is here")
@pytest.mark.parametrize(
    ("shape", "F"), [*((loop, "nearest") for loop in LOOPS), ("square", "tricubic")]
)
@precisions
def test_what_an_h100_would_run_compiles(for_h100, shape, precision, F):
    kernel = TritonKernel(scene("", shape, F), table(), DEFAULT_F, precision)
    assert kernel.photons_of_blocks(blocks_of(kernel.scene))[1] == Lookups(uncounted=240)
    directions, steps = for_h100
    assert directions.asm["cubin"]
    assert steps.asm["cubin"]


@pytest.mark.skipif(DEVICE.type == "cuda", reason="compiled for the GPU that is here")
def test_nothing_but_what_is_written_is_fused(for_h100):
    kernel = TritonKernel(scene(), table(), DEFAULT_F, "mixed")
    kernel.photons_of_blocks(blocks_of(kernel.scene))
    directions, steps = (part.asm["ptx"] for part in for_h100)
    assert "fma" not in directions
    # six sines of six products, for four pixels a thread
    assert steps.count("fma.rn.f32") == 6 * 6 * 4


def test_nothing_is_in_the_way_where_triton_is_installed_and_a_c_compiler(monkeypatch):
    monkeypatch.setenv("CC", "cc")
    assert obstacle() == ""


def test_a_missing_c_compiler_is_told(monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    assert "C compiler" in obstacle()


WITHOUT = """
import sys
sys.modules["triton"] = None
from tiled_sim.kernels.triton import TritonKernel, obstacle
print(obstacle())
try:
    TritonKernel(None, None, 0.0)
except ImportError as error:
    print(error)
"""


def test_without_triton_the_module_tells_so_and_the_kernel_is_refused():
    told = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert told.stdout.splitlines() == ["triton is not installed"] * 2, told.stderr


# At the size of a tile, on a GPU

LARGE = f"{SOURCES} -mosaic_domains 25 -detpixels_s 512 -detpixels_f 512 -pixel 0.1"


@pytest.mark.gpu
@tables
@shapes
@precisions
def test_a_large_tile_is_that_of_the_reference_kernel(photons, shape, precision, F):
    large = scene(LARGE, shape, F)
    # of so many pixels one lies where the last digit of h decides
    assert_agrees(photons(large, precision), by_reference(large), precision, error=1e-7)


@pytest.mark.gpu
@tables
@shapes
@precisions
def test_the_sum_of_a_large_tile_is_that_of_the_reference_kernel(photons, shape, precision, F):
    large = scene(LARGE, shape, F)
    error = error_of_sum(photons(large, precision), by_reference(large))
    assert error < {"float64": 1e-12, "mixed": 1e-6}[precision]


@pytest.mark.gpu
@precisions
def test_a_large_tile_has_the_same_bytes_in_parts_and_again(precision):
    kernel = TritonKernel(scene(LARGE), table(), DEFAULT_F, precision, DEVICE)
    blocks = blocks_of(kernel.scene)
    whole, _ = kernel.photons_of_blocks(blocks)
    for size in (1024, 300):
        parts = torch.arange(1024, device=DEVICE).split(size)
        here = [kernel.photons_of_blocks(chosen(blocks, part))[0] for part in parts]
        assert torch.equal(torch.cat(here), whole)
