"""What a detector counts where so many photons are expected, in two stages about the blur.

First photons arrive: the source flickers, the calibration of every pixel is off, and the rest is
Poisson's. Then, blurred or not (`point_spread`), they are read: gain, offset, read-out noise, whole
numbers, saturation.

**Where the random numbers come from.** From `random.philox`, of

    counter   slow, fast, panel and frame of the pixel
    key       seed, and purpose · 2²⁴ + number of the draw

and of nothing else, so that a count depends neither on the tile nor on what was drawn before. Draws
are numbered from 0; all but Poisson's rejections take one. The calibration has a seed of its own,
and frame 0 in every frame, for it is always the same.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tiled_sim.physics.normal import normal_quantile
from tiled_sim.physics.point_spread import blur
from tiled_sim.physics.poisson import Places, accepted_at_once, inverted, poisson
from tiled_sim.physics.random import Words, philox, uniform

Array = npt.NDArray[np.float64]

#: A pixel that would read more reads this.
LARGEST_COUNT = 2**31 - 1

#: The purposes of a random number.
_FLICKER, _CALIBRATION, _POISSON, _READOUT = range(1, 5)
_DRAW_BITS = 24
#: Worked on at a time, so that the memory for it depends on no tile.
_PIXELS_AT_A_TIME = 1 << 16


class Corner(NamedTuple):
    """Where a rectangle of pixels begins.

    Parameters
    ----------
    slow, fast : its first pixel on the panel
    panel, frame : numbers
    """

    slow: int
    fast: int
    panel: int
    frame: int


class Counter(NamedTuple):
    """Some pixels of a panel in a frame, uint32 (n,) each of slow and fast."""

    slow: Words
    fast: Words
    panel: int
    frame: int


class Arithmetic(Protocol):
    """What takes most of the time of counts; whoever does it, the bits are the same."""

    def uniforms(self, counter: Counter, key: tuple[int, int]) -> tuple[Array, Array]:
        """Two numbers in (0, 1) of each pixel, float64 (n,), by `random.philox`."""

    def inverted(self, mean: Array, uniform: Array) -> Array:
        """As `poisson.inverted`."""

    def accepted_at_once(self, mean: Array, uniform: Array, acceptance: Array) -> Array:
        """As `poisson.accepted_at_once`."""

    def blur(self, photons: Array, spread: Array) -> Array:
        """As `point_spread.blur`."""


class NumpyArithmetic:
    """`Arithmetic` as it is written down in `random`, `poisson` and `point_spread`."""

    inverted = staticmethod(inverted)
    accepted_at_once = staticmethod(accepted_at_once)
    blur = staticmethod(blur)

    def uniforms(self, counter: Counter, key: tuple[int, int]) -> tuple[Array, Array]:
        """As `Arithmetic.uniforms`."""
        slow, fast, *rest = counter
        panel, frame = (np.array(number, dtype=np.uint32) for number in rest)
        first, second, third, fourth = philox((slow, fast, panel, frame), key)
        return uniform(first, second), uniform(third, fourth)


BY_NUMPY = NumpyArithmetic()


class _Pixels(NamedTuple):
    """Some pixels, and who draws their numbers."""

    counter: Counter
    arithmetic: Arithmetic

    def uniforms(self, seed: int, purpose: int, draw: int = 0) -> tuple[Array, Array]:
        """Two numbers of each pixel in (0, 1)."""
        return self.arithmetic.uniforms(self.counter, (seed, (purpose << _DRAW_BITS) + draw))

    def deviates(self, seed: int, purpose: int) -> Array:
        """A Gaussian number of each pixel, of mean 0 and variance 1."""
        return normal_quantile(self.uniforms(seed, purpose)[0])

    def photons(self, mean: Array, seed: int) -> Array:
        """Poisson's, of a mean for each pixel."""

        def draw(places: Places | slice, number: int) -> tuple[Array, Array]:
            slow, fast = self.counter.slow[places], self.counter.fast[places]
            some = self._replace(counter=self.counter._replace(slow=slow, fast=fast))
            return some.uniforms(seed, _POISSON, number)

        return poisson(mean, draw, self.arithmetic.inverted, self.arithmetic.accepted_at_once)

    def in_every_frame(self) -> "_Pixels":
        """The same pixels, whatever the frame."""
        return self._replace(counter=self.counter._replace(frame=0))


def arriving_photons(
    expected: npt.NDArray[np.floating],
    corner: Corner,
    seed: int,
    *,
    flicker: float = 0.0,
    calibration: float = 0.0,
    calibration_seed: int = 0,
    arithmetic: Arithmetic = BY_NUMPY,
) -> Array:
    """Photons that arrive in each pixel of a rectangle.

    Parameters
    ----------
    expected : (slow, fast) [photons]
    corner : of the rectangle
    seed : below 2³²
    flicker : of the source, from pixel to pixel [fraction]
    calibration : error of each pixel, the same in every frame [fraction]
    calibration_seed : below 2³²
    arithmetic : who draws

    Returns
    -------
    whole numbers, float64 (slow, fast); 0 where nothing is expected
    """
    arrived = np.empty(expected.shape)
    for rows, pixels in _bands(expected.shape, corner, arithmetic):
        mean = expected[rows].astype(np.float64).ravel()
        if flicker > 0.0:
            mean *= 1.0 + flicker * pixels.deviates(seed, _FLICKER)
        if calibration > 0.0:
            fixed = pixels.in_every_frame()
            mean *= 1.0 + calibration * fixed.deviates(calibration_seed, _CALIBRATION)
        arrived[rows] = pixels.photons(mean, seed).reshape(arrived[rows].shape)
    return arrived


def read_photons(
    photons: Array,
    corner: Corner,
    seed: int,
    *,
    gain: float = 1.0,
    offset: float = 0.0,
    readout: float = 0.0,
    saturation: int = LARGEST_COUNT,
    arithmetic: Arithmetic = BY_NUMPY,
) -> npt.NDArray[np.int32]:
    """What a rectangle of pixels reads of the photons that arrived in it.

    Parameters
    ----------
    photons : float64 (slow, fast)
    corner : of the rectangle
    seed : below 2³²
    gain : [ADU/photon]
    offset : [ADU]
    readout : standard deviation of the read-out noise [ADU]
    saturation : what a pixel reads at most [ADU]
    arithmetic : who draws

    Returns
    -------
    int32 (slow, fast) [ADU], towards zero from what is no whole number
    """
    counts = np.empty(photons.shape, dtype=np.int32)
    for rows, pixels in _bands(photons.shape, corner, arithmetic):
        value = photons[rows].ravel() * gain + offset
        if readout > 0.0:
            value += readout * pixels.deviates(seed, _READOUT)
        clipped = np.clip(value, -float(LARGEST_COUNT), float(saturation))
        counts[rows] = clipped.astype(np.int32).reshape(counts[rows].shape)
    return counts


def _bands(
    shape: tuple[int, ...], corner: Corner, arithmetic: Arithmetic
) -> Iterator[tuple[slice, _Pixels]]:
    """Whole rows of a rectangle, some at a time, and their pixels row by row."""
    rows, columns = shape
    step = math.ceil(_PIXELS_AT_A_TIME / columns)
    fast = np.arange(columns, dtype=np.uint32) + np.uint32(corner.fast)
    for first in range(0, rows, step):
        last = min(first + step, rows)
        slow = np.arange(first, last, dtype=np.uint32) + np.uint32(corner.slow)
        every = np.repeat(slow, columns), np.tile(fast, last - first)
        counter = Counter(*every, corner.panel, corner.frame)
        yield slice(first, last), _Pixels(counter, arithmetic)
