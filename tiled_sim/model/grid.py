"""How an image is cut into tiles, the units of work: all arithmetic of their numbers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tiled_sim.errors import UsageError

#: Side of a block [pixel]. Tiles are made of whole blocks, so that a pixel's block, and with it
#: its value to the last bit, does not depend on the tile.
BLOCK = 16
#: Axes of an image, in order.
AXES = ("frame", "panel", "slow", "fast")
#: Of a run; their index is read whole.
MOST_TILES = 10**7

Range = tuple[int, int]
Shape = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of an image: four half-open ranges.

    Parameters
    ----------
    index : place in its grid
    frames, panels : (start, stop) of the images
    slow, fast : (start, stop) of the pixels of each
    """

    index: int
    frames: Range
    panels: Range
    slow: Range
    fast: Range

    @property
    def ranges(self) -> tuple[Range, Range, Range, Range]:
        """The four ranges, by `AXES`."""
        return self.frames, self.panels, self.slow, self.fast

    @property
    def shape(self) -> Shape:
        """(frame, panel, slow, fast) size."""
        frames, panels, slow, fast = (stop - start for start, stop in self.ranges)
        return frames, panels, slow, fast

    @property
    def region(self) -> tuple[slice, slice, slice, slice]:
        """The four ranges as slices, to index an array of the whole image."""
        frames, panels, slow, fast = (slice(*part) for part in self.ranges)
        return frames, panels, slow, fast

    def images(self) -> Iterator[tuple[int, int]]:
        """(frame, panel) of each image that it has a part of, in order."""
        for frame in range(*self.frames):
            for panel in range(*self.panels):
                yield frame, panel


@dataclass(frozen=True, slots=True)
class TileGrid:
    """All tiles of an image, by arithmetic: nothing is listed, whatever the size.

    Tiles are numbered along fast first, then slow, panels and frames.

    Parameters
    ----------
    shape : (frame, panel, slow, fast) of the image
    tile : (frame, panel, slow, fast) size of a whole tile; those at the edges are cut

    Raises
    ------
    UsageError
        for tiles that are not made of whole blocks
    """

    shape: Shape
    tile: Shape

    def __post_init__(self) -> None:
        for name, side in zip(AXES[2:], self.tile[2:], strict=True):
            if side <= 0 or side % BLOCK:
                raise UsageError(f"--tile: {side} pixels along {name} is not a multiple of {BLOCK}")
        if min(self.tile[:2]) < 1:
            raise UsageError(f"a tile of {self.tile[0]} frames and {self.tile[1]} panels is empty")
        if len(self) > MOST_TILES:
            frames, panels, slow, fast = self.shape
            raise UsageError(
                f"an image of {frames} frames and {panels} panels of {slow} x {fast} pixels makes "
                f"{len(self)} tiles, more than the {MOST_TILES} that are allowed: ask for larger "
                "ones by --tile, or divide the run"
            )

    @classmethod
    def cut(cls, shape: Shape, tile: Shape) -> "TileGrid":
        """A grid of tiles that are no larger than the image, but for the last block's rest."""
        frames, panels, slow, fast = (
            min(side, -(-size // step) * step)
            for side, size, step in zip(tile, shape, (1, 1, BLOCK, BLOCK), strict=True)
        )
        return cls(shape, (frames, panels, slow, fast))

    @property
    def counts(self) -> Shape:
        """Number of tiles along each axis."""
        frames, panels, slow, fast = (
            -(-size // side) for size, side in zip(self.shape, self.tile, strict=True)
        )
        return frames, panels, slow, fast

    def __len__(self) -> int:
        return math.prod(self.counts)

    def __getitem__(self, index: int) -> Tile:
        if not 0 <= index < len(self):
            raise IndexError(f"tile {index} of {len(self)}")
        frames, panels, slow, fast = (
            (place * side, min((place + 1) * side, size))
            for place, side, size in zip(self.place_of(index), self.tile, self.shape, strict=True)
        )
        return Tile(index, frames, panels, slow, fast)

    def __iter__(self) -> Iterator[Tile]:
        return (self[index] for index in range(len(self)))

    def place_of(self, index: int) -> Shape:
        """Which tile along each axis a tile is."""
        _, panels, rows, columns = self.counts
        rest, column = divmod(index, columns)
        rest, row = divmod(rest, rows)
        frame, panel = divmod(rest, panels)
        return frame, panel, row, column

    def index_at(self, place: Shape) -> int:
        """Number of the tile at a place; the inverse of `place_of`."""
        index = 0
        for number, count in zip(place, self.counts, strict=True):
            index = index * count + number
        return index

    def holding(self, frame: int, panel: int, slow: int, fast: int) -> Tile:
        """The tile that holds a pixel.

        Raises
        ------
        IndexError
            as `require`
        """
        pixel = (frame, panel, slow, fast)
        self.require(**dict(zip(AXES, pixel, strict=True)))
        a, b, c, d = (number // side for number, side in zip(pixel, self.tile, strict=True))
        return self[self.index_at((a, b, c, d))]

    def of_frame(self, frame: int) -> range:
        """Numbers of the tiles that hold a frame."""
        beside = math.prod(self.counts[1:])
        first = frame // self.tile[0] * beside
        return range(first, first + beside)

    def id_of(self, tile: Tile) -> str:
        """Name of a tile in a store, such as ``f00000/p000/r0003c0007``: its place."""
        return self.name_of(self.place_of(tile.index))

    @staticmethod
    def name_of(place: Shape) -> str:
        """Name in a store of the tile at a place."""
        frame, panel, row, column = place
        return f"f{frame:05d}/p{panel:03d}/r{row:04d}c{column:04d}"

    def require(self, **numbers: int) -> None:
        """Make sure that numbers along some axes lie in the image.

        Parameters
        ----------
        numbers : by the names of `AXES`

        Raises
        ------
        IndexError
            naming the first that does not, and what there is
        """
        for name, number in numbers.items():
            size = self.shape[AXES.index(name)]
            if not 0 <= number < size:
                raise IndexError(f"{name} {number} is not one of 0 to {size - 1}")
