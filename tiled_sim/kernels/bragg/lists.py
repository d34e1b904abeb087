"""Lists of the nodes whose spots may light a cell, made and summed by Triton.

Under ``TRITON_INTERPRET=1`` that runs on CPU tensors, slowly.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import LANES, Blocks
from tiled_sim.kernels.bragg.cells import CELLS_OF_A_BLOCK, SIDE, cells_of
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.triton import _three, tl, triton
from tiled_sim.model.grid import BLOCK
from tiled_sim.physics.structure_factor import StructureFactorTable

#: Nodes listed at a time, 36 bytes each, unless one block has more. Memory and time depend on it,
#: results do not.
NODES_AT_A_TIME = 1 << 22

#: Steps that a program looks at side by side, one a thread.
_STEPS = tl.constexpr(32)
_LANES = tl.constexpr(LANES)
_BLOCK = tl.constexpr(BLOCK)
_SIDE = tl.constexpr(SIDE)
_CELLS = tl.constexpr(CELLS_OF_A_BLOCK)
#: h, k, l are looked for a little further out than they can be, for the roundings on the way.
_INDEX_MARGIN = tl.constexpr(1e-6)
_INFINITY = tl.constexpr(float("inf"))


class _Prepared(NamedTuple):
    """Steps as the loops take them; axes in the order u, v, w.

    Parameters
    ----------
    incident : unit vector, float64 (3,)
    direct, reciprocal : as `Steps`, float64 (steps, 3, 3)
    reaches : radius of a sphere around a node that holds all that counts, float64 (steps,)
    coefficients : of the squared distance in the exponent, where spots are alone, float64 (steps,)
    heights : weight · F_latt² at the peak, float64 (steps,)
    """

    incident: Tensor
    direct: Tensor
    reciprocal: Tensor
    reaches: Tensor
    coefficients: Tensor
    heights: Tensor


class Lists:
    """Finds the nodes whose spots may light some pixels, and adds these spots up.

    Parameters
    ----------
    scene : the frame
    spot : of its crystal
    table : of structure factors, on the device
    ends : whether F is 0 outside the table
    precision : of the exponential, as `Settings.precision`
    """

    def __init__(
        self, scene: Scene, spot: Spot, table: StructureFactorTable, *, ends: bool, precision: str
    ) -> None:
        self._scene, self._spot, self._precision = scene, spot, precision
        last = table.last_indices()
        crystal = scene.crystal
        # lines along the longest axis, of which most nodes are in reach, are fewest
        w = int(torch.from_numpy(crystal.direct_vectors).norm(dim=1).argmax())
        self._order = [(w + 1) % 3, (w + 2) % 3, w]
        self._height = float(math.prod(crystal.cells)) ** 2
        (aa, ab, ac), (_, bb, bc), (_, _, cc) = spot.metric[self._order][:, self._order].tolist()
        least = math.log(spot.least) if spot.gaussian else -1.0
        numbers = aa, ab, ac, bb, bc, cc, -spot.sharpness, least
        self._spot_numbers = torch.tensor(numbers, dtype=torch.float64, device=last.device)
        self._squares = [grid.squares(torch.float64).contiguous() for grid in table.grids]
        # the padded tables: their border included
        _, rows, columns = (number + 1 for number in last.tolist())
        strides = rows * columns, columns, 1
        axes = [
            (low - 1, low - 1 + number, stride, ends)
            for low, number, stride in zip(table.minimum, last.tolist(), strides, strict=True)
        ]
        ordered = [axes[axis] for axis in self._order]
        self._axes = torch.tensor(ordered, dtype=torch.float64, device=last.device)

    def of_blocks(
        self, blocks: Blocks, layer: int, total: Tensor, counted: Tensor
    ) -> Callable[[Steps], None]:
        """What adds weight · F_cell² · F_latt² of steps to blocks, of all in a fixed order.

        Parameters
        ----------
        blocks : whose live pixels are summed
        layer : on whose front their panels stand
        total : of their pixels, float64 (blocks, 256)
        counted : of each cell the evaluations that are not negligible, int64 (4 blocks,)
        """
        panels = self._scene.panels.directions(blocks.panel, 1, total.device, layer)
        panels = panels.expand(len(total), -1).contiguous()
        cells = cells_of(blocks, panels)
        live = blocks.live.contiguous().view(torch.uint8)
        pixels = blocks.slow.contiguous(), blocks.fast.contiguous(), panels, live, total

        def add(steps: Steps) -> None:
            prepared = self._prepared(steps)
            squares = self._squares[steps.grid]
            with torch.cuda.device_of(total):
                starts = self._starts(cells, prepared, squares)
                for first, last in _together(
                    starts[::CELLS_OF_A_BLOCK].cpu().contiguous(), NODES_AT_A_TIME
                ):
                    some = slice(first * CELLS_OF_A_BLOCK, last * CELLS_OF_A_BLOCK)
                    begins = starts[some.start : some.stop + 1] - starts[some.start]
                    nodes = self._listed(cells[some], prepared, squares, begins)
                    of_some = (tensor[first:last] for tensor in pixels)
                    self._light(prepared, nodes, begins, (*of_some, counted[some]))

        return add

    def _prepared(self, steps: Steps) -> _Prepared:
        wavelengths = steps.wavelengths
        radius, margin = self._spot.radius_and_margin
        return _Prepared(
            steps.direct.new_tensor(steps.incident),
            steps.direct[:, self._order].contiguous(),
            steps.reciprocal[:, self._order].contiguous(),
            wavelengths * radius + margin,
            -self._spot.sharpness / (wavelengths * wavelengths),
            steps.weights * self._height,
        )

    def _starts(self, cells: Tensor, steps: _Prepared, squares: Tensor) -> Tensor:
        """Where the list of each cell begins, and where that of the last one ends."""
        starts = torch.zeros(len(cells) + 1, dtype=torch.int64, device=cells.device)
        nowhere = cells.new_empty((0, 4)), starts.new_empty(0, dtype=torch.int32)
        self._find(cells, steps, squares, starts[1:], nowhere)
        return starts.cumsum(0)

    def _listed(
        self, cells: Tensor, steps: _Prepared, squares: Tensor, begins: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Of each node its centre and its intensity, float64 (nodes, 4), and its step, int32."""
        number = int(begins[-1])
        nodes = cells.new_empty((number, 4)), begins.new_empty(number, dtype=torch.int32)
        self._find(cells, steps, squares, begins, nodes)
        return nodes

    def _find(
        self,
        cells: Tensor,
        steps: _Prepared,
        squares: Tensor,
        places: Tensor,
        nodes: tuple[Tensor, Tensor],
    ) -> None:
        """Count nodes, or list them from given places on where there is room for any."""
        fill = len(nodes[0]) > 0
        _find[(len(cells),)](
            cells,
            steps.incident,
            steps.direct,
            steps.reciprocal,
            steps.reaches,
            steps.heights,
            len(steps.heights),
            self._axes,
            squares,
            places,
            *nodes,
            fill=fill,
            num_warps=1,
            enable_fp_fusion=False,
        )

    def _light(
        self,
        steps: _Prepared,
        nodes: tuple[Tensor, Tensor],
        begins: Tensor,
        pixels: tuple[Tensor, ...],
    ) -> None:
        """Add the spots of lists to the pixels of blocks."""
        _light[(len(begins) - 1,)](
            *pixels,
            *nodes,
            begins,
            steps.direct,
            steps.coefficients,
            self._spot_numbers,
            self._scene.sampling.oversample,
            flat=not self._spot.gaussian,
            alone=self._spot.alone,
            mixed=self._precision == "mixed",
            num_warps=1,
            enable_fp_fusion=False,
        )


def _together(starts: Tensor, most: int) -> Iterator[tuple[int, int]]:
    """Blocks whose lists are made together: the first, and the one after the last.

    Parameters
    ----------
    starts : where the list of each begins, and where that of the last one ends, int64
    most : nodes of all
    """
    first, end = 0, len(starts) - 1
    while first < end:
        limit = starts[first] + most
        last = max(int(torch.searchsorted(starts, limit, right=True)) - 1, first + 1)
        if starts[last] > starts[first]:
            yield first, last
        first = last


# A step is an element of a tensor of 32, a pixel of one of 64; vectors are tuples of such tensors.


@triton.jit
def _find(
    cells: tl.tensor,
    incident: tl.tensor,
    direct: tl.tensor,
    reciprocal: tl.tensor,
    reaches: tl.tensor,
    heights: tl.tensor,
    steps: tl.tensor,
    axes: tl.tensor,
    squares: tl.tensor,
    places: tl.tensor,
    nodes: tl.tensor,
    steps_of_nodes: tl.tensor,
    fill: tl.constexpr,
) -> None:
    """Count the nodes whose spots may light one cell, or list them."""
    cell = tl.program_id(0)
    bounds = cells + 12 * cell
    middle = _three(bounds)
    across, down = _three(bounds + 3), _three(bounds + 6)
    extent = _three(bounds + 9)
    forward = _three(incident)
    axis_u, axis_v, axis_w = _three(axes), _three(axes + 4), _three(axes + 8)
    lane = tl.arange(0, _STEPS)
    met = tl.zeros([_STEPS], tl.int32)
    place = tl.load(places + cell)
    for start in range(0, steps, _STEPS):
        step = start + lane
        wanted = step < steps
        at = tl.minimum(step, steps - 1)
        reach = tl.load(reaches + at)
        height = tl.load(heights + at)
        a, b, c = _three(direct + 9 * at), _three(direct + 9 * at + 3), _three(direct + 9 * at + 6)
        low_u, high_u = _range(a, middle, forward, extent[0], reach, axes)
        low_v, high_v = _range(b, middle, forward, extent[0], reach, axes + 4)
        low_w, high_w = _range(c, middle, forward, extent[0], reach, axes + 8)
        wanted = wanted & (low_w <= high_w)
        number_u = tl.where(wanted & (low_v <= high_v), high_u - low_u + 1.0, 0.0)
        number_v = tl.where(wanted & (low_u <= high_u), high_v - low_v + 1.0, 0.0)
        most_u = tl.max(number_u, 0).to(tl.int32)
        most_v = tl.max(number_v, 0).to(tl.int32)
        of_u = _three(reciprocal + 9 * at)
        of_v = _three(reciprocal + 9 * at + 3)
        of_w = _three(reciprocal + 9 * at + 6)
        for along_u in range(most_u):
            u = low_u + along_u
            x_u = forward[0] + u * of_u[0]
            y_u = forward[1] + u * of_u[1]
            z_u = forward[2] + u * of_u[2]
            place_u = (tl.minimum(tl.maximum(u, axis_u[0]), axis_u[1]) - axis_u[0]) * axis_u[2]
            for along_v in range(most_v):
                v = low_v + along_v
                place_v = (tl.minimum(tl.maximum(v, axis_v[0]), axis_v[1]) - axis_v[0]) * axis_v[2]
                place_v += place_u
                line = (x_u + v * of_v[0], y_u + v * of_v[1], z_u + v * of_v[2])
                near, far, number_near, number = _crossings(line, of_w, reach, low_w, high_w)
                number = tl.where(wanted & (u <= high_u) & (v <= high_v), number, 0.0)
                most = tl.max(number, 0).to(tl.int32)
                for along_w in range(most):
                    beyond = along_w - number_near
                    w = tl.where(beyond < 0.0, near + along_w, far + beyond)
                    centre = (
                        line[0] + w * of_w[0],
                        line[1] + w * of_w[1],
                        line[2] + w * of_w[2],
                    )
                    found = (along_w < number) & _touches(
                        centre, reach, middle, across, down, extent
                    )
                    place_w = (
                        tl.minimum(tl.maximum(w, axis_w[0]), axis_w[1]) - axis_w[0]
                    ) * axis_w[2]
                    node = (place_v + place_w).to(tl.int32)
                    square = tl.load(squares + node, found, 0.0)
                    flag = (found & (square != 0.0)).to(tl.int32)
                    if fill:
                        to = place + (tl.cumsum(flag, 0) - flag)
                        here = flag != 0
                        tl.store(nodes + 4 * to, centre[0], here)
                        tl.store(nodes + 4 * to + 1, centre[1], here)
                        tl.store(nodes + 4 * to + 2, centre[2], here)
                        tl.store(nodes + 4 * to + 3, height * square, here)
                        tl.store(steps_of_nodes + to, step, here)
                        place += tl.sum(flag, 0)
                    else:
                        met += flag
    if not fill:
        tl.store(places + cell, tl.sum(met, 0).to(tl.int64))


@triton.jit
def _range(
    a: tl.tensor,
    middle: tl.tensor,
    forward: tl.tensor,
    extent: tl.tensor,
    reach: tl.tensor,
    axis: tl.tensor,
) -> tl.tensor:
    """First and last index, along an axis of the crystal, of nodes within reach of a cell."""
    along = _product(a, middle)
    squared = _product(a, a)
    # of a direction off the middle the index changes by the part of a that is across
    sideways = tl.sqrt(tl.maximum(squared - along * along, 0.0))
    margin = extent * (sideways + 0.5 * extent * tl.abs(along)) + tl.sqrt(squared) * reach
    margin = margin * (1.0 + _INDEX_MARGIN) + _INDEX_MARGIN
    index = along - _product(a, forward)
    low, high = tl.ceil(index - margin), tl.floor(index + margin)
    ends = tl.load(axis + 3) != 0.0
    low = tl.where(ends, tl.maximum(low, tl.load(axis)), low)
    high = tl.where(ends, tl.minimum(high, tl.load(axis + 1)), high)
    return low, high


@triton.jit
def _crossings(
    line: tl.tensor, of_w: tl.tensor, reach: tl.tensor, low: tl.tensor, high: tl.tensor
) -> tl.tensor:
    """Where a line meets the shell of the Ewald sphere, on the near and on the far side.

    The first index of each, how many there are near, and how many in all. The line meets the
    spheres of radius 1 - reach and 1 + reach where quadratics have their roots.
    """
    x, y, z = line
    of_x, of_y, of_z = of_w
    squared = of_x * of_x + of_y * of_y + of_z * of_z
    ahead = of_x * x + of_y * y + of_z * z
    root = ahead * ahead - (x * x + y * y + z * z - 1.0) * squared
    # a spot that holds the sphere's centre has no inner shell
    inside = tl.where(reach < 1.0, squared * reach * (2.0 - reach), _INFINITY)
    outside = squared * reach * (2.0 + reach)
    outer = tl.sqrt(tl.maximum(root + outside, 0.0)) / squared
    inner = tl.sqrt(tl.maximum(root - inside, 0.0)) / squared
    middle = -ahead / squared
    first, end = tl.ceil(middle - outer), tl.floor(middle + outer)
    turn = tl.floor(middle - inner)
    # without an inner shell both intervals end in the middle, which must not count twice
    far = tl.maximum(tl.maximum(tl.ceil(middle + inner), turn + 1.0), low)
    near = tl.maximum(first, low)
    number_near = tl.maximum(tl.minimum(turn, high) - near + 1.0, 0.0)
    number_far = tl.maximum(tl.minimum(end, high) - far + 1.0, 0.0)
    return near, far, number_near, number_near + number_far


@triton.jit
def _touches(
    centre: tl.tensor,
    reach: tl.tensor,
    middle: tl.tensor,
    across: tl.tensor,
    down: tl.tensor,
    extent: tl.tensor,
) -> tl.tensor:
    """Whether the spot around a node may light a direction of a cell.

    Of unit vectors d within reach of a node at distance p, (p - 1)² + p |d - c/p|² ≤ reach².
    """
    x, y, z = centre
    distance = tl.sqrt(x * x + y * y + z * z)
    off = distance - 1.0
    squared = reach * reach - off * off
    spread = tl.sqrt(tl.maximum(squared, 0.0) / distance)
    x, y, z = x / distance - middle[0], y / distance - middle[1], z / distance - middle[2]
    radius = spread + extent[0]
    near = (squared >= 0.0) & (x * x + y * y + z * z <= radius * radius)
    aside = tl.abs(x * across[0] + y * across[1] + z * across[2])
    below = tl.abs(x * down[0] + y * down[1] + z * down[2])
    return near & (aside <= spread + extent[1]) & (below <= spread + extent[2])


@triton.jit
def _product(a: tl.tensor, b: tl.tensor) -> tl.tensor:
    """Of two vectors."""
    return tl.fma(a[2], b[2], tl.fma(a[1], b[1], a[0] * b[0]))


@triton.jit
def _light(
    slow: tl.tensor,
    fast: tl.tensor,
    panels: tl.tensor,
    live: tl.tensor,
    total: tl.tensor,
    counted: tl.tensor,
    nodes: tl.tensor,
    steps_of_nodes: tl.tensor,
    begins: tl.tensor,
    direct: tl.tensor,
    coefficients: tl.tensor,
    spot: tl.tensor,
    oversample: tl.tensor,
    flat: tl.constexpr,
    alone: tl.constexpr,
    mixed: tl.constexpr,
) -> None:
    """Add the spots of its list to one cell."""
    cell = tl.program_id(0)
    begin, end = tl.load(begins + cell), tl.load(begins + cell + 1)
    if begin < end:
        block, quarter = cell // _CELLS, cell % _CELLS
        lane = tl.arange(0, _SIDE * _SIDE)
        row = lane // _SIDE + quarter // (_BLOCK // _SIDE) * _SIDE
        column = lane % _SIDE + quarter % (_BLOCK // _SIDE) * _SIDE
        pixel = block * _LANES + row * _BLOCK + column
        panel = panels + 13 * block
        along_slow = tl.load(slow + block) + row
        along_fast = tl.load(fast + block) + column
        wanted = tl.load(live + pixel) != 0
        summed = tl.load(total + pixel)
        number = tl.zeros([_SIDE * _SIDE], tl.int32)
        least = tl.load(spot + 7)
        for subpixel in range(oversample * oversample):
            half = tl.full([], 0.5, tl.float64)
            across = (half + subpixel % oversample) / oversample
            down = (half + subpixel // oversample) / oversample
            d = _direction(panel, along_slow + down, along_fast + across)
            for node in range(begin, end):
                at = nodes + 4 * node
                x, y, z = d[0] - tl.load(at), d[1] - tl.load(at + 1), d[2] - tl.load(at + 2)
                intensity = tl.load(at + 3)
                step = tl.load(steps_of_nodes + node)
                if alone:
                    squared = tl.fma(z, z, tl.fma(y, y, x * x))
                    exponent = squared * tl.load(coefficients + step)
                    inside = wanted
                else:
                    exponent, inside = _in_cell((x, y, z), direct + 9 * step, spot)
                    inside = inside & wanted
                if flat:
                    inside = inside & (exponent > least)
                    share = inside.to(tl.float64)
                else:
                    inside = inside & (exponent >= least)
                    exponent = tl.where(inside, exponent, 0.0)
                    if mixed:
                        share = tl.exp(exponent.to(tl.float32)).to(tl.float64)
                    else:
                        share = tl.exp(exponent)
                    share = tl.where(inside, share, 0.0)
                summed = tl.fma(share, tl.full(share.shape, 0.0, tl.float64) + intensity, summed)
                number += inside.to(tl.int32)
        tl.store(total + pixel, summed)
        met = tl.load(counted + cell) + tl.sum(number, 0)
        tl.store(counted + cell, met)


@triton.jit
def _direction(panel: tl.tensor, slow: tl.tensor, fast: tl.tensor) -> tl.tensor:
    """Unit vectors to places on a panel [pixel]."""
    along_slow, along_fast = tl.load(panel + 11) * slow, tl.load(panel + 12) * fast
    of_fast, of_slow, origin = _three(panel), _three(panel + 3), _three(panel + 6)
    x = along_fast * of_fast[0] + along_slow * of_slow[0] + origin[0]
    y = along_fast * of_fast[1] + along_slow * of_slow[1] + origin[1]
    z = along_fast * of_fast[2] + along_slow * of_slow[2] + origin[2]
    distance = tl.sqrt(x * x + y * y + z * z)
    return x / distance, y / distance, z / distance


@triton.jit
def _in_cell(aside: tl.tensor, direct: tl.tensor, spot: tl.tensor) -> tl.tensor:
    """Exponents by the metric, and where no other node is nearer."""
    h = _product(_three(direct), aside)
    k = _product(_three(direct + 3), aside)
    l = _product(_three(direct + 6), aside)
    aa, ab, ac = _three(spot)
    bb, bc, cc = _three(spot + 3)
    squared = h * (aa * h + 2.0 * (ab * k + ac * l)) + k * (bb * k + 2.0 * bc * l) + cc * (l * l)
    inside = (h > -0.5) & (h <= 0.5) & (k > -0.5) & (k <= 0.5) & (l > -0.5) & (l <= 0.5)
    return squared * tl.load(spot + 6), inside
