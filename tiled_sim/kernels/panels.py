"""The panels of a detector as kernels take them: one at a time, or many by a table of numbers."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Union

import numpy as np

from tiled_sim.model.detector import Detector, Panel
from tiled_sim.physics.geometry import Components
from tiled_sim.physics.vectors import as_tuple

if TYPE_CHECKING:  # it takes a second to import, and a scene alone needs none
    import torch
    from torch import Tensor

#: A panel's number, or those of many pixels or blocks, int64.
Number = Union[int, "Tensor"]


class PanelNumbers(NamedTuple):
    """Numbers of panels as of a `Panel`, each a tensor with an element a pixel."""

    origin: Components
    slow_axis: Components
    fast_axis: Components
    normal: Components
    pixel_size: "tuple[Tensor, Tensor]"
    pixel_area: "Tensor"
    close_distance: "Tensor"

    @classmethod
    def of(cls, rows: "Tensor") -> "PanelNumbers":
        """From rows of `_row`, float64 (…, 16)."""
        numbers = rows.unbind(-1)
        origin, slow, fast, normal = (
            (numbers[at], numbers[at + 1], numbers[at + 2]) for at in (0, 3, 6, 9)
        )
        return cls(origin, slow, fast, normal, (numbers[12], numbers[13]), *numbers[14:])


def _row(panel: Panel) -> tuple[float, ...]:
    vectors = (*panel.origin, *panel.slow_axis, *panel.fast_axis, *panel.normal)
    return (*vectors, *panel.pixel_size, panel.pixel_area, panel.close_distance)


class Panels:
    """The panels of a detector; all frames share them.

    Parameters
    ----------
    detector : whose panels they are
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._layers: dict[int, tuple[Panel, ...]] = {}
        self._tables: dict[tuple[torch.device, int], Tensor] = {}
        self._directions: dict[tuple[torch.device, int, int], Tensor] = {}

    def __len__(self) -> int:
        return len(self._detector.panels)

    def __getitem__(self, number: int) -> Panel:
        return self._detector.panels[number]

    @cached_property
    def largest_omega(self) -> float:
        """No pixel of any panel has a larger solid angle [sr], or 1/R² [1/m²] of point pixels."""
        point = self._detector.point_pixel
        return max(
            (1.0 if point else panel.pixel_area) / panel.close_distance**2
            for panel in self._detector.panels
        )

    def layers(self, number: int) -> tuple[Panel, ...]:
        """A panel at the front of each layer of the sensor, deeper ones farther away."""
        if number not in self._layers:
            self._layers[number] = self._layers_of(number)
        return self._layers[number]

    def _layers_of(self, number: int) -> tuple[Panel, ...]:
        panel, sensor = self[number], self._detector.sensor_of(number)
        if sensor is None or self._detector.curvature_radius is not None:
            return (panel,) * self._detector.layers_of(number)
        origins = (
            np.array(panel.origin) + sensor.depth(layer) * np.array(panel.normal)
            for layer in range(sensor.layers)
        )
        return tuple(replace(panel, origin=as_tuple(origin)) for origin in origins)

    def at(self, number: Number, layer: int = 0) -> Panel | PanelNumbers:
        """The panel of a number at the front of a layer; of many numbers, of each its numbers."""
        if isinstance(number, int):
            return self.layers(number)[layer]
        key = number.device, layer
        if key not in self._tables:
            import torch

            rows = [_row(self.layers(panel)[layer]) for panel in range(len(self))]
            self._tables[key] = torch.tensor(rows, dtype=torch.float64).to(number.device)
        return PanelNumbers.of(self._tables[key][number])

    def directions(
        self, number: Number, oversample: int, device: "torch.device", layer: int = 0
    ) -> "Tensor":
        """What `graphs.Directions` takes of panels.

        Parameters
        ----------
        number : of one panel, or of each of many blocks, int64 (blocks,)
        oversample : subpixels along a side of a pixel
        device : where the table lies
        layer : of the sensor, on whose front they stand; of panels with fewer the last

        Returns
        -------
        float64 (1 or blocks, 13): fast and slow axes, origin, the two numbers of the solid angle,
        and the sides of a subpixel along slow and fast
        """
        key = device, oversample, layer
        if key not in self._directions:
            import torch

            every = [self.layers(panel)[: layer + 1][-1] for panel in range(len(self))]
            rows = [self.direction_row(panel, oversample) for panel in every]
            self._directions[key] = torch.tensor(rows, dtype=torch.float64).to(device)
        table = self._directions[key]
        return table[number : number + 1] if isinstance(number, int) else table[number]

    def omega_numbers(self, panel: Panel) -> tuple[float, float]:
        """Solid angle times R²: over the distance R [m], and added to that."""
        if self._detector.point_pixel:
            return 0.0, 1.0
        return panel.pixel_area * panel.close_distance, 0.0

    def direction_row(self, panel: Panel, oversample: int) -> tuple[float, ...]:
        """What `directions` has of a panel."""
        omega = self.omega_numbers(panel)
        sides = (side / oversample for side in panel.pixel_size)
        return (*panel.fast_axis, *panel.slow_axis, *panel.origin, *omega, *sides)
