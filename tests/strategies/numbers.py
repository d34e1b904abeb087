"""Numbers, and what is made of three of them."""

import math

import numpy as np
from hypothesis import strategies as st

from tiled_sim.physics.vectors import as_tuple, unit


def finite(low, high):
    return st.floats(low, high, allow_nan=False)


def three(numbers):
    return st.tuples(numbers, numbers, numbers)


#: An angle, and angles about three axes [rad].
angles = finite(-math.pi, math.pi)
turns = three(angles)
unit_vectors = (
    three(finite(-1.0, 1.0))
    .filter(lambda vector: np.linalg.norm(vector) > 0.1)
    .map(lambda vector: as_tuple(unit(np.array(vector))))
)
