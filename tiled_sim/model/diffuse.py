"""Diffuse scattering: displacements of atoms that are correlated over a length."""

from dataclasses import dataclass

import numpy as np

from tiled_sim.model.checks import require, require_finite, require_within
from tiled_sim.physics.vectors import Vector

#: Correlation lengths and displacements that are not a misread unit [Å].
_LONGEST_GAMMA, _LARGEST_SIGMA = 1e6, 100.0
#: Of halos that are summed, unless another is said.
DIFFUSE_REACH = 1
#: Neighbours each way: (2 · 10 + 1)³ nodes a look.
_MOST_REACH = 10


@dataclass(frozen=True, slots=True)
class Diffuse:
    """Liquid-like motions: how far atoms move, and over what length they move together.

    Three values are along the axes of the crystal: x along a, z along c*, y across both; one value
    stands for all.

    Parameters
    ----------
    gamma : length over which correlations of displacements fall to 1/e [Å]
    sigma : root mean square displacement along an axis [Å]
    reach : nodes each way of the nearest whose halos are summed
    """

    gamma: Vector
    sigma: Vector
    reach: int = DIFFUSE_REACH

    def __post_init__(self) -> None:
        require_finite(self, "crystal.diffuse")
        for name, most in (("gamma", _LONGEST_GAMMA), ("sigma", _LARGEST_SIGMA)):
            values = getattr(self, name)
            require(
                np.shape(values) == (3,), f"crystal.diffuse.{name} = {values} must be three numbers"
            )
            require(min(values) > 0, f"crystal.diffuse.{name} = {values} Å must be positive")
            require_within(max(values), f"crystal.diffuse.{name}", 0.0, most, "Å")
        require(
            0 <= self.reach <= _MOST_REACH,
            f"crystal.diffuse.reach = {self.reach} must lie between 0 and {_MOST_REACH} nodes",
        )

    @property
    def nodes(self) -> int:
        """Nodes whose halos are summed at each place."""
        return (2 * self.reach + 1) ** 3
