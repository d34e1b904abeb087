"""What kernels share that sum steps in one fused loop: h, k, l in float64 from anchors.

Where a scene needs what the fused directions do not know (a curved detector, dmin, layers of a
sensor, the C program's faults), directions, polarization and masks are those of the reference
kernel and only the sum over steps is fused.
"""

import itertools
import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from tiled_sim.kernels.anchors import StepList, orientations_of, steps_of
from tiled_sim.kernels.blocks import LANES, Blocks, Pixels
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.graphs import PRECISIONS
from tiled_sim.kernels.kernel import Progress, after_steps
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.panels import Number
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.summation import PixelSum, ScatteringVectors, photons_by_panel
from tiled_sim.model.crystal import GAUSSIAN, Crystal
from tiled_sim.model.grid import BLOCK
from tiled_sim.physics import lattice
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.polarization import transverse_axes
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Vector

#: Of float64 chains against stored pixels: float32 has 1.2e-7 from one number to the next.
TRACE_ERROR = {"float64": 2e-7, "mixed": 1e-3}
#: The pixel of a block that anchors it, along slow and fast.
_ANCHOR = (BLOCK // 2, BLOCK // 2)
_ANCHOR_LANE = _ANCHOR[0] * BLOCK + _ANCHOR[1]


def loop_of(shape: str) -> str:
    """The shape whose loop sums a crystal's: spots by h, k, l differ in their metric alone."""
    return {"gauss_hkl": "gauss_star", "tophat_hkl": "tophat"}.get(shape, shape)


class Summand(NamedTuple):
    """What a fused loop needs to know of the crystal and its F.

    Parameters
    ----------
    shape, interpolate : of the loop (`loop_of`), and whether F is taken between nodes
    dtype : of all that comes after h, k, l less their nodes
    minimum : h, k, l of the first node of the table
    last : last h, k, l index of the padded table, int32
    values : of each grid, F² of the padded table, F where it is interpolated, flat
    lattice : the eight numbers of the lattice factor
    """

    shape: str
    interpolate: bool
    dtype: torch.dtype
    minimum: tuple[int, int, int]
    last: Tensor
    values: tuple[Tensor, ...]
    lattice: Tensor

    @classmethod
    def of(cls, scene: Scene, table: StructureFactorTable, precision: str) -> "Summand":
        """Of the crystal of a scene, on the table's device."""
        dtype, interpolate = PRECISIONS[precision], scene.sampling.interpolate
        values = [
            grid.amplitudes(dtype) if interpolate else grid.squares(dtype) for grid in table.grids
        ]
        numbers = torch.tensor(_lattice_numbers(scene.crystal), dtype=torch.float64)
        last = table.last_indices()
        return cls(
            loop_of(scene.crystal.shape),
            interpolate,
            dtype,
            table.minimum,
            last,
            tuple(values),
            numbers.to(last.device),
        )


class FusedLoops(Protocol):
    """The two loops of a kernel: directions of pixels, and the sum over steps."""

    def directions_of_blocks(self, *tensors: Tensor) -> list[Tensor]:
        """Directions of blocks less their anchors', and polar · omega: as `graphs.Directions`."""

    def add_steps(
        self,
        differences: tuple[Tensor, Tensor, Tensor],
        at_anchor: Vectors,
        steps: StepList,
        total: Tensor,
        progress: Progress,
    ) -> None:
        """Add weight · F_cell² · F_latt² of steps to blocks, in a fixed order.

        Parameters
        ----------
        differences : components of d - d_anchor, float64 (blocks, 256)
        at_anchor : components of d - i at each anchor, float64 (blocks,)
        steps : of one direction of the beam, and one grid of F
        total : float64 (blocks, 256)
        progress : told how many more steps have been added
        """


class AnchoredSum:
    """Photons of blocks by fused loops, without counts of look-ups.

    Parameters
    ----------
    scene : the frame
    table : of structure factors
    loops : of the kernel
    device : where they run
    """

    def __init__(
        self, scene: Scene, table: StructureFactorTable, loops: FusedLoops, device: torch.device
    ) -> None:
        self._scene = scene
        self._table = table
        self._loops = loops
        self._device = device
        self._optics = Optics(scene)
        if self._is_plain():
            grouped = itertools.groupby(steps_of(scene, device), lambda steps: steps.incident)
            self._steps = {incident: list(of_grids) for incident, of_grids in grouped}
            self._beams = {incident: self._beam_numbers(incident) for incident in self._steps}

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`."""
        if not self._is_plain():
            pixel_sum = PixelSum(self._scene)
            return photons_by_panel(
                blocks,
                lambda pixels: pixel_sum.photons(pixels, self._sum_of_steps, progress=progress),
            )
        live = blocks.number_live
        photons = self._plain_photons(blocks, after_steps(progress, live))
        return photons, Lookups(uncounted=live * self._scene.steps)

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, by the float64 chain."""
        # its table is never None: no other F is asked for
        Chain(self._scene, self._table, 0.0).photons(pixels, recorder)

    def _is_plain(self) -> bool:
        scene = self._scene
        return (
            scene.detector.curvature_radius is None
            and scene.sampling.dmin == 0.0
            and not scene.weighs_terms
            and not scene.c_compat
        )

    def _plain_photons(self, blocks: Blocks, progress: Progress) -> Tensor:
        """Photons of blocks, (blocks, 256)."""
        scene, oversample = self._scene, self._scene.sampling.oversample
        slow, fast = _pad(blocks.slow[:, None]), _pad(blocks.fast[:, None])
        number = blocks.panel if isinstance(blocks.panel, int) else _pad(blocks.panel[:, None])
        anchors = self._anchor_directions(slow, fast, number)
        panels = self._panel_numbers(number, len(slow))
        photons: Tensor | None = None
        for incident, of_grids in self._steps.items():
            scale = None
            total = torch.zeros((len(slow), LANES), dtype=torch.float64, device=self._device)
            at_anchor = Vectors(*(d.view(-1) - i for d, i in zip(anchors, incident, strict=True)))
            for subpixel in range(oversample**2):
                place = self._tensor((oversample, *divmod(subpixel, oversample)))
                x, y, z, polar_omega = self._loops.directions_of_blocks(
                    slow, fast, *anchors, place, panels, self._beams[incident]
                )
                if scale is None:
                    # across the beam, along the field of fully polarized light, polar rounds to
                    # less than 0
                    scale = polar_omega.clamp_(min=0.0)
                for steps in of_grids:
                    self._loops.add_steps((x, y, z), at_anchor, steps, total, progress)
            assert scale is not None
            total *= scale
            photons = total if photons is None else photons.add_(total)
        assert photons is not None
        photons *= R_E_SQR * scene.fluence / scene.steps
        return photons[: len(blocks.slow)]

    def _anchor_directions(self, slow: Tensor, fast: Tensor, number: Number) -> Vectors:
        """Directions from the sample to the anchors of blocks of a panel or some, (blocks, 1)."""
        live = torch.ones_like(slow, dtype=torch.bool)
        pixels = Pixels(slow + _ANCHOR[0], fast + _ANCHOR[1], live, number)
        return self._optics.to_subpixel(pixels, 0)[0]

    def _panel_numbers(self, number: Number, blocks: int) -> Tensor:
        """Numbers of the panel of each block, (blocks, 13)."""
        of_blocks = number if isinstance(number, int) else number[:, 0]
        oversample = self._scene.sampling.oversample
        rows = self._scene.panels.directions(of_blocks, oversample, self._device)
        return rows.expand(blocks, -1).contiguous()

    def _beam_numbers(self, incident: Vector) -> Tensor:
        """Incident, electric and magnetic directions, and the three numbers of Kahn's formula."""
        electric, magnetic = transverse_axes(incident, self._scene.beam.polarization_axis)
        kahn = self._scene.beam.polarization
        factor = (1.0, 0.0, 0.0) if kahn is None else (0.5, 0.5, -0.5 * kahn)
        return self._tensor((*incident, *electric, *magnetic, *factor))

    def _sum_of_steps(self, vectors: ScatteringVectors, lookups: Lookups) -> Tensor:
        """As in the reference: all phi steps and domains of one subpixel and source."""
        q = vectors.q
        blocks = Vectors(*(_pad(component.view(-1, LANES)) for component in q))
        at_anchor = Vectors(*(component[:, _ANCHOR_LANE].contiguous() for component in blocks))
        x, y, z = (
            component - anchored[:, None]
            for component, anchored in zip(blocks, at_anchor, strict=True)
        )
        orientations, weights = orientations_of(self._scene, self._device)
        # q is over λ already
        along: Vector = (0.0, 0.0, 0.0)
        grid = self._scene.grid_of(vectors.source)
        steps = StepList(along, orientations, [(1.0, 1.0)], keep=False, weights=weights, grid=grid)
        total = torch.zeros_like(x)
        self._loops.add_steps((x, y, z), at_anchor, steps, total, vectors.progress)
        summed = total.view(-1)[: len(q.x)]
        lookups.uncounted += int(vectors.counted.sum()) * len(steps)
        first = vectors.at_first(self._scene)
        if first is not None:
            exact = ReferenceKernel(self._scene, self._table, 0.0).sum_of_steps(
                vectors._replace(recorder=None, progress=lambda steps: None), Lookups()
            )
            summed = torch.where(first, exact, summed)
        return summed if vectors.seen is None else torch.where(vectors.seen, summed, 0.0)

    def _tensor(self, numbers: tuple[float, ...]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64, device=self._device)


def _lattice_numbers(crystal: Crystal) -> tuple[float, ...]:
    """What the lattice factor is made of, by the shape of the crystal."""
    n_sqr = float(math.prod(crystal.cells)) ** 2
    if crystal.shape in ("square", "round"):
        height = n_sqr * lattice.SPHERE_HEIGHT**2
        return (*map(float, crystal.cells), crystal.fudge, 0.0, 0.0, 0.0, height)
    (aa, ab, ac), (_, bb, bc), (_, _, cc) = crystal.spot_metric.tolist()
    # F_latt² is exp(-2 …) for Gaussian spots; inside is below 1 for flat-topped ones
    gaussian = crystal.shape in GAUSSIAN
    width = 2.0 / lattice.GAUSS_WIDTH if gaussian else 1.0 / lattice.TOPHAT_EDGE
    return (aa, ab, ac, bb, bc, cc, crystal.spot_sharpness * width, n_sqr)


def _pad(blocks: Tensor) -> Tensor:
    """At least two blocks: compiled graphs are made for two and more."""
    return blocks.contiguous() if len(blocks) > 1 else blocks.repeat(2, 1)
