"""Where the tiles of a run lie, by arithmetic: the plan without what only workers need."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tiled_sim.cluster.page.thumbnail import cells
from tiled_sim.model.grid import TileGrid


@dataclass(frozen=True, slots=True)
class Layout:
    """Tiles of a run, and thumbnails of them.

    Parameters
    ----------
    tiles : the grid of them
    factor : image pixels along the side of a thumbnail pixel
    """

    tiles: TileGrid
    factor: int

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of tiles on a panel."""
        rows, columns = self.tiles.counts[2:]
        return rows, columns

    def __len__(self) -> int:
        return len(self.tiles)

    @property
    def preview(self) -> tuple[int, int]:
        """(slow, fast) thumbnail pixels of a panel."""
        slow, fast = (math.ceil(size / self.factor) for size in self.tiles.shape[2:])
        return slow, fast

    def panel(self, frame: int, panel: int) -> slice:
        """Numbers of the tiles of a panel, which follow each other.

        Raises
        ------
        IndexError
            there is no such panel
        """
        first = self.tiles.holding(frame, panel, 0, 0).index
        return slice(first, first + math.prod(self.grid))

    def frame(self, frame: int) -> slice:
        """Numbers of the tiles of all panels of a frame, which follow each other, as `panel`."""
        first = self.panel(frame, 0).start
        return slice(first, first + math.prod(self.tiles.counts[1:]))

    def windows(self, index: int) -> Iterator[tuple[tuple[int, int], tuple[slice, slice]]]:
        """Of each image in a tile (frame, panel), and where its thumbnail lies in the preview."""
        tile = self.tiles[index]
        window = cells(*tile.slow, self.factor), cells(*tile.fast, self.factor)
        return ((image, window) for image in tile.images())
