"""Rotations of mosaic domains from nanoBragg's own generator."""

import math
from collections.abc import Iterator

import numpy as np

from tiled_sim.physics.vectors import Array, about_axis

_MODULUS = 2147483647
_MULTIPLIER = 16807
_TABLE = 32
_BIN = 1 + (_MODULUS - 1) // _TABLE
_LARGEST = np.float32(1.0 - 1.2e-7)


def uniform_deviates(seed: int) -> Iterator[np.float32]:
    """Deviates in (0, 1) of the minimal-standard generator with a shuffle table ("ran1").

    Parameters
    ----------
    seed : as given on the command line; below 1 it acts as 1
    """
    state = max(seed, 1)

    def draw() -> int:
        nonlocal state
        state = state * _MULTIPLIER % _MODULUS
        return state

    for _ in range(8):
        draw()
    table = [draw() for _ in range(_TABLE)][::-1]
    last = table[0]
    while True:
        fresh = draw()
        slot = last // _BIN
        last, table[slot] = table[slot], fresh
        yield min(np.float32(1.0 / _MODULUS * last), _LARGEST)


def mosaic_rotations(spread: float, domains: int, seed: int) -> Array:
    """Rotation matrices of the mosaic domains: random axes, angles up to ``spread``.

    The first domain is not rotated. Angles go through float32, as in the C program, so that
    the same seed gives the same crystal.

    Parameters
    ----------
    spread : half-width of the spherical cap [rad]
    domains : number of domains
    seed : as given on the command line (``-mosaic_seed``)

    Returns
    -------
    (domains, 3, 3)
    """
    deviates = uniform_deviates(seed)
    rotations = np.empty((domains, 3, 3))
    for rotation in rotations:
        r1, r2, r3 = (2.0 * float(next(deviates)) - 1.0 for _ in range(3))
        w = math.sqrt(1.0 - r2 * r2)
        axis = (w * math.sin(math.pi * r1), w * math.cos(math.pi * r1), r2)
        cap = np.float32(np.float32(1.0 - r3 * r3) ** np.float32(1.0 / 3.0))
        rotation[:] = about_axis(axis, float(np.float32(np.float32(spread) * cap)))
    rotations[0] = np.eye(3)
    return rotations
