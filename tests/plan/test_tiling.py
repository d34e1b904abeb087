"""The size of tiles: four a worker at least, none too small or too dear."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tiled_sim.model.grid import BLOCK
from tiled_sim.plan.tiling import grid_of, pixels_of_a_tile
from tiled_sim.store.layout import inner_chunk

MEGAPIXELS = 4_200_000


def pixels(grid):
    return math.prod(grid.tile)


def test_an_hour_s_work_on_a_small_detector_is_many_tiles():
    # 512² pixels of 3.8 million steps each were one tile
    grid = grid_of((1, 1, 512, 512), None, seconds=3600.0, workers=2)
    assert len(grid) >= 8
    assert min(grid.tile[2:]) >= 64


def test_a_small_tile_takes_a_minute_at_most():
    grid = grid_of((1, 1, 2048, 2048), None, seconds=40_000.0, workers=2)
    assert 40_000.0 / len(grid) <= 61.0


def test_the_costliest_tiles_are_64_pixels_wide():
    grid = grid_of((1, 1, 512, 512), None, seconds=1e9, workers=1000)
    assert grid.tile == (1, 1, 64, 64)


def test_what_is_done_at_once_is_one_tile():
    assert len(grid_of((1, 1, 200, 300), None, seconds=0.01, workers=8)) == 1


def test_an_image_of_milliseconds_is_not_cut_into_small_tiles():
    assert len(grid_of((1, 1, 512, 512), None, seconds=0.01, workers=2)) == 1
    assert len(grid_of((1, 1, 1024, 1024), None, seconds=0.01, workers=2)) == 4
    assert len(grid_of((1, 1, 512, 512), None, seconds=0.2, workers=2)) == 4


def test_every_worker_has_four_tiles_of_a_large_detector():
    for workers in (1, 2, 16):
        grid = grid_of((1, 1, 2527, 2463), None, seconds=60.0, workers=workers)
        assert len(grid) >= 4 * workers


def test_a_tile_is_at_most_32_megabytes():
    grid = grid_of((1, 1, 32_768, 32_768), None, seconds=30.0, workers=1)
    assert pixels(grid) <= 1.04 * 2**23
    assert len(grid) <= 160


@pytest.mark.parametrize("side", [4362, 16_384, 32_768])
def test_large_tiles_divide_into_large_chunks(side):
    # sides of 64 times a prime number were divided into chunks of 64 x 64
    grid = grid_of((1, 1, side, side), None, seconds=30.0, workers=2)
    assert min(map(inner_chunk, grid.tile[2:])) >= 128


def test_a_tile_takes_about_ten_seconds_at_most():
    grid = grid_of((1, 1, 4096, 4096), None, seconds=2000.0, workers=2)
    assert 2000.0 / len(grid) <= 11.0


def test_small_panels_are_grouped():
    # a Jungfrau 16M: 256 panels of 256 x 256 on two workers
    grid = grid_of((1, 256, 256, 256), None, seconds=10.0, workers=2)
    assert grid.tile == (1, 32, 256, 256)
    assert len(grid) == 8


def test_panels_of_no_whole_number_of_blocks_are_grouped_too():
    grid = grid_of((1, 64, 254, 254), None, seconds=10.0, workers=2)
    assert grid.tile[2:] == (256, 256)
    assert len(grid) <= 16


def test_small_frames_are_grouped():
    grid = grid_of((1000, 1, 100, 100), None, seconds=5.0, workers=2)
    assert grid.tile[0] > 1
    assert 8 <= len(grid) <= 200


def test_a_tile_that_was_asked_for_holds_one_image():
    grid = grid_of((9, 4, 100, 100), (48, 64), seconds=5.0, workers=2)
    assert grid.tile == (1, 1, 48, 64)


def test_a_time_that_is_not_known_gives_tiles_all_the_same():
    assert len(grid_of((1, 1, 4096, 4096), None, seconds=math.inf, workers=1)) > 4


@settings(deadline=None, max_examples=200)
@given(
    shape=st.tuples(
        st.integers(1, 50), st.integers(1, 300), st.integers(1, 3000), st.integers(1, 3000)
    ),
    seconds=st.floats(0.0, 1e7),
    workers=st.integers(1, 64),
)
@example(shape=(1, 1, 1, 3000), seconds=1e7, workers=64)
def test_tiles_are_whole_blocks_and_about_as_large_as_they_are_to_be(shape, seconds, workers):
    grid = grid_of(shape, None, seconds=seconds, workers=workers)
    assert all(side % BLOCK == 0 for side in grid.tile[2:])
    wanted = pixels_of_a_tile(math.prod(shape), seconds, workers)
    held = math.prod(min(side, size) for side, size in zip(grid.tile, shape, strict=True))
    assert held <= 2.1 * wanted + 64 * max(grid.tile[2:])


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_more_seconds_never_make_larger_tiles(workers):
    sizes = [pixels_of_a_tile(MEGAPIXELS, 10.0**n, workers) for n in range(-3, 8)]
    assert sizes == sorted(sizes, reverse=True)
