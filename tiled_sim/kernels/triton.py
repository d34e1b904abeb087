"""The fused GPU kernel: one Triton program a block of pixels, all steps in one launch.

Directions, h, k, l and the sum over steps are float64; between them, where the work is, numbers
are as ``precision`` says. With h in float64 no anchor is needed to hold its whole part: d - i is
put together again, and nothing is kept for a step and block. Products are fused with sums where
that is written (`tl.fma`) and nowhere else, and steps are added one by one, so that a pixel's
bytes depend neither on the blocks launched with its own nor on what a compiler finds to contract.

Under ``TRITON_INTERPRET=1``, set before Triton is imported, it runs on CPU tensors, slowly.
"""

import os
import shutil
from types import SimpleNamespace

import torch
from torch import Tensor

from tiled_sim.kernels import graphs
from tiled_sim.kernels.anchored import TRACE_ERROR, AnchoredSum, Summand
from tiled_sim.kernels.anchors import STEPS_AT_A_TIME, StepList
from tiled_sim.kernels.blocks import AT_A_TIME, LANES, Blocks, Pixels
from tiled_sim.kernels.kernel import Progress
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.grid import BLOCK
from tiled_sim.model.settings import TRITON
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table

try:
    import triton
    import triton.language as tl
except ImportError:
    # `obstacle` tells
    triton = SimpleNamespace(jit=lambda function: function)
    tl = SimpleNamespace(constexpr=lambda value: value, tensor=Tensor)

_CPU = torch.device("cpu")
#: Whether Triton is.
IS_INSTALLED = not isinstance(triton, SimpleNamespace)
#: Four pixels a thread share the nine numbers of a step; of those that interpolate, two, as four
#: do not fit into its registers. By whether F is interpolated.
_WARPS = {False: 2, True: 4}

_LANES = tl.constexpr(LANES)
_SIDE = tl.constexpr(BLOCK)
_SINE = tl.constexpr(graphs._SINE[torch.float32])
_LONG_SINE = tl.constexpr(graphs._SINE[torch.float64])
_SPHERE = tl.constexpr(graphs._SPHERE)
_SPHERE_SERIES_BELOW = tl.constexpr(graphs._SPHERE_SERIES_BELOW)
_SMALLEST_EXPONENT = tl.constexpr(graphs._SMALLEST_EXPONENT[torch.float32])
_SMALLEST_LONG_EXPONENT = tl.constexpr(graphs._SMALLEST_EXPONENT[torch.float64])
_SMALLEST_DELTA = tl.constexpr(graphs._SMALLEST_DELTA)
_PI = tl.constexpr(torch.pi)
_SIXTH = tl.constexpr(1.0 / 6.0)
#: Added to a float64 it leaves whole numbers, halves to even, and the number itself in the low
#: 32 bits. A conversion takes eight times as long as an addition.
_TO_WHOLE = tl.constexpr(1.5 * 2**52)
#: Less by this, halves are rounded down; it is far below what h is known to.
_BELOW_HALF = tl.constexpr(2.0**-40)


def obstacle() -> str:
    """Why Triton cannot be had here; empty if it can."""
    if not IS_INSTALLED:
        return "triton is not installed"
    if not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "triton needs a C compiler to launch what it compiles (gcc or clang)"
    return ""


class TritonKernel:
    """Sums every step of every pixel, millions of pixels at a time, on a CUDA device.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    precision : ``mixed`` (float32 once h, k, l are less their nodes) or ``float64``
    device : where it runs, and the table lies

    Raises
    ------
    ImportError
        without Triton
    """

    name = TRITON
    counts = False
    leaves_out = False
    skipped_bound = 0.0
    blocks_a_sample = 4
    blocks_at_a_time = AT_A_TIME[TRITON]

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        precision: str = "float64",
        device: torch.device = _CPU,
    ) -> None:
        if not IS_INSTALLED:
            raise ImportError(obstacle())
        self.scene = scene
        self.table = constant_table(default_F, device) if table is None else table
        self.trace_error = TRACE_ERROR[precision]
        loops = TritonLoops(Summand.of(scene, self.table, precision))
        self._sum = AnchoredSum(scene, self.table, loops, device)

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`."""
        return self._sum.photons_of_blocks(blocks, progress)

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`."""
        self._sum.trace(pixels, recorder)


class TritonLoops:
    """The loops of `TritonKernel`.

    Parameters
    ----------
    summand : on the device where they run
    """

    def __init__(self, summand: Summand) -> None:
        self._summand = summand
        device = summand.last.device
        minimum = torch.tensor(summand.minimum, dtype=torch.int32, device=device)
        # the padded table begins one node below the lowest
        self._reach = torch.cat([minimum - 1, summand.last])

    def directions_of_blocks(self, *tensors: Tensor) -> list[Tensor]:
        """As `FusedLoops.directions_of_blocks`."""
        slow = tensors[0]
        found = torch.empty((4, len(slow), LANES), dtype=torch.float64, device=slow.device)
        with torch.cuda.device_of(found):
            _direct[(len(slow),)](*tensors, *found, num_warps=_WARPS[False], enable_fp_fusion=False)
        return list(found)

    def add_steps(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        at_anchor: Vectors,
        steps: StepList,
        total: Tensor,
        progress: Progress,
    ) -> None:
        """As `FusedLoops.add_steps`; steps are added one by one in float64."""
        summand = self._summand
        # of the steps alone: sums of launches would be rounded by their number
        summed = torch.zeros_like(total)
        components = [component.contiguous() for component in differences]
        with torch.cuda.device_of(total):
            for some in steps.parts(STEPS_AT_A_TIME):
                _add_steps[(len(total),)](
                    *components,
                    *at_anchor,
                    some.vectors.contiguous(),
                    some.weights.contiguous(),
                    len(some),
                    summand.values[steps.grid],
                    self._reach,
                    summand.lattice,
                    summed,
                    shape=summand.shape,
                    interpolate=summand.interpolate,
                    num_warps=_WARPS[summand.interpolate],
                    enable_fp_fusion=False,
                )
                if total.is_cuda and len(steps) > len(some):
                    torch.cuda.current_stream().synchronize()  # else nothing is done yet
                progress(len(some))
        total += summed


# A pixel is an element of a tensor of 256; (h, k, l) and the like are tuples of such tensors.


@triton.jit
def _direct(
    slow: tl.tensor,
    fast: tl.tensor,
    anchor_x: tl.tensor,
    anchor_y: tl.tensor,
    anchor_z: tl.tensor,
    subpixel: tl.tensor,
    panels: tl.tensor,
    beam: tl.tensor,
    difference_x: tl.tensor,
    difference_y: tl.tensor,
    difference_z: tl.tensor,
    scale: tl.tensor,
) -> None:
    """Directions of one block, as `graphs.Directions` does."""
    block = tl.program_id(0)
    lane = tl.arange(0, _LANES)
    panel = panels + 13 * block
    slow_size, fast_size = tl.load(panel + 11), tl.load(panel + 12)
    oversample, sub_slow, sub_fast = _three(subpixel)
    row, column = tl.load(slow + block) + lane // _SIDE, tl.load(fast + block) + lane % _SIDE
    along_slow = slow_size * (row * oversample + sub_slow) + slow_size / 2.0
    along_fast = fast_size * (column * oversample + sub_fast) + fast_size / 2.0
    of_fast, of_slow, origin = _three(panel), _three(panel + 3), _three(panel + 6)
    x = along_fast * of_fast[0] + along_slow * of_slow[0] + origin[0]
    y = along_fast * of_fast[1] + along_slow * of_slow[1] + origin[1]
    z = along_fast * of_fast[2] + along_slow * of_slow[2] + origin[2]
    distance = tl.sqrt(x * x + y * y + z * z)
    x, y, z = x / distance, y / distance, z / distance
    cosine = _dot(_three(beam), x, y, z)
    electric = _dot(_three(beam + 3), x, y, z)
    magnetic = _dot(_three(beam + 6), x, y, z)
    factor = _three(beam + 9)
    polar = factor[0] + factor[1] * cosine * cosine
    polar = polar + factor[2] * (electric * electric - magnetic * magnetic)
    obliquity, point = tl.load(panel + 9), tl.load(panel + 10)
    omega = (obliquity / distance + point) / (distance * distance)
    pixel = block * _LANES + lane
    tl.store(difference_x + pixel, x - tl.load(anchor_x + block))
    tl.store(difference_y + pixel, y - tl.load(anchor_y + block))
    tl.store(difference_z + pixel, z - tl.load(anchor_z + block))
    tl.store(scale + pixel, polar * omega)


@triton.jit
def _add_steps(
    difference_x: tl.tensor,
    difference_y: tl.tensor,
    difference_z: tl.tensor,
    anchor_x: tl.tensor,
    anchor_y: tl.tensor,
    anchor_z: tl.tensor,
    vectors: tl.tensor,
    weights: tl.tensor,
    steps: tl.tensor,
    table: tl.tensor,
    reach: tl.tensor,
    lattice: tl.tensor,
    total: tl.tensor,
    shape: tl.constexpr,
    interpolate: tl.constexpr,
) -> None:
    """Add all steps to one block, as `graphs.Sweep` does."""
    block = tl.program_id(0)
    pixel = block * _LANES + tl.arange(0, _LANES)
    x = tl.load(difference_x + pixel) + tl.load(anchor_x + block)
    y = tl.load(difference_y + pixel) + tl.load(anchor_y + block)
    z = tl.load(difference_z + pixel) + tl.load(anchor_z + block)
    low = _three(reach)
    last = _three(reach + 3)
    numbers = _three(lattice) + _three(lattice + 3)
    width = tl.load(lattice + 6)
    height = tl.load(lattice + 7)
    summed = tl.load(total + pixel)
    for step in range(steps):
        vector = vectors + 9 * step
        h, dh = _nearest(_index(_three(vector), x, y, z))
        k, dk = _nearest(_index(_three(vector + 3), x, y, z))
        l, dl = _nearest(_index(_three(vector + 6), x, y, z))
        node = (h - low[0], k - low[1], l - low[2])
        delta = (dh, dk, dl)
        value = tl.load(table + _clamped_place(node, last))
        if interpolate:
            value = _interpolated(table, node, delta, last, value)
            value = value * value
        term = tl.load(weights + step).to(value.dtype) * value
        if shape == "square":
            term = term * _grating_squared(delta, numbers, term.dtype)
        elif shape == "round":
            term = term * height.to(term.dtype) * _sphere_squared(delta, numbers, term.dtype)
        else:
            distance = _distance_squared(delta, numbers) * width
            if shape == "gauss_star":
                term = term * height.to(term.dtype) * _exponential(-distance, term.dtype)
            else:
                term = term * height.to(term.dtype) * (distance < 1.0).to(term.dtype)
        summed += term.to(tl.float64)
    tl.store(total + pixel, summed)


@triton.jit
def _three(pointer: tl.tensor) -> tl.tensor:
    """Three numbers of the memory that all pixels share."""
    return tl.load(pointer), tl.load(pointer + 1), tl.load(pointer + 2)


@triton.jit
def _dot(vector: tl.tensor, x: tl.tensor, y: tl.tensor, z: tl.tensor) -> tl.tensor:
    """Component along a vector, products and sums as written."""
    return x * vector[0] + y * vector[1] + z * vector[2]


@triton.jit
def _index(vector: tl.tensor, x: tl.tensor, y: tl.tensor, z: tl.tensor) -> tl.tensor:
    """Fractional h of a, or k of b, or l of c."""
    return tl.fma(vector[2], z, tl.fma(vector[1], y, vector[0] * x))


@triton.jit
def _nearest(index: tl.tensor) -> tl.tensor:
    """Nearest node, halves rounded down, int32; and the rest."""
    shifted = (index - _BELOW_HALF) + _TO_WHOLE
    node = shifted.to(tl.int64, bitcast=True).to(tl.int32)
    return node, index - (shifted - _TO_WHOLE)


@triton.jit
def _place(h: tl.tensor, k: tl.tensor, l: tl.tensor, last: tl.tensor) -> tl.tensor:
    """Flat place in the padded table."""
    return (h * (last[1] + 1) + k) * (last[2] + 1) + l


@triton.jit
def _clamped_place(node: tl.tensor, last: tl.tensor) -> tl.tensor:
    """Flat place in the padded table, of its border for a node beyond it."""
    h = tl.minimum(tl.maximum(node[0], 0), last[0])
    k = tl.minimum(tl.maximum(node[1], 0), last[1])
    l = tl.minimum(tl.maximum(node[2], 0), last[2])
    return _place(h, k, l, last)


@triton.jit
def _interpolated(
    table: tl.tensor, node: tl.tensor, delta: tl.tensor, last: tl.tensor, nearest: tl.tensor
) -> tl.tensor:
    """F between nodes as `graphs._tricubic`; the nearest where the table does not reach."""
    h, between_h = _below(node[0], delta[0])
    k, between_k = _below(node[1], delta[1])
    l, between_l = _below(node[2], delta[2])
    inside = _reaches(h, between_h, last[0])
    inside = inside & _reaches(k, between_k, last[1])
    inside = inside & _reaches(l, between_l, last[2])
    of_k = _lagrange(between_k.to(nearest.dtype))
    of_l = _lagrange(between_l.to(nearest.dtype))
    of_h = _lagrange(between_h.to(nearest.dtype))
    start = table + _place(h - 1, k - 1, l - 1, last)
    row = last[2] + 1
    plane = (last[1] + 1) * row
    F = of_h[0] * _plane(start, row, of_k, of_l, inside)
    F = tl.fma(of_h[1], _plane(start + plane, row, of_k, of_l, inside), F)
    F = tl.fma(of_h[2], _plane(start + 2 * plane, row, of_k, of_l, inside), F)
    F = tl.fma(of_h[3], _plane(start + 3 * plane, row, of_k, of_l, inside), F)
    return tl.where(inside, F, nearest)


@triton.jit
def _below(node: tl.tensor, delta: tl.tensor) -> tl.tensor:
    """The node at or below, and the rest in [0, 1)."""
    beyond = delta < 0.0
    return node - beyond.to(tl.int32), delta + beyond.to(tl.float64)


@triton.jit
def _reaches(node: tl.tensor, between: tl.tensor, last: tl.tensor) -> tl.tensor:
    """Whether the table has the four nodes around, and its border is none of them."""
    return (node >= 3) & ((node < last - 3) | ((node == last - 3) & (between == 0.0)))


@triton.jit
def _lagrange(t: tl.tensor) -> tl.tensor:
    """Weights of the nodes -1, 0, 1, 2, as `structure_factor.lagrange`."""
    return (
        t * (1.0 - t) * (t - 2.0) * _SIXTH,
        (t + 1.0) * (t - 1.0) * (t - 2.0) * 0.5,
        (t + 1.0) * t * (2.0 - t) * 0.5,
        (t + 1.0) * t * (t - 1.0) * _SIXTH,
    )


@triton.jit
def _plane(
    start: tl.tensor, row: tl.tensor, of_k: tl.tensor, of_l: tl.tensor, inside: tl.tensor
) -> tl.tensor:
    """Sum over 4 × 4 nodes of one h."""
    F = of_k[0] * _row(start, of_l, inside)
    F = tl.fma(of_k[1], _row(start + row, of_l, inside), F)
    F = tl.fma(of_k[2], _row(start + 2 * row, of_l, inside), F)
    return tl.fma(of_k[3], _row(start + 3 * row, of_l, inside), F)


@triton.jit
def _row(start: tl.tensor, of_l: tl.tensor, inside: tl.tensor) -> tl.tensor:
    """Sum over 4 nodes of one h and k; 0 where they are not all in the table."""
    F = of_l[0] * tl.load(start, inside, 0.0)
    F = tl.fma(of_l[1], tl.load(start + 1, inside, 0.0), F)
    F = tl.fma(of_l[2], tl.load(start + 2, inside, 0.0), F)
    return tl.fma(of_l[3], tl.load(start + 3, inside, 0.0), F)


@triton.jit
def _powers(x: tl.tensor, coefficients: tl.constexpr) -> tl.tensor:
    """Polynomial by Horner's scheme."""
    count: tl.constexpr = len(coefficients.value)
    value = tl.full(x.shape, coefficients[count - 1], x.dtype)
    for power in tl.static_range(2, count + 1):
        value = tl.fma(value, x, tl.full(x.shape, coefficients[count - power], x.dtype))
    return value


@triton.jit
def _sine_of_pi(x: tl.tensor) -> tl.tensor:
    """sin(πx) for |x| ≤ ½."""
    return x * _powers(x * x, _LONG_SINE if x.dtype == tl.float64 else _SINE)


@triton.jit
def _grating_squared(delta: tl.tensor, cells: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """Product over axes of (sin πNδ / sin πδ)², with one division."""
    above_h, below_h = _sines(delta[0], cells[0], dtype)
    above_k, below_k = _sines(delta[1], cells[1], dtype)
    above_l, below_l = _sines(delta[2], cells[2], dtype)
    quotient = (above_h * above_k * above_l) / (below_h * below_k * below_l)
    return quotient * quotient


@triton.jit
def _sines(delta: tl.tensor, cells: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """Both sin πNδ, up to its sign, and sin πδ."""
    d = tl.where(tl.abs(delta) < _SMALLEST_DELTA, _SMALLEST_DELTA, delta)
    shifted = tl.fma(d, cells, _TO_WHOLE)
    turns = tl.fma(d, cells, _TO_WHOLE - shifted)
    return _sine_of_pi(turns.to(dtype)), _sine_of_pi(d.to(dtype))


@triton.jit
def _sphere_squared(delta: tl.tensor, numbers: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """sinc3² of the distance in cells from the node."""
    h = delta[0] * numbers[0]
    k = delta[1] * numbers[1]
    l = delta[2] * numbers[2]
    radius = tl.sqrt(tl.fma(l, l, tl.fma(k, k, h * h)) * numbers[3])
    turns = (radius - ((radius + _TO_WHOLE) - _TO_WHOLE)).to(dtype)
    x = radius.to(dtype) * _PI
    # cos πt is sin π(½ - |t|)
    cosine = _sine_of_pi(0.5 - tl.abs(turns))
    # where the series holds this must not divide by 0
    far = tl.maximum(x, _SPHERE_SERIES_BELOW)
    large = 3.0 * (_sine_of_pi(turns) - far * cosine) / (far * far * far)
    sphere = tl.where(x < _SPHERE_SERIES_BELOW, _powers(x * x, _SPHERE), large)
    return sphere * sphere


@triton.jit
def _distance_squared(delta: tl.tensor, metric: tl.tensor) -> tl.tensor:
    """δᵀ G* δ [1/Å²], G* as its six numbers."""
    h, k, l = delta
    of_h = tl.fma(metric[0], h, 2.0 * tl.fma(metric[1], k, metric[2] * l))
    of_k = tl.fma(metric[3], k, 2.0 * (metric[4] * l))
    return tl.fma(h, of_h, tl.fma(k, of_k, metric[5] * l * l))


@triton.jit
def _exponential(x: tl.tensor, dtype: tl.constexpr) -> tl.tensor:
    """exp(x), 0 where it would underflow, as `graphs._exponential`."""
    smallest = _SMALLEST_LONG_EXPONENT if dtype == tl.float64 else _SMALLEST_EXPONENT
    return tl.where(x < smallest, 0.0, tl.exp(tl.maximum(x, smallest).to(dtype)))
