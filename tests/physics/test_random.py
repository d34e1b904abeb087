"""Random numbers that belong to their counters."""

import numpy as np
import pytest

from tiled_sim.physics.random import philox, uniform

#: Counter, key and result, from the known-answer tests of Random123.
KNOWN = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def words(*values):
    return tuple(np.array([value], dtype=np.uint32) for value in values)


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_the_generator_is_philox(counter, key, expected):
    assert tuple(int(word[0]) for word in philox(words(*counter), key)) == expected


def test_a_number_does_not_depend_on_those_drawn_with_it():
    pixel = np.arange(1000, dtype=np.uint32)
    frame = np.uint32(3)
    together = philox((pixel, np.uint32(0), frame, np.uint32(7)), (12, 34))
    alone = philox((pixel[501:502], np.uint32(0), frame, np.uint32(7)), (12, 34))
    assert [int(word[501]) for word in together] == [int(word[0]) for word in alone]


def test_uniform_numbers_reach_neither_0_nor_1():
    ends = np.array([0, 0xFFFFFFFF], dtype=np.uint32)
    low, high = uniform(ends, ends)
    assert low == 2.0**-54
    assert high == 1.0 - 2.0**-53


def test_uniform_numbers_are_uniform():
    pixel = np.arange(200_000, dtype=np.uint32)
    first, second, *_ = philox((pixel, *words(0, 0, 0)), (5, 0))
    counts, _ = np.histogram(uniform(first, second), bins=100, range=(0.0, 1.0))
    expected = len(pixel) / 100
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert 53.0 < chi_square < 161.0  # 1e-4 either side of 99 degrees of freedom
