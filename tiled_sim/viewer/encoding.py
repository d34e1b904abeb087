"""Tiles as bytes: numbers with their bytes sorted, so that they shrink, then deflated."""

import zlib

import numpy as np
import numpy.typing as npt

from tiled_sim.viewer.mosaic import GAP, LIT, MASKED, WAITING, MosaicTile

#: Upper halves of the NaN that say why a cell has no value, as web/js/colours.js has them.
_HALVES = {WAITING: 0x7FC1, MASKED: 0x7FC2, GAP: 0x7FC3}
#: The same among whole numbers.
_LEAST = {WAITING: -(2**31), MASKED: -(2**31) + 1, GAP: -(2**31) + 2}
#: First byte: what the numbers are.
FLOATS, INTEGERS = b"f", b"i"
_QUICKLY = 1


def encode(tile: MosaicTile) -> bytes:
    """A tile: ``f`` (float32) or ``i`` (int32), then deflated (zlib) its numbers row by row.

    Of all numbers the lowest bytes come first, then the next, up to the highest.
    """
    if tile.values.dtype == np.int32:
        kind, numbers = INTEGERS, tile.values.copy()
        for state, least in _LEAST.items():
            numbers[tile.state == state] = least
    else:
        kind, numbers = FLOATS, tile.values.astype(np.float32)
        # a value that is no number must not be taken for a cell of a kind
        numbers[(tile.state == LIT) & np.isnan(numbers)] = 0.0
        bits = numbers.view(np.uint32)
        for state, half in _HALVES.items():
            bits[tile.state == state] = half << 16
    return kind + zlib.compress(_sorted(numbers), _QUICKLY)


def _sorted(numbers: npt.NDArray[np.int32 | np.float32]) -> bytes:
    """Bytes of little-endian numbers, the lowest of all first."""
    little = np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder("<"))
    return np.ascontiguousarray(little.reshape(-1).view(np.uint8).reshape(-1, 4).T).tobytes()
