"""Rotations of mosaic domains whose angles are Gaussian, each drawn from counters of its own.

Sines, logarithms and quantiles are taken one by one: the last bits of numpy's vectorised ones are
its version's and the CPU's, and every worker draws the domains for itself.
"""

import functools
import math
from statistics import NormalDist

import numpy as np

from tiled_sim.physics.random import philox, uniform
from tiled_sim.physics.vectors import Array, about_axes

#: Last word of the counters, which keeps these deviates apart from those of other uses.
PURPOSE = 0x646F6D73

_STANDARD = NormalDist()


@functools.lru_cache(maxsize=4)
def isotropic_rotations(spread: float, domains: int, seed: int) -> Array:
    """Rotations about axes uniform on the sphere, by angles of a normal distribution.

    The angle has mean 0 and standard deviation ``spread``, whatever the axis: the domains that
    simtbx's users make (`SimData.Umats`, ``simtbx/nanoBragg/sim_data.py`` of cctbx). As a vector
    along its axis the rotation has the covariance spread²/3 each way, and is no Gaussian of three
    dimensions, as which it would be Maxwell's distribution of angles.

    Parameters
    ----------
    spread : standard deviation of the angle [rad]
    domains : number of domains
    seed : any whole number, of which 64 bits count

    Returns
    -------
    (domains, 3, 3), read-only
    """
    height, turn, share, _ = _uniform(domains, seed)
    z = 2.0 * height - 1.0
    across = np.sqrt(1.0 - z * z)
    turns = (2.0 * math.pi * turn).tolist()
    x, y = (across * list(map(function, turns)) for function in (math.cos, math.sin))
    axes = np.stack([x, y, z], axis=1)
    return _kept(about_axes(axes, spread * _normal(share)))


@functools.lru_cache(maxsize=4)
def anisotropic_rotations(
    spreads: tuple[float, float, float],
    axes: tuple[tuple[float, float, float], ...],
    domains: int,
    seed: int,
) -> Array:
    """Rotations by vectors that are the sum of a normal one along each of three axes.

    The vector of a rotation lies along its axis and is as long as its angle; here it is
    θ₁ axis₁ + θ₂ axis₂ + θ₃ axis₃ with θᵢ normal of mean 0 and standard deviation ``spreads[i]``:
    a concentrated Gaussian on SO(3) about the identity (Barfoot and Furgale, IEEE Trans. Robot.
    30, 679, 2014), of a covariance that is diagonal along axes at right angles.

    Parameters
    ----------
    spreads : standard deviation along each axis [rad]
    axes : unit vectors, not necessarily at right angles
    domains, seed : as of `isotropic_rotations`

    Returns
    -------
    (domains, 3, 3), read-only
    """
    angles = np.stack([_normal(share) for share in _uniform(domains, seed)[:3]]) * np.array(
        spreads
    ).reshape(3, 1)
    vectors = sum(angle[:, None] * np.array(axis) for angle, axis in zip(angles, axes, strict=True))
    assert isinstance(vectors, np.ndarray)
    x, y, z = vectors.T
    lengths = np.sqrt(x * x + y * y + z * z)
    along = vectors / np.where(lengths == 0.0, 1.0, lengths)[:, None]
    return _kept(about_axes(along, lengths))


def _uniform(domains: int, seed: int) -> tuple[Array, Array, Array, Array]:
    """Four numbers in (0, 1) for each domain."""
    number = np.arange(domains, dtype=np.uint32)
    key = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    nothing, purpose = np.uint32(0), np.uint32(PURPOSE)
    found = []
    for half in (0, 1):
        words = philox((number, np.uint32(half), nothing, purpose), key)  # type: ignore[arg-type]
        found += [uniform(words[0], words[1]), uniform(words[2], words[3])]
    return found[0], found[1], found[2], found[3]


def _normal(share: Array) -> Array:
    """Standard normal deviates, by the inverse of their distribution."""
    return np.array([_STANDARD.inv_cdf(one) for one in share.tolist()])


def _kept(rotations: Array) -> Array:
    """Not to be written to: all who ask share them."""
    rotations.setflags(write=False)
    return rotations
