"""The geometry of a scene: where its pixels are seen from the sample, and what they catch.

Every value of a pixel comes from element-wise operations in a fixed order, so it does not depend
on which other pixels are computed with it.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.panels import Number
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.detector import Panel, Sensor
from tiled_sim.physics import geometry
from tiled_sim.physics.absorption import absorbed
from tiled_sim.physics.constants import R_E_SQR
from tiled_sim.physics.geometry import Components, Vectors
from tiled_sim.physics.polarization import polarization_factor

_PANEL_BY_PANEL = "pixels of a curved detector, and of sensors, come panel by panel"


#: Share of the photons of a wavelength [Å], or of each of some, (wavelengths, 1), that each pixel
#: catches; None: all.
Capture = Callable[[float | Tensor], Tensor | None]


class Optics:
    """Directions, solid angles and factors of the pixels of a scene.

    Parameters
    ----------
    scene : the frame
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def places(self, panel: int) -> Iterator[tuple[int, int]]:
        """Layer and subpixel of all that a pixel of a panel is made of, in the order of summation.

        Parameters
        ----------
        panel : its number
        """
        subpixels = range(self._scene.sampling.oversample**2)
        return itertools.product(range(self._scene.detector.layers_of(panel)), subpixels)

    def position(self, pixels: Pixels, subpixel: int | Tensor, layer: int = 0) -> Vectors:
        """From the sample to the centre of a subpixel, or of some of each pixel [m].

        Parameters
        ----------
        pixels : one alone, or (pixels, 1), where there are several subpixels
        subpixel : number, or numbers
        layer : on whose front they are
        """
        scene, panel = self._scene, self._scene.panels.at(pixels.panel, layer)
        oversample = scene.sampling.oversample
        sub_slow, sub_fast = subpixel // oversample, subpixel % oversample
        slow, fast = (side / oversample for side in panel.pixel_size)
        position = geometry.flat_position(
            slow * (pixels.slow * oversample + sub_slow) + slow / 2.0,
            fast * (pixels.fast * oversample + sub_fast) + fast / 2.0,
            panel.origin,
            panel.slow_axis,
            panel.fast_axis,
        )
        radius = scene.detector.curvature_radius
        if radius is None:
            return position
        assert isinstance(panel, Panel), _PANEL_BY_PANEL
        assert isinstance(pixels.panel, int), _PANEL_BY_PANEL
        bend = geometry.curved_position_as_c if scene.c_compat else geometry.curved_position
        position = bend(position, scene.beam.direction, panel.slow_axis, panel.fast_axis, radius)
        deeper = (radius + self._depth(layer, pixels.panel)) / radius
        return Vectors(*(component * deeper for component in position))

    def to_subpixel(
        self, pixels: Pixels, subpixel: int | Tensor, layer: int = 0
    ) -> tuple[Vectors, Tensor]:
        """Unit vectors to where `position` is, and distances [m]."""
        return geometry.direction(self.position(pixels, subpixel, layer))

    def _depth(self, layer: int, number: int) -> float:
        """From the plane of a panel, by its number, to the front of a layer [m]."""
        sensor = self._scene.detector.sensor_of(number)
        return 0.0 if sensor is None else sensor.depth(layer)

    def omega(self, distance: Tensor, layer: int, number: Number = 0) -> Tensor:
        """Solid angle of a pixel of a panel, by its number, at the place of a subpixel [sr]."""
        if self._scene.detector.point_pixel:
            return geometry.point_solid_angle(distance)
        panel = self._scene.panels.at(number, layer)
        return geometry.solid_angle(distance, panel.pixel_size, panel.close_distance)

    def captures(self, diffracted: Vectors, layer: int, number: Number = 0) -> Capture:
        """What tells the share of the photons that a layer of a panel, by its number, absorbs."""
        assert isinstance(number, int), _PANEL_BY_PANEL
        sensor = self._scene.detector.sensor_of(number)
        if sensor is None:
            return lambda _: None
        obliquity = torch.ones_like(diffracted.x)
        if self._scene.detector.curvature_radius is None:
            obliquity = diffracted.dot(self._scene.panels.at(number).normal).abs()
        front, back = sensor.depth(layer), sensor.depth(layer + 1)
        if sensor.attenuation_table is None:
            same = absorbed(front, back, sensor.attenuation_length, obliquity)
            return lambda _: same
        return lambda wavelength: absorbed(front, back, _attenuation(sensor, wavelength), obliquity)

    def polarization(self, diffracted: Vectors, incident: Components) -> Tensor | None:
        """Polarization factor of light that came along ``incident``; None: 1 everywhere."""
        beam = self._scene.beam
        if beam.polarization is None:
            return None
        return polarization_factor(diffracted, incident, beam.polarization, beam.polarization_axis)

    def within_resolution(self, q: Vectors) -> Tensor | None:
        """Pixels whose d = 1/|q| is not below dmin; None: all."""
        return geometry.within_resolution(q, self._scene.sampling.dmin)

    def ceiling(self, F: float) -> float:
        """No pixel is brighter if no node has a larger F [electron], taken at nodes [photons]."""
        scene = self._scene
        height = float(math.prod(scene.crystal.cells)) ** 2
        omega = scene.panels.largest_omega
        return R_E_SQR * scene.fluence * F * F * height * omega


def _attenuation(sensor: Sensor, wavelength: float | Tensor) -> float | Tensor:
    """Attenuation length [m] at a wavelength [Å], or at each of some."""
    if not isinstance(wavelength, Tensor):
        return sensor.attenuation_at(wavelength)
    lengths = sensor.attenuations_at(wavelength.flatten().cpu().numpy())
    return torch.from_numpy(lengths).view(wavelength.shape).to(wavelength.device)
