"""The scaling chain of one pixel in float64, all steps of a sweep at once.

The reference kernel takes one step after the other, for many pixels; here the same functions take
one pixel and many steps, so that a trace of thousands of steps costs milliseconds.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from tiled_sim.kernels.recorder import Recorder, SweepRecorder
from tiled_sim.kernels.reference import Evaluation, Lookups, Pass, Pixels, ReferenceKernel
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.structure_factor import ABSENT, IN_RANGE, OUT_OF_RANGE, ZERO
from tiled_sim.physics.vectors import Array

#: What a step that dmin leaves out met.
BEYOND_DMIN = "beyond dmin"
_MET = {IN_RANGE: "in range", ZERO: "zero", ABSENT: "absent", OUT_OF_RANGE: "out of range"}


class ChainKernel(ReferenceKernel):
    """As `ReferenceKernel`, for a single pixel; its sums differ from there in the last bits."""

    def _sum_over_steps(self, one: Pass, lookups: Lookups) -> Tensor:
        """Sum over phi steps and mosaic domains of one subpixel and source [electron²]."""
        scene, recorder, counted = self.scene, one.recorder, one.counted
        is_first = self._first(one) is not None
        orientations = scene.first_orientations if is_first else scene.orientations
        phi_steps, domains = orientations.shape[:2]
        vectors = torch.from_numpy(orientations).reshape(-1, 3, 3).to(one.q.x.device)
        axes = [tuple(vectors[:, row, column] for column in range(3)) for row in range(3)]
        every = counted.expand(len(vectors))
        steps = self._evaluate(one.q, axes, every, bool(counted.all()), lookups)
        if recorder is not None and one.source == 0:
            for t in range(phi_steps):
                self._record(recorder, t, _one(steps, t * domains), orientations[t, 0])
        if recorder is not None and recorder.every_step:
            recorder.steps += self._every_step(one, steps, orientations)
        total = steps.intensity.sum(dim=0, keepdim=True)
        return total if one.seen is None else torch.where(one.seen, total, 0.0)

    def _every_step(
        self, one: Pass, steps: Evaluation, orientations: Array
    ) -> Iterator[dict[str, Any]]:
        """Each step of a sweep as plain numbers, in the order in which they are summed."""
        seen = bool(one.counted.all())
        sweep = SweepRecorder()
        self._record(sweep, 0, steps, orientations[0, 0])
        (told,) = sweep.phi_steps
        met = self._met(steps.hkl)
        intensities = (steps.intensity * self._weights[one.source]).tolist()
        rows = zip(
            zip(*told["hkl"], strict=True),
            zip(*told["hkl_rounded"], strict=True),
            zip(*told["F_latt_abc"], strict=True),
            told["F_latt"],
            told["F_cell"],
            met,
            intensities,
            strict=True,
        )
        for number, (hkl, hkl_rounded, F_latt_abc, F_latt, F_cell, kind, intensity) in enumerate(
            rows
        ):
            phi, domain = divmod(number, orientations.shape[1])
            yield {
                "layer": one.layer,
                "subpixel": one.subpixel,
                "source": one.source,
                "phi_tic": phi,
                "phi": self.scene.angles[phi],
                "domain": domain,
                "hkl": list(hkl),
                "hkl_rounded": list(hkl_rounded),
                "F_latt_abc": list(F_latt_abc),
                "F_latt": F_latt,
                "F_cell": F_cell,
                "met": kind if seen else BEYOND_DMIN,
                "weight": self._weights[one.source],
                "intensity": intensity if seen else 0.0,
            }

    def _met(self, index: Indices) -> list[str]:
        """What each look-up of F met."""
        if self.table is None:
            return [_MET[OUT_OF_RANGE]] * len(index.h)
        kinds = self.table.kind_of(self.table.nodes(index)).tolist()
        met = [_MET[kind] for kind in kinds]
        if self.scene.sampling.interpolate:
            allowed = self.table.can_interpolate(index).tolist()
            met = [
                f"{kind}, {'interpolated' if may else 'nearest node'}"
                for kind, may in zip(met, allowed, strict=True)
            ]
        return met


def chain_of(kernel: ReferenceKernel, pixels: Pixels, recorder: Recorder) -> tuple[Tensor, Lookups]:
    """Photons of the recorder's pixel alone, by the chain of the kernel's scene, and its look-ups.

    Parameters
    ----------
    kernel : any
    pixels : those among which the recorder has its pixel
    recorder : told every value; its pixel is the only one from now on
    """
    place = slice(recorder.index, recorder.index + 1)
    recorder.index = 0
    chain = ChainKernel(kernel.scene, kernel.table, kernel.default_F)
    return chain.photons(Pixels(*(part[place] for part in pixels)), recorder)


def _one(steps: Evaluation, number: int) -> Evaluation:
    """A single step out of many."""
    part = slice(number, number + 1)
    return Evaluation(
        Indices(*(values[part] for values in steps.hkl)),
        tuple(factor[part] for factor in steps.F_latt),
        steps.F_cell[part],
    )
