"""The scaling chain of one pixel in float64, all steps of a sweep at once.

The reference kernel takes one step after the other, for many pixels; here the same functions take
one pixel and many steps, so that a trace of thousands of steps costs milliseconds. Its sums differ
from there in the last bits.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.evaluation import Evaluation, Evaluator
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.recorder import Recorder, SweepRecorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.summation import PixelSum, ScatteringVectors
from tiled_sim.physics.kinds import ABSENT, FORBIDDEN, IN_RANGE, OUT_OF_RANGE, ZERO
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Array

#: What a step that dmin leaves out met.
BEYOND_DMIN = "beyond dmin"
_MET = {
    IN_RANGE: "in range",
    ZERO: "zero",
    ABSENT: "absent",
    OUT_OF_RANGE: "out of range",
    FORBIDDEN: "absent by symmetry",
}


class Chain:
    """Sums the steps of a single pixel and tells what they are.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    """

    def __init__(self, scene: Scene, table: StructureFactorTable | None, default_F: float) -> None:
        self._scene = scene
        self._table = table
        self._evaluator = Evaluator(scene, table, default_F)

    def photons(self, pixels: Pixels, recorder: Recorder) -> float:
        """Photons of the recorder's pixel.

        Parameters
        ----------
        pixels : those among which the recorder has its pixel
        recorder : told every value
        """
        index = recorder.index
        alone = pixels.some(slice(index, index + 1))
        recorder.index = 0
        try:
            (photons,), _ = PixelSum(self._scene).photons(alone, self._sum_of_steps, recorder)
        finally:
            recorder.index = index
        return float(photons)

    def _sum_of_steps(self, vectors: ScatteringVectors, lookups: Lookups) -> Tensor:
        """Sum over phi steps and mosaic domains of one subpixel and source [electron²]."""
        scene, recorder, counted = self._scene, vectors.recorder, vectors.counted
        is_first = vectors.at_first(scene) is not None
        orientations = scene.first_orientations if is_first else scene.orientations
        phi_steps, domains = orientations.shape[:2]
        rows = torch.from_numpy(orientations).reshape(-1, 3, 3).to(vectors.q.x.device)
        axes = [tuple(rows[:, row, column] for column in range(3)) for row in range(3)]
        every = counted.expand(len(rows))
        evaluator = self._evaluator.of_source(vectors.source)
        steps = evaluator.evaluate(vectors.q, axes, every, bool(counted.all()), lookups)
        if recorder is not None and vectors.source == 0:
            for t in range(phi_steps):
                step = steps.one(t * domains)
                self._evaluator.record(recorder, t, step, orientations[t, 0])
        if recorder is not None and recorder.every_step:
            recorder.steps += self._every_step(vectors, steps, orientations)
        intensity = steps.intensity
        if scene.domain_weights is not None:
            weights = torch.from_numpy(scene.domain_weights).to(intensity.device)
            intensity = intensity * weights.repeat(phi_steps)
        total = intensity.sum(dim=0, keepdim=True)
        return total if vectors.seen is None else torch.where(vectors.seen, total, 0.0)

    def _every_step(
        self, vectors: ScatteringVectors, steps: Evaluation, orientations: Array
    ) -> Iterator[dict[str, Any]]:
        """Each step of a sweep as plain numbers, in the order in which they are summed."""
        seen = bool(vectors.counted.all())
        of_source, of_domain = self._scene.weights[vectors.source], self._scene.domain_weights
        weights = np.full(orientations.shape[:2], of_source)
        weights *= 1.0 if of_domain is None else of_domain
        sweep = SweepRecorder()
        self._evaluator.record(sweep, 0, steps, orientations[0, 0])
        (told,) = sweep.phi_steps
        met = self._met(vectors.source, steps.hkl)
        intensities = steps.intensity * torch.from_numpy(weights).view(-1).to(steps.F_cell.device)
        rows = zip(
            zip(*told["hkl"], strict=True),
            zip(*told["hkl_rounded"], strict=True),
            zip(*told["F_latt_abc"], strict=True),
            told["F_latt"],
            told["F_cell"],
            met,
            weights.reshape(-1).tolist(),
            intensities.tolist(),
            strict=True,
        )
        for number, row in enumerate(rows):
            hkl, hkl_rounded, F_latt_abc, F_latt, F_cell, kind, weight, intensity = row
            phi, domain = divmod(number, orientations.shape[1])
            yield {
                "layer": vectors.layer,
                "subpixel": vectors.subpixel,
                "source": vectors.source,
                "phi_tic": phi,
                "phi": self._scene.angles[phi],
                "domain": domain,
                "hkl": list(hkl),
                "hkl_rounded": list(hkl_rounded),
                "F_latt_abc": list(F_latt_abc),
                "F_latt": F_latt,
                "F_cell": F_cell,
                "met": kind if seen else BEYOND_DMIN,
                "weight": weight,
                "intensity": intensity if seen else 0.0,
            }

    def _met(self, source: int, index: Indices) -> list[str]:
        """What each look-up of F by a source met."""
        if self._table is None:
            return [_MET[OUT_OF_RANGE]] * len(index.h)
        table = self._table.grids[self._scene.grid_of(source)]
        met = [_MET[kind] for kind in table.kind_of(table.nodes(index)).tolist()]
        if self._scene.sampling.interpolate:
            allowed = self._table.can_interpolate(index).tolist()
            met = [
                f"{kind}, {'interpolated' if may else 'nearest node'}"
                for kind, may in zip(met, allowed, strict=True)
            ]
        return met
