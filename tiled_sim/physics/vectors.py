"""Three-vectors and rotations, as float64 numpy arrays."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]


def unit(vector: Sequence[float] | Array) -> Array:
    """Return the vector scaled to length 1; a zero vector stays zero."""
    v = np.asarray(vector, dtype=np.float64)
    length = math.sqrt(float(v @ v))
    return v / length if length != 0.0 else v


def cross(first: Sequence[float], second: Sequence[float]) -> Vector:
    """The vector product of two vectors, as numpy's to the last bit and much faster for two."""
    (a, b, c), (x, y, z) = first, second
    return b * z - c * y, c * x - a * z, a * y - b * x


def as_tuple(vector: Sequence[float] | Array) -> Vector:
    """Return the vector as three plain floats, with no negative zeros."""
    x, y, z = (float(component) + 0.0 for component in vector)
    return x, y, z


def about_axis(axis: Sequence[float] | Array, angle: float) -> Array:
    """Rotation matrix about a unit ``axis`` by ``angle`` [rad], right-handed (Rodrigues)."""
    x, y, z = (float(component) for component in axis)
    v = np.array([x, y, z])
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return _rodrigues(np.outer(v, v), cross, math.cos(angle), math.sin(angle))


def about_axes(axes: Array, angles: Array) -> Array:
    """Rotation matrices about many axes, each as `about_axis` to the last bit.

    Parameters
    ----------
    axes : unit vectors (n, 3)
    angles : (n,) [rad]

    Returns
    -------
    (n, 3, 3)
    """
    # one by one: the last bits of numpy's vectorised ones are its version's and the CPU's
    cosine, sine = (
        np.array([function(angle) for angle in angles.tolist()])[:, None, None]
        for function in (math.cos, math.sin)
    )
    x, y, z = axes.T
    nothing = np.zeros_like(x)
    cross = np.stack([nothing, -z, y, z, nothing, -x, -y, x, nothing], axis=1).reshape(-1, 3, 3)
    return _rodrigues(axes[:, :, None] * axes[:, None, :], cross, cosine, sine)


def _rodrigues(outer: Array, cross: Array, cosine: Array | float, sine: Array | float) -> Array:
    """Rotation from the outer product of an axis with itself and the matrix that crosses with it.

    The order of operations is fixed, so that one rotation has the bits of many.
    """
    return outer * (1.0 - cosine) + np.eye(3) * cosine + cross * sine


def rotation_between(start: Array, end: Array) -> Array:
    """The smallest rotation that turns one unit vector into another, (3, 3); of opposites, any."""
    x, y, z = np.cross(start, end)
    cosine = float(start @ end)
    if cosine < -1.0 + 1e-12:
        least = np.eye(3)[int(np.argmin(np.abs(start)))]
        return about_axis(unit(np.cross(start, least)), math.pi)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1.0 + cosine))


def nearest_rotations(matrices: Array) -> Array:
    """The rotations that are nearest to matrices, (n, 3, 3)."""
    left, _, right = np.linalg.svd(matrices)
    handed = np.sign(np.linalg.det(left @ right))
    left[:, :, 2] *= handed[:, None]
    return np.asarray(left @ right)


def of_quaternions(quaternions: Array) -> Array:
    """Rotation matrices of unit quaternions w, x, y, z.

    Parameters
    ----------
    quaternions : (n, 4)

    Returns
    -------
    (n, 3, 3)
    """
    w, x, y, z = quaternions.T
    rows = (
        (w * w + x * x - y * y - z * z, 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
        (2.0 * (x * y + w * z), w * w - x * x + y * y - z * z, 2.0 * (y * z - w * x)),
        (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=1)


def about_fixed_axes(x: float, y: float, z: float) -> Array:
    """Rotation matrix about X, then Y, then Z [rad], each fixed in the laboratory."""
    return (
        about_axis((0.0, 0.0, 1.0), z)
        @ about_axis((0.0, 1.0, 0.0), y)
        @ about_axis((1.0, 0.0, 0.0), x)
    )
