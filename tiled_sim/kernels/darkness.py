"""Panels that no reflection reaches: every structure factor that is looked up there is 0."""

import math

import numpy as np
import torch

from tiled_sim.kernels.bragg.quadrangle import extremes
from tiled_sim.kernels.bragg.spot import cell_radius
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.detector import Panel
from tiled_sim.physics.cell import dual
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Array

#: With more directions of the beam panels are not looked at.
_MOST_DIRECTIONS = 1000
#: A panel is dark if it is farther from all reflections than they reach, and so much [1/Å].
_MARGIN = 1e-6
#: Along an axis F is interpolated between nodes so many times as far as the nearest may be.
_TRICUBIC = 4.0


def dark_panels(scene: Scene, table: StructureFactorTable) -> frozenset[int]:
    """Numbers of the panels where the crystal scatters nothing, in any frame.

    |q| does not depend on how the crystal stands. It is compared with that of the farthest node
    whose F is not 0, and with how far a look-up is from its node.

    Parameters
    ----------
    scene : of any frame
    table : of structure factors
    """
    detector, spectrum = scene.detector, scene.spectrum
    if detector.curvature_radius is not None or scene.c_compat:
        return frozenset()
    incident, at = np.unique(spectrum.incident, axis=0, return_inverse=True)
    if len(incident) > _MOST_DIRECTIONS:
        return frozenset()
    longest = np.zeros(len(incident))
    np.maximum.at(longest, at.reshape(-1), spectrum.wavelength)
    nearest = [
        min(_least_q(layer, incident, longest) for layer in scene.panels.layers(panel))
        for panel in range(len(scene.panels))
    ]
    reciprocal = dual(scene.crystal.direct_vectors)
    between = cell_radius(reciprocal) * (_TRICUBIC if scene.sampling.interpolate else 1.0)
    reach = table.farthest(reciprocal) + between + _MARGIN
    return frozenset(number for number, q in enumerate(nearest) if q > reach)


def _least_q(panel: Panel, incident: Array, wavelengths: Array) -> float:
    """Smallest |q| of a panel's pixels [1/Å].

    Parameters
    ----------
    incident : unit vectors (n, 3)
    wavelengths : the longest of each (n,) [Å]
    """
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) * panel.pixels * panel.pixel_size
    position = np.array(panel.origin) + corners @ np.array([panel.slow_axis, panel.fast_axis])
    directions = position / np.linalg.norm(position, axis=1, keepdims=True)
    _, cosine = extremes(torch.from_numpy(incident), torch.from_numpy(directions))
    versine = np.maximum(1.0 - cosine.numpy(), 0.0)
    return math.sqrt(float((2.0 * versine / wavelengths**2).min()))
