"""Where the tiles of a run lie, by arithmetic: the plan without what only workers need."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from tiled_sim.cluster.page.thumbnail import cells


class Place(NamedTuple):
    """Frame and panel of a tile, and its row and column among the tiles of the panel."""

    frame: int
    panel: int
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Tiles of a run, and thumbnails of them.

    Parameters
    ----------
    shape : (frame, panel, slow, fast) of the image
    tile : (slow, fast) pixels of a whole tile
    factor : image pixels along the side of a thumbnail pixel
    """

    shape: tuple[int, int, int, int]
    tile: tuple[int, int]
    factor: int

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of tiles on a panel."""
        return math.ceil(self.shape[2] / self.tile[0]), math.ceil(self.shape[3] / self.tile[1])

    def __len__(self) -> int:
        return self.shape[0] * self.shape[1] * self.grid[0] * self.grid[1]

    @property
    def preview(self) -> tuple[int, int]:
        """(slow, fast) thumbnail pixels of a panel."""
        return math.ceil(self.shape[2] / self.factor), math.ceil(self.shape[3] / self.factor)

    def place(self, index: int) -> Place:
        """Of a tile, by its number in the plan."""
        rows, columns = self.grid
        rest, column = divmod(index, columns)
        rest, row = divmod(rest, rows)
        return Place(*divmod(rest, self.shape[1]), row, column)

    def panel(self, frame: int, panel: int) -> slice:
        """Numbers of the tiles of a panel, which follow each other.

        Raises
        ------
        IndexError
            there is no such panel
        """
        if not (0 <= frame < self.shape[0] and 0 <= panel < self.shape[1]):
            raise IndexError(f"frame {frame}, panel {panel} of {self.shape[:2]}")
        size = self.grid[0] * self.grid[1]
        first = (frame * self.shape[1] + panel) * size
        return slice(first, first + size)

    def window(self, place: Place) -> tuple[slice, slice]:
        """Where the thumbnail of a tile lies in the preview of its panel."""
        slow, fast = (
            cells(number * side, min((number + 1) * side, size), self.factor)
            for number, side, size in zip(
                (place.row, place.column), self.tile, self.shape[2:], strict=True
            )
        )
        return slow, fast
