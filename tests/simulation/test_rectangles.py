"""Parts of images as they are cut to where panels may have live pixels."""

import dataclasses

import numpy as np
import pytest
import torch

from tiled_sim.model.detector import Region
from tiled_sim.model.experiment import Experiment
from tiled_sim.simulation.rectangles import (
    Rectangle,
    RectangleBlocks,
    all_live,
    cut_to_regions,
    numbers_live,
)

LINE = "-default_F 10 -cell 70 -N 5 -lambda 1 -detpixels_x 75 -detpixels_y 100"
TILE = ((32, 96), (16, 75))


def panels(*regions):
    (panel,) = Experiment.from_nanobragg(LINE.split()).detector.panels
    return [dataclasses.replace(panel, region=region) for region in regions]


def cut(*regions, tile=TILE, every=None):
    parts = [Rectangle(4, number, *tile) for number in every or range(len(regions))]
    return cut_to_regions(parts, panels(*regions))


@pytest.mark.parametrize("region", [None, Region(0, 100, 0, 75), Region(32, 96, 16, 75)])
def test_what_the_region_holds_is_left_whole(region):
    assert cut(region) == [Rectangle(4, 0, *TILE)]


def test_a_part_is_cut_to_the_blocks_that_the_region_reaches_into():
    (found,) = cut(Region(50, 61, 40, 51))
    assert found == Rectangle(4, 0, (48, 61), (32, 51))


def test_a_region_that_reaches_beyond_the_tile_is_cut_at_its_edge():
    (found,) = cut(Region(0, 40, 70, 75))
    assert found == Rectangle(4, 0, (32, 40), (64, 75))


@pytest.mark.parametrize("region", [Region(0, 32, 0, 75), Region(40, 50, 0, 16)])
def test_nothing_is_left_where_the_region_lies_beside_the_tile(region):
    assert cut(region) == []


def test_parts_of_several_panels_keep_one_shape_that_holds_the_regions_of_all():
    found = cut(Region(50, 61, 40, 51), Region(70, 80, 20, 30), every=[0, 1])
    assert found == [Rectangle(4, number, (48, 80), (16, 51)) for number in (0, 1)]


def test_panels_that_are_not_of_the_tile_do_not_matter():
    assert cut(Region(50, 61, 40, 51), None, every=[0]) == cut(Region(50, 61, 40, 51))


@pytest.mark.parametrize(
    "numbers",
    [
        range(12),
        range(3, 9),
        range(4, 6),
        range(1, 7),
        range(2, 6),
        [3, 4, 5, 9, 10, 11],
        range(6, 18),
        range(12, 24),
        range(24),
        [23],
    ],
    ids=str,
)
@pytest.mark.parametrize("slow", [(32, 96), (32, 95)])
def test_photons_of_any_blocks_land_on_their_pixels(numbers, slow):
    parts = [Rectangle(0, panel, slow, (16, 64)) for panel in range(2)]
    images = np.zeros((2, slow[1] - slow[0], 48), dtype=np.float32)
    blocks = RectangleBlocks(parts, all_live(parts), torch.device("cpu"), images)
    photons = 1.0 + torch.arange(256 * len(numbers), dtype=torch.float64).view(-1, 256)
    blocks.fill(np.array(numbers), blocks.blocks(np.array(numbers)), photons)
    blocks.write()
    wanted = np.zeros((2, 64, 48))
    for number, values in zip(numbers, photons.numpy(), strict=True):
        part, (row, column) = number // 12, divmod(number % 12, 3)
        wanted[part, 16 * row :, 16 * column :][:16, :16] = values.reshape(16, 16)
    assert np.array_equal(images, wanted[:, : images.shape[1]])


def test_pixels_that_are_not_live_stay_dark():
    parts = [Rectangle(0, 0, (0, 32), (0, 48))]
    images = np.zeros((1, 32, 48), dtype=np.float32)
    live = np.random.default_rng(1).random(images.shape) < 0.5
    blocks = RectangleBlocks(parts, live, torch.device("cpu"), images)
    every = blocks.live()
    blocks.fill(every, blocks.blocks(every), torch.ones((6, 256), dtype=torch.float64))
    assert np.array_equal(images, live)


def test_live_pixels_are_counted_of_each_rectangle():
    live = np.zeros((2, 5, 7), dtype=bool)
    live[1, 2, 3:6] = True
    assert numbers_live(live) == [0, 3]


def test_rectangles_without_a_mask_have_all_pixels_live():
    parts = [Rectangle(0, panel, (0, 5), (0, 7)) for panel in range(3)]
    assert numbers_live(all_live(parts)) == [35, 35, 35]
