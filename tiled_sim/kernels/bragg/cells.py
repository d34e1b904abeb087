"""Cells and regions: squares of pixels, and where they are seen from the sample."""

from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.model.grid import BLOCK

#: Of a cell [pixel], of which a block has four. Larger ones are under fewer spots, but hold more
#: pixels that are not.
SIDE = 8
_ALONG = BLOCK // SIDE
CELLS_OF_A_BLOCK = _ALONG**2
#: Of a region [pixel], for whose blocks nodes are found together. In larger ones more of the nodes
#: are not those of a cell, smaller ones are more.
REGION = 2 * BLOCK
#: More than panels have rows or columns of regions.
_REGIONS = 1 << 24

#: Squares are taken for a little larger than they are, for the roundings on the way.
_RELATIVE_MARGIN, _MARGIN = 1e-6, 1e-12
#: One with a corner farther from its middle than so, by the cosine, may be anywhere.
_WIDE = 0.5
#: Nor is it known where one is along an axis that points at it, to so much.
_EDGE_ON = 1e-3


class Regions(NamedTuple):
    """The regions that hold some blocks, on the grids of their panels.

    Parameters
    ----------
    bounds : of each, as `bounds_of`
    order : numbers of the blocks, those of one region after the other's, int64 (blocks,)
    starts : where in that order the blocks of each begin, and where those of the last end, on CPU
    of_blocks : the region of each, in that order, int64 (blocks,)
    """

    bounds: Tensor
    order: Tensor
    starts: Tensor
    of_blocks: Tensor

    @classmethod
    def of(cls, blocks: Blocks, panels: Tensor) -> "Regions":
        """Of blocks, by `Panels.directions` of each, pixels whole, float64 (blocks, 13)."""
        row, column = (blocks.slow // REGION).long(), (blocks.fast // REGION).long()
        panel = torch.as_tensor(blocks.panel, device=row.device)
        key = (panel * _REGIONS + row) * _REGIONS + column
        every, of_blocks = key.unique(return_inverse=True)
        order = of_blocks.argsort(stable=True)
        starts = torch.zeros(len(every) + 1, dtype=torch.int64)
        starts[1:] = torch.bincount(of_blocks, minlength=len(every)).cumsum(0)
        # any block tells where its region is
        first = order[starts[:-1].to(order.device)]
        slow, fast = (REGION * part[first].to(torch.float64) for part in (row, column))
        bounds = bounds_of(slow, fast, panels[first], REGION)
        return cls(bounds, order, starts, of_blocks[order])


def cells_of(blocks: Blocks, panels: Tensor) -> Tensor:
    """Bounds of the cells of blocks, the four of a block row by row, as `bounds_of`."""
    number = torch.arange(CELLS_OF_A_BLOCK, device=panels.device)
    slow = blocks.slow[:, None] + SIDE * (number // _ALONG)
    fast = blocks.fast[:, None] + SIDE * (number % _ALONG)
    return bounds_of(
        slow.flatten(), fast.flatten(), panels.repeat_interleave(CELLS_OF_A_BLOCK, 0), SIDE
    )


def bounds_of(slow: Tensor, fast: Tensor, panels: Tensor, side: int) -> Tensor:
    """Bounds of the directions to squares of pixels.

    Parameters
    ----------
    slow, fast : their corners [pixel], float64 (squares,)
    panels : of `Panels.directions`, of flat ones, pixels whole, float64 (squares, 13)
    side : of each [pixel]

    Returns
    -------
    float64 (squares, 12): the direction to the middle; two unit vectors across it; no direction is
    farther from the middle than the next number, nor, along either of the two, than the last two
    """
    corner = torch.arange(4, device=panels.device)
    of_squares = panels[:, None]
    middle = _directions(slow[:, None] + side / 2, fast[:, None] + side / 2, of_squares)
    rows, columns = slow[:, None] + side * (corner // 2), fast[:, None] + side * (corner % 2)
    corners = _directions(rows, columns, of_squares)
    away = [of_corner - of_middle for of_corner, of_middle in zip(corners, middle, strict=True)]
    cosine = _dot(corners, middle)
    wide = (cosine < _WIDE).any(1)
    bounds = [_dot(away, away).sqrt().amax(1)]
    columns_of_bounds = [component[:, 0] for component in middle]
    for axis in (panels[:, 0:3], panels[:, 3:6]):
        along = [component[:, None] for component in axis.unbind(1)]
        forward = _dot(along, middle)
        across = [a - forward * m for a, m in zip(along, middle, strict=True)]
        length = _dot(across, across).sqrt()
        across = [component / length.clamp(min=_EDGE_ON) for component in across]
        columns_of_bounds += [component[:, 0] for component in across]
        # seen from the middle, on a plane across it, a square is a polygon
        bound = (_dot(across, away) / cosine).abs().amax(1)
        bounds.append(torch.where(length[:, 0] < _EDGE_ON, 2.0, bound))
    bounds = [torch.where(wide, 2.0, bound) for bound in bounds]
    bounds = [bound * (1.0 + _RELATIVE_MARGIN) + _MARGIN for bound in bounds]
    return torch.stack([*columns_of_bounds, *bounds], 1)


def _directions(slow: Tensor, fast: Tensor, panels: Tensor) -> list[Tensor]:
    """Components of the unit vectors to places on panels [pixel]."""
    along_slow, along_fast = panels[..., 11] * slow, panels[..., 12] * fast
    position = [
        along_fast * panels[..., axis] + along_slow * panels[..., 3 + axis] + panels[..., 6 + axis]
        for axis in range(3)
    ]
    distance = _dot(position, position).sqrt()
    return [component / distance for component in position]


def _dot(a: list[Tensor], b: list[Tensor]) -> Tensor:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
