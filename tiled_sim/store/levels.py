"""The smaller copies of a run's image in its store."""

from collections.abc import Callable, Iterable
from typing import Any

import zarr

from tiled_sim.model.coordinates import PixelCentres
from tiled_sim.model.grid import TileGrid
from tiled_sim.store import layout, ome, pyramid


def write_levels(
    root: zarr.Group,
    grid: TileGrid,
    name: str,
    apply: Callable[..., Iterable[Any]] = map,
) -> None:
    """Make levels 1, 2, … anew from level 0, then consolidate the metadata.

    Parameters
    ----------
    root : group of the run, opened without consolidated metadata
    grid : of its tiles
    name : of the image, as viewers show it
    apply : as ``map``; that of a ``ThreadPoolExecutor`` reduces shards side by side
    """
    finest = layout.group_of(root, "0")
    centres = layout.read_coordinates(finest)
    fine = layout.array_of(finest, "image")
    levels = [axes_of(centres)]
    for number, sides in enumerate(pyramid.smaller_shapes(*grid.shape[2:]), start=1):
        slow, fast = (axis.at_level(number) for axis in levels[0])
        levels.append((slow, fast))
        grid = pyramid.grid_of_level(grid, sides)
        places = PixelCentres(slow.centres(sides[0]), fast.centres(sides[1]), centres.unit)
        coarse = create_level(root, number, grid, places)
        pyramid.fill_level(fine, coarse, apply)
        fine = coarse
    document = ome.image_metadata(name, levels, centres.unit)
    layout.seal(root, {"arrays": layout.places(root), "ome": document})


def create_level(
    root: zarr.Group, number: int, grid: TileGrid, centres: PixelCentres
) -> zarr.Array:
    """The group of a level, in place of the one that may be there; its image, of no pixel yet."""
    level = root.create_group(str(number), overwrite=True)
    layout.write_coordinates(level, grid.shape, centres)
    return layout.create_image(level, grid)


def axes_of(centres: PixelCentres) -> tuple[pyramid.PixelAxis, pyramid.PixelAxis]:
    """The slow and the fast axis on which pixels stand."""
    return pyramid.PixelAxis.through(centres.slow), pyramid.PixelAxis.through(centres.fast)
