"""The kernel that follows spots instead of pixels, for crystals whose spots end: float64, on CPU.

Of most evaluations of a Gaussian or flat-topped spot nothing comes. Here the nodes whose spots
touch the Ewald sphere are found first, line by line of the reciprocal lattice, each is projected
onto the panel, and only the pixels under it are evaluated (`bragg`). Whether an evaluation counts
is decided by its pixel and its step alone, and the terms of a pixel are added in the order of the
steps, so that bits depend neither on the tile nor on what is worked on together.
"""

import functools
import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import LANES, Blocks, Pixels
from tiled_sim.kernels.bragg.candidates import Finder
from tiled_sim.kernels.bragg.cost import predicted_cost
from tiled_sim.kernels.bragg.patches import PATCH_SIDE, PIXELS_AT_A_TIME, Patch, patches_of
from tiled_sim.kernels.bragg.spot import SHAPES, Spot
from tiled_sim.kernels.bragg.windows import windows_of
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.kernel import Progress, after_steps
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystal import GAUSSIAN
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK
from tiled_sim.model.settings import SPOTS
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table
from tiled_sim.physics.vectors import Vector

#: Numbers that torch takes at a time, or a multiple of that, on any CPU.
_VECTOR = 64
__all__ = ["SpotsKernel", "obstacle", "predicted_cost"]


def obstacle(experiment: Experiment | Scene) -> str:
    """Why `SpotsKernel` cannot compute an experiment or one of its scenes; empty if it can."""
    if experiment.crystal.shape not in SHAPES:
        return f"the spots of a crystal of shape {experiment.crystal.shape} have no end"
    if experiment.detector.curvature_radius is not None:
        return "the detector is curved"
    if not all(panel.has_square_pixels for panel in experiment.detector.panels):
        return "the pixels are not square"
    if experiment.detector.sensors:
        return "the sensor has a thickness"
    if experiment.sampling.oversample_polar or experiment.sampling.oversample_omega:
        return "it takes polarization and solid angle once a pixel"
    if experiment.sampling.dmin > 0.0:
        return "dmin cuts through spots"
    if experiment.sampling.interpolate:
        return "it takes F of the nearest node and does not interpolate"
    return "it does not replay the C program's faults" if experiment.c_compat else ""


class SpotsKernel:
    """Evaluates only what is under a spot, where spots end.

    Parameters
    ----------
    scene : flat, without dmin, interpolation and the C program's faults (`obstacle`)
    table : of structure factors, on CPU; None: ``default_F`` everywhere
    default_F : [electron]
    negligible : evaluations of a Gaussian spot count where F_latt² is at least this share of its
        peak, 0 < negligible < 1; a flat-topped spot ends by itself

    Raises
    ------
    ValueError
        for what it cannot compute
    """

    name = SPOTS
    counts = False
    trace_error = 2e-7
    leaves_out = True
    blocks_a_sample = 64
    #: A patch of the largest size.
    blocks_at_a_time = (PATCH_SIDE // BLOCK) ** 2

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        negligible: float,
    ) -> None:
        cannot = obstacle(scene)
        if cannot:
            raise ValueError(f"no kernel for spots: {cannot}")
        self.scene = scene
        self.table = constant_table(default_F, torch.device("cpu")) if table is None else table
        self.skipped_bound = 0.0
        self._optics = Optics(scene)
        self._finder = Finder(scene, self.table, default_F, Spot.of(scene.crystal, negligible))
        if scene.crystal.shape in GAUSSIAN:
            self.skipped_bound = negligible * self._optics.ceiling(self.table.largest)

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, by the float64 chain: every term, negligible or not."""
        # its table is never None: no other F is asked for
        Chain(self.scene, self.table, 0.0).photons(pixels, recorder)

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`, 0 where not live; counts what is not negligible."""
        panels, oversample = self.scene.panels, self.scene.sampling.oversample
        photons = torch.zeros(blocks.live.shape, dtype=torch.float64)
        done = 0
        for patch, place, numbers in patches_of(blocks, panels, oversample):
            live = blocks.live[numbers]
            directions = functools.cache(
                functools.partial(patch.directions, panels[patch.panel], place, live)
            )
            of_steps = after_steps(progress, int(live.sum()) * oversample**2)
            of_patch, evaluated = self._photons_of_patch(patch, directions, of_steps)
            if evaluated:
                photons[numbers] = of_patch[place]
            done += evaluated
        return photons, Lookups(uncounted=done)

    def _photons_of_patch(
        self, patch: Patch, directions: Callable[[], Vectors], progress: Progress
    ) -> tuple[Tensor, int]:
        """Photons of all its blocks, (blocks, 256), and how many evaluations counted.

        Directions to its subpixels are asked for where a spot may be.
        """
        finder = self._finder
        rows, columns = patch.shape
        photons = torch.zeros(rows * columns, dtype=torch.float64)
        evaluated = 0
        for number, direction in enumerate(finder.directions):
            total, before = torch.zeros(math.prod(patch.subpixels), dtype=torch.float64), evaluated
            for steps in finder.steps(number):
                for lines in finder.lines(patch, steps):
                    for windows in windows_of(patch, finder.on_lines(patch, steps, lines)):
                        evaluated += windows.add_to(total, directions(), steps, finder.spot)
                progress(len(steps.weights))
            if evaluated == before:
                continue
            total = _sum_of_subpixels(total, patch)
            for lit in total.nonzero()[:, 0].split(PIXELS_AT_A_TIME):
                photons[lit] += total[lit] * self._scale_of(patch, lit, direction.incident)
        blocks = photons.view(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).transpose(1, 2)
        return blocks.reshape(-1, LANES), evaluated

    def _scale_of(self, patch: Patch, lit: Tensor, incident: Vector) -> Tensor:
        """Photons per sum of a pixel: polar · omega at its first subpixel · r_e² · fluence / steps.

        Parameters
        ----------
        lit : pixels of the patch, int64
        """
        # what does not fill a vector is computed by other code, of which atan2 has other bits
        place = torch.cat([lit, lit[-1:].expand(-len(lit) % _VECTOR)])
        row = torch.div(place, patch.shape[1], rounding_mode="floor")
        pixels = Pixels(
            (row + patch.corner[0]).to(torch.float64),
            (place - row * patch.shape[1] + patch.corner[1]).to(torch.float64),
            torch.ones_like(place, dtype=torch.bool),
            patch.panel,
        )
        diffracted, distance = self._optics.to_subpixel(pixels, 0)
        scale = self._optics.omega(distance, 0, patch.panel) * (
            R_E_SQR * self.scene.fluence / self.scene.steps
        )
        polar = self._optics.polarization(diffracted, incident)
        if polar is not None:
            scale *= polar
        return scale[: len(lit)]


def _sum_of_subpixels(of_subpixels: Tensor, patch: Patch) -> Tensor:
    """Sums of the pixels of a patch, flat."""
    oversample = patch.oversample
    if oversample == 1:
        return of_subpixels
    rows, columns = patch.shape
    parts = of_subpixels.view(rows, oversample, columns, oversample)
    total = torch.zeros(patch.shape, dtype=torch.float64)
    # one after the other: a reduction's order would be torch's to choose by the shape
    for slow, fast in itertools.product(range(oversample), repeat=2):
        total += parts[:, slow, :, fast]
    return total.view(-1)
