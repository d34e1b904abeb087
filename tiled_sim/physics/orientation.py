"""What is random of crystals: orientations, uniform over all rotations, and lengths of cells."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.physics.normal import normal_quantile
from tiled_sim.physics.random import Words, philox, uniform
from tiled_sim.physics.vectors import Array, Vector, of_quaternions

#: Last words of the counters, which keep these deviates apart from those of other uses.
PURPOSE, OF_SHOTS, OF_CELLS = 0x6D697373, 0x73686F74, 0x63656C6C

_TURN = 360.0
#: Shots whose numbers stay in the cache on their way.
_AT_ONCE = 1 << 13


def random_missetting(seed: int) -> Vector:
    """Angles about X, then Y, then Z of a random rotation [°].

    Uniform over rotations: in these angles the volume of the group is dx · d(sin y) · dz.

    Parameters
    ----------
    seed : any whole number, of which 64 bits count
    """
    words = _words(np.arange(2), np.zeros(2), PURPOSE, seed)
    (about_x, about_z), (sine, _) = uniform(words[0], words[1]), uniform(words[2], words[3])
    return (
        _TURN * (float(about_x) - 0.5),
        math.degrees(math.asin(2.0 * float(sine) - 1.0)),
        _TURN * (float(about_z) - 0.5),
    )


def random_rotations(seed: int, shots: npt.NDArray[np.int64]) -> Array:
    """Rotation matrices, uniform over all rotations, each of its shot's own counters.

    By unit quaternions: K. Shoemake, "Uniform random rotations", Graphics Gems III (1992), 124.

    Parameters
    ----------
    seed : any whole number, of which 64 bits count
    shots : their numbers, from 0 and below 2³²

    Returns
    -------
    (shots, 3, 3)
    """
    rotations = np.empty((len(shots), 3, 3))
    for start in range(0, len(shots), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        rotations[some] = _rotations(seed, shots[some])
    return rotations


def random_cells(seed: int, shots: npt.NDArray[np.int64]) -> Array:
    """Deviates of a, b and c, Gaussian of standard deviation 1, each of its shot's own counters.

    Parameters
    ----------
    seed, shots : as `random_rotations`

    Returns
    -------
    (shots, 3)
    """
    first = _words(np.zeros(len(shots)), shots, OF_CELLS, seed)
    second = _words(np.ones(len(shots)), shots, OF_CELLS, seed)
    pairs = (first[0:2], first[2:4], second[0:2])
    return np.stack([normal_quantile(uniform(*pair)) for pair in pairs], axis=1)


def _rotations(seed: int, shots: npt.NDArray[np.int64]) -> Array:
    """Of some of the shots, as `random_rotations`."""
    first = _words(np.zeros(len(shots)), shots, OF_SHOTS, seed)
    second = _words(np.ones(len(shots)), shots, OF_SHOTS, seed)
    radius, turn = uniform(first[0], first[1]), 2.0 * math.pi * uniform(first[2], first[3])
    other = 2.0 * math.pi * uniform(second[0], second[1])
    # one by one: the last bits of numpy's vectorised ones are its version's and the CPU's
    sines, cosines, other_sines, other_cosines = (
        np.fromiter(map(function, angles.tolist()), np.float64, len(shots))
        for angles in (turn, other)
        for function in (math.sin, math.cos)
    )
    outer, inner = np.sqrt(1.0 - radius), np.sqrt(radius)
    # float64 rounds their length to 1 within 4e-16
    return of_quaternions(
        np.stack(
            [inner * other_cosines, outer * sines, outer * cosines, inner * other_sines], axis=1
        )
    )


def _words(
    draw: npt.NDArray[Any], shots: npt.NDArray[Any], purpose: int, seed: int
) -> tuple[Words, ...]:
    """Random words of the counters of shots and of several draws of each."""
    return philox(
        (
            draw.astype(np.uint32),
            np.zeros(len(draw), dtype=np.uint32),
            shots.astype(np.uint32),
            np.full(len(draw), purpose, dtype=np.uint32),
        ),
        (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF),
    )
