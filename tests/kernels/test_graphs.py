"""The graphs before they are compiled: their polynomials, and what they make of one step."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from tiled_sim.kernels import graphs
from tiled_sim.kernels.blocks import LANES
from tiled_sim.physics import geometry, lattice
from tiled_sim.physics.polarization import polarization_factor, transverse_axes

PRECISIONS = list(graphs.PRECISIONS)
#: A few roundings of the number format: what one evaluation may lose.
ROUNDING = {"float64": 2e-15, "mixed": 2e-6}
#: π to the precision of the longest float that numpy has here.
PI = np.longdouble("3.14159265358979323846264338327950288")
#: Of an orthorhombic cell of 50 × 60 × 70 Å.
METRIC = np.diag([1 / 50**2, 1 / 60**2, 1 / 70**2])
CELLS = (3, 4, 10)


def half_turns():
    """Points of |x| ≤ ½ without 0, dense at both ends."""
    near_zero = np.geomspace(1e-12, 0.5, 4001)
    even = np.linspace(1e-4, 0.5, 20001)
    positive = np.concatenate([near_zero, even, 0.5 - near_zero[near_zero < 0.4]])
    return np.concatenate([positive, -positive]).astype(np.longdouble)


def powers(x, coefficients):
    """A polynomial by Horner's scheme in the longest float."""
    value = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        value = value * x + np.longdouble(coefficient)
    return value


# Sines


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 8e-14), (torch.float64, 2e-15)])
def test_the_sine_polynomial_has_the_relative_error_that_is_stated(dtype, error):
    x = half_turns()
    polynomial = x * powers(x * x, graphs._SINE[dtype])
    assert np.abs(polynomial / np.sin(PI * x) - 1).max() < error


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 3e-7), (torch.float64, 3e-15)])
def test_the_sine_loses_a_few_roundings_and_no_more(dtype, error):
    x = torch.from_numpy(half_turns().astype(float)).to(dtype)
    exact = np.sin(PI * x.numpy().astype(np.longdouble))
    assert np.abs(graphs._sine_of_pi(x).numpy() / exact - 1).max() < error


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_sine_of_nothing_is_nothing(dtype):
    assert graphs._sine_of_pi(torch.zeros(1, dtype=dtype)).item() == 0.0


# One step of one block: δ of its pixels in, F_latt² out


@dataclasses.dataclass(frozen=True)
class Table:
    """F² of the nodes 0 … n - 1 each way, with a border around them."""

    squares: torch.Tensor
    last: torch.Tensor

    @classmethod
    def of(cls, nodes, border):
        padded = np.pad(np.asarray(nodes, float), 1, constant_values=border)
        last = torch.tensor([n - 1 for n in padded.shape], dtype=torch.int32)
        return cls(torch.from_numpy(padded.flatten()), last)


ONE = Table.of(np.ones((1, 1, 1)), 1.0)


def numbers_of(shape, cells, fudge):
    """What the kernel tells the graph of a crystal, written out once more."""
    n_sqr = float(math.prod(cells)) ** 2
    if shape in ("square", "round"):
        height = n_sqr * 0.723601254558268**2
        return [*map(float, cells), fudge, 0.0, 0.0, 0.0, height]
    width = {"gauss_star": 2 / 0.63, "tophat": 1 / 0.3969}[shape]
    metric = [METRIC[i, j] for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))]
    return [*metric, n_sqr * fudge * width, n_sqr]


def swept(
    shape, precision, *indices, cells=CELLS, fudge=1.0, table=ONE, nodes=(0, 0, 0), weights=(1.0,)
):
    """Sum over steps at h, k, l (each a list); the anchor lies at ``nodes``, and so does h = 0."""
    dtype = graphs.PRECISIONS[precision]
    count = max(map(len, indices))
    lanes = torch.zeros((3, 1, LANES), dtype=torch.float64)
    for axis, values in enumerate(indices):
        lanes[axis, 0, :count] = torch.tensor(values, dtype=torch.float64)
    steps = len(weights)
    node = torch.tensor(nodes, dtype=torch.int32) + 1
    result = graphs.Sweep(shape, precision, interpolate=False)(
        *lanes,
        torch.eye(3, dtype=torch.float64).reshape(1, 9, 1, 1).repeat(steps, 1, 1, 1),
        torch.zeros((steps, 3, 1, 1), dtype=torch.float64),
        node.reshape(1, 3, 1, 1).repeat(steps, 1, 1, 1),
        torch.tensor(weights, dtype=dtype).reshape(-1, 1, 1),
        table.squares.to(dtype),
        table.last,
        torch.tensor(numbers_of(shape, cells, fudge), dtype=torch.float64),
    )
    assert result.dtype == dtype
    return result[0, :count].tolist()


# The square crystal


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("N", [1, 2, 5, 36, 1000])
def test_the_squared_grating_at_a_node_is_n_squared(precision, N):
    (here,) = swept("square", precision, [0.0], cells=(N, 1, 1))
    assert here == pytest.approx(N**2, rel=1e-11 if precision == "float64" else 2e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("delta", [1e-12, -1e-12, 0.9e-9, -0.9e-9, 1.1e-9, -1.1e-9])
def test_the_squared_grating_has_no_noise_beside_a_node(precision, delta):
    (here,) = swept("square", precision, [delta], cells=(1000, 1, 1))
    assert here == pytest.approx(1e6, rel=1e-10 if precision == "float64" else 2e-6)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_squared_grating_is_sine_over_sine_squared(precision):
    deltas = np.linspace(-0.4999, 0.4999, 256)
    for N in (2, 7, 50):
        expected = (np.sin(np.pi * N * deltas) / np.sin(np.pi * deltas)) ** 2
        here = swept("square", precision, deltas.tolist(), cells=(N, 1, 1))
        # sin(πNδ) of numpy itself is known to N roundings of its argument
        tolerance = {"float64": 1e-11, "mixed": 1e-5}[precision]
        assert here == pytest.approx(expected, rel=tolerance, abs=1e-25)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_squared_gratings_of_three_axes_are_multiplied(precision):
    (all_three,) = swept("square", precision, [0.1], [0.2], [0.33])
    one_by_one = [
        swept("square", precision, [delta], cells=(N, 1, 1))[0]
        for delta, N in zip((0.1, 0.2, 0.33), CELLS, strict=True)
    ]
    assert all_three == pytest.approx(math.prod(one_by_one), rel=4 * ROUNDING[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_one_cell_scatters_alike_everywhere(precision):
    deltas = [-0.4999, -0.1, 0.0, 1e-9, 0.3, 0.5]
    here = swept("square", precision, deltas, deltas, deltas, cells=(1, 1, 1))
    assert here == pytest.approx([1.0] * 6, rel=ROUNDING[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_grating_vanishes_exactly_between_nodes_of_an_even_crystal(precision):
    assert swept("square", precision, [0.5], cells=(10, 1, 1)) == [0.0]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_squared_grating_has_period_one(precision):
    # 1 / 64: whole parts are peeled off without a rounding
    first, *others = swept("square", precision, [n + 1 / 64 for n in (0, 1, -1, 7, 250, -300)])
    assert others == [first] * 5


# The round crystal


@pytest.mark.parametrize(("precision", "error"), [("float64", 1e-14), ("mixed", 1e-6)])
def test_the_sphere_series_meets_its_formula_at_the_switch(precision, error):
    switch = graphs._SPHERE_SERIES_BELOW / math.pi
    sides = [switch * (1 - 1e-15), switch * (1 + 1e-15)]
    below, above = swept("round", precision, sides, cells=(1, 1, 1))
    assert below != 0.0
    assert below == pytest.approx(above, rel=error)


def test_the_sphere_series_is_the_formula_below_the_switch():
    x = np.linspace(0.5, graphs._SPHERE_SERIES_BELOW, 1001).astype(np.longdouble)
    formula = 3 * (np.sin(x) / x - np.cos(x)) / x**2
    series = powers(x * x, graphs._SPHERE)
    assert np.abs(series / formula - 1).max() < 1e-14


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_round_crystal_at_a_node_is_its_height(precision):
    (here,) = swept("round", precision, [0.0])
    height = (120 * 0.723601254558268) ** 2
    assert here == pytest.approx(height, rel=ROUNDING[precision])


@pytest.mark.parametrize("fudge", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_round_crystal_is_the_transform_of_a_sphere_at_any_number_of_turns(precision, fudge):
    deltas = np.linspace(-0.4999, 0.4999, 256)
    cells = (1000, 3, 5)
    index = lattice.indices(*(torch.from_numpy(deltas * scale) for scale in (1, 0.7, -0.3)))
    expected = lattice.round_(index, cells, fudge).square().tolist()
    here = swept(
        "round", precision, *((deltas * s).tolist() for s in (1, 0.7, -0.3)), cells=cells,
        fudge=fudge,
    )  # fmt: skip
    # the formula cancels where it is 0: beside that, the envelope around is the scale
    x_sqr = (math.pi * 1000 * deltas) ** 2 * fudge
    envelope = 9 * (15000 * 0.723601254558268) ** 2 / (1 + x_sqr) ** 2
    tolerance = {"float64": 1e-11, "mixed": 1e-6}[precision]
    assert np.all(np.abs(np.array(here) - expected) <= tolerance * envelope)


# Gaussian and flat-topped spots


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", ["gauss_star", "tophat"])
def test_a_spot_is_as_high_as_the_crystal_has_cells(shape, precision):
    assert swept(shape, precision, [0.0]) == [120.0**2]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_gaussian_spots_fall_to_one_over_e_squared_at_the_radius_of_their_formula(precision):
    radius = math.sqrt(0.63) / 120  # 1/Å
    here = [
        swept("gauss_star", precision, *([[0.0]] * axis), [radius * edge])[0]
        for axis, edge in enumerate((50, 60, 70))
    ]
    assert here == pytest.approx([(120 / math.e) ** 2] * 3, rel=2 * ROUNDING[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_gaussian_spot_is_exactly_dark_where_it_underflows(precision):
    # far from every spot F_latt is exp(-1000): a floor there would be an image of nothing
    assert swept("gauss_star", precision, [0.4], cells=(100, 100, 100)) == [0.0]


def test_a_gaussian_spot_is_seen_down_to_where_float64_ends():
    fudge = 300 / (2 / 0.63 * 120**2 * (0.1 / 50) ** 2)
    (here,) = swept("gauss_star", "float64", [0.1], fudge=fudge)
    assert here == pytest.approx(120**2 * math.exp(-300), rel=1e-12)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("side", "height"), [(1 - 1e-9, 120.0**2), (1 + 1e-9, 0.0)])
def test_flat_topped_spots_end_at_the_radius_of_their_formula(precision, side, height):
    edge = math.sqrt(0.3969) / 120 * 50
    assert swept("tophat", precision, [edge * side]) == [height]


@pytest.mark.parametrize("shape", ["round", "gauss_star", "tophat"])
def test_the_fudge_counts_into_the_squared_distance(shape):
    wide, narrow = (
        swept(shape, "float64", [delta], fudge=fudge) for delta, fudge in ((0.006, 1), (0.003, 4))
    )
    assert wide == pytest.approx(narrow, rel=1e-14)


# Structure factors and weights

LISTED = Table.of(np.arange(1.0, 25.0).reshape(2, 3, 4), 100.0)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("node", [(0, 0, 0), (1, 2, 3), (0, 2, 1), (1, 0, 3)])
def test_f_is_that_of_the_nearest_node(precision, node):
    expected = 1 + node[0] * 12 + node[1] * 4 + node[2]
    indices = [[n - 0.3, n, n + 0.3] for n in map(float, node)]
    here = swept("square", precision, *indices, cells=(1, 1, 1), table=LISTED)
    assert here == pytest.approx([expected] * 3, rel=ROUNDING[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("node", [(-1, 0, 0), (2, 0, 0), (0, -1, 1), (0, 3, 1), (1, 1, 4)])
def test_f_beyond_the_table_is_that_of_its_border(precision, node):
    near, far = ([[float(n * scale)] for n in node] for scale in (1, 50))
    for indices in (near, far):
        here = swept("square", precision, *indices, cells=(1, 1, 1), table=LISTED)
        assert here == pytest.approx([100.0], rel=ROUNDING[precision])


@pytest.mark.parametrize("far", [(1 << 28, 0, 0), (0, -(1 << 28), 0)])
def test_an_anchor_far_beyond_the_table_meets_its_border(far):
    here = swept("square", "float64", [0.0], cells=(1, 1, 1), table=LISTED, nodes=far)
    assert here == pytest.approx([100.0])


def test_the_nearest_node_is_counted_from_the_anchor_s():
    here = swept("square", "float64", [0.0, 1.0], cells=(1, 1, 1), table=LISTED, nodes=(0, 1, 2))
    assert here == pytest.approx([7.0, 19.0])


def test_halves_are_rounded_down():
    here = swept("square", "float64", [0.5, 0.5000001], cells=(1, 1, 1), table=LISTED)
    assert here == pytest.approx([1.0, 13.0])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_steps_are_added_with_their_weights(precision):
    (here,) = swept("square", precision, [0.3], weights=(1.0, 0.0, 0.25, 3.0))
    (once,) = swept("square", precision, [0.3])
    assert here == pytest.approx(4.25 * once, rel=ROUNDING[precision])


# Directions

ORIGIN = (-0.021, 0.013, 0.07)
FAST, SLOW = (0.0, 0.8, 0.6), (1.0, 0.0, 0.0)
BEAM = (0.6, 0.0, 0.8)
AXIS = (0.0, 1.0, 0.0)
PIXEL, CLOSE = (3e-4, 5e-4), 0.05
KAHN = 0.7


def directed(
    obliquity=(PIXEL[0] * PIXEL[1] * CLOSE, 0.0), factor=(0.5, 0.5, -0.5 * KAHN), subpixel=(1, 0, 0)
):
    """The graph's answer for two blocks, and the directions of their pixels by `physics`."""
    oversample, sub_slow, sub_fast = subpixel
    sizes = (side / oversample for side in PIXEL)
    corners = torch.tensor([[[16.0], [48.0]], [[0.0], [32.0]]], dtype=torch.float64)
    anchors = torch.tensor([[[0.1], [0.2]], [[0.0], [0.3]], [[1.0], [0.9]]], dtype=torch.float64)
    electric, magnetic = transverse_axes(BEAM, AXIS)
    result = graphs.Directions()(
        *corners,
        *anchors,
        torch.tensor((oversample, sub_slow, sub_fast), dtype=torch.float64),
        torch.tensor([(*FAST, *SLOW, *ORIGIN, *obliquity, *sizes)] * 2, dtype=torch.float64),
        torch.tensor((*BEAM, *electric, *magnetic, *factor), dtype=torch.float64),
    )
    lane = torch.arange(256)
    slow, fast = (corners[0] + lane // 16, corners[1] + lane % 16)
    position = geometry.flat_position(
        PIXEL[0] * (slow + (sub_slow + 0.5) / oversample),
        PIXEL[1] * (fast + (sub_fast + 0.5) / oversample),
        ORIGIN,
        SLOW,
        FAST,
    )
    return result, anchors, *geometry.direction(position)


def assert_close(here, expected):
    torch.testing.assert_close(here, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("subpixel", [(1, 0, 0), (3, 0, 2), (3, 2, 1)])
def test_directions_are_told_from_the_anchor(subpixel):
    (x, y, z, _), anchors, diffracted, _ = directed(subpixel=subpixel)
    for here, anchor, expected in zip((x, y, z), anchors, diffracted, strict=True):
        assert_close(here, expected - anchor)


def test_the_scale_is_polarization_times_solid_angle():
    (*_, scale), _, diffracted, distance = directed()
    omega = geometry.solid_angle(distance, PIXEL, CLOSE)
    assert_close(scale, polarization_factor(diffracted, BEAM, KAHN, AXIS) * omega)


def test_the_scale_of_a_point_pixel_is_that_of_its_distance():
    (*_, scale), _, diffracted, distance = directed(obliquity=(0.0, 1.0))
    omega = geometry.point_solid_angle(distance)
    assert_close(scale, polarization_factor(diffracted, BEAM, KAHN, AXIS) * omega)


def test_the_scale_without_polarization_is_the_solid_angle():
    (*_, scale), *_, distance = directed(factor=(1.0, 0.0, 0.0))
    assert_close(scale, geometry.solid_angle(distance, PIXEL, CLOSE))
