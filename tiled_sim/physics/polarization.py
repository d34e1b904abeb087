"""Polarization factor by Kahn et al., J. Appl. Cryst. 15, 330 (1982)."""

import functools

import numpy as np
import torch
from torch import Tensor

from tiled_sim.physics.geometry import Components, Vectors
from tiled_sim.physics.vectors import Vector, as_tuple, unit


def polarization_factor(
    diffracted: Vectors, incident: Components, kahn: float, axis: Vector
) -> Tensor:
    """Polarization factor ½(1 + cos²2θ − K cos2ψ sin²2θ) of each pixel.

    Parameters
    ----------
    diffracted : unit vectors to the pixels
    incident : unit vector along which the light travels, or tensors of many
    kahn : K, 0 unpolarized … 1 fully polarized
    axis : direction of the electric field; made perpendicular to ``incident``
    """
    cos_two_theta = diffracted.dot(incident)
    cos_sqr = cos_two_theta * cos_two_theta
    if kahn == 0.0:
        return 0.5 * (1.0 + cos_sqr)
    x, y, z = incident
    e_in: Components
    b_in: Components
    if isinstance(x, Tensor):
        assert isinstance(y, Tensor)
        assert isinstance(z, Tensor)
        e_in, b_in = _transverse_axes_of_many(Vectors(x, y, z), axis)
    else:
        e_in, b_in = transverse_axes((x, float(y), float(z)), axis)
    psi = -torch.atan2(diffracted.dot(b_in), diffracted.dot(e_in))
    return 0.5 * (1.0 + cos_sqr - kahn * torch.cos(2.0 * psi) * (1.0 - cos_sqr))


@functools.lru_cache(maxsize=1024)
def transverse_axes(incident: Vector, axis: Vector) -> tuple[Vector, Vector]:
    """Unit vectors of the electric and the magnetic field, perpendicular to ``incident``."""
    b_in = unit(np.cross(axis, incident))
    return as_tuple(unit(np.cross(incident, b_in))), as_tuple(b_in)


def _transverse_axes_of_many(incident: Vectors, axis: Vector) -> tuple[Vectors, Vectors]:
    """`transverse_axes` of each of many directions, but for the last bits."""
    b_in = _unit(_cross(Vectors(*map(incident.x.new_tensor, axis)), incident))
    return _unit(_cross(incident, b_in)), b_in


def _cross(first: Vectors, second: Vectors) -> Vectors:
    (a, b, c), (x, y, z) = first, second
    return Vectors(b * z - c * y, c * x - a * z, a * y - b * x)


def _unit(vectors: Vectors) -> Vectors:
    """Scaled to length 1; zero vectors stay zero."""
    length = vectors.length()
    return Vectors(*(part / torch.where(length == 0.0, 1.0, length) for part in vectors))


def kahn_numbers(incident: Vector, kahn: float | None, axis: Vector) -> tuple[Vector, ...]:
    """What fused loops take of the light of a direction, three numbers each.

    Parameters
    ----------
    incident, kahn, axis : as of `polarization_factor`; kahn None: the factor is 1 everywhere

    Returns
    -------
    incident, electric and magnetic direction, and the factor's constant, that of the squared cosine
    and that of the field
    """
    electric, magnetic = transverse_axes(incident, axis)
    factor = (1.0, 0.0, 0.0) if kahn is None else (0.5, 0.5, -0.5 * kahn)
    return incident, electric, magnetic, factor
