"""The sum of the spots of a list over the pixels of its cell: one Triton program a cell."""

from tiled_sim.kernels.blocks import LANES
from tiled_sim.kernels.bragg.cells import CELLS_OF_A_BLOCK, SIDE
from tiled_sim.kernels.triton import _three, tl, triton
from tiled_sim.model.grid import BLOCK

_LANES = tl.constexpr(LANES)
_BLOCK = tl.constexpr(BLOCK)
_SIDE = tl.constexpr(SIDE)
_CELLS = tl.constexpr(CELLS_OF_A_BLOCK)

# A pixel is an element of a tensor of 64; vectors are tuples of such tensors.


@triton.jit
def light(
    slow: tl.tensor,
    fast: tl.tensor,
    panels: tl.tensor,
    live: tl.tensor,
    total: tl.tensor,
    numbers: tl.tensor,
    counted: tl.tensor,
    chosen: tl.tensor,
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
        block, quarter = tl.load(numbers + cell // _CELLS), cell % _CELLS
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
            for place in range(begin, end):
                node = tl.load(chosen + place)
                at = nodes + 4 * node.to(tl.int64)
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
        at = counted + block * _CELLS + quarter
        tl.store(at, tl.load(at) + tl.sum(number, 0))


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


@triton.jit
def _product(a: tl.tensor, b: tl.tensor) -> tl.tensor:
    """Of two vectors."""
    return tl.fma(a[2], b[2], tl.fma(a[1], b[1], a[0] * b[0]))
