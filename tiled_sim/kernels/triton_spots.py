"""The kernel that follows spots on a GPU: lists of the nodes that may light some pixels, summed.

The nodes near each region of 32 × 32 pixels are found first, steps side by side (`bragg.finding`),
then those of them whose spots may light each cell of 8 × 8: once they are counted, once written
down, one list after the other. `bragg.lighting` adds up the spots of a cell's list, one by one.
What is in a list, and in which order, is decided by the region and the steps alone, no two programs
add to the same number, and nodes that are listed in excess add 0: a pixel's bytes depend on nothing
else.

Directions, exponents and sums are float64; in ``mixed`` the exponential is float32.

Under ``TRITON_INTERPRET=1``, set before Triton is imported, it runs on CPU tensors, slowly.
"""

import torch
from torch import Tensor

from tiled_sim.kernels.anchored import TRACE_ERROR
from tiled_sim.kernels.blocks import AT_A_TIME, Blocks, Pixels
from tiled_sim.kernels.bragg.cells import CELLS_OF_A_BLOCK
from tiled_sim.kernels.bragg.lists import Lists
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Directions, Steps
from tiled_sim.kernels.chain import Chain
from tiled_sim.kernels.kernel import Progress, after_steps
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import obstacle
from tiled_sim.kernels.triton import IS_INSTALLED
from tiled_sim.kernels.triton import obstacle as no_triton
from tiled_sim.model.crystal import GAUSSIAN
from tiled_sim.model.settings import SPOTS, TRITON
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table
from tiled_sim.physics.vectors import Vector

_CPU = torch.device("cpu")


class TritonSpotsKernel:
    """`SpotsKernel` for CUDA devices: the same terms, added in an order of its own.

    Parameters
    ----------
    scene, table, default_F, negligible : as `SpotsKernel`, the table on the device
    precision : ``float64``, or ``mixed`` (the exponential in float32)
    device : where it runs

    Raises
    ------
    ImportError
        without Triton
    ValueError
        for what it cannot compute
    """

    name = SPOTS
    counts = False
    leaves_out = True
    blocks_a_sample = 64
    blocks_at_a_time = AT_A_TIME[TRITON]

    def __init__(
        self,
        scene: Scene,
        table: StructureFactorTable | None,
        default_F: float,
        negligible: float,
        precision: str = "float64",
        device: torch.device = _CPU,
    ) -> None:
        if not IS_INSTALLED:
            raise ImportError(no_triton())
        cannot = obstacle(scene)
        if cannot:
            raise ValueError(f"no kernel for spots: {cannot}")
        self.scene = scene
        self.table = constant_table(default_F, device) if table is None else table
        self.trace_error = TRACE_ERROR[precision]
        self.skipped_bound = 0.0
        if scene.crystal.shape in GAUSSIAN:
            self.skipped_bound = negligible * Optics(scene).ceiling(self.table.largest)
        spot = Spot.of(scene.crystal, negligible)
        self._lists = Lists(scene, spot, self.table, ends=default_F == 0.0, precision=precision)
        self._directions = Directions(scene, device)
        self._photons = R_E_SQR * scene.fluence / scene.steps

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, by the float64 chain: every term, negligible or not."""
        # its table is never None: no other F is asked for
        Chain(self.scene, self.table, 0.0).photons(pixels, recorder)

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`, 0 where not live; counts what is not negligible."""
        photons = torch.zeros(blocks.live.shape, dtype=torch.float64, device=blocks.live.device)
        counted = torch.zeros(
            (len(photons), CELLS_OF_A_BLOCK), dtype=torch.int64, device=photons.device
        )
        # the layers of sensors, and what they absorb, are those of a panel
        parts = blocks.by_panel() if self.scene.detector.sensors else iter([blocks])
        start = 0
        for part in parts:
            those = slice(start, start + len(part.slow))
            start = those.stop
            self._add_photons(part, photons[those], counted[those].flatten(), progress)
        return photons, Lookups(uncounted=int(counted.sum()))

    def _add_photons(
        self, blocks: Blocks, photons: Tensor, counted: Tensor, progress: Progress | None
    ) -> None:
        """Add photons of blocks, of one panel if some have sensors, and of cells what counts."""
        number = blocks.panel if isinstance(blocks.panel, int) else None
        layers = 1 if number is None else self.scene.detector.layers_of(number)
        of_steps = after_steps(progress, blocks.number_live * self.scene.sampling.oversample**2)
        sensor = None if number is None else self.scene.detector.sensor_of(number)
        apart = sensor is not None and sensor.attenuation_table is not None
        total = torch.empty_like(photons)
        for layer in range(layers):
            scale = _Scale(self.scene, blocks, layer)
            add = self._lists.of_blocks(blocks, layer, total, counted)
            for every in self._directions.by_wavelength() if apart else self._directions:
                total.zero_()
                for steps in every:
                    add(steps)
                    of_steps(len(steps.weights))
                photons += total * scale(steps) * self._photons


class _Scale:
    """Polarization, solid angle and what a layer absorbs, of blocks, all at the first subpixel.

    Parameters
    ----------
    scene : the frame
    blocks : of one panel where it has a sensor
    layer : of the sensor, by its number
    """

    def __init__(self, scene: Scene, blocks: Blocks, layer: int) -> None:
        pixels = blocks.pixels()
        self._optics = Optics(scene)
        self._shape = blocks.live.shape
        # polarization and solid angle are those at the front of the sensor
        self._diffracted, distance = self._optics.to_subpixel(pixels, 0)
        self._omega = self._optics.omega(distance, 0, pixels.panel)
        self._capture = None
        if isinstance(pixels.panel, int) and scene.detector.sensor_of(pixels.panel) is not None:
            inside, _ = self._optics.to_subpixel(pixels, 0, layer)
            self._capture = self._optics.captures(inside, layer, pixels.panel)
        self._polarized: tuple[Vector, Tensor] | None = None

    def __call__(self, light: Steps) -> Tensor:
        """For steps of one direction, of one wavelength if it decides, (blocks, 256) [sr]."""
        if self._polarized is None or self._polarized[0] != light.incident:
            polar = self._optics.polarization(self._diffracted, light.incident)
            # along the field of fully polarized light it rounds to less than 0
            scale = self._omega if polar is None else polar.clamp_(min=0.0) * self._omega
            self._polarized = light.incident, scale
        scale = self._polarized[1]
        if self._capture is not None:
            absorbed = self._capture(float(light.wavelengths[0]))
            scale = scale if absorbed is None else scale * absorbed
        return scale.view(self._shape)
