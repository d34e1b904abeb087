"""The scaling chain of one pixel in float64, thousands of steps at once.

The reference kernel takes one step after the other, for many pixels; here the same functions take
one pixel and many steps, of as many sources as go together, so that a trace of thousands of steps
costs a millisecond. Its sums differ from there in the last bits.
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
from tiled_sim.physics import lattice
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.kinds import ABSENT, FORBIDDEN, IN_RANGE, OUT_OF_RANGE, ZERO
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Array

#: Steps of a subpixel that are evaluated together: 32 KiB a tensor. Memory and time depend on it,
#: and the last bits of sums, results do not.
STEPS_TOGETHER = 1 << 12
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
        each = scene.orientations.shape[0] * scene.orientations.shape[1]
        sources = min(max(STEPS_TOGETHER // each, 1), len(scene.spectrum))
        self._together = sources, max(STEPS_TOGETHER // (each * sources), 1)

    def photons(self, pixels: Pixels, recorder: Recorder) -> float:
        """Photons of the recorder's pixel.

        Parameters
        ----------
        pixels : those among which the recorder has its pixel
        recorder : told every value
        """
        index = recorder.index
        alone = pixels.some(slice(index, index + 1))

        def sum_of_steps(vectors: ScatteringVectors, _: Lookups) -> Tensor:
            return self._sum_of_steps(vectors, recorder.steps if recorder.every_step else None)

        sources, subpixels = self._together
        pixel_sum = PixelSum(self._scene, sources, 1 if recorder.every_step else subpixels)
        recorder.index = 0
        try:
            (photons,), _ = pixel_sum.photons(alone, sum_of_steps, recorder)
        finally:
            recorder.index = index
        return float(photons)

    def _sum_of_steps(
        self, vectors: ScatteringVectors, every: list[dict[str, Any]] | None
    ) -> Tensor:
        """Sum over phi steps and mosaic domains of subpixels, for each source [electron²].

        Parameters
        ----------
        vectors : of one subpixel, or some, and some sources
        every : told each of the steps; None: nothing is
        """
        scene, recorder = self._scene, vectors.recorder
        is_first = vectors.at_first(scene) is not None
        orientations = scene.first_orientations if is_first else scene.orientations
        domains = orientations.shape[1]
        rows = torch.from_numpy(orientations).reshape(-1, 3, 3)
        # those of a source and a subpixel are a row
        q = Vectors(*(component.reshape(-1, 1) for component in vectors.q))
        number = 1 if vectors.q.x.ndim == 1 else len(vectors.q.x)
        sources = range(vectors.source, vectors.source + number)
        together = max(STEPS_TOGETHER // len(q.x), 1)
        totals = torch.zeros_like(vectors.q.x)
        for start in range(0, len(rows), together):
            part = slice(start, start + together)
            steps = self._evaluate(q, rows[part].to(q.x.device), sources)
            intensity = steps.intensity.view(len(q.x), -1)
            if scene.domain_weights is not None:
                numbers = np.arange(start, start + intensity.shape[1]) % domains
                weights = torch.from_numpy(scene.domain_weights[numbers])
                intensity = intensity * weights.to(intensity.device)
            totals += intensity.sum(dim=1).view(totals.shape)
            if recorder is not None and vectors.source == 0:
                # of the first domain
                first = slice(-start % domains, intensity.shape[1], domains)
                self._record(recorder, steps.some(first), orientations)
            if every is not None:
                every += self._every_step(vectors, steps, start)
        return totals if vectors.seen is None else torch.where(vectors.seen, totals, 0.0)

    def _evaluate(self, q: Vectors, orientations: Tensor, sources: range) -> Evaluation:
        """Steps of every orientation, of one source, and of it one subpixel, after the other.

        Parameters
        ----------
        q : of the subpixels of all sources, (sources · subpixels, 1) [1/Å]
        orientations : rows a, b, c, (orientations, 3, 3) [Å]
        sources : their numbers
        """
        h, k, l = (q.dot(axis.unbind(-1)).view(-1) for axis in orientations.unbind(1))
        index = lattice.indices(h, k, l)
        F_cell = self._evaluator.F_cell(index, sources)
        return Evaluation(index, self._evaluator.lattice_factor(index), F_cell)

    def _record(self, recorder: Recorder, steps: Evaluation, orientations: Array) -> None:
        """Keep phi steps of the first source and domain; with the first, its crystal."""
        if not recorder.phi_steps:
            a, b, c = orientations[0, 0].tolist()
            recorder.record(a=a, b=b, c=c)
        angles = self._scene.angles[len(recorder.phi_steps) :]
        recorder.phi_steps += [
            {"phi": phi, **step} for phi, step in zip(angles, self._told(steps), strict=False)
        ]

    def _told(self, steps: Evaluation) -> Iterator[dict[str, Any]]:
        """Steps as plain numbers, each as a recorder has it."""
        sweep = SweepRecorder()
        self._evaluator.record(sweep, 0, steps, self._scene.orientations[0, 0])
        (told,) = sweep.phi_steps
        triples = ("hkl", "hkl_rounded", "F_latt_abc")
        for hkl, hkl_rounded, F_latt_abc, F_latt, F_cell in zip(
            *(zip(*told[name], strict=True) for name in triples),
            told["F_latt"],
            told["F_cell"],
            strict=True,
        ):
            yield {
                "hkl": list(hkl),
                "hkl_rounded": list(hkl_rounded),
                "F_latt_abc": list(F_latt_abc),
                "F_latt": F_latt,
                "F_cell": F_cell,
            }

    def _every_step(
        self, vectors: ScatteringVectors, steps: Evaluation, start: int
    ) -> Iterator[dict[str, Any]]:
        """Steps as plain numbers, in the order in which they are summed.

        Parameters
        ----------
        vectors : that they have
        steps : of one source after the other
        start : number of the first one's orientation
        """
        scene = self._scene
        domains, of_domain = scene.orientations.shape[1], scene.domain_weights
        each = len(steps.F_cell) // len(vectors.q.x)
        seen = vectors.counted.expand(vectors.q.x.shape).flatten().tolist()
        met = [
            kind
            for after in range(len(seen))
            for kind in self._met(vectors.source + after, _of_part(steps.hkl, after, each))
        ]
        of_sources = scene.weights
        rows = zip(self._told(steps), met, steps.intensity.tolist(), strict=True)
        for number, (told, kind, intensity) in enumerate(rows):
            after, orientation = divmod(number, each)
            source = vectors.source + after
            phi, domain = divmod(start + orientation, domains)
            weight = of_sources[source]
            if of_domain is not None:
                weight *= float(of_domain[domain])
            yield {
                "layer": vectors.layer,
                "subpixel": vectors.subpixel,
                "source": source,
                "phi_tic": phi,
                "phi": scene.angles[phi],
                "domain": domain,
                **told,
                "met": kind if seen[after] else BEYOND_DMIN,
                "weight": weight,
                "intensity": weight * intensity if seen[after] else 0.0,
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


def _of_part(index: Indices, number: int, each: int) -> Indices:
    """One of the parts of so many elements each."""
    return Indices(*(values[number * each : (number + 1) * each] for values in index))
