"""Counts with a Poisson distribution, exact for every mean.

Means below ten are inverted from one uniform number; above, Hörmann's transformed rejection PTRS
("The transformed rejection method for generating Poisson random variables", 1993) takes pairs of
them until one is accepted. Every operation is element by element, so that a count depends on its
mean and its uniform numbers alone.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Draw = Callable[[Places | slice, int], tuple[Array, Array]]
"""Two uniform numbers for each of some elements, of a numbered draw."""
Invert = Callable[[Array, Array], Array]
"""`inverted`, by whatever means."""
Accept = Callable[[Array, Array, Array], Array]
"""`accepted_at_once`, by whatever means."""

#: Where the rejection method begins to hold; the inversion takes as many rounds as the count.
_LARGE = 10.0
#: Of a mean below 10, with a probability below 1e-27.
_NEVER_REACHED = 60
#: No float64 beyond it is odd, and no detector counts so far.
_LARGEST = 2.0**53
#: ln k! less ½ ln 2πk + k ln k - k, for k below 16; above, four terms of Stirling's series do.
_STIRLING_ERROR = np.array(
    [0.0]
    + [
        math.lgamma(k + 1.0) - (0.5 * math.log(2.0 * math.pi * k) + k * math.log(k) - k)
        for k in range(1, 16)
    ]
)


def inverted(mean: Array, uniform: Array) -> Array:
    """The smallest count whose cumulative probability reaches the uniform number.

    Parameters
    ----------
    mean : below 10, float64 (n,)
    uniform : in (0, 1), float64 (n,)
    """
    counts = np.zeros_like(mean)
    probability = np.exp(-mean)
    cumulative = probability.copy()
    at = np.arange(len(mean))
    for count in range(1, _NEVER_REACHED):
        on = uniform > cumulative
        if not on.any():
            break
        at, mean, uniform = at[on], mean[on], uniform[on]
        probability = probability[on] * (mean / count)
        cumulative = cumulative[on] + probability
        counts[at] = count
    return counts


def accepted_at_once(mean: Array, uniform: Array, acceptance: Array) -> Array:
    """The first proposals, where they are accepted without a look at the probability; else NaN.

    Parameters
    ----------
    mean : at least 10, float64 (n,)
    uniform, acceptance : in (0, 1), float64 (n,)
    """
    k, at_once, _ = _proposed(mean, uniform, acceptance)
    return np.where(at_once, k, np.nan)


def poisson(
    mean: Array, draw: Draw, invert: Invert = inverted, accept: Accept = accepted_at_once
) -> Array:
    """Counts of these means; 0 where the mean is not positive.

    Parameters
    ----------
    mean : float64 (n,)
    draw : called with indices of elements and 0, 1, …: two uniform numbers for each of them; all
        in their order are ``slice(None)``
    invert, accept : other ways to what `inverted` and `accepted_at_once` give

    Returns
    -------
    whole numbers, float64 (n,)
    """
    is_small = (mean > 0.0) & (mean < _LARGE)
    if 2 * np.count_nonzero(is_small) > len(mean):
        # to draw for all takes less than to pick those that are; of 0 the count is 0
        counts = invert(np.where(is_small, mean, 0.0), draw(slice(None), 0)[0])
    else:
        counts = np.zeros_like(mean)
        small = np.flatnonzero(is_small)
        counts[small] = invert(mean[small], draw(small, 0)[0])
    large = np.flatnonzero(mean >= _LARGE)
    if len(large):
        counts[large] = _accepted(np.minimum(mean[large], _LARGEST), large, draw, accept)
    return counts


def _accepted(mean: Array, places: Places, draw: Draw, accept: Accept) -> Array:
    """The first proposal that is accepted, a draw for each."""
    uniform, acceptance = draw(places, 0)
    counts = accept(mean, uniform, acceptance)
    waiting = np.flatnonzero(np.isnan(counts))
    uniform, acceptance = uniform[waiting], acceptance[waiting]
    number = 0
    while len(waiting):
        proposal, accepted = _propose(mean[waiting], uniform, acceptance)
        counts[waiting[accepted]] = proposal[accepted]
        waiting = waiting[~accepted]
        number += 1
        uniform, acceptance = draw(places[waiting], number)
    return counts


def _proposed(
    mean: Array, uniform: Array, acceptance: Array
) -> tuple[Array, npt.NDArray[np.bool_], tuple[Array, Array, Array]]:
    """A count from the hat's distribution, and whether that is enough; names are Hörmann's."""
    b = 0.931 + 2.53 * np.sqrt(mean)
    a = -0.059 + 0.02483 * b
    u = uniform - 0.5
    us = 0.5 - np.abs(u)
    k = np.floor((2.0 * a / us + b) * u + mean + 0.43)
    return k, (us >= 0.07) & (acceptance <= 0.9277 - 3.6224 / (b - 2.0)), (a, b, us)


def _propose(mean: Array, uniform: Array, acceptance: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """A count from the hat's distribution, and whether it is accepted."""
    k, accepted, (a, b, us) = _proposed(mean, uniform, acceptance)
    doubtful = np.flatnonzero(~accepted & (k >= 0.0) & ~((us < 0.013) & (acceptance > us)))
    a, b, us = a[doubtful], b[doubtful], us[doubtful]
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    hat = np.log(acceptance[doubtful] * inverse_alpha / (a / (us * us) + b))
    accepted[doubtful] = hat <= log_probability(k[doubtful], mean[doubtful])
    return k, accepted


def log_probability(count: Array, mean: Array) -> Array:
    """Logarithm of the Poisson probability, by Loader's saddle-point expansion.

    The large terms of k ln µ - µ - ln k! are never formed, so that nothing is lost to rounding
    however large the mean.

    Parameters
    ----------
    count : whole numbers from 0, float64 (n,)
    mean : positive, float64 (n,)
    """
    k = np.maximum(count, 1.0)
    deviance = (count - mean) + k * np.log1p((mean - k) / k)
    log = deviance - 0.5 * np.log(2.0 * math.pi * k) - _stirling_error(k)
    return np.where(count == 0.0, -mean, log)


def _stirling_error(k: Array) -> Array:
    inverse = 1.0 / k
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    tabled = _STIRLING_ERROR[np.minimum(k, 15.0).astype(np.intp)]
    return np.where(k < 16.0, tabled, series)
