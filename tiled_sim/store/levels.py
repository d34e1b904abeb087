"""The smaller copies of a run's image in its store."""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.storage import MemoryStore

from tiled_sim.model.coordinates import PixelCentres
from tiled_sim.model.grid import Tile, TileGrid
from tiled_sim.store import layout, ome, pyramid
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place
from tiled_sim.store.shards import fault_of_shard
from tiled_sim.store.whole_shards import ShardEncoder

_IMAGE = "0/image"


class Levels:
    """Levels 1, 2, … of a run.

    Of the first ones each tile has a shard of its own, which is written with the tile; the others
    are made of these in the end.

    Parameters
    ----------
    objects : of the run
    run : path of it
    grid : of its tiles
    """

    def __init__(self, objects: Objects, run: Place, grid: TileGrid) -> None:
        self._objects = objects
        self._run = run
        self._grid = grid

    @cached_property
    def _levels(self) -> list[pyramid.Level]:
        return pyramid.levels_of(self._grid)

    @cached_property
    def _encoders(self) -> list[ShardEncoder]:
        """Of the levels of which each tile has a shard."""
        root = zarr.open_group(MemoryStore(), mode="w", zarr_format=3)
        return [
            ShardEncoder(layout.create_image(root.create_group(str(number)), level.grid))
            for number, level in enumerate(self._levels, start=1)
            if level.of_tiles
        ]

    def write_tile(self, tile: Tile, image: npt.NDArray[np.float32]) -> None:
        """Write the smaller copies of a tile.

        Parameters
        ----------
        tile : of the run
        image : float32 (frame, panel, slow, fast) [photons]
        """
        for number, encode in enumerate(self._encoders, start=1):
            image = pyramid.halve(image)
            self._put(number, self._levels[number - 1].grid[tile.index], encode, image)

    def finish(self, root: zarr.Group, name: str, apply: Callable[..., Iterable[Any]]) -> None:
        """Make what lacks of the levels, then consolidate the metadata.

        Parameters
        ----------
        root : group of the run, opened without consolidated metadata
        name : of the image, as viewers show it
        apply : as ``map``; that of a ``ThreadPoolExecutor`` makes shards side by side
        """
        try:
            self._finish(root, name, apply)
        except pyramid.UnreadableShardError as error:
            if error.array == _IMAGE:
                raise
            self.forget()
            self._finish(root, name, apply)

    def forget(self) -> None:
        """Remove what there is of the levels."""
        for number in range(1, len(self._levels) + 1):
            for key in self._objects.keys(str(number)):
                self._objects.delete(key)

    def _finish(self, root: zarr.Group, name: str, apply: Callable[..., Iterable[Any]]) -> None:
        centres = layout.read_coordinates(layout.group_of(root, "0"))
        axes = [axes_of(centres)]
        fine = layout.array_of(root, _IMAGE)
        for number, level in enumerate(self._levels, start=1):
            slow, fast = (axis.at_level(number) for axis in axes[0])
            axes.append((slow, fast))
            sides = level.grid.shape[2:]
            places = PixelCentres(slow.centres(sides[0]), fast.centres(sides[1]), centres.unit)
            self._clear(root, number, level)
            coarse = create_level(root, number, level.grid, places)
            for _ in apply(partial(self._make, number, fine, coarse), level.grid):
                pass
            fine = coarse
        document = ome.image_metadata(name, axes, centres.unit)
        layout.seal(root, {"arrays": layout.places(root), "ome": document})

    def _clear(self, root: zarr.Group, number: int, level: pyramid.Level) -> None:
        """Remove a level, but for the shards that were written with their tiles."""
        kept = f"{number}/image/c/" if level.of_tiles and _is_of(level, root, number) else None
        for key in self._objects.keys(str(number)):  # shards before what tells of them
            if kept is None or not key.startswith(kept):
                self._objects.delete(key)

    def _make(self, number: int, fine: zarr.Array, coarse: zarr.Array, shard: Tile) -> None:
        """Write a shard of a level, if it is not there whole."""
        level = self._levels[number - 1]
        if level.of_tiles:
            key = _key(number, level.grid.place_of(shard.index))
            if not fault_of_shard(self._objects, key, coarse, shard.shape):
                return
        image = pyramid.reduced_shard(self._objects, self._run, fine, coarse, shard)
        self._put(number, shard, ShardEncoder(coarse), image)

    def _put(
        self, number: int, shard: Tile, encode: ShardEncoder, image: npt.NDArray[np.float32]
    ) -> None:
        """Write a shard of a level; it can be made again, and need not outlast a crash."""
        place = self._levels[number - 1].grid.place_of(shard.index)
        content = encode(place, shard.region, image)
        self._objects.put(_key(number, place), content, synced=False)


def _key(number: int, place: tuple[int, ...]) -> str:
    """Key of a shard of a level."""
    return "/".join((str(number), "image", "c", *map(str, place)))


def create_level(
    root: zarr.Group, number: int, grid: TileGrid, centres: PixelCentres
) -> zarr.Array:
    """The group of a level; its image, of which pixels may be there."""
    level = root.create_group(str(number))
    layout.write_coordinates(level, grid.shape, centres)
    return layout.create_image(level, grid)


def axes_of(centres: PixelCentres) -> tuple[pyramid.PixelAxis, pyramid.PixelAxis]:
    """The slow and the fast axis on which pixels stand."""
    return pyramid.PixelAxis.through(centres.slow), pyramid.PixelAxis.through(centres.fast)


def _is_of(level: pyramid.Level, root: zarr.Group, number: int) -> bool:
    """Whether the shards that may be there of a level are divided so, as far as it is told.

    In runs made before they are not.
    """
    try:
        found = root[f"{number}/image"]
    except KeyError:
        return True  # it is told in the end
    except Exception:  # zarr, of metadata that may hold anything
        return False
    return (
        isinstance(found, zarr.Array)
        and found.shards == level.grid.tile
        and found.chunks[2:] == tuple(map(layout.inner_chunk, level.grid.tile[2:]))
    )
