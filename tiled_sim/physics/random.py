"""Random numbers from counters: a deviate belongs to its pixel, not to a place in a stream.

The generator is Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
as 1, 2, 3", 2011). The same counter always gives the same number, whoever asks, in whatever order.
"""

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counter: tuple[Words, Words, Words, Words], key: tuple[int, int]) -> tuple[Words, ...]:
    """Four random words for each counter.

    Parameters
    ----------
    counter : four words each, arrays that broadcast against each other
    key : two words, below 2³² each
    """
    x0, x1, x2, x3 = (np.asarray(word).astype(np.uint64) for word in counter)
    k0, k1 = key
    for number in range(_ROUNDS):
        first = x0 * _MULTIPLIERS[0]
        second = x2 * _MULTIPLIERS[1]
        round_key = [
            np.uint64((k + number * weyl) & 0xFFFFFFFF)
            for k, weyl in zip((k0, k1), _WEYL, strict=True)
        ]
        x0, x1, x2, x3 = (
            (second >> _HALF) ^ x1 ^ round_key[0],
            second & _LOW,
            (first >> _HALF) ^ x3 ^ round_key[1],
            first & _LOW,
        )
    return tuple(x.astype(np.uint32) for x in np.broadcast_arrays(x0, x1, x2, x3))


def uniform(high: Words, low: Words) -> npt.NDArray[np.float64]:
    """Numbers in (0, 1), 53 bits each, from two random words each; never 0 and never 1."""
    bits = (high.astype(np.uint64) >> np.uint64(5)) << np.uint64(26)
    bits |= low.astype(np.uint64) >> np.uint64(6)
    # half a step up, so that neither end is reached: 2⁵³ - 1 + ½ rounds to even, below 1 by 2⁻⁵³
    return np.minimum((bits.astype(np.float64) + 0.5) * 2.0**-53, 1.0 - 2.0**-53)
