"""Pixels of a panel: where they are, in which direction, how large they look from the sample.

Kernels take tensors; float64 arrays of numpy do as well, with the same values, and need no torch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tiled_sim.physics.vectors import Vector, as_tuple, unit

if TYPE_CHECKING:
    from torch import Tensor

#: Three components: of one vector, or of one for each element of some tensors.
Components = Sequence["float | Tensor"]


class Vectors(NamedTuple):
    """Many three-vectors, component by component; each of the same shape."""

    x: "Tensor"
    y: "Tensor"
    z: "Tensor"

    def dot(self, vector: Components) -> "Tensor":
        """Scalar product of each vector with one fixed vector, or with its own of others."""
        return self.x * vector[0] + self.y * vector[1] + self.z * vector[2]

    def length(self) -> "Tensor":
        """Length of each vector."""
        squares = self.x * self.x + self.y * self.y + self.z * self.z
        found: Tensor = _library_of(squares).sqrt(squares)
        return found


def _library_of(values: Any) -> Any:
    """Whose functions take such values: torch takes a second to import, and numpy is there."""
    if isinstance(values, np.ndarray):
        return np
    import torch

    return torch


def flat_position(
    slow: "Tensor",
    fast: "Tensor",
    origin: Components,
    slow_axis: Components,
    fast_axis: Components,
) -> Vectors:
    """Positions on flat panels, from the sample [m].

    Parameters
    ----------
    slow, fast : distances from the panel's corner along its axes [m], of the same shape
    origin : sample to the corner of pixel (0, 0) [m]
    slow_axis, fast_axis : unit vectors
    """
    return Vectors(
        *(fast * f + slow * s + o for f, s, o in zip(fast_axis, slow_axis, origin, strict=True))
    )


def _turned(vector: Vectors, axis: Vector, angle: "Tensor") -> Vectors:
    """Each vector turned about a fixed unit axis by its own angle [rad]."""
    library = _library_of(angle)
    sine, cosine = library.sin(angle), library.cos(angle)
    along = vector.dot(axis) * (1.0 - cosine)
    ax, ay, az = axis
    return Vectors(
        ax * along + vector.x * cosine + (ay * vector.z - az * vector.y) * sine,
        ay * along + vector.y * cosine + (az * vector.x - ax * vector.z) * sine,
        az * along + vector.z * cosine + (ax * vector.y - ay * vector.x) * sine,
    )


def _direct_beam(like: "Tensor", beam: Vector, radius: float) -> Vectors:
    full_like = _library_of(like).full_like
    return Vectors(*(full_like(like, radius * component) for component in beam))


def curved_position(
    flat: Vectors, beam: Vector, slow_axis: Vector, fast_axis: Vector, radius: float
) -> Vectors:
    """Positions on a detector whose pixels all lie at one distance from the sample [m].

    The direct beam is turned towards +fast by the arc between pixel and beam spot along fast,
    and likewise along slow: a pixel keeps its way in fast and slow. (The C program takes the
    laboratory's y and z instead; see `curved_position_as_c`.)

    Parameters
    ----------
    flat : positions on the flat panel [m]
    beam : unit vector of the direct beam
    slow_axis, fast_axis : unit vectors
    radius : distance of every pixel from the sample [m]
    """
    along_fast = flat.dot(fast_axis) - radius * _scalar(beam, fast_axis)
    along_slow = flat.dot(slow_axis) - radius * _scalar(beam, slow_axis)
    # turning about beam × axis moves the beam towards the axis, whatever the panel's handedness
    towards_fast, towards_slow = (
        as_tuple(unit(np.cross(beam, axis))) for axis in (fast_axis, slow_axis)
    )
    turned = _turned(_direct_beam(flat.x, beam, radius), towards_fast, along_fast / radius)
    return _turned(turned, towards_slow, along_slow / radius)


def curved_position_as_c(
    flat: Vectors, beam: Vector, slow_axis: Vector, fast_axis: Vector, radius: float
) -> Vectors:
    """Positions on a curved detector as the C program has them, axes swapped [m].

    Parameters as `curved_position`.
    """
    turned = _turned(_direct_beam(flat.x, beam, radius), slow_axis, flat.y / radius)
    return _turned(turned, fast_axis, flat.z / radius)


def _scalar(u: Vector, v: Vector) -> float:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def direction(position: Vectors) -> "tuple[Vectors, Tensor]":
    """Unit vectors from the sample to each position, and the distances [m]."""
    distance = position.length()
    return Vectors(*(component / distance for component in position)), distance


def solid_angle(
    distance: "Tensor",
    pixel_size: "tuple[float, float] | tuple[Tensor, Tensor]",
    close_distance: "float | Tensor",
) -> "Tensor":
    """Solid angle of a pixel seen from the sample [sr]: area/R² · close_distance/R.

    Parameters
    ----------
    distance : R, sample to pixel [m]
    pixel_size : (slow, fast) sides of a pixel [m]
    close_distance : sample to the panel's plane [m]
    """
    slow, fast = pixel_size
    return slow * fast / (distance * distance) * (close_distance / distance)


def point_solid_angle(distance: "Tensor") -> "Tensor":
    """Inverse square of the distance [1/m²], without the pixel's size and obliquity."""
    return 1.0 / (distance * distance)


def scattering_vector(
    diffracted: Vectors, incident: Components, wavelength: "float | Tensor"
) -> Vectors:
    """Scattering vectors q = (d - i)/λ [1/Å].

    Parameters
    ----------
    diffracted : unit vectors to the pixels
    incident : unit vector along which the light travels, or components of many
    wavelength : λ [Å], or of many
    """
    return Vectors(*((d - i) / wavelength for d, i in zip(diffracted, incident, strict=True)))


def within_resolution(q: Vectors, dmin: float) -> "Tensor | None":
    """Where d = 1/|q| is not below dmin [Å]; None: everywhere."""
    if dmin == 0.0:
        return None
    stol = 0.5 * q.length()
    return ~((stol > 0.0) & (dmin > 0.5 / stol))
