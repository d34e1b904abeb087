"""The two graphs that are compiled: directions of pixels, and the sum over steps.

Both work on whole blocks of 16 × 16 pixels, (blocks, 256); numbers of blocks and steps are free.
Nothing here knows of experiments: every quantity is a tensor, so one graph serves all.
"""

import math

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import LANES
from tiled_sim.model.grid import BLOCK
from tiled_sim.physics.structure_factor import lagrange

#: sin(πx)/x on |x| ≤ ½ by even powers of x, interpolated at Chebyshev's points: relative error
#: 8e-14 and 2e-15.
_SINE = {
    torch.float32: (
        3.141592653589636,
        -5.167712779988138,
        2.5501640359146416,
        -0.599264434062856,
        0.08214479560514781,
        -0.007364008675462431,
        0.0004474962396281106,
    ),
    torch.float64: (
        3.1415926535897882,
        -5.167712780048736,
        2.550164039794811,
        -0.599264526949625,
        0.08214585145627505,
        -0.007370140535490659,
        0.0004649538589266146,
        -1.862156505870525e-05,
        -2.49922527484286e-06,
    ),
}
#: Transform of a sphere by even powers of x, for x where its formula cancels: the coefficients
#: are 3 · (2k + 2) · (-1)^k / (2k + 3)!.
_SPHERE = tuple(3.0 * (2 * k + 2) * (-1) ** k / math.factorial(2 * k + 3) for k in range(10))
_SPHERE_SERIES_BELOW = 1.5
#: exp of less underflows, which is slow, and is taken as 0.
_SMALLEST_EXPONENT = {torch.float32: -80.0, torch.float64: -700.0}
#: δ is kept away from 0 by this, so that the quotient at a node is N.
_SMALLEST_DELTA = 1e-9
PRECISIONS = {"mixed": torch.float32, "float64": torch.float64}


def _sine_of_pi(x: Tensor) -> Tensor:
    """sin(πx) for |x| ≤ ½."""
    return x * _powers(x * x, _SINE[x.dtype])


def _powers(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    value = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value


class Directions(torch.nn.Module):
    """From blocks of a flat panel to what their pixels need, in float64.

    Forward takes the corners of the blocks and their anchor directions, each (blocks, 1), the
    subpixel's place, the numbers of the blocks' panels, (blocks, 13), and the beam's; it returns
    the components of d - d_anchor, and polar · omega, each (blocks, 256).
    """

    def forward(
        self,
        slow: Tensor,
        fast: Tensor,
        anchor_x: Tensor,
        anchor_y: Tensor,
        anchor_z: Tensor,
        subpixel: Tensor,
        panels: Tensor,
        beam: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Differences of direction and polar · omega; see the class."""
        lane = torch.arange(LANES, device=slow.device)
        oversample, sub_slow, sub_fast = subpixel.unbind()
        panel = panels[:, :, None].unbind(1)
        slow_size, fast_size = panel[11], panel[12]
        row, column = slow + (lane // BLOCK), fast + (lane % BLOCK)
        along_slow = slow_size * (row * oversample + sub_slow) + slow_size / 2.0
        along_fast = fast_size * (column * oversample + sub_fast) + fast_size / 2.0
        x = along_fast * panel[0] + along_slow * panel[3] + panel[6]
        y = along_fast * panel[1] + along_slow * panel[4] + panel[7]
        z = along_fast * panel[2] + along_slow * panel[5] + panel[8]
        distance = torch.sqrt(x * x + y * y + z * z)
        x, y, z = x / distance, y / distance, z / distance
        cosine = x * beam[0] + y * beam[1] + z * beam[2]
        electric = x * beam[3] + y * beam[4] + z * beam[5]
        magnetic = x * beam[6] + y * beam[7] + z * beam[8]
        polar = beam[9] + beam[10] * cosine * cosine
        # cos 2ψ sin² 2θ is the difference of the squares of the transverse components
        polar = polar + beam[11] * (electric * electric - magnetic * magnetic)
        omega = (panel[9] / distance + panel[10]) / (distance * distance)
        return x - anchor_x, y - anchor_y, z - anchor_z, polar * omega


class Sweep(torch.nn.Module):
    """Sum of weight · F_cell² · F_latt² over steps: h, k, l in float64, then as ``precision`` says.

    Forward takes differences of direction (blocks, 256), for each step the crystal's vectors over
    λ (steps, 9, 1, 1), for each step and block the anchor's remainder (steps, 3, blocks, 1) and
    node (steps, 3, blocks, 1) int32 in the padded table, weights (steps, 1, 1), the table of F²
    (of F where it interpolates) with its last indices (3,) int32, and the numbers of the lattice;
    it returns (blocks, 256).

    Parameters
    ----------
    shape : of the crystal
    precision : ``mixed`` (float32 once h, k, l are less their nodes) or ``float64``
    interpolate : F between its nodes, where the table reaches far enough
    """

    def __init__(self, shape: str, precision: str, interpolate: bool) -> None:
        super().__init__()
        self.shape = shape
        self.dtype = PRECISIONS[precision]
        self.interpolate = interpolate

    def forward(
        self,
        x: Tensor,
        y: Tensor,
        z: Tensor,
        vectors: Tensor,
        remainder: Tensor,
        node: Tensor,
        weight: Tensor,
        table: Tensor,
        last: Tensor,
        lattice: Tensor,
    ) -> Tensor:
        """Sum over steps; see the class."""
        delta, whole, index = [], [], []
        for axis in range(3):
            a = vectors[:, 3 * axis : 3 * axis + 3]
            h = a[:, 0] * x + a[:, 1] * y + a[:, 2] * z + remainder[:, axis]
            nearest = torch.ceil(h - 0.5)
            delta.append(h - nearest)
            whole.append((nearest.to(torch.int32) + node[:, axis]).clamp(0).minimum(last[axis]))
            index.append((h, node[:, axis]))
        value = table[_place(whole, last)]
        if self.interpolate:
            between, allowed = _tricubic(index, table, last)
            F = torch.where(allowed, between, value)
            value = F * F
        return (weight * value * self._squared_factor(delta, lattice)).sum(0)

    def _squared_factor(self, delta: list[Tensor], lattice: Tensor) -> Tensor:
        """F_latt²."""
        if self.shape == "square":
            return _grating_squared(delta, lattice, self.dtype)
        height = lattice[7].to(self.dtype)
        if self.shape == "round":
            return height * _sphere_squared(delta, lattice, self.dtype)
        distance = _distance_squared(delta, lattice) * lattice[6]
        if self.shape == "gauss_star":
            return height * _exponential(-distance, self.dtype)
        return height * (distance < 1.0).to(self.dtype)


def _place(index: list[Tensor], last: Tensor) -> Tensor:
    """Flat place of h, k, l in the padded table."""
    return (index[0] * (last[1] + 1) + index[1]) * (last[2] + 1) + index[2]


def _tricubic(
    index: list[tuple[Tensor, Tensor]], table: Tensor, last: Tensor
) -> tuple[Tensor, Tensor]:
    """F between nodes, as `StructureFactorTable.tricubic`, and where the table reaches for it.

    ``index`` holds, for h, k, l, a small remainder and the node in the padded table to add.
    """
    starts, weights, allowed = [], [], None
    for axis, (remainder, node) in enumerate(index):
        low = torch.floor(remainder)
        between = remainder - low
        place = low.to(torch.int32) + node
        end = last[axis] - 3
        inside = (place >= 3) & ((place < end) | ((place == end) & (between == 0.0)))
        allowed = inside if allowed is None else allowed & inside
        starts.append((place - 1).clamp(0).minimum(last[axis] - 3))
        weights.append(lagrange(between.to(table.dtype)))
    assert allowed is not None
    F = None
    for m in range(4):
        plane = None
        for n in range(4):
            line = _place([starts[0] + m, starts[1] + n, starts[2]], last)
            terms = [weights[2][o] * table[line + o] for o in range(4)]
            row = weights[1][n] * (((terms[0] + terms[1]) + terms[2]) + terms[3])
            plane = row if plane is None else plane + row
        assert plane is not None
        F = weights[0][m] * plane if F is None else F + weights[0][m] * plane
    assert F is not None
    return F, allowed


def _grating_squared(delta: list[Tensor], lattice: Tensor, dtype: torch.dtype) -> Tensor:
    """Product over axes of (sin πNδ / sin πδ)², with one division."""
    above = below = None
    for axis in range(3):
        d = torch.where(delta[axis].abs() < _SMALLEST_DELTA, _SMALLEST_DELTA, delta[axis])
        turns = d * lattice[axis]
        upper = _sine_of_pi((turns - torch.round(turns)).to(dtype))
        lower = _sine_of_pi(d.to(dtype))
        above = upper if above is None else above * upper
        below = lower if below is None else below * lower
    assert above is not None
    assert below is not None
    quotient = above / below
    return quotient * quotient


def _sphere_squared(delta: list[Tensor], lattice: Tensor, dtype: torch.dtype) -> Tensor:
    """sinc3² of the distance in cells from the node."""
    radius_sqr = sum((delta[axis] * lattice[axis]) ** 2 for axis in range(3)) * lattice[3]
    assert isinstance(radius_sqr, Tensor)
    radius = torch.sqrt(radius_sqr)
    turns = (radius - torch.round(radius)).to(dtype)
    x = math.pi * radius.to(dtype)
    x_sqr = x * x
    # both signs turn with the same half-turns, and only the square counts
    large = 3.0 * (torch.sin(math.pi * turns) / x - torch.cos(math.pi * turns)) / x_sqr
    small = _powers(x_sqr, _SPHERE)
    sphere = torch.where(x < _SPHERE_SERIES_BELOW, small, large)
    return sphere * sphere


def _exponential(x: Tensor, dtype: torch.dtype) -> Tensor:
    """exp(x), 0 where it would underflow: far from every spot an image is dark, not a floor."""
    smallest = _SMALLEST_EXPONENT[dtype]
    return torch.where(x < smallest, 0.0, torch.exp(x.clamp(min=smallest).to(dtype)))


def _distance_squared(delta: list[Tensor], lattice: Tensor) -> Tensor:
    """δᵀ G* δ [1/Å²], G* as its six numbers."""
    h, k, l = delta
    return (
        h * (lattice[0] * h + 2.0 * (lattice[1] * k + lattice[2] * l))
        + k * (lattice[3] * k + 2.0 * lattice[4] * l)
        + lattice[5] * l * l
    )
