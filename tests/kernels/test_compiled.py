"""The fused kernel: against the C program, against the reference kernel, and compiled for real.

What its graphs compute is tested without compiling them (`eager`), in all shapes and precisions.
What the compiler makes of them is tested for the square crystal.
"""

import contextlib
import dataclasses
import functools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from strategies import scenes
from strategies.numbers import finite
from support.graphs import eager_graph
from support.spots import blocks_of
from tiled_sim.kernels import compiled
from tiled_sim.kernels.compiled import CompiledKernel
from tiled_sim.kernels.first import first_evaluation
from tiled_sim.kernels.graphs import PRECISIONS
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.sample import count_lookups
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystal import SHAPES
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import Settings
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.physics import geometry, lattice
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs, load_mask
from tiled_sim.simulation.rectangles import Rectangle, RectangleBlocks
from tiled_sim.simulation.simulator import Simulator

CPU = torch.device("cpu")
#: F is the same everywhere.
NO_FILE = "-default_F 7 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -pixel 0.5 -oversample 1"


def words(line):
    return tuple(line.split())


@contextlib.contextmanager
def eagerly():
    """Graphs run as they stand, in place of what the compiler makes of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "load", eager_graph)
        yield


@pytest.fixture
def eager():
    with eagerly():
        yield


@dataclasses.dataclass(frozen=True)
class Computed:
    """A panel of an experiment: its image, and the results of its tiles."""

    image: np.ndarray
    results: list

    @property
    def done(self):
        return sum(result.evaluations.done for result in self.results)

    @property
    def traces(self):
        return [trace for result in self.results for trace in result.traces]

    def lookups(self, kind):
        return sum(getattr(result.lookups, kind) for result in self.results)


def simulator_of(experiment, kernel, precision, *, tile=(512, 512), trace_pixels=(), factors=None):
    inputs = load_inputs(experiment)
    if factors is not None:
        inputs = dataclasses.replace(inputs, factors=factors)
    chosen = Settings(kernel, precision, 0.0, "as asked")
    plan = make_plan(experiment, inputs, chosen, tile=tile, trace_pixels=trace_pixels)
    return Simulator(experiment, inputs, plan, CPU)


def computed(experiment, kernel="compiled", precision="float64", *, holding=None, **options):
    """A panel through plan and simulator; ``holding``: only the tiles that hold these pixels."""
    simulator = simulator_of(experiment, kernel, precision, **options)
    image = np.zeros(experiment.shape, np.float32)
    results = []
    for tile in simulator.plan:
        if holding is None or any(
            slow in range(*tile.slow) and fast in range(*tile.fast) for slow, fast in holding
        ):
            results.append(simulator.simulate_tile(tile))
            image[tile.region] = results[-1].image
    return Computed(image[0, 0], results)


# The rules of agreement


def relative_errors(image, truth, above, brightest=None):
    """Of the pixels brighter than ``above`` of the maximum."""
    truth = np.asarray(truth, float)
    brightest = truth.max() if brightest is None else brightest
    counted = truth > above * brightest
    assert counted.any()
    return np.abs(np.asarray(image, float)[counted] / truth[counted] - 1.0)


def error_of_sum(image, truth):
    return abs(np.sum(image, dtype=float) / np.sum(truth, dtype=float) - 1.0)


def assert_float64(image, truth, brightest=None):
    """As the C program to the precision of its images."""
    assert relative_errors(image, truth, 1e-9, brightest).max() < 1e-6


def assert_mixed(image, truth, brightest=None):
    """DESIGN.md 3: bright pixels within 3e-5, and all but one in a thousand within 1e-3."""
    assert relative_errors(image, truth, 1e-3, brightest).max() < 3e-5
    faint = relative_errors(image, truth, 1e-9, brightest)
    # of fewer than a thousand pixels, one is less rare than that
    assert (faint > 1e-3).sum() <= max(1, 1e-3 * faint.size)


# Against the C program

GOLDEN = [
    "close_distance", "compat_curved_detector", "compat_phi_carryover", "compat_pix0_ignored",
    "cubic_default", "cubic_denzo", "cubic_dials", "cubic_mosflm", "cubic_xds", "custom_vectors",
    "divergence_dispersion", "dmin_cut", "flux_energy", "forced_interpolation", "gauss_xtal",
    "mask", "matrix_anisotropic", "mosaic_domains", "mosaic_phi_gauss", "nopolar_point_pixel",
    "oversample3", "phi_rotation", "polarized", "protein_2erl", "protein_2erl_still", "roi_rect",
    "round_xtal", "saxs_interpolated", "source_file", "sparse_hkl_default_F", "sparse_hkl_holes",
    "tilted_beam_pivot", "tilted_sample_pivot_twotheta", "tophat_spots", "triclinic_misset",
    "xtal_size",
]  # fmt: skip
#: Where the C program takes the polarization of the first source for all of them.
MANY_SOURCES = ["divergence_dispersion", "source_file"]
ONLY_AS_C = [name for name in GOLDEN if name.startswith("compat_")] + MANY_SOURCES
RIGHT = [(name, False) for name in GOLDEN if name not in ONLY_AS_C]
#: Under --c-compat directions come from the reference kernel, and the sum is fused all the same.
AS_C = [(name, True) for name in GOLDEN]
AS_C_MIXED = [(name, True) for name in [*ONLY_AS_C, "dmin_cut", "gauss_xtal", "round_xtal"]]


def named(case):
    name, c_compat = case
    return f"{name}-c" if c_compat else name


@pytest.fixture(scope="module")
def golden_images(golden, data):
    """Compute a reference's command with eager graphs: (image here, image of the C program)."""

    @functools.cache
    def compute(name, c_compat, precision):
        reference = np.load(golden / f"{name}.npz")
        experiment = Experiment.from_nanobragg(str(reference["args"]).split(), c_compat=c_compat)
        with eagerly():
            return computed(experiment, precision=precision).image, reference["image"]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data)
        yield compute


@pytest.mark.parametrize("case", [*RIGHT, *AS_C], ids=named)
def test_every_pixel_is_that_of_the_c_program_in_float64(golden_images, case):
    assert_float64(*golden_images(*case, "float64"))


@pytest.mark.parametrize("case", [*RIGHT, *AS_C], ids=named)
def test_the_sum_is_that_of_the_c_program_in_float64(golden_images, case):
    assert error_of_sum(*golden_images(*case, "float64")) < 1e-7


@pytest.mark.parametrize("case", [*RIGHT, *AS_C_MIXED], ids=named)
def test_pixels_are_those_of_the_c_program_in_mixed(golden_images, case):
    assert_mixed(*golden_images(*case, "mixed"))


@pytest.mark.parametrize("case", [*RIGHT, *AS_C_MIXED], ids=named)
def test_the_sum_is_that_of_the_c_program_in_mixed(golden_images, case):
    assert error_of_sum(*golden_images(*case, "mixed")) < 1e-6


def test_every_reference_is_compared(golden):
    names = {path.stem for path in golden.glob("*.npz")}
    assert names == {*GOLDEN, "pilatus6m_2erl", "nonbragg_droplet"}


@pytest.fixture(scope="module", params=PRECISIONS)
def protein_crop(request, golden, data):
    """The brightest part of a protein on a Pilatus 6M: here, of the C program, its maximum."""
    reference = np.load(golden / "pilatus6m_2erl.npz")
    slow, fast = reference["crop_peak_origin"]
    rows, columns = reference["crop_peak"].shape
    corners = [(slow + i * (rows - 1), fast + j * (columns - 1)) for i in (0, 1) for j in (0, 1)]
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.chdir(data)
        experiment = Experiment.from_nanobragg(str(reference["args"]).split())
        image = computed(
            experiment, precision=request.param, tile=(128, 128), holding=corners
        ).image
    crop = image[slow : slow + rows, fast : fast + columns]
    return request.param, crop, reference["crop_peak"], reference["stats"][1]


def test_a_crop_of_the_protein_is_that_of_the_c_program(protein_crop):
    precision, *images = protein_crop
    {"float64": assert_float64, "mixed": assert_mixed}[precision](*images)


# Against the reference kernel, on random experiments

LOW, GRID = (-6, -5, -7), (13, 12, 15)
DEFAULT_F = 40.0


def grid():
    """Amplitudes of a small grid, some nodes absent and some zero."""
    generator = np.random.default_rng(20260102)
    amplitude = generator.uniform(5.0, 500.0, GRID)
    given = generator.random(GRID) > 0.2
    amplitude[generator.random(GRID) > 0.9] = 0.0
    provenance = Provenance("grid.hkl", "hkl", 1, "0" * 64, int(given.sum()))
    return StructureFactors(np.where(given, amplitude, 0.0), given, LOW, provenance)


FACTORS = grid()


def fudges(shape, edges, cells):
    """With which spots reach some pixels."""
    if shape == "square":
        return st.just(1.0)
    if shape == "round":
        return finite(0.3, 3.0)
    by_hkl = shape.endswith("hkl")
    size = 1.0 / math.prod(cells) ** (1 / 3) if by_hkl else edges.max() / math.prod(cells)
    return finite(0.05, 0.4).map(lambda reach: 0.63 * (size / reach) ** 2)


#: Anything that the kernel computes; it sums 64 steps of one direction and subpixel in one go.
any_experiment = scenes.experiments(
    [*scenes.LAYOUTS, (1, 1, 63, 1), (1, 1, 64, 1), (1, 1, 65, 1), (3, 1, 50, 1), (2, 7, 10, 1)],
    lambda domains: scenes.crystals(
        domains, SHAPES, 400.0, st.integers(1, 12) | st.integers(13, 1000), fudges
    ),
    lambda laboratory: scenes.panels(laboratory, 0.7, oblong=True),
    curved=True,
    dmin=True,
    c_compat=True,
)


def scene_of(experiment):
    dead = np.zeros(experiment.detector.pixels, np.uint8)
    first = first_evaluation(Scene.of(experiment, 0), dead, CPU)
    return Scene.of(experiment, 0, (first,))


def table():
    return StructureFactorTable(FACTORS.filled(DEFAULT_F), FACTORS.given, LOW, DEFAULT_F, CPU)


def photons_of(kernel, experiment):
    """Photons of every pixel of the panel, float64."""
    blocks = blocks_of(experiment)
    photons, _ = kernel.photons_of_blocks(blocks)
    return photons[blocks.live].numpy()


def fused(experiment, precision):
    with eagerly():
        kernel = CompiledKernel(scene_of(experiment), table(), DEFAULT_F, precision)
        return photons_of(kernel, experiment)


def by_reference(experiment):
    return photons_of(ReferenceKernel(scene_of(experiment), table(), DEFAULT_F), experiment)


def on_an_edge(experiment):
    """Pixels of which a step lies where the sum jumps, so that any rounding decides.

    That is within 1e-5 of a half-integer h, k or l, where the nearest node changes, and for
    flat-topped spots within 1e-5 of the spot's edge (of its squared radius). A pixel is a sum, so
    it is put apart with any of its steps. h, k, l are worked out here from the orientations and
    the directions of the pixels, by neither kernel.
    """
    scene, blocks = scene_of(experiment), blocks_of(experiment)
    crystal = scene.crystal
    pixels = blocks.pixels().some(blocks.live.flatten())
    optics = Optics(scene)
    orientations = torch.from_numpy(scene.orientations).reshape(-1, 3, 3)
    # of flat-topped spots, in units of the radius where they end
    in_crystal = {
        "tophat": crystal.reciprocal_vectors * math.prod(crystal.cells),
        "tophat_hkl": np.diag(np.array(crystal.cells, float)),
    }.get(crystal.shape)
    apart = torch.zeros(len(pixels.slow), dtype=torch.bool)
    for subpixel in range(scene.sampling.oversample**2):
        diffracted, _ = optics.to_subpixel(pixels, subpixel)
        for source in scene.spectrum:
            q = geometry.scattering_vector(diffracted, source.incident, source.wavelength)
            hkl = torch.einsum("sij,jp->sip", orientations, torch.stack(list(q)))
            rest = hkl - lattice.nearest_node(hkl)
            apart |= (0.5 - rest.abs() < 1e-5).any(1).any(0)
            if in_crystal is not None:
                metric = torch.from_numpy(in_crystal @ in_crystal.T)
                radius_sqr = torch.einsum("sip,ij,sjp->sp", rest, metric, rest)
                ratio = radius_sqr * crystal.fudge / 0.3969
                apart |= ((ratio - 1.0).abs() < 1e-5).any(0)
    return apart.numpy()


def compared(experiment):
    """Pixels to compare, and what the reference kernel makes of them."""
    truth, kept = by_reference(experiment), ~on_an_edge(experiment)
    # without a spot in sight, an image of Gaussian tails is of float32's smallest numbers
    peak = R_E_SQR * experiment.beam.fluence * (500.0 * math.prod(experiment.crystal.cells)) ** 2
    assume(kept.any() and truth[kept].max() > 1e-25 * peak)
    return kept, truth


RANDOM = settings(deadline=None, max_examples=40, derandomize=True)


@RANDOM
@given(experiment=any_experiment)
def test_any_experiment_is_that_of_the_reference_kernel_in_float64(experiment):
    kept, truth = compared(experiment)
    here = fused(experiment, "float64")
    assert relative_errors(here[kept], truth[kept], 1e-9).max() < 1e-9


@RANDOM
@given(experiment=any_experiment)
def test_pixels_of_any_experiment_are_those_of_the_reference_kernel_in_mixed(experiment):
    kept, truth = compared(experiment)
    assert_mixed(fused(experiment, "mixed")[kept], truth[kept])


@RANDOM
@given(experiment=any_experiment)
def test_the_sum_of_any_experiment_is_that_of_the_reference_kernel_in_mixed(experiment):
    kept, truth = compared(experiment)
    # a bound for images: of fewer pixels the roundings do not cancel
    assume((truth[kept] > 1e-3 * truth[kept].max()).sum() >= 10)
    assert error_of_sum(fused(experiment, "mixed")[kept], truth[kept]) < 1e-6


def test_without_a_file_f_is_default_f_everywhere(eager, still):
    experiment = Experiment.from_nanobragg(words(f"{NO_FILE} -detpixels 40"))
    assert experiment.structure_factors.path is None
    here, reference = (computed(experiment, kernel).image for kernel in ("compiled", "reference"))
    assert relative_errors(here, reference, 1e-9).max() < 1e-6


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_tile_that_no_gaussian_spot_meets_is_dark(eager, still, precision):
    experiment = still("-gauss_xtal", "-N", 30, "-detpixels", 32)
    assert computed(experiment, precision=precision).image.max() == 0.0


# Compiled for real

#: A still, an oscillation, and one whose directions the reference kernel works out, for dmin.
REAL = {
    "still": (),
    "oscillation": words("-phi 1 -osc 1 -phisteps 33 -dispersion 1 -dispsteps 2 -polar 0.7"),
    "dmin": words("-dmin 4 -oversample 2 -mosaic 0.3 -mosaic_domains 2"),
}
precisions = pytest.mark.parametrize("precision", PRECISIONS)
kinds = pytest.mark.parametrize("options", REAL.values(), ids=REAL)


@precisions
@pytest.mark.parametrize("name", ["mosaic_domains", "dmin_cut"])
def test_what_is_compiled_is_as_the_c_program(golden, in_data, name, precision):
    reference = np.load(golden / f"{name}.npz")
    experiment = Experiment.from_nanobragg(str(reference["args"]).split())
    image = computed(experiment, precision=precision).image
    assert error_of_sum(image, reference["image"]) < {"float64": 1e-7, "mixed": 1e-6}[precision]
    {"float64": assert_float64, "mixed": assert_mixed}[precision](image, reference["image"])


def in_float64(experiment, precision):
    """Photons of every pixel before they are stored."""
    factors = load_inputs(experiment).factors
    F = experiment.structure_factors.default_F
    filled = StructureFactorTable(factors.filled(F), factors.given, factors.minimum, F, CPU)
    return photons_of(CompiledKernel(scene_of(experiment), filled, F, precision), experiment)


@pytest.mark.parametrize(("precision", "error"), [("float64", 1e-12), ("mixed", 1e-6)])
@kinds
def test_what_is_compiled_is_what_the_graphs_say(still, options, precision, error):
    experiment = still(*options)
    with eagerly():
        expected = in_float64(experiment, precision)
    here = in_float64(experiment, precision)
    # at a dark fringe the last digit of h decides: beside that, a thousandth of the peak
    assert (np.abs(here - expected) <= error * (expected + 1e-3 * expected.max())).all()


@pytest.fixture(scope="module")
def bytes_in_tiles(still):
    """Bytes of an image of no whole number of blocks, made in tiles of a shape."""

    @functools.cache
    def compute(options, precision, tile):
        experiment = still(*options, "-detpixels_s", 70, "-detpixels_f", 270)
        return computed(experiment, precision=precision, tile=tile).image.tobytes()

    return compute


@precisions
@kinds
@pytest.mark.parametrize("tile", [(16, 16), (48, 80), (256, 256)], ids="{0[0]}x{0[1]}".format)
def test_a_pixel_has_the_same_bits_in_whatever_tile_it_is(bytes_in_tiles, options, precision, tile):
    whole = bytes_in_tiles(options, precision, (512, 512))
    assert bytes_in_tiles(options, precision, tile) == whole


@precisions
def test_threads_that_compute_at_once_get_the_same_bits(still, precision):
    experiment = still(*REAL["oscillation"])
    simulator = simulator_of(experiment, "compiled", precision, tile=(32, 32))

    def bits(tile):
        return simulator.simulate_tile(tile).image.tobytes()

    alone = [bits(tile) for tile in simulator.plan]
    with ThreadPoolExecutor(4) as pool:
        together = [list(pool.map(bits, simulator.plan)) for _ in range(3)]
    assert together == [alone] * 3


@precisions
@pytest.mark.parametrize("pixels", [16, 5, 1])
def test_a_single_block_and_a_single_step_are_as_any_other(still, precision, pixels):
    experiment = still("-detpixels", pixels)
    assert experiment.steps == 1
    here, reference = (
        computed(experiment, kernel, precision).image for kernel in ("compiled", "reference")
    )
    assert (
        relative_errors(here, reference, 1e-9).max() < {"float64": 1e-6, "mixed": 3e-5}[precision]
    )


# What is counted

KINDS = ("in_range", "zero", "absent", "out_of_range")
#: Looks beyond the list, and at all of its absent nodes.
WIDE = ("-hkl", "sparse.hkl", "-lambda", 3, "-distance", 60, "-pixel", 0.3)
COUNTED = {
    "one step": (),
    "steps": words("-phi 1 -osc 2 -phisteps 3 -mosaic 1 -mosaic_domains 3 -oversample 2"),
    "dmin": words("-dmin 4 -dispersion 10 -dispsteps 3"),
    "tricubic": words("-interpolate -phi 1 -osc 2 -phisteps 3"),
}
counted = pytest.mark.parametrize("options", COUNTED.values(), ids=COUNTED)


@counted
def test_every_look_up_is_counted_as_the_reference_kernel_counts_it(in_data, still, options):
    experiment = still(*WIDE, *options, "-detpixels", 48, "-pixel", 2.4)
    factors = load_inputs(experiment).factors
    filled = StructureFactorTable(factors.filled(0.0), factors.given, factors.minimum, 0.0, CPU)
    scene, blocks = scene_of(experiment), blocks_of(experiment)
    _, met = ReferenceKernel(scene, filled, 0.0).photons_of_blocks(blocks)
    assert count_lookups([scene], filled, blocks.pixels()) == met


@counted
def test_sampled_look_ups_have_the_proportions_of_all_of_them(eager, in_data, still, options):
    experiment = still(*WIDE, *options, "-detpixels", 384)
    sampled, exact = (computed(experiment, kernel) for kernel in ("compiled", "reference"))
    assert {result.counted for result in sampled.results} == {"sampled"}
    assert {result.counted for result in exact.results} == {"exact"}
    shares = [
        np.array([part.lookups(kind) for kind in KINDS]) / sum(map(part.lookups, KINDS))
        for part in (sampled, exact)
    ]
    assert (shares[1] > 0).sum() >= 3
    # of 144 pixels
    assert shares[0] == pytest.approx(shares[1], abs=0.06)


def test_a_sample_is_of_a_few_pixels(eager, still):
    part = computed(still("-detpixels", 96))
    # of the 36 blocks every fourth, and of each a pixel
    assert sum(map(part.lookups, KINDS)) == 9


def test_a_sample_looks_at_no_pixel_outside_the_region(eager, still):
    # the first 40 rows are 18 blocks, of which every fourth is looked at; in the third row of
    # blocks another pixel stands for the dead one in the middle
    experiment = still("-detpixels", 96, "-roi", 0, 95, 0, 39)
    blocks = RectangleBlocks(
        [Rectangle(0, 0, (0, 96), (0, 96))], region(experiment)[None] == 0, CPU
    )
    sample = blocks.sample(blocks.live()[::4])
    assert len(sample.slow) == 5
    assert sample.slow.max() <= 39
    assert sample.live.all()


def test_a_sample_is_never_empty_where_a_pixel_is_live(eager, still):
    part = computed(still("-detpixels", 96, "-roi", 0, 95, 0, 3))
    assert sum(map(part.lookups, KINDS)) == 2


def region(experiment):
    slow, fast = experiment.detector.pixels
    return load_mask(experiment)(0, slice(0, slow), slice(0, fast))


def test_without_a_file_every_sampled_look_up_is_out_of_range(eager):
    experiment = Experiment.from_nanobragg(words(f"{NO_FILE} -detpixels 64"))
    part = computed(experiment)
    assert {kind: part.lookups(kind) for kind in KINDS} == {
        "in_range": 0, "zero": 0, "absent": 0, "out_of_range": 4
    }  # fmt: skip


DONE = {
    "all pixels": (),
    "a mask": ("-mask", "mask.img", "-detpixels", 128),
    "a region": ("-roi", 5, 70, 18, 33),
    "dmin": ("-dmin", 6, "-oversample", 2),
    "dmin and sources": words("-dmin 6 -divergence 40 -divsteps 2 -dispersion 10 -dispsteps 2"),
    "as c": words("-phi 0 -osc 2 -phisteps 2"),
}


@pytest.mark.parametrize("kind", DONE)
def test_evaluations_are_counted_one_by_one(eager, in_data, still, kind):
    experiment = still(*DONE[kind], c_compat=kind == "as c")
    fused, reference = (
        computed(experiment, kernel, tile=(48, 48)) for kernel in ("compiled", "reference")
    )
    assert reference.done > 0
    assert fused.done == reference.done


def test_dmin_and_masks_leave_evaluations_out(eager, still):
    planned, done = (
        [computed(still("-oversample", 2, *options)).done for options in chosen]
        for chosen in (((),), (DONE["dmin"], DONE["a region"]))
    )
    assert planned == [96 * 96 * 4]
    assert done[1] == 66 * 16 * 4
    assert 0 < done[0] < planned[0]


# Traces

TRACED = ((0, 0), (10, 15), (16, 16), (47, 80), (95, 95))
#: Of a chain, what is not of the pixel's physics.
STORED = "floatimage_accumulated"


@pytest.fixture(scope="module", params=[*PRECISIONS, "dmin"])
def traced(request, still):
    """A fused run and a reference run of one experiment, traced; and the error of the former."""
    options = REAL["dmin"] if request.param == "dmin" else REAL["oscillation"]
    precision = "mixed" if request.param == "dmin" else request.param
    experiment = still(*options)
    with eagerly():
        fused, reference = (
            computed(experiment, kernel, precision, tile=(48, 80), trace_pixels=TRACED)
            for kernel in ("compiled", "reference")
        )
    return fused, reference, {"float64": 2e-7, "mixed": 1e-5}[precision]


def requested(part):
    return {trace.pixel: trace for trace in part.traces if trace.reason == "requested"}


def test_every_pixel_that_is_asked_for_is_traced(traced):
    assert sorted(requested(traced[0])) == sorted(TRACED)


def test_the_brightest_pixel_of_every_tile_is_traced(traced):
    fused, *_ = traced
    for result in fused.results:
        (trace,) = (trace for trace in result.traces if trace.reason == "brightest")
        assert trace.values[STORED] == result.image.max() > 0


def assert_same_numbers(found, expected):
    """All steps at once are added in another order than one by one."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, err_msg=name)


def test_a_trace_is_the_float64_chain_of_the_reference_kernel(traced):
    here, there = (requested(part) for part in traced[:2])
    for pixel in TRACED:
        values, expected = (dict(part[pixel].values) for part in (here, there))
        del values[STORED], expected[STORED]
        assert_same_numbers(values, expected)


def test_every_phi_step_of_a_trace_is_that_of_the_reference_kernel(traced):
    here, there = (requested(part) for part in traced[:2])
    for pixel in TRACED:
        steps, expected = here[pixel].phi_steps, there[pixel].phi_steps
        assert steps
        for step, expected_step in zip(steps, expected, strict=True):
            assert_same_numbers(step, expected_step)


def test_a_trace_ends_at_the_value_that_is_stored(traced):
    fused, _, error = traced
    for trace in fused.traces:
        assert trace.values[STORED] == fused.image[trace.pixel]
        assert trace.values["I_pixel_final"] == pytest.approx(trace.values[STORED], rel=error)


@precisions
def test_a_traced_pixel_may_be_stored_as_the_next_float32(eager, still, monkeypatch, precision):
    # of two sums that differ in the sixteenth digit one in a billion rounds the other way
    photons_of_blocks = CompiledKernel.photons_of_blocks

    def next_up(kernel, blocks, progress=None):
        photons, lookups = photons_of_blocks(kernel, blocks, progress)
        stored = photons.numpy().astype(np.float32)
        return torch.from_numpy(np.nextafter(stored, np.float32(np.inf)).astype(float)), lookups

    monkeypatch.setattr(CompiledKernel, "photons_of_blocks", next_up)
    traced = computed(still(), precision=precision, trace_pixels=TRACED)
    assert sorted(requested(traced)) == sorted(TRACED)


@precisions
def test_a_trace_that_the_kernel_does_not_explain_is_told(eager, still, monkeypatch, precision):
    photons_of_blocks = CompiledKernel.photons_of_blocks

    def wrong(kernel, blocks, progress=None):
        photons, lookups = photons_of_blocks(kernel, blocks, progress)
        return photons * 1.01, lookups

    monkeypatch.setattr(CompiledKernel, "photons_of_blocks", wrong)
    (trace,) = computed(still(), precision=precision).traces
    assert trace.departure == pytest.approx(-0.01 / 1.01 * trace.values[STORED], rel=1e-3)


#: A step of pixel (0, 20) lies on a half-integer index within rounding.
ON_THE_EDGE = ("-cell", 70, 30.34180095537829, 90, 90, 90, 90)


@precisions
def test_a_step_on_a_half_integer_index_costs_no_tile(eager, still, precision):
    (trace,) = requested(
        computed(still(*ON_THE_EDGE), precision=precision, trace_pixels=((0, 20),))
    ).values()
    assert np.isfinite(trace.departure)


def test_what_underflows_in_float32_is_no_departure(eager, still):
    experiment = still("-gauss_xtal", "-N", 8, "-detpixels", 64)
    pixels = tuple((slow, fast) for slow in range(0, 64, 9) for fast in range(0, 64, 7))
    part = computed(experiment, precision="mixed", trace_pixels=pixels)
    assert any(trace.values[STORED] == 0 < trace.values["I_pixel_final"] for trace in part.traces)
    assert all(trace.departure == 0 for trace in part.traces)


@precisions
def test_a_dark_pixel_can_be_traced(eager, still, precision):
    experiment = still("-gauss_xtal", "-N", 30, "-detpixels", 32)
    (trace,) = computed(experiment, precision=precision, trace_pixels=((3, 4),)).traces
    assert trace.departure == 0.0
    assert (trace.pixel, trace.values[STORED]) == ((3, 4), 0.0)
