"""Parts of images as they are cut to where panels may have live pixels."""

import dataclasses

import pytest

from tiled_sim.model.detector import Region
from tiled_sim.model.experiment import Experiment
from tiled_sim.simulation.rectangles import Rectangle, cut_to_regions

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
