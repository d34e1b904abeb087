"""Cells: 8 × 8 pixels, a quarter of a block, and where they are seen from the sample."""

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.model.grid import BLOCK

#: Of a cell [pixel]. Larger ones are under fewer spots, but hold more pixels that are not.
SIDE = 8
_ALONG = BLOCK // SIDE
CELLS_OF_A_BLOCK = _ALONG**2

#: Cells are taken for a little larger than they are, for the roundings on the way.
_RELATIVE_MARGIN, _MARGIN = 1e-6, 1e-12
#: One with a corner farther from its middle than so, by the cosine, may be anywhere.
_WIDE = 0.5
#: Nor is it known where one is along an axis that points at it, to so much.
_EDGE_ON = 1e-3


def cells_of(blocks: Blocks, panels: Tensor) -> Tensor:
    """Bounds of the directions to the cells of blocks, the four of a block row by row.

    Parameters
    ----------
    blocks : on flat panels
    panels : of `Panels.directions`, pixels whole, float64 (blocks, 13)

    Returns
    -------
    float64 (4 blocks, 12): the direction to the middle; two unit vectors across it; no direction is
    farther from the middle than the next number, nor, along either of the two, than the last two
    """
    number = torch.arange(CELLS_OF_A_BLOCK, device=panels.device)
    # of each block, cell and corner
    slow = blocks.slow[:, None, None] + SIDE * (number // _ALONG)[:, None]
    fast = blocks.fast[:, None, None] + SIDE * (number % _ALONG)[:, None]
    corner = torch.arange(4, device=panels.device)
    numbers = panels[:, None, None, :]
    middle = _directions(slow + SIDE / 2, fast + SIDE / 2, numbers)
    corners = _directions(slow + SIDE * (corner // 2), fast + SIDE * (corner % 2), numbers)
    away = [of_corner - of_middle for of_corner, of_middle in zip(corners, middle, strict=True)]
    radius = _dot(away, away).sqrt().amax(-1)
    cosine = _dot(corners, middle)
    wide = (cosine < _WIDE).any(-1)
    bounds = [radius]
    columns = [component[..., 0] for component in middle]
    for axis in (panels[:, 0:3], panels[:, 3:6]):
        along = [component[:, None, None] for component in axis.unbind(-1)]
        forward = _dot(along, middle)
        across = [a - forward * m for a, m in zip(along, middle, strict=True)]
        length = _dot(across, across).sqrt()
        across = [component / length.clamp(min=_EDGE_ON) for component in across]
        columns += [component[..., 0] for component in across]
        # seen from the middle, on a plane across it, a cell is a polygon
        bound = (_dot(across, away) / cosine).abs().amax(-1)
        bounds.append(torch.where(length[..., 0] < _EDGE_ON, 2.0, bound))
    bounds = [torch.where(wide, 2.0, bound) for bound in bounds]
    bounds = [bound * (1.0 + _RELATIVE_MARGIN) + _MARGIN for bound in bounds]
    return torch.stack([*columns, *bounds], -1).flatten(0, 1)


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
