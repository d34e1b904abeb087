"""Polarization factor by Kahn et al., J. Appl. Cryst. 15, 330 (1982)."""

import functools

import numpy as np
import torch
from torch import Tensor

from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.vectors import Vector, as_tuple, unit


def polarization_factor(diffracted: Vectors, incident: Vector, kahn: float, axis: Vector) -> Tensor:
    """Polarization factor ½(1 + cos²2θ − K cos2ψ sin²2θ) of each pixel.

    Parameters
    ----------
    diffracted : unit vectors to the pixels
    incident : unit vector along which the light travels
    kahn : K, 0 unpolarized … 1 fully polarized
    axis : direction of the electric field; made perpendicular to ``incident``
    """
    cos_two_theta = diffracted.dot(incident)
    cos_sqr = cos_two_theta * cos_two_theta
    if kahn == 0.0:
        return 0.5 * (1.0 + cos_sqr)
    e_in, b_in = transverse_axes(incident, axis)
    psi = -torch.atan2(diffracted.dot(b_in), diffracted.dot(e_in))
    return 0.5 * (1.0 + cos_sqr - kahn * torch.cos(2.0 * psi) * (1.0 - cos_sqr))


@functools.lru_cache(maxsize=1024)
def transverse_axes(incident: Vector, axis: Vector) -> tuple[Vector, Vector]:
    """Unit vectors of the electric and the magnetic field, perpendicular to ``incident``."""
    b_in = unit(np.cross(axis, incident))
    return as_tuple(unit(np.cross(incident, b_in))), as_tuple(b_in)
