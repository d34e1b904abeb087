"""Scattering of amorphous material: added to what any kernel sums of the crystal."""

from dataclasses import replace

import torch
from torch import Tensor

from tiled_sim.kernels.reference import Pixels, ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.background import Background
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics import geometry
from tiled_sim.physics.amorphous import AmorphousFactor
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.polarization import polarization_factor


class AmorphousKernel:
    """Photons that the molecules of a material scatter into pixels, taken at their centres.

    Of each source and layer they are r_e² · fluence · molecules · F(stol)² · polar · omega ·
    capture, whatever ``dmin`` leaves out of the crystal.

    Parameters
    ----------
    scene : the panel in its frame
    background : how much there is of the material
    table : its F
    device : where it runs
    """

    def __init__(
        self, scene: Scene, background: Background, table: AmorphousTable, device: torch.device
    ) -> None:
        self._beam = scene.beam
        self._layers = scene.detector.layers
        self._at_centre = ReferenceKernel(replace(scene, sampling=Sampling()), None, 0.0)
        self._factor = AmorphousFactor(table.stol, table.F, device)
        self._scale = R_E_SQR * scene.beam.fluence * background.molecules / len(scene.beam.spectrum)

    def photons(self, pixels: Pixels) -> Tensor:
        """Expected photons of each pixel, float64 [photons]."""
        total = torch.zeros_like(pixels.slow)
        for layer in range(self._layers):
            diffracted, distance = self._at_centre.to_subpixel(pixels, 0, layer)
            scattered = self._scattered(diffracted)
            capture = self._at_centre.capture(diffracted, layer)
            if capture is not None:
                scattered *= capture
            total += scattered * self._at_centre.omega(distance, layer)
        return self._scale * total

    def _scattered(self, diffracted: geometry.Vectors) -> Tensor:
        """Sum over sources of weight · F² · polar [electron²]."""
        beam = self._beam
        total = torch.zeros_like(diffracted.x)
        for weight, source in zip(beam.spectrum.relative_weights(), beam.spectrum, strict=True):
            q = geometry.scattering_vector(diffracted, source.incident, source.wavelength)
            F = self._factor.at(0.5 * q.length())
            scattered = weight * F * F
            if beam.polarization is not None:
                scattered *= polarization_factor(
                    diffracted, source.incident, beam.polarization, beam.polarization_axis
                )
            total += scattered
        return total
