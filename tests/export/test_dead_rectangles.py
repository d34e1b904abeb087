"""Rectangles of dead pixels: together they are the mask, and none hides another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tiled_sim.export import dead_rectangles
from tiled_sim.export.dead_rectangles import dead_rectangles as rectangles_of
from tiled_sim.model.detector import Region

MASKS = array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(lambda s: arrays(np.bool_, s))


def painted(regions, shape):
    """How often each pixel is in a rectangle."""
    times = np.zeros(shape, dtype=int)
    for region in regions:
        times[region.slow_start : region.slow_stop, region.fast_start : region.fast_stop] += 1
    return times


@given(MASKS, st.integers(1, 4))
def test_each_dead_pixel_is_in_one_rectangle_whatever_the_bands(mask, rows):
    bands = [mask[start : start + rows] for start in range(0, len(mask), rows)]
    found = rectangles_of(bands)
    np.testing.assert_array_equal(painted(found.regions, mask.shape), mask.astype(int))
    assert found.left == 0


def test_a_gap_is_one_rectangle():
    mask = np.zeros((40, 30), dtype=bool)
    mask[10:17] = True
    mask[:, 12:14] = True
    mask[3, 5] = True
    found = rectangles_of([mask[:12], mask[12:]])
    assert Region(10, 17, 0, 30) in found.regions
    assert Region(0, 10, 12, 14) in found.regions
    assert len(found.regions) == 4


def test_of_too_many_the_smallest_are_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(dead_rectangles, "MOST", 2)
    mask = np.zeros((9, 9), dtype=bool)
    mask[0, :5] = mask[4, :3] = mask[8, 8] = mask[6, 2] = True
    found = rectangles_of([mask])
    assert found.regions == (Region(0, 1, 0, 5), Region(4, 5, 0, 3))
    assert found.left == 2
