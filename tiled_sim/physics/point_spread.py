"""The point-spread function of a detector: where a photon is counted that arrived in a pixel.

Both shapes have closed integrals over a pixel. What is cut off beyond the radius is shared out over
the disc, so that every photon is counted once; those that land beyond the panel's edge are lost.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Length g of the fibre's profile g/2π (g² + r²)^-3/2, per full width at half maximum.
_FIBRE_LENGTH = 0.5 / math.sqrt(2.0 ** (2.0 / 3.0) - 1.0)
#: Share of the photons that may fall beyond the default radius. A fibre's tail falls with 1/r only:
#: a millionth of its photons fall beyond a million g.
_CUT_OFF = {"gauss": 1e-9, "fiber": 1e-2}
#: So that a band of them stays in a core's cache.
_ROWS_AT_A_TIME = 16


def default_radius(kind: str, width: float) -> int:
    """Radius beyond which a billionth of a Gaussian falls, or a hundredth of a fibre's photons.

    Parameters
    ----------
    kind : ``gauss`` or ``fiber``
    width : full at half maximum [pixel]

    Returns
    -------
    at least 1 [pixel]
    """
    cut_off = _CUT_OFF[kind]
    if kind == "gauss":
        radius = width * math.sqrt(math.log(1.0 / cut_off) / math.log(16.0))
    else:
        radius = width * _FIBRE_LENGTH * math.sqrt(1.0 / cut_off**2 - 1.0)
    return max(math.ceil(radius), 1)


def spread_of(kind: str, width: float, radius: int) -> Array:
    """Share of a pixel's photons that each pixel near it counts, a quadrant: the rest is symmetric.

    Parameters
    ----------
    kind : ``gauss`` or ``fiber``
    width : full at half maximum [pixel]
    radius : of the disc of pixels that count any [pixel]

    Returns
    -------
    float64 (radius + 1, radius + 1), by distance along slow and fast [pixel]; the whole disc adds
    up to 1
    """
    share = _SHARES[kind](np.arange(-1.0, radius + 1.0) + 0.5, width)
    along = np.arange(radius + 1)
    share[along[:, None] ** 2 + along**2 > radius**2] = 0.0
    times = np.where(along == 0, 1.0, 2.0)  # that a distance occurs on the disc
    return share / math.fsum((share * np.outer(times, times)).ravel())


def _gauss_shares(edges: Array, width: float) -> Array:
    """Integrals over the pixels between these edges, along slow and fast."""
    scale = math.sqrt(math.log(16.0)) / width
    profile = 0.5 * np.diff([math.erf(scale * edge) for edge in edges])
    return np.outer(profile, profile)


def _fibre_shares(edges: Array, width: float) -> Array:
    """Integrals over the pixels between these edges, along slow and fast."""
    g = _FIBRE_LENGTH * width
    y, x = edges[:, None], edges
    to_corner = np.arctan(y * x / (g * np.sqrt(g * g + y * y + x * x))) / (2.0 * math.pi)
    return np.diff(np.diff(to_corner, axis=0), axis=1)


_SHARES: dict[str, Callable[[Array, float], Array]] = {
    "gauss": _gauss_shares,
    "fiber": _fibre_shares,
}


def blur(photons: Array, spread: Array) -> Array:
    """Photons counted in each pixel that lies a radius or more from the edges.

    The terms of a pixel are added in one order, by distance, so that its bits do not depend on
    which others are computed with it.

    Parameters
    ----------
    photons : that arrived, float64 (slow + 2 · radius, fast + 2 · radius)
    spread : of `spread_of`

    Returns
    -------
    float64 (slow, fast)
    """
    radius = len(spread) - 1
    slow, fast = (side - 2 * radius for side in photons.shape)
    blurred = np.zeros((slow, fast))
    for first in range(0, slow, _ROWS_AT_A_TIME):
        rows = blurred[first : first + _ROWS_AT_A_TIME]
        _add_blurred(photons[first : first + len(rows) + 2 * radius], spread, rows)
    return blurred


def _add_blurred(photons: Array, spread: Array, blurred: Array) -> None:
    """Add what is counted in some rows, of `photons` that reach a radius beyond them."""
    radius = len(spread) - 1
    slow, fast = blurred.shape
    pair = np.empty_like(blurred)
    for down, shares in enumerate(spread):
        above, below = (photons[radius + shift :][:slow] for shift in (-down, down))
        # counts are whole numbers, so that a sum of them is exact
        column = above if down == 0 else above + below
        np.multiply(column[:, radius : radius + fast], shares[0], out=pair)
        blurred += pair
        for right in range(1, math.isqrt(radius**2 - down**2) + 1):
            left = column[:, radius - right :][:, :fast]
            np.add(left, column[:, radius + right :][:, :fast], out=pair)
            pair *= shares[right]
            blurred += pair
