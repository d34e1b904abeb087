"""The steps of a sum with their crystals, scaled so that the Ewald sphere has radius 1."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.anchors import StepList, StepTable, steps_of
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.vectors import Vector

_CPU = torch.device("cpu")
#: Of a scene of so many steps, 10 MB, all crystals are kept; of one with more they are made for so
#: many at a time. Memory and time depend on these numbers, results do not.
_STEPS_KEPT, _STEPS_AT_A_TIME = 1 << 17, 1 << 12
#: Of a step that is kept, beside its table, what the heap keeps of the making of both; and of one
#: while they are made.
_BYTES_PER_STEP, _MADE_STEP = 100, 900


class Steps(NamedTuple):
    """Steps that share the direction of the incident beam, and the grid of F; lengths are times λ.

    Parameters
    ----------
    incident : unit vector
    grid : number of the grid that they look F up in
    direct : a/λ, b/λ, c/λ, float64 (steps, 3, 3)
    reciprocal : λa*, λb*, λc*, dual to them, float64 (steps, 3, 3)
    weights : of the sources, float64 (steps,)
    wavelengths : float64 (steps,) [Å]
    """

    incident: Vector
    grid: int
    direct: Tensor
    reciprocal: Tensor
    weights: Tensor
    wavelengths: Tensor

    @classmethod
    def of(cls, table: StepTable) -> "Steps":
        """The steps of a table."""
        a, b, c = table.vectors.unbind(1)
        crossed = torch.stack([torch.linalg.cross(*pair) for pair in ((b, c), (c, a), (a, b))], 1)
        reciprocal = crossed / (a * crossed[:, 0]).sum(1)[:, None, None]
        return cls(
            table.incident,
            table.grid,
            table.vectors.contiguous(),
            reciprocal,
            table.weights.contiguous(),
            table.wavelengths.contiguous(),
        )

    def split(self, sizes: list[int]) -> Iterator["Steps"]:
        """So many of the steps after so many others."""
        parts = (of_steps.split(sizes) for of_steps in self[2:])
        for some in zip(*parts, strict=True):
            yield Steps(self.incident, self.grid, *some)


class Directions:
    """Steps of each direction of the beam, and of each grid of F, with their crystals.

    Parameters
    ----------
    scene : the frame
    device : where they lie
    """

    def __init__(self, scene: Scene, device: torch.device = _CPU) -> None:
        self._lists = steps_of(scene, device)
        self._kept: list[list[Steps]] = []
        if sum(map(len, self._lists)) <= _STEPS_KEPT:
            self._kept = [list(_made(steps)) for steps in self._lists]

    def __iter__(self) -> Iterator[Iterator[Steps]]:
        """Of each direction of the beam its steps in order, some at a time."""
        for number, steps in enumerate(self._lists):
            yield iter(self._kept[number]) if self._kept else _made(steps)

    def by_wavelength(self) -> Iterator[Iterator[Steps]]:
        """The same, steps of different wavelengths apart."""
        for every in self:
            for steps in every:
                _, counts = torch.unique_consecutive(steps.wavelengths, return_counts=True)
                for some in steps.split(counts.tolist()):
                    yield iter([some])


def bytes_of_crystals(steps: int) -> int:
    """What `Directions` holds of so many steps, and what is made on the way."""
    kept = steps * _BYTES_PER_STEP if steps <= _STEPS_KEPT else 0
    return kept + min(steps, _STEPS_AT_A_TIME) * _MADE_STEP


def _made(steps: StepList) -> Iterator[Steps]:
    """Steps with their crystals."""
    return map(Steps.of, steps.parts(_STEPS_AT_A_TIME))
