"""Random orientations, uniform over all rotations."""

import math

import numpy as np

from tiled_sim.physics.random import philox, uniform
from tiled_sim.physics.vectors import Vector

#: Last word of the counters, which keeps these deviates apart from those of other uses.
PURPOSE = 0x6D697373

_TURN = 360.0


def random_missetting(seed: int) -> Vector:
    """Angles about X, then Y, then Z of a random rotation [°].

    Uniform over rotations: in these angles the volume of the group is dx · d(sin y) · dz.

    Parameters
    ----------
    seed : any whole number, of which 64 bits count
    """
    counters = np.arange(2, dtype=np.uint32)
    nothing = np.zeros(2, dtype=np.uint32)
    words = philox(
        (counters, nothing, nothing, np.full(2, PURPOSE, dtype=np.uint32)),
        (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF),
    )
    (about_x, about_z), (sine, _) = uniform(words[0], words[1]), uniform(words[2], words[3])
    return (
        _TURN * (float(about_x) - 0.5),
        math.degrees(math.asin(2.0 * float(sine) - 1.0)),
        _TURN * (float(about_z) - 0.5),
    )
