"""Lists of the nodes whose spots may light a cell, made and summed by Triton.

Under ``TRITON_INTERPRET=1`` that runs on CPU tensors, slowly.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.bragg.cells import CELLS_OF_A_BLOCK, Regions, cells_of
from tiled_sim.kernels.bragg.finding import choose, find
from tiled_sim.kernels.bragg.lighting import light
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.structure_factor import StructureFactorTable

#: Nodes found at a time, 36 bytes each and 4 in each list, unless one region has more. Memory and
#: time depend on it, results do not.
NODES_AT_A_TIME = 1 << 21


class _Prepared(NamedTuple):
    """Steps as the loops take them; axes in the order u, v, w.

    Parameters
    ----------
    incident : unit vector, float64 (3,)
    direct : as `Steps`, float64 (steps, 3, 3)
    columns : of `direct` and of `Steps.reciprocal`, number by number, float64 (9, steps)
    reaches : radius of a sphere around a node that holds all that counts, float64 (steps,)
    coefficients : of the squared distance in the exponent, where spots are alone, float64 (steps,)
    heights : weight · F_latt² at the peak, float64 (steps,)
    """

    incident: Tensor
    direct: Tensor
    columns: tuple[Tensor, Tensor]
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
            (low - 1, low - 1 + number, stride, int(ends))
            for low, number, stride in zip(table.minimum, last.tolist(), strides, strict=True)
        ]
        ordered = [axes[axis] for axis in self._order]
        self._axes = torch.tensor(ordered, dtype=torch.int32, device=last.device)

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
        regions = Regions.of(blocks, panels)
        cells = cells_of(blocks, panels).view(-1, CELLS_OF_A_BLOCK, 12)
        cells = cells[regions.order].flatten(0, 1)
        live = blocks.live.contiguous().view(torch.uint8)
        pixels = blocks.slow.contiguous(), blocks.fast.contiguous(), panels, live, total

        def add(steps: Steps) -> None:
            prepared = self._prepared(steps)
            squares = self._squares[steps.grid]
            with torch.cuda.device_of(total):
                starts = self._starts(regions.bounds, prepared, squares)
                for first, last in _together(starts.cpu(), NODES_AT_A_TIME):
                    begins = starts[first : last + 1] - starts[first]
                    nodes = self._found(regions.bounds[first:last], prepared, squares, begins)
                    those = slice(*regions.starts[[first, last]].tolist())
                    some = slice(those.start * CELLS_OF_A_BLOCK, those.stop * CELLS_OF_A_BLOCK)
                    parents = regions.of_blocks[those] - first, begins
                    begins_of_cells, chosen = self._chosen(cells[some], parents, nodes, prepared)
                    of_cells = regions.order[those], counted, chosen
                    self._light(prepared, nodes, begins_of_cells, (*pixels, *of_cells))

        return add

    def _prepared(self, steps: Steps) -> _Prepared:
        wavelengths = steps.wavelengths
        radius, margin = self._spot.radius_and_margin
        direct, reciprocal = (
            vectors[:, self._order].contiguous() for vectors in (steps.direct, steps.reciprocal)
        )
        return _Prepared(
            direct.new_tensor(steps.incident),
            direct,
            (direct.view(-1, 9).T.contiguous(), reciprocal.view(-1, 9).T.contiguous()),
            wavelengths * radius + margin,
            -self._spot.sharpness / (wavelengths * wavelengths),
            steps.weights * self._height,
        )

    def _starts(self, bounds: Tensor, steps: _Prepared, squares: Tensor) -> Tensor:
        """Where the list of each region begins, and where that of the last one ends."""
        starts = torch.zeros(len(bounds) + 1, dtype=torch.int64, device=bounds.device)
        nowhere = bounds.new_empty((0, 4)), starts.new_empty(0, dtype=torch.int32)
        self._find(bounds, steps, squares, starts[1:], nowhere)
        return starts.cumsum(0)

    def _found(
        self, bounds: Tensor, steps: _Prepared, squares: Tensor, begins: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Of each node its centre and its intensity, float64 (nodes, 4), and its step, int32."""
        number = int(begins[-1])
        nodes = bounds.new_empty((number, 4)), begins.new_empty(number, dtype=torch.int32)
        self._find(bounds, steps, squares, begins, nodes)
        return nodes

    def _find(
        self,
        bounds: Tensor,
        steps: _Prepared,
        squares: Tensor,
        places: Tensor,
        nodes: tuple[Tensor, Tensor],
    ) -> None:
        """Count nodes, or list them from given places on where there is room for any."""
        find[(len(bounds),)](
            bounds,
            steps.incident,
            *steps.columns,
            steps.reaches,
            steps.heights,
            len(steps.heights),
            self._axes,
            squares,
            places,
            *nodes,
            fill=len(nodes[0]) > 0,
            num_warps=1,
            enable_fp_fusion=False,
        )

    def _chosen(
        self,
        cells: Tensor,
        regions: tuple[Tensor, Tensor],
        nodes: tuple[Tensor, Tensor],
        steps: _Prepared,
    ) -> tuple[Tensor, Tensor]:
        """Where the list of each cell begins, and the numbers of the nodes in all of them, int32.

        Parameters
        ----------
        regions : of each block its number, and where the nodes of each begin
        """
        begins = torch.zeros(len(cells) + 1, dtype=torch.int64, device=cells.device)
        chosen = begins.new_empty(0, dtype=torch.int32)
        for fill in (False, True):
            places = begins if fill else begins[1:]
            choose[(len(cells),)](
                cells,
                *regions,
                *nodes,
                steps.reaches,
                places,
                chosen,
                fill=fill,
                num_warps=1,
                enable_fp_fusion=False,
            )
            if not fill:
                begins = begins.cumsum(0)
                chosen = chosen.new_empty(int(begins[-1]))
        return begins, chosen

    def _light(
        self,
        steps: _Prepared,
        nodes: tuple[Tensor, Tensor],
        begins: Tensor,
        pixels: tuple[Tensor, ...],
    ) -> None:
        """Add the spots of lists to the pixels of blocks."""
        light[(len(begins) - 1,)](
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
    """Regions whose nodes are found together: the first, and the one after the last.

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
