"""Candidates: nodes that may light pixels of a patch, and where."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.anchors import StepList, steps_of
from tiled_sim.kernels.bragg.footprint import Plane, Rectangles
from tiled_sim.kernels.bragg.lines import Lines, Nodes, lines_between
from tiled_sim.kernels.bragg.patches import Patch
from tiled_sim.kernels.bragg.quadrangle import extremes
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.lattice import indices
from tiled_sim.physics.structure_factor import StructureFactorTable

#: h, k, l are looked for a little further out than they can be, for the roundings on the way.
_MARGIN = 1e-6
#: Of a scene of so many steps, 40 MB, all crystals are kept; of one with more they are made for so
#: many at a time. Memory and time depend on these numbers, results do not.
_STEPS_KEPT, _STEPS_AT_A_TIME = 1 << 17, 1 << 12
#: Of a step with its crystal, its table included, and as much while they are made.
_BYTES_PER_STEP = 500


class Candidates(NamedTuple):
    """Nodes that may light pixels of a patch, in the order of the steps.

    Parameters
    ----------
    nodes : with the numbers of their steps
    centre : i + λ(h a* + k b* + l c*), float64 (spots,) each
    intensity : weight · F_cell² · peak of F_latt², float64 (spots,) [electron²]
    footprint : the subpixels it may light
    """

    nodes: Nodes
    centre: Vectors
    intensity: Tensor
    footprint: Rectangles

    def some(self, which: Tensor | slice) -> "Candidates":
        """Some of the candidates."""
        return Candidates(
            self.nodes.some(which),
            Vectors(*(component[which] for component in self.centre)),
            self.intensity[which],
            self.footprint.some(which),
        )


class Finder:
    """Finds the candidates of a scene.

    Parameters
    ----------
    scene : the frame
    table : of structure factors, on CPU
    default_F : outside the table [electron]
    spot : of the crystal
    keep : whether crystals are kept; a few steps of 10⁵ directions are looked at sooner without
    """

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable,
        default_F: float,
        spot: Spot,
        *,
        keep: bool = True,
    ) -> None:
        self.spot = spot
        kept: dict[str, int] = {} if keep else {"most_kept": 0}
        #: Steps of each direction of the beam, and of each grid of F.
        self.directions = steps_of(scene, torch.device("cpu"), **kept)
        self._kept: list[list[Steps]] = []
        if keep and sum(map(len, self.directions)) <= _STEPS_KEPT:
            self._kept = [list(_made(steps)) for steps in self.directions]
        self._panels = scene.panels
        self._height = float(math.prod(scene.crystal.cells)) ** 2
        self._table = table
        self._squares = [grid.squares(torch.float64) for grid in table.grids]
        self._ends_with_table = default_F == 0.0

    def steps(self, direction: int) -> Iterator[Steps]:
        """The steps of a direction with their crystals in order, some at a time."""
        return iter(self._kept[direction]) if self._kept else _made(self.directions[direction])

    def lines(self, patch: Patch, steps: Steps) -> Iterator[Lines]:
        """Lines of the lattices of some steps that may hold candidates, some at a time."""
        low, high = self._index_ranges(patch, steps)
        return lines_between(low, high, steps, self.spot.reach(steps.wavelengths))

    def on_lines(self, patch: Patch, steps: Steps, lines: Lines) -> Candidates:
        """The candidates on some of the `lines`."""
        nodes = lines.nodes_near_sphere()
        of_grid = self._squares[steps.grid]
        squares = of_grid.index_select(0, self._table.nodes(indices(*nodes[1:])))
        scattering = squares.nonzero()[:, 0]
        nodes, squares = nodes.some(scattering), squares[scattering]
        centre = _centres(nodes, steps)
        reach = self.spot.reach(steps.wavelengths.index_select(0, nodes.step))
        footprint = Plane.of(self._panels[patch.panel]).footprints(patch, centre, reach)
        intensity = steps.weights[nodes.step] * squares * self._height
        met = (footprint.rows * footprint.columns).nonzero()[:, 0]
        return Candidates(nodes, centre, intensity, footprint).some(met)

    def _index_ranges(self, patch: Patch, steps: Steps) -> tuple[Tensor, Tensor]:
        """Smallest and largest h, k, l of nodes whose spots may reach a patch, (steps, 3)."""
        least, most = extremes(steps.direct, patch.corners(self._panels[patch.panel]))
        margin = steps.lengths * self.spot.reach(steps.wavelengths)[:, None] + _MARGIN
        low = torch.ceil(least - steps.direct_forward - margin)
        high = torch.floor(most - steps.direct_forward + margin)
        if self._ends_with_table:
            # its border included
            low = low.maximum(torch.tensor(self._table.minimum, dtype=torch.float64) - 1.0)
            high = high.minimum(torch.tensor(self._table.maximum, dtype=torch.float64) + 1.0)
        return low, high


def bytes_of_crystals(steps: int) -> int:
    """What a `Finder` holds of so many steps, and what is made on the way."""
    if steps <= _STEPS_KEPT:
        return steps * _BYTES_PER_STEP
    return _STEPS_AT_A_TIME * _BYTES_PER_STEP * 3


def _made(steps: StepList) -> Iterator[Steps]:
    """Steps with their crystals."""
    return map(Steps.of, steps.parts(_STEPS_AT_A_TIME))


def _centres(nodes: Nodes, steps: Steps) -> Vectors:
    """Nodes times λ, from the sample."""
    vectors = steps.reciprocal.view(-1, 9).index_select(0, nodes.step).unbind(1)
    return Vectors(
        *(
            component
            + (nodes.h * vectors[axis] + nodes.k * vectors[3 + axis] + nodes.l * vectors[6 + axis])
            for axis, component in enumerate(steps.incident)
        )
    )
