"""What kernels share that sum steps in one fused loop: h, k, l in float64 from anchors.

Where a scene needs what the fused directions do not know (a curved detector, dmin, layers of a
sensor, the C program's faults), directions, polarization and masks come from the reference kernel
and only the sum over steps is fused.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from tiled_sim.kernels.anchors import StepTable, step_tables
from tiled_sim.kernels.chain import chain_of
from tiled_sim.kernels.graphs import LANES, PRECISIONS
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import BLOCK, Blocks, Lookups, Pass, Pixels, ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import lattice
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.polarization import transverse_axes
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table
from tiled_sim.physics.vectors import Vector

_CPU = torch.device("cpu")
#: Steps summed in one go by a kernel with tables of anchors, in float32 if the precision is
#: mixed, before they are added in float64; fixed, so that bits do not depend on memory at hand.
STEPS_AT_A_TIME = 64
#: Of float64 chains against stored pixels: float32 has 1.2e-7 from one number to the next.
_TRACE_ERROR = {"float64": 2e-7, "mixed": 1e-3}
#: The pixel of a block that anchors it, along slow and fast.
_ANCHOR = (BLOCK // 2, BLOCK // 2)
_ANCHOR_LANE = _ANCHOR[0] * BLOCK + _ANCHOR[1]


class AnchoredKernel(ReferenceKernel, ABC):
    """As `ReferenceKernel`; subclasses fuse the directions of pixels and the sum over steps.

    Parameters
    ----------
    scene, table, default_F : as there
    precision : ``mixed`` (float32 once h, k, l are less their nodes) or ``float64``
    device : where it runs, and the table lies
    """

    counts = False

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        precision: str = "float64",
        device: torch.device = _CPU,
    ) -> None:
        if table is None:
            table = constant_table(default_F, device)
        super().__init__(scene, table, default_F)
        self.trace_error = _TRACE_ERROR[precision]
        self.dtype = PRECISIONS[precision]
        interpolate = scene.sampling.interpolate
        self.values = table.amplitudes(self.dtype) if interpolate else table.squares(self.dtype)
        self.last = table.last_indices()
        self.minimum = table.minimum
        self.device = device
        self.lattice = self._lattice_numbers()
        self._tables = step_tables(scene, self._weights, self.device)
        self._panel = self._panel_numbers()
        self._beams = {steps.incident: self._beam_numbers(steps.incident) for steps in self._tables}

    @abstractmethod
    def directions_of_blocks(self, *tensors: Tensor) -> list[Tensor]:
        """Directions of blocks less their anchors', and polar · omega: as `graphs.Directions`."""

    @abstractmethod
    def add_steps(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        at_anchor: Vectors,
        steps: StepTable,
        total: Tensor,
    ) -> None:
        """Add weight · F_cell² · F_latt² of steps to blocks, in a fixed order.

        Parameters
        ----------
        differences : components of d - d_anchor, float64 (blocks, 256)
        at_anchor : components of d - i at each anchor, float64 (blocks,)
        steps : of one direction of the beam
        total : float64 (blocks, 256)
        """

    def photons(self, pixels: Pixels, recorder: Recorder | None = None) -> tuple[Tensor, Lookups]:
        """As `ReferenceKernel.photons`, without counts.

        With a recorder only its pixel is computed, by the float64 chain.
        """
        if recorder is None:
            return super().photons(pixels)
        return chain_of(self, pixels, recorder)

    def photons_of_blocks(self, blocks: Blocks) -> tuple[Tensor, Lookups]:
        """As `ReferenceKernel.photons_of_blocks`, without counts."""
        if not self._is_plain():
            return super().photons_of_blocks(blocks)
        live = blocks.live.numel() if blocks.whole else int(blocks.live.sum())
        photons = self._plain_photons(blocks.slow[:, None], blocks.fast[:, None])
        return photons, Lookups(uncounted=live * self.scene.steps)

    def _is_plain(self) -> bool:
        scene = self.scene
        return (
            scene.detector.curvature_radius is None
            and scene.sampling.dmin == 0.0
            and not scene.weighs_terms
            and not scene.c_compat
        )

    def _plain_photons(self, corners_slow: Tensor, corners_fast: Tensor) -> Tensor:
        """Photons of blocks by their corners, (blocks, 1); (blocks, 256)."""
        scene = self.scene
        slow, fast = _pad(corners_slow), _pad(corners_fast)
        anchors = self._anchor_directions(slow, fast)
        photons = torch.zeros((len(slow), LANES), dtype=torch.float64, device=self.device)
        for steps in self._tables:
            scale, total = None, torch.zeros_like(photons)
            at_anchor = Vectors(
                *(d.view(-1) - i for d, i in zip(anchors, steps.incident, strict=True))
            )
            for subpixel in range(scene.sampling.oversample**2):
                x, y, z, polar_omega = self._to_blocks(
                    slow, fast, anchors, subpixel, steps.incident
                )
                scale = polar_omega if scale is None else scale
                self.add_steps((x, y, z), at_anchor, steps, total)
            assert scale is not None
            photons += total * scale
        photons *= R_E_SQR * scene.beam.fluence / scene.steps
        return photons[: len(corners_slow)]

    def _anchor_directions(self, slow: Tensor, fast: Tensor) -> Vectors:
        """Directions from the sample to the anchors of blocks, (blocks, 1)."""
        live = torch.ones_like(slow, dtype=torch.bool)
        return self.to_subpixel(Pixels(slow + _ANCHOR[0], fast + _ANCHOR[1], live), 0)[0]

    def _to_blocks(
        self, slow: Tensor, fast: Tensor, anchors: Vectors, subpixel: int, incident: Vector
    ) -> list[Tensor]:
        sampling = self.scene.sampling
        sizes = (side / sampling.oversample for side in self.scene.panel.pixel_size)
        place = self._tensor((*sizes, sampling.oversample, *divmod(subpixel, sampling.oversample)))
        return self.directions_of_blocks(
            slow, fast, *anchors, place, self._panel, self._beams[incident]
        )

    def _panel_numbers(self) -> Tensor:
        """Fast and slow axes, origin, and the two numbers of the solid angle."""
        panel = self.scene.panel
        obliquity = (panel.pixel_area * panel.close_distance, 0.0)
        if self.scene.detector.point_pixel:
            obliquity = (0.0, 1.0)
        return self._tensor((*panel.fast_axis, *panel.slow_axis, *panel.origin, *obliquity))

    def _beam_numbers(self, incident: Vector) -> Tensor:
        """Incident, electric and magnetic directions, and the three numbers of Kahn's formula."""
        electric, magnetic = transverse_axes(incident, self.scene.beam.polarization_axis)
        kahn = self.scene.beam.polarization
        factor = (1.0, 0.0, 0.0) if kahn is None else (0.5, 0.5, -0.5 * kahn)
        return self._tensor((*incident, *electric, *magnetic, *factor))

    def _sum_over_steps(self, one: Pass, lookups: Lookups) -> Tensor:
        """As in the reference: all phi steps and domains of one subpixel and source."""
        blocks = Vectors(*(_pad(component.view(-1, LANES)) for component in one.q))
        at_anchor = Vectors(*(component[:, _ANCHOR_LANE].contiguous() for component in blocks))
        x, y, z = (
            component - anchored[:, None]
            for component, anchored in zip(blocks, at_anchor, strict=True)
        )
        # q is over λ already
        orientations = torch.from_numpy(self.scene.orientations).reshape(-1, 3, 3).to(self.device)
        ones = torch.ones(len(orientations), dtype=torch.float64, device=self.device)
        total = torch.zeros_like(x)
        self.add_steps(
            (x, y, z), at_anchor, StepTable((0.0, 0.0, 0.0), orientations, ones, ones), total
        )
        summed = total.view(-1)[: len(one.q.x)]
        lookups.uncounted += int(one.counted.sum()) * len(orientations)
        first = self._first(one)
        if first is not None:
            exact = super()._sum_over_steps(one._replace(recorder=None), Lookups())
            summed = torch.where(first, exact, summed)
        return summed if one.seen is None else torch.where(one.seen, summed, 0.0)

    def _lattice_numbers(self) -> Tensor:
        """What the sum over steps needs to know of the crystal."""
        crystal = self.scene.crystal
        cells, n_sqr = crystal.cells, float(math.prod(crystal.cells)) ** 2
        if crystal.shape in ("square", "round"):
            numbers = (*map(float, cells), crystal.fudge, 0.0, 0.0, 0.0)
            height = n_sqr * lattice.SPHERE_HEIGHT**2
        else:
            (aa, ab, ac), (_, bb, bc), (_, _, cc) = self._metric.tolist()
            # F_latt² is exp(-2 …) for gauss_star; inside is below 1 for tophat
            width = 2.0 / 0.63 if crystal.shape == "gauss_star" else 1.0 / 0.3969
            numbers = (aa, ab, ac, bb, bc, cc, n_sqr * crystal.fudge * width)
            height = n_sqr
        return self._tensor((*numbers, height))

    def _tensor(self, numbers: tuple[float, ...]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64, device=self.device)


def _pad(blocks: Tensor) -> Tensor:
    """At least two blocks: compiled graphs are made for two and more."""
    return blocks.contiguous() if len(blocks) > 1 else blocks.repeat(2, 1)
