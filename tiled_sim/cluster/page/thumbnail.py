"""Small copies of tiles for the preview: block maxima, two bytes a pixel.

A thumbnail pixel is the largest of the *factor* × *factor* image pixels of one cell of a grid that
begins at pixel (0, 0) of the panel, so that tiles whose sides are no multiple of the factor share
cells, and the larger value stands. It is kept as a *code*: 0 where nothing is known, else 1 plus
the upper half of the float32 (sign, exponent and 7 bits of the fraction). Codes grow with the
value, which makes maxima, percentiles and colours simple.
"""

import functools
import math

import numpy as np
import numpy.typing as npt

from tiled_sim.model.grid import Tile

#: Of the preview of a panel, at most [thumbnail pixel].
LONGEST_SIDE = 512
#: Of the previews of all panels of a frame together, at most [thumbnail pixel].
MOST_PIXELS = 1 << 19
#: Largest relative error of a value that was made a code and back.
PRECISION = 2.0**-8

Codes = npt.NDArray[np.uint16]


def factor_of(panels: int, slow: int, fast: int) -> int:
    """Image pixels along the side of a thumbnail pixel, for panels of so many pixels."""
    of_side = max(slow, fast) / LONGEST_SIDE
    return math.ceil(max(of_side, math.sqrt(panels * slow * fast / MOST_PIXELS)))


def cells(start: int, stop: int, factor: int) -> slice:
    """Thumbnail pixels that image pixels from ``start`` to ``stop`` (half-open) fall into."""
    return slice(start // factor, math.ceil(stop / factor))


def reduce(image: npt.NDArray[np.float32], slow: int, fast: int, factor: int) -> bytes:
    """Thumbnail of a tile: codes as little-endian uint16, C order.

    Parameters
    ----------
    image : float32 (slow, fast) [photons]; NaN does not count, negative values count as 0
    slow, fast : place of its first pixel in the panel [pixel]
    factor : as of `factor_of`
    """
    before = slow % factor, fast % factor
    after = (-(slow + image.shape[0]) % factor, -(fast + image.shape[1]) % factor)
    if any((*before, *after)):
        image = np.pad(image, list(zip(before, after, strict=True)), constant_values=np.nan)
    rows = np.fmax.reduce(image.reshape(-1, factor, image.shape[1]), axis=1)
    # slices are several times as quick as a reduction along the short axis that is left
    maxima = functools.reduce(np.fmax, (rows[:, step::factor] for step in range(factor)))
    return encode(maxima).astype("<u2").tobytes()


def thumbnail_of(
    tile: Tile,
    image: npt.NDArray[np.float32],
    factor: int,
    counts: npt.NDArray[np.int32] | None = None,
) -> bytes:
    """Thumbnails of all images in a tile, one after the other, as `reduce`.

    Parameters
    ----------
    tile : whose they are
    image : float32 (frame, panel, slow, fast) [photons]
    factor : as of `factor_of`
    counts : int32 (frame, panel, slow, fast) [ADU], whose thumbnails follow; None: there are none
    """
    corner = tile.slow[0], tile.fast[0]
    kinds = [image] if counts is None else [image, counts.astype(np.float32)]
    return b"".join(
        reduce(one, *corner, factor)
        for values in kinds
        for one in values.reshape(-1, *values.shape[2:])
    )


def encode(values: npt.NDArray[np.float32]) -> Codes:
    """Codes of values, rounded to the nearest."""
    known = ~np.isnan(values)
    bits = np.where(known, np.maximum(values, 0), 0).astype(np.float32).view(np.uint32)
    return np.where(known, ((bits + 0x8000) >> 16) + 1, 0).astype(np.uint16)


def decode(codes: Codes) -> npt.NDArray[np.float32]:
    """Values of codes; NaN where nothing is known."""
    bits = (np.maximum(codes, 1).astype(np.uint32) - 1) << 16
    return np.where(codes > 0, bits.view(np.float32), np.float32(np.nan))
