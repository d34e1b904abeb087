"""Scattering of amorphous material: added to what any kernel sums of the crystal."""

from dataclasses import replace

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks, Pixels
from tiled_sim.kernels.fused_amorphous import FusedAmorphous
from tiled_sim.kernels.kernel import Progress
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Capture, Optics
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.background import Background
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics import geometry
from tiled_sim.physics.amorphous import AmorphousFactor
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.structure_factor import StructureFactorTable

#: By kind of device: so few that what is computed with stays in cache.
_BLOCKS_AT_A_TIME = {"cpu": 64}


class AmorphousKernel:
    """Photons that the molecules of a material scatter into pixels, taken at their centres.

    Of each source and layer they are r_e² · fluence · molecules · F(stol)² · polar · omega ·
    capture, whatever ``dmin`` leaves out of the crystal.

    Parameters
    ----------
    scene : the frame
    background : how much there is of the material
    table : its F
    device : where it runs
    fused : whether by the loop in C++, of a flat detector on CPU

    Raises
    ------
    KernelError
        if that loop cannot be compiled
    """

    name = "amorphous"
    table: StructureFactorTable | None = None
    counts = True
    trace_error: float | None = None
    leaves_out = False
    skipped_bound = 0.0
    blocks_a_sample = 4
    #: As many as any other kernel takes: it is one beside another.
    blocks_at_a_time = 1 << 13

    def __init__(
        self,
        scene: Scene,
        background: Background,
        table: AmorphousTable,
        device: torch.device,
        *,
        fused: bool = False,
    ) -> None:
        self.scene = scene
        self._at_a_time = _BLOCKS_AT_A_TIME.get(device.type, self.blocks_at_a_time)
        # of the centre of each pixel, whatever the crystal is sampled at
        self._optics = Optics(replace(scene, sampling=Sampling()))
        self._factor = AmorphousFactor(table.stol, table.F, device)
        self._scale = R_E_SQR * scene.beam.fluence * background.molecules / len(scene.spectrum)
        self._fused = FusedAmorphous(scene, table, self._scale) if fused else None

    def photons_of_blocks(
        self, blocks: Blocks, progress: Progress | None = None
    ) -> tuple[Tensor, Lookups]:
        """As `Kernel.photons_of_blocks`; it looks up no F of a crystal and tells no progress."""
        if self._fused is not None:
            return self._fused.photons_of_blocks(blocks), Lookups()
        some = [
            self._photons(part.pixels())
            for of_panel in blocks.by_panel()
            for part in of_panel.split(self._at_a_time)
        ]
        return torch.cat(some).view(blocks.live.shape), Lookups()

    def trace(self, pixels: Pixels, recorder: Recorder) -> None:
        """As `Kernel.trace`, of one number."""
        recorder.record(background=self._photons(pixels))

    def _photons(self, pixels: Pixels) -> Tensor:
        """Expected photons of each pixel, float64 [photons]."""
        total = torch.zeros_like(pixels.slow)
        assert isinstance(pixels.panel, int)
        for layer in range(self.scene.detector.layers_of(pixels.panel)):
            diffracted, distance = self._optics.to_subpixel(pixels, 0, layer)
            capture = self._optics.captures(diffracted, layer, pixels.panel)
            sensor = self.scene.detector.sensor_of(pixels.panel)
            if sensor is not None and sensor.attenuation_table is not None:
                scattered = self._scattered(diffracted, capture)
            else:
                scattered = self._scattered(diffracted)
                same = capture(self.scene.beam.wavelength)
                if same is not None:
                    scattered *= same
            total += scattered * self._optics.omega(distance, layer, pixels.panel)
        return self._scale * total

    def _scattered(self, diffracted: geometry.Vectors, capture: Capture | None = None) -> Tensor:
        """Sum over sources of weight · F² · polar, and of what is caught of each [electron²]."""
        spectrum = self.scene.spectrum
        total = torch.zeros_like(diffracted.x)
        for weight, source in zip(spectrum.relative_weights(), spectrum, strict=True):
            q = geometry.scattering_vector(diffracted, source.incident, source.wavelength)
            F = self._factor.at(0.5 * q.length())
            scattered = weight * F * F
            polar = self._optics.polarization(diffracted, source.incident)
            if polar is not None:
                scattered *= polar
            caught = None if capture is None else capture(source.wavelength)
            total += scattered if caught is None else scattered * caught
        return total
