"""How the pixels of a detector that is known by name lie: one image, or modules that stand apart.

Both are laid out in the plane of the detector, seen from the sample: x to the left, y up [m].
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Vector

Dead = npt.NDArray[np.bool_]
Pair = tuple[int, int]
Point = tuple[float, float]

#: Directions by the names that the table has for them.
DIRECTIONS: dict[str, Vector] = {
    "+x": (1.0, 0.0, 0.0),
    "-x": (-1.0, 0.0, 0.0),
    "+y": (0.0, 1.0, 0.0),
    "-y": (0.0, -1.0, 0.0),
}
_DOWNSTREAM: Vector = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Lines:
    """The rows, or the columns, of an image.

    Parameters
    ----------
    width : of each, in pixels of the usual size
    dead : of each, True where it lies in a gap
    """

    width: npt.NDArray[np.float64]
    dead: Dead

    def runs(self) -> list[Pair]:
        """Neighbouring lines of one width: first, and one past the last."""
        ends = np.flatnonzero(np.diff(self.width)) + 1
        return list(pairwise([0, *ends.tolist(), len(self.width)]))

    def start(self, line: int) -> float:
        """Where a line begins, in pixels of the usual size."""
        return float(self.width[:line].sum())


@dataclass(frozen=True, slots=True)
class Image:
    """Modules in rows and columns that fill one image; its first pixel is the upper left one.

    It is one panel with dead gaps, or a panel for each block of pixels of one size.

    Parameters
    ----------
    module : (slow, fast) pixels of a module
    modules : how many along slow and fast
    gap : (slow, fast) dead pixels between modules
    split : dead columns in the middle of every module
    edge : width of the lines where modules meet, in pixels of the usual size
    dead_edge : whether the outermost lines of every module are dead
    disc : whether the pixels beyond the largest disc in the image are dead
    live_chips : first (slow, fast) pixel of each block of `chip` pixels outside which all is dead
    chip : (slow, fast) pixels of a chip
    """

    module: Pair
    modules: Pair
    gap: Pair = (0, 0)
    split: int = 0
    edge: float = 1.0
    dead_edge: bool = False
    disc: bool = False
    live_chips: tuple[Pair, ...] = ()
    chip: Pair = (0, 0)

    @property
    def pixels(self) -> Pair:
        """(slow, fast) pixels of the whole image."""
        slow, fast = (
            module * count + gap * (count - 1)
            for module, count, gap in zip(self.module, self.modules, self.gap, strict=True)
        )
        return slow, fast

    def panels(self, pixel_size: Point, distance: float) -> Iterator[tuple[Panel, Dead | None]]:
        """Each panel with its dead pixels, the upper left corner of the image at x = y = 0.

        Parameters
        ----------
        pixel_size : (slow, fast) sides of a usual pixel [m]
        distance : of the plane from the sample [m]
        """
        rows, columns = self._lines(0), self._lines(1)
        blocks = [(row, column) for row in rows.runs() for column in columns.runs()]
        for number, ((top, bottom), (left, right)) in enumerate(blocks):
            corner = (columns.start(left) * pixel_size[1], rows.start(top) * pixel_size[0])
            name = "r{}c{}".format(*divmod(number, len(columns.runs())))
            panel = Panel(
                origin=(0.0 - corner[0], 0.0 - corner[1], distance),
                fast_axis=DIRECTIONS["-x"],
                slow_axis=DIRECTIONS["-y"],
                normal=_DOWNSTREAM,
                pixels=(bottom - top, right - left),
                pixel_size=(
                    float(rows.width[top]) * pixel_size[0],
                    float(columns.width[left]) * pixel_size[1],
                ),
                name="0" if len(blocks) == 1 else name,
            )
            dead = rows.dead[top:bottom, None] | columns.dead[None, left:right]
            if self.disc:
                dead = dead | self._beyond_the_disc()
            if self.live_chips:
                dead = self._beside_the_chips()
            yield panel, dead if dead.any() else None

    def _lines(self, axis: int) -> Lines:
        module, gap = self.module[axis], self.gap[axis]
        width = np.ones(self.pixels[axis])
        dead = np.zeros(self.pixels[axis], dtype=bool)
        for first in range(0, self.pixels[axis], module + gap):
            end = first + module
            dead[end : end + gap] = True
            if axis == 1 and self.split:
                middle = first + (module - self.split) // 2
                dead[middle : middle + self.split] = True
            if first > 0:
                width[first] = self.edge
            if end < len(width):
                width[end - 1] = self.edge
            if self.dead_edge:
                dead[[first, end - 1]] = True
        return Lines(width, dead)

    def _beyond_the_disc(self) -> Dead:
        slow, fast = self.pixels
        radius = slow // 2
        # every term is a whole number of quarters, so that their order does not matter
        chord = radius**2 - (np.arange(slow) + 0.5 - radius) ** 2
        return (np.arange(fast) + 0.5 - fast // 2)[None, :] ** 2 > chord[:, None]

    def _beside_the_chips(self) -> Dead:
        dead = np.ones(self.pixels, dtype=bool)
        for row, column in self.live_chips:
            dead[row : row + self.chip[0], column : column + self.chip[1]] = False
        return dead


@dataclass(frozen=True, slots=True)
class Placed:
    """A module that stands by itself.

    Parameters
    ----------
    corner : x and y of the outer corner of its first pixel, the beam at 0, 0 [m]
    fast_axis, slow_axis : directions by name
    quadrant : that holds it; empty: none
    """

    corner: Point
    fast_axis: str
    slow_axis: str
    quadrant: str = ""


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Modules that stand apart, each of tiles in rows and columns; every tile is a panel.

    Parameters
    ----------
    tile : (slow, fast) pixels of a tile
    tiles : how many along slow and fast in a module
    tile_gap : (slow, fast) pixels between the tiles of a module
    modules : in the order of the data
    cutouts : dead pixels of modules of one tile: module, slow from and to, fast from and to
    """

    tile: Pair
    tiles: Pair
    tile_gap: Point
    modules: tuple[Placed, ...]
    cutouts: tuple[tuple[int, int, int, int, int], ...] = ()

    def panels(self, pixel_size: Point, distance: float) -> Iterator[tuple[Panel, Dead | None]]:
        """Each tile with its dead pixels, module by module, in rows as a module's data has them."""
        for number, module in enumerate(self.modules):
            fast, slow = DIRECTIONS[module.fast_axis], DIRECTIONS[module.slow_axis]
            path = (module.quadrant, f"p{number}") if module.quadrant else (f"p{number}",)
            dead = self._cut_out(number)
            for place in range(math.prod(self.tiles)):
                down, along = (
                    count * (side + gap) * size
                    for count, side, gap, size in zip(
                        divmod(place, self.tiles[1]),
                        self.tile,
                        self.tile_gap,
                        pixel_size,
                        strict=True,
                    )
                )
                yield (
                    Panel(
                        origin=(
                            module.corner[0] + down * slow[0] + along * fast[0],
                            module.corner[1] + down * slow[1] + along * fast[1],
                            distance,
                        ),
                        fast_axis=fast,
                        slow_axis=slow,
                        normal=_DOWNSTREAM,
                        pixels=self.tile,
                        pixel_size=pixel_size,
                        name=f"p{number}a{place}",
                        group=path,
                    ),
                    dead,
                )

    def _cut_out(self, number: int) -> Dead | None:
        dead = np.zeros(self.tile, dtype=bool)
        for module, top, bottom, left, right in self.cutouts:
            if module == number:
                dead[top:bottom, left:right] = True
        return dead if dead.any() else None
