"""The steps of a sum with their crystals, scaled so that the Ewald sphere has radius 1."""

from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.anchors import StepTable
from tiled_sim.physics.vectors import Vector


class Steps(NamedTuple):
    """Steps that share the direction of the incident beam, and the grid of F; lengths are times λ.

    Parameters
    ----------
    incident : unit vector
    grid : number of the grid that they look F up in
    direct : a/λ, b/λ, c/λ, float64 (steps, 3, 3)
    reciprocal : λa*, λb*, λc*, dual to them, float64 (steps, 3, 3)
    direct_forward, reciprocal_forward : their products with the incident direction, float64
        (steps, 3)
    lengths : of the direct vectors, float64 (steps, 3)
    products : of the reciprocal vectors with each other, float64 (steps, 3, 3)
    weights : of the sources, float64 (steps,)
    wavelengths : float64 (steps,) [Å]
    """

    incident: Vector
    grid: int
    direct: Tensor
    reciprocal: Tensor
    direct_forward: Tensor
    reciprocal_forward: Tensor
    lengths: Tensor
    products: Tensor
    weights: Tensor
    wavelengths: Tensor

    @classmethod
    def of(cls, table: StepTable) -> "Steps":
        """The steps of a table."""
        a, b, c = table.vectors.unbind(1)
        crossed = torch.stack([torch.linalg.cross(*pair) for pair in ((b, c), (c, a), (a, b))], 1)
        reciprocal = crossed / (a * crossed[:, 0]).sum(1)[:, None, None]
        incident = torch.tensor(table.incident, dtype=torch.float64)
        return cls(
            table.incident,
            table.grid,
            table.vectors,
            reciprocal,
            table.vectors @ incident,
            reciprocal @ incident,
            torch.linalg.vector_norm(table.vectors, dim=2),
            reciprocal @ reciprocal.mT,
            table.weights,
            table.wavelengths,
        )

    def some(self, numbers: slice) -> "Steps":
        """Some of the steps."""
        every = (of_steps[numbers] for of_steps in self[2:])
        return Steps(self.incident, self.grid, *every)
