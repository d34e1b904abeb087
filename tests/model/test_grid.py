"""The grid of tiles: every pixel in one tile, at no cost by pixel."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import UsageError
from tiled_sim.model.grid import BLOCK, TileGrid

PROPERTY = settings(deadline=None, max_examples=60)

sides = st.integers(1, 12).map(lambda n: n * BLOCK)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 150), st.integers(1, 150))
tiles = st.tuples(st.integers(1, 4), st.integers(1, 4), sides, sides)
grids = st.builds(TileGrid, shapes, tiles)


@PROPERTY
@given(grid=grids)
def test_every_pixel_is_in_exactly_one_tile(grid):
    tiles_of = np.zeros(grid.shape, int)
    for tile in grid:
        assert tiles_of[tile.region].shape == tile.shape
        tiles_of[tile.region] += 1
    assert (tiles_of == 1).all()


@PROPERTY
@given(grid=grids)
def test_tiles_are_numbered_in_order(grid):
    assert [tile.index for tile in grid] == list(range(len(grid)))


@PROPERTY
@given(grid=grids)
def test_the_place_of_a_tile_gives_its_number_back(grid):
    assert [grid.index_at(grid.place_of(index)) for index in range(len(grid))] == list(
        range(len(grid))
    )


@PROPERTY
@given(grid=grids)
def test_no_two_tiles_have_the_same_name(grid):
    assert len({grid.id_of(tile) for tile in grid}) == len(grid)


@PROPERTY
@given(grid=grids)
def test_tiles_begin_on_the_grid_of_blocks(grid):
    for tile in grid:
        assert tile.slow[0] % BLOCK == tile.fast[0] % BLOCK == 0


@PROPERTY
@given(grid=grids)
def test_only_the_last_tiles_are_smaller(grid):
    for tile in grid:
        place = zip(grid.place_of(tile.index), grid.counts, tile.shape, grid.tile, strict=True)
        assert all(size == whole or at == count - 1 for at, count, size, whole in place)


@PROPERTY
@given(grid=grids, data=st.data())
def test_a_pixel_is_held_by_the_tile_whose_ranges_it_is_in(grid, data):
    pixel = tuple(data.draw(st.integers(0, size - 1)) for size in grid.shape)
    tile = grid.holding(*pixel)
    assert all(start <= at < stop for at, (start, stop) in zip(pixel, tile.ranges, strict=True))


def test_the_images_of_a_tile_are_those_of_its_panels_in_its_frames():
    tile = TileGrid((3, 4, 32, 32), (2, 3, 32, 32))[1]
    assert list(tile.images()) == [(0, 3), (1, 3)]


def test_the_tiles_of_a_frame_are_those_that_hold_it():
    grid = TileGrid((5, 3, 100, 64), (2, 2, 64, 64))
    for frame in range(5):
        tiles = [tile.index for tile in grid if frame in range(*tile.frames)]
        assert list(grid.of_frame(frame)) == tiles


def test_a_name_counts_tiles_along_each_axis():
    grid = TileGrid((4, 6, 64, 64), (2, 3, 16, 32))
    assert grid.id_of(grid.holding(3, 5, 63, 40)) == "f00001/p001/r0003c0001"


@pytest.mark.parametrize("index", [-1, 12, 1000])
def test_a_tile_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError, match=f"tile {index} of 12"):
        TileGrid((3, 1, 32, 32), (1, 1, 16, 16))[index]


@pytest.mark.parametrize(
    ("pixel", "message"),
    [
        ((3, 0, 0, 0), "frame 3 is not one of 0 to 2"),
        ((0, -1, 0, 0), "panel -1 is not one of 0 to 0"),
        ((0, 0, 32, 0), "slow 32 is not one of 0 to 31"),
        ((0, 0, 0, 99), "fast 99 is not one of 0 to 31"),
    ],
)
def test_a_pixel_that_is_not_there_is_named_with_what_there_is(pixel, message):
    with pytest.raises(IndexError, match=message):
        TileGrid((3, 1, 32, 32), (1, 1, 16, 16)).holding(*pixel)


@pytest.mark.parametrize("side", [0, -16, 1, 15, 17, 100])
def test_a_side_that_is_not_a_multiple_of_the_block_is_refused(side):
    with pytest.raises(UsageError, match=f"tile: {side} pixels along fast is not a multiple"):
        TileGrid((1, 1, 100, 100), (1, 1, 16, side))


@pytest.mark.parametrize(
    ("tile", "cut"),
    [
        ((1, 1, 512, 512), (1, 1, 208, 304)),
        ((9, 9, 64, 512), (3, 2, 64, 304)),
        ((1, 1, 1000, 1000), (1, 1, 208, 304)),
    ],
)
def test_a_tile_larger_than_the_image_is_cut_to_whole_blocks(tile, cut):
    assert TileGrid.cut((3, 2, 200, 300), tile).tile == cut


def test_a_gigapixel_grid_costs_nothing_by_pixel():
    tracemalloc.start()
    grid = TileGrid((10, 16, 32_768, 32_768), (1, 1, 512, 512))
    assert len(grid) == 10 * 16 * 64 * 64
    assert grid[len(grid) - 1].slow == (32_256, 32_768)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
