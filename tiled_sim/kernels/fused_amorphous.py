"""The loop in C++ that sums what an amorphous material scatters: on CPU, for flat detectors."""

import itertools
from ctypes import Structure, c_int64, c_void_p

import numpy as np
import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.cpp.structures import Layer, Optics, pointer, reference
from tiled_sim.kernels.library import Library, load
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.beam import Source
from tiled_sim.model.detector import Panel, Sensor
from tiled_sim.physics.amorphous import AmorphousFactor

BACKGROUND = Library("amorphous")


class _Material(Structure):
    _fields_ = (("points", c_int64), ("stol", c_void_p), ("cubic", c_void_p))


class _Light(Structure):
    _fields_ = (
        ("number", c_int64),
        ("waves", c_void_p),
        ("weights", c_void_p),
        ("attenuations", c_void_p),
    )


class FusedAmorphous:
    """Sums sources, polarization, solid angle and absorption of a material in one loop.

    Parameters
    ----------
    scene : the frame, its detector flat
    table : F of the material
    photons : for each electron² and steradian

    Raises
    ------
    KernelError
        if the loop cannot be compiled
    """

    def __init__(self, scene: Scene, table: AmorphousTable, photons: float) -> None:
        self._loop = load(BACKGROUND).scatter
        self._scene = scene
        self._photons = photons
        self._stol = torch.from_numpy(np.array(table.stol))
        self._cubic = _cubics(table)
        arrays = pointer(self._stol), pointer(self._cubic)
        self._material = _Material(len(self._stol), *arrays)
        weighed = zip(scene.spectrum, scene.spectrum.relative_weights(), strict=True)
        #: Sources of each direction with their weights.
        self._light = [
            list(some) for _, some in itertools.groupby(weighed, lambda pair: pair[0].incident)
        ]

    def photons_of_blocks(self, blocks: Blocks) -> Tensor:
        """Expected photons of each pixel, float64 (blocks, 256) [photons]."""
        photons = torch.zeros(blocks.live.shape, dtype=torch.float64)
        start = 0
        for some in blocks.by_panel():
            stop = start + len(some.slow)
            assert isinstance(some.panel, int)
            corners = torch.stack([some.slow, some.fast], 1)
            for layer, panel in enumerate(self._scene.panels.layers(some.panel)):
                sensor = self._scene.detector.sensor_of(some.panel)
                for sources in self._light:
                    self._add(sources, panel, sensor, layer, corners, photons[start:stop])
            start = stop
        return photons

    def _add(
        self,
        sources: list[tuple[Source, float]],
        panel: Panel,
        sensor: Sensor | None,
        layer: int,
        corners: Tensor,
        photons: Tensor,
    ) -> None:
        """Add what comes of the light of one direction in a layer of a panel."""
        optics = Optics.of(self._scene, panel, sources[0][0].incident, self._photons, 1)
        rows = torch.ones((3, len(sources)), dtype=torch.float64)
        for number, (source, weight) in enumerate(sources):
            rows[0, number], rows[1, number] = 1.0 / source.wavelength, weight
            if sensor is not None:
                rows[2, number] = 1.0 / sensor.attenuation_at(source.wavelength)
        light = _Light(len(sources), *map(pointer, rows))
        structures = optics, self._material, light, Layer.of(panel, sensor, layer)
        arrays = c_int64(len(corners)), pointer(corners), pointer(photons)
        self._loop(*map(reference, structures), *arrays)


def _cubics(table: AmorphousTable) -> Tensor:
    """Coefficients of F in each interval, by powers of what stol exceeds its first point."""
    stol, width = table.stol[:-1, None], np.diff(table.stol)[:, None]
    # a cubic is known by four of its values
    share = np.array([0.125, 0.375, 0.625, 0.875])
    factor = AmorphousFactor(table.stol, table.F, torch.device("cpu"))
    F = factor.at(torch.from_numpy(stol + width * share)).numpy()
    of_share = F @ np.linalg.inv(share[:, None] ** np.arange(4)).T
    return torch.from_numpy(of_share / width ** np.arange(4)).contiguous()
