"""The reference kernel: float64, a loop to be held against the equations.

Every value of a pixel comes from element-wise operations in a fixed order, so it does not depend
on which other pixels are computed with it.
"""

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import AT_A_TIME, Blocks, Pixels
from tiled_sim.kernels.evaluation import Evaluator
from tiled_sim.kernels.kernel import Progress
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.summation import PixelSum, ScatteringVectors, photons_by_panel
from tiled_sim.model.settings import REFERENCE
from tiled_sim.physics.structure_factor import StructureFactorTable


class ReferenceKernel:
    """Sums every step of every pixel, one step at a time.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    """

    name = REFERENCE
    counts = True
    trace_error: float | None = None
    leaves_out = False
    skipped_bound = 0.0
    blocks_a_sample = 4
    blocks_at_a_time = AT_A_TIME[REFERENCE]

    def __init__(self, scene: Scene, table: StructureFactorTable | None, default_F: float) -> None:
        self.scene = scene
        self.table = table
        self._evaluator = Evaluator(scene, table, default_F)
        self._pixel_sum = PixelSum(scene)

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`."""
        return photons_by_panel(blocks, lambda pixels: self.photons(pixels, progress=progress))

    def photons(
        self,
        pixels: Pixels,
        recorder: Recorder | None = None,
        progress: Progress | None = None,
    ) -> tuple[Tensor, Lookups]:
        """Photons of any pixels; see `PixelSum.photons`."""
        return self._pixel_sum.photons(pixels, self.sum_of_steps, recorder, progress)

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`: told the very tensors that make the image."""
        self.photons(pixels, recorder)

    def sum_of_steps(self, vectors: ScatteringVectors, lookups: Lookups) -> Tensor:
        """Sum over phi steps and mosaic domains of one subpixel and source [electron²].

        Domains count by their weight, of mean 1.
        """
        total = torch.zeros_like(vectors.q.x)
        scene, recorder, counted = self.scene, vectors.recorder, vectors.counted
        evaluate = self._evaluator.of_source(vectors.source).evaluate
        first = vectors.at_first(scene)
        everything = bool(counted.all())
        for t, domains in enumerate(scene.orientations):
            for m, orientation in enumerate(domains):
                step = evaluate(vectors.q, orientation.tolist(), counted, everything, lookups)
                intensity = step.intensity
                if first is not None:
                    # the one evaluation whose crystal had not been turned before it
                    own_orientation = scene.first_orientations[t, m]
                    axes = own_orientation.tolist()
                    own = evaluate(vectors.q, axes, counted, everything, Lookups())
                    intensity = torch.where(first, own.intensity, intensity)
                if scene.domain_weights is not None:
                    intensity = intensity * float(scene.domain_weights[m])
                if vectors.seen is not None:
                    intensity = torch.where(vectors.seen, intensity, 0.0)
                total += intensity
                vectors.progress(1)
                if recorder is not None and m == 0 and vectors.source == 0:
                    if first is not None and bool(first[recorder.index]):
                        step, orientation = own, own_orientation
                    self._evaluator.record(recorder, t, step, orientation)
        return total
