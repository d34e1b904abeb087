"""The kernel that follows spots instead of pixels, for crystals whose spots end.

Of most evaluations of a Gaussian or flat-topped spot nothing comes. Here the nodes whose spots
touch the Ewald sphere are found first, line by line of the reciprocal lattice, each is projected
onto the panel, and only the subpixels under it are evaluated (`bragg`). Whether an evaluation
counts is decided by its pixel and its step alone, and the terms of a pixel are added in the order
of the steps, so that bits depend neither on the tile nor on what is worked on together.
"""

import math

import torch
from torch import Tensor

from tiled_sim.kernels.anchored import TRACE_ERROR
from tiled_sim.kernels.blocks import Blocks, Pixels, count_live
from tiled_sim.kernels.bragg.cost import predicted_cost
from tiled_sim.kernels.bragg.loops import Camera, Loops
from tiled_sim.kernels.bragg.patches import PATCH_SIDE, Patch, patches_of
from tiled_sim.kernels.bragg.spot import SHAPES, Spot
from tiled_sim.kernels.bragg.steps import Directions
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
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table

_CPU = torch.device("cpu")
#: With more a block alone would be larger than a patch.
MOST_OVERSAMPLE = PATCH_SIDE // BLOCK
__all__ = ["SpotsKernel", "mixes", "obstacle", "predicted_cost"]


def mixes(experiment: Experiment, negligible: float) -> bool:
    """Whether `SpotsKernel` uses float32 for a crystal in the precision ``mixed``."""
    return Spot.of(experiment.crystal, negligible).suits_float32(experiment)


def obstacle(experiment: Experiment | Scene) -> str:
    """Why `SpotsKernel` cannot compute an experiment or one of its scenes; empty if it can."""
    if experiment.crystal.shape not in SHAPES:
        return f"the spots of a crystal of shape {experiment.crystal.shape} have no end"
    if experiment.detector.curvature_radius is not None:
        return "the detector is curved"
    sampling = experiment.sampling
    by_term = sampling.oversample_polar or sampling.oversample_omega or sampling.oversample_thick
    if by_term and (sampling.oversample > 1 or experiment.detector.sensors):
        return "it takes polarization, solid angle and absorption once a pixel"
    if sampling.oversample > MOST_OVERSAMPLE:
        return f"pixels are cut into more than {MOST_OVERSAMPLE} × {MOST_OVERSAMPLE} subpixels"
    if sampling.dmin > 0.0:
        return "dmin cuts through spots"
    if sampling.interpolate:
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
    precision : ``float64``, or ``mixed``: distances from nodes and exponentials are float32, where
        that suits the spots (`Spot.suits_float32`); sums are float64

    Raises
    ------
    ValueError
        for what it cannot compute
    KernelError
        if its loops cannot be compiled
    """

    name = SPOTS
    counts = False
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
        precision: str = "float64",
    ) -> None:
        cannot = obstacle(scene)
        if cannot:
            raise ValueError(f"no kernel for spots: {cannot}")
        self.scene = scene
        self.table = constant_table(default_F, _CPU) if table is None else table
        self.skipped_bound = 0.0
        spot = Spot.of(scene.crystal, negligible)
        height = float(math.prod(scene.crystal.cells)) ** 2
        single = precision == "mixed" and spot.suits_float32(scene)
        self.trace_error = TRACE_ERROR["mixed" if single else "float64"]
        self._loops = Loops(spot, height, self.table, default_F, single)
        self._camera = Camera(scene, single)
        self._directions = Directions(scene)
        if scene.crystal.shape in GAUSSIAN:
            self.skipped_bound = negligible * Optics(scene).ceiling(self.table.largest)

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, by the float64 chain: every term, negligible or not."""
        # its table is never None: no other F is asked for
        Chain(self.scene, self.table, 0.0).photons(pixels, recorder)

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`, 0 where not live; counts what is not negligible."""
        oversample = self.scene.sampling.oversample
        photons = torch.zeros(blocks.live.shape, dtype=torch.float64)
        done = 0
        for patch, place, numbers in patches_of(blocks, self.scene.panels, oversample):
            live = blocks.live[numbers]
            of_steps = after_steps(progress, count_live(live) * oversample**2)
            places = torch.full((patch.number_of_blocks,), -1)
            places[place] = numbers
            wanted = patch.wanted(place, live)
            done += self._add_patch(patch, wanted, places, photons, of_steps)
        return photons, Lookups(uncounted=done)

    def _add_patch(
        self,
        patch: Patch,
        wanted: Tensor | None,
        places: Tensor,
        photons: Tensor,
        progress: Progress,
    ) -> int:
        """Add the photons of a patch's blocks to those at their places; how many evaluations."""
        counted = 0
        absorbs = self.scene.detector.sensor_of(patch.panel) is not None
        for layer, panel in enumerate(self.scene.panels.layers(patch.panel)):
            screen = self._camera.screen(patch, panel, wanted)
            by_light = self._directions.by_wavelength() if absorbs else self._directions
            for every in by_light:
                before = counted
                for steps in every:
                    counted += self._loops.add(patch, panel, steps, screen).counted
                    progress(len(steps.weights))
                if counted > before:
                    self._camera.add_photons(patch, layer, steps, screen, places, photons)
            del screen  # before that of the next layer is made
        return counted
