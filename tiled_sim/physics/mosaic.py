"""Rotations of mosaic domains from nanoBragg's own generator."""

import functools
import math

import numpy as np
import numpy.typing as npt

from tiled_sim.physics.vectors import Array, about_axes

_MODULUS = 2147483647
_MULTIPLIER = 16807
_TABLE = 32
_DISCARDED = 8
_BIN = 1 + (_MODULUS - 1) // _TABLE
_LARGEST = np.float32(1.0 - 1.2e-7)


def uniform_deviates(seed: int, count: int) -> npt.NDArray[np.float32]:
    """Deviates in (0, 1) of the minimal-standard generator with a shuffle table ("ran1").

    Parameters
    ----------
    seed : as given on the command line; below 1 it acts as 1
    count : how many, from the first

    Returns
    -------
    (count,)
    """
    states = _states(seed, _DISCARDED + _TABLE + count).tolist()
    table = states[_DISCARDED : _DISCARDED + _TABLE][::-1]
    last = table[0]
    shuffled = []
    for fresh in states[_DISCARDED + _TABLE :]:
        slot = last // _BIN
        last, table[slot] = table[slot], fresh
        shuffled.append(last)
    return np.minimum((1.0 / _MODULUS * np.array(shuffled, np.int64)).astype(np.float32), _LARGEST)


def _states(seed: int, count: int) -> npt.NDArray[np.int64]:
    """States of the generator from the first after the seed; each stretch is made of those before.

    A product of two states is below 2⁶², so that int64 holds it.
    """
    states = np.empty(count, np.int64)
    states[:1] = max(seed, 1) * _MULTIPLIER % _MODULUS
    known = 1
    while known < count:
        fresh = states[known : 2 * known]
        fresh[:] = states[: len(fresh)] * pow(_MULTIPLIER, known, _MODULUS) % _MODULUS
        known *= 2
    return states


@functools.lru_cache(maxsize=4)
def mosaic_rotations(spread: float, domains: int, seed: int) -> Array:
    """Rotation matrices of the mosaic domains: random axes, angles up to ``spread``.

    The first domain is not rotated. Angles go through float32, as in the C program, so that
    the same seed gives the same crystal. They are drawn once a process for all who ask.

    Parameters
    ----------
    spread : half-width of the spherical cap [rad]
    domains : number of domains
    seed : as given on the command line (``-mosaic_seed``)

    Returns
    -------
    (domains, 3, 3), read-only
    """
    deviates = uniform_deviates(seed, 3 * domains).reshape(domains, 3).astype(np.float64)
    r1, r2, r3 = (2.0 * deviates - 1.0).T
    w = np.sqrt(1.0 - r2 * r2)
    # sines and cosines one by one, as in about_axes
    turns = (math.pi * r1).tolist()
    axes = np.stack([w * list(map(math.sin, turns)), w * list(map(math.cos, turns)), r2], axis=1)
    # one by one, too: numpy's vectorised float32 power has other last bits, of one in seven
    root = np.float32(1.0 / 3.0)
    cap = np.array([value**root for value in (1.0 - r3 * r3).astype(np.float32)], np.float32)
    rotations = about_axes(axes, (np.float32(spread) * cap).astype(np.float64))
    rotations[0] = np.eye(3)
    rotations.setflags(write=False)
    return rotations
