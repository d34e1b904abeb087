"""Tiles: the units of work that an image is cut into."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of one panel of one frame: the unit of work.

    Parameters
    ----------
    index : place in the plan
    frame, panel : which image
    row, column : place among the tiles of the panel
    slow, fast : (start, stop) pixels, half-open
    """

    index: int
    frame: int
    panel: int
    row: int
    column: int
    slow: tuple[int, int]
    fast: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(slow, fast) number of pixels."""
        return self.slow[1] - self.slow[0], self.fast[1] - self.fast[0]

    def holds(self, slow: int, fast: int) -> bool:
        """Whether a pixel lies in the tile."""
        return self.slow[0] <= slow < self.slow[1] and self.fast[0] <= fast < self.fast[1]
