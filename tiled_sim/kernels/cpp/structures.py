"""What all loops in C++ take: vectors, and the optics of a panel."""

import ctypes
from ctypes import Structure, c_double, c_int64
from typing import Any

from torch import Tensor

from tiled_sim.kernels.scene import Scene
from tiled_sim.model.detector import Panel, Sensor
from tiled_sim.physics.polarization import kahn_numbers
from tiled_sim.physics.vectors import Vector

Numbers3 = c_double * 3


class Optics(Structure):
    """A flat panel as the sample sees it, and the light of a direction: as in vectors.h."""

    _fields_ = (
        ("slow", Numbers3),
        ("fast", Numbers3),
        ("origin", Numbers3),
        ("omega", c_double * 2),
        ("incident", Numbers3),
        ("electric", Numbers3),
        ("magnetic", Numbers3),
        ("kahn", Numbers3),
        ("photons", c_double),
        ("oversample", c_int64),
    )

    @classmethod
    def of(
        cls, scene: Scene, panel: Panel, incident: Vector, photons: float, oversample: int
    ) -> "Optics":
        """Of a scene's detector and beam.

        Parameters
        ----------
        panel : whose subpixels are looked at
        incident : unit vector along which the light travels
        photons : for each electron² and steradian
        oversample : subpixels along a side of a pixel
        """
        slow, fast = (
            Numbers3(*(size / oversample * component for component in axis))
            for size, axis in zip(panel.pixel_size, (panel.slow_axis, panel.fast_axis), strict=True)
        )
        omega = scene.panels.omega_numbers(panel)
        light = kahn_numbers(incident, scene.beam.polarization, scene.beam.polarization_axis)
        origin, *of_beam = (Numbers3(*vector) for vector in (panel.origin, *light))
        return cls(slow, fast, origin, (c_double * 2)(*omega), *of_beam, photons, oversample)


class Layer(Structure):
    """A layer of a sensor: as in vectors.h."""

    _fields_ = (
        ("origin", Numbers3),
        ("normal", Numbers3),
        ("front", c_double),
        ("back", c_double),
    )

    @classmethod
    def of(cls, panel: Panel, sensor: Sensor | None, layer: int) -> "Layer | None":
        """Of a panel at the front of the layer, by the layer's number; None without a sensor."""
        if sensor is None:
            return None
        depths = sensor.depth(layer), sensor.depth(layer + 1)
        return cls(Numbers3(*panel.origin), Numbers3(*panel.normal), *depths)


def reference(structure: Structure | None) -> Any:
    """Passed to a loop; null for None."""
    return None if structure is None else ctypes.byref(structure)


def pointer(tensor: Tensor | None) -> ctypes.c_void_p | None:
    """Of a contiguous tensor."""
    return None if tensor is None else ctypes.c_void_p(tensor.data_ptr())
