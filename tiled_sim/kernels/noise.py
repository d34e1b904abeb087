"""The loops in C++ that take most of the time of counts: the bits are those of numpy."""

import ctypes
import functools
from typing import Any

import numpy as np

from tiled_sim.kernels.library import Library, load
from tiled_sim.kernels.packages import is_built, obstacle_to_build
from tiled_sim.model.settings import REFERENCE
from tiled_sim.physics.noise import BY_NUMPY, Arithmetic, Array, Counter

#: No product and sum are rounded once, for numpy rounds twice.
NOISE = Library("noise", contracts=False)
#: Inverted together: as many as the longest vectors hold.
_LANES = 8


@functools.lru_cache(maxsize=4)
def arithmetic_of(kernel: str) -> Arithmetic:
    """Who draws the numbers of a run: the loops where they are there, or worth to be compiled.

    Parameters
    ----------
    kernel : of the run; what the reference kernel computes is not worth it

    Raises
    ------
    KernelError
        if the compiler fails
    """
    can = is_built(NOISE) or (kernel != REFERENCE and not obstacle_to_build())
    return CompiledArithmetic() if can else BY_NUMPY


class CompiledArithmetic:
    """`tiled_sim.physics.noise.Arithmetic` by loops.

    Raises
    ------
    KernelError
        if they cannot be compiled
    """

    def __init__(self) -> None:
        self._library = load(NOISE)

    def uniforms(self, counter: Counter, key: tuple[int, int]) -> tuple[Array, Array]:
        """As `Arithmetic.uniforms`."""
        slow, fast = map(np.ascontiguousarray, (counter.slow, counter.fast))
        drawn = np.empty((2, len(slow)))
        one_frame = ctypes.c_uint32(counter.panel), ctypes.c_uint32(counter.frame)
        keys = (ctypes.c_uint32 * 2)(*key)
        pixels = ctypes.c_int64(len(slow)), _at(slow), _at(fast)
        self._library.draw_uniforms(*pixels, *one_frame, keys, _at(drawn[0]), _at(drawn[1]))
        return drawn[0], drawn[1]

    def inverted(self, mean: Array, uniform: Array) -> Array:
        """As `Arithmetic.inverted`."""
        number = len(mean)
        # whole vectors; of a mean of 0 the count is 0
        padded = np.zeros((3, -(-number // _LANES) * _LANES))
        padded[:, :number] = mean, np.exp(-mean), uniform
        counts = np.empty(padded.shape[1])
        every = (*padded, counts)
        self._library.invert_poisson(ctypes.c_int64(len(counts)), *map(_at, every))
        return counts[:number]

    def accepted_at_once(self, mean: Array, uniform: Array, acceptance: Array) -> Array:
        """As `Arithmetic.accepted_at_once`."""
        given = list(map(np.ascontiguousarray, (mean, uniform, acceptance)))
        counts = np.empty_like(given[0])
        self._library.accept_at_once(ctypes.c_int64(len(counts)), *map(_at, (*given, counts)))
        return counts

    def blur(self, photons: Array, spread: Array) -> Array:
        """As `Arithmetic.blur`."""
        spread = np.ascontiguousarray(spread)
        radius = len(spread) - 1
        blurred = np.empty([side - 2 * radius for side in photons.shape])
        rows, size = photons.strides
        if size != photons.itemsize or rows % size:
            photons = np.ascontiguousarray(photons)
            rows, size = photons.strides
        sizes = map(ctypes.c_int64, (*blurred.shape, radius))
        arrived = _at(photons), ctypes.c_int64(rows // size)
        self._library.blur(*sizes, *arrived, _at(spread), _at(blurred))
        return blurred


def _at(array: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    """Where a contiguous array lies."""
    return ctypes.c_void_p(array.ctypes.data)
