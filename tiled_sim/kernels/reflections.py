"""The reflections that the steps of one pixel look up, with their shares of the pixel."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tiled_sim.kernels.chain import ChainKernel
from tiled_sim.kernels.reference import Evaluation, Lookups, Pixels
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable


@dataclass(frozen=True, slots=True)
class Reflection:
    """One node that steps of a pixel look up.

    Parameters
    ----------
    hkl : the node
    steps : of the pixel, that look it up
    share_of_steps : of all the pixel's steps, by the weights of their sources
    share_of_intensity : of the pixel's sum of F_cell² · F_latt²; None if that sum is 0
    """

    hkl: tuple[int, int, int]
    steps: int
    share_of_steps: float
    share_of_intensity: float | None


class _StepKernel(ChainKernel):
    """Keeps the evaluations of the pixel, subpixel by subpixel, in each source by source."""

    def __init__(self, scene: Scene, table: StructureFactorTable | None, default_F: float) -> None:
        super().__init__(scene, table, default_F)
        self._kept: list[Evaluation | None] = []

    def _evaluate(
        self, q: Vectors, axes: Any, counted: Tensor, everything: bool, lookups: Lookups
    ) -> Evaluation:
        steps = super()._evaluate(q, axes, counted, everything, lookups)
        # phi and domain do not change |q|, so dmin cuts all of these steps or none
        self._kept.append(steps if everything else None)
        return steps

    def weighted(self) -> list[tuple[float, Evaluation]]:
        """What dmin lets through, with the relative weight of its source."""
        weights = self._weights
        return [
            (weights[number % len(weights)], steps)
            for number, steps in enumerate(self._kept)
            if steps is not None
        ]


def reflections_under(
    scene: Scene,
    table: StructureFactorTable | None,
    default_F: float,
    pixel: tuple[int, int],
) -> list[Reflection]:
    """The nodes that a pixel's steps look up, by the code that sums them for a trace.

    Parameters
    ----------
    scene : the panel in its frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    pixel : slow, fast

    Returns
    -------
    the greatest share of intensity first, then of steps; without the steps that dmin cuts, which
    still count among all steps
    """
    kernel = _StepKernel(scene, table, default_F)
    slow, fast = (torch.tensor([float(place)], dtype=torch.float64) for place in pixel)
    kernel.photons(Pixels(slow, fast, torch.ones(1, dtype=torch.bool)))
    found: dict[tuple[int, int, int], list[float]] = {}
    for weight, steps in kernel.weighted():
        index = steps.hkl
        nodes = torch.stack([index.h0, index.k0, index.l0], dim=1).long().tolist()
        for (h, k, l), intensity in zip(nodes, steps.intensity.tolist(), strict=True):
            sums = found.setdefault((h, k, l), [0, 0.0, 0.0])
            sums[0] += 1
            sums[1] += weight
            sums[2] += weight * intensity
    total = sum(intensity for _, _, intensity in found.values())
    reflections = [
        Reflection(hkl, int(steps), weight / scene.steps, intensity / total if total else None)
        for hkl, (steps, weight, intensity) in found.items()
    ]
    return sorted(reflections, key=lambda r: (-(r.share_of_intensity or 0.0), -r.share_of_steps))
