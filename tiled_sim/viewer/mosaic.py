"""The assembled detector of a run as a pyramid of tiles, each read or made when it is asked for."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr

from tiled_sim.model.assembly import Assembly, Projected, Seen
from tiled_sim.run.run import Run
from tiled_sim.store import layout
from tiled_sim.store.pyramid import halve
from tiled_sim.store.run_store import NOT_COUNTED
from tiled_sim.store.shards import read_pixels
from tiled_sim.viewer.done import Done
from tiled_sim.viewer.kept import Kept
from tiled_sim.viewer.pixels import Pixels

#: Side of a tile [cell].
SIDE = 256
#: The coarsest level is no longer than this [cell].
_SMALL = 512
#: What a cell is: it has a value; its pixel is not computed yet; is dead; there is no pixel.
LIT, WAITING, MASKED, GAP = range(4)
#: Of the tiles that were made of finer ones, and of what is in their cells [byte].
_TILES_KEPT, _STATES_KEPT = 256 << 20, 64 << 20
#: Pixels of the mask that are looked at in one go.
_AT_ONCE = 1 << 24
#: What messages call the two images of a run.
QUANTITIES = ("image", "counts")
#: Reads a rectangle of a panel, by its number, of a level.
Smaller = Callable[[int, tuple[slice, slice]], npt.NDArray[np.float32]]


class Place(NamedTuple):
    """A tile of the pyramid.

    Parameters
    ----------
    quantity : ``image`` or ``counts``
    frame : number
    level : 0 has the cells of the assembly, each other one half as many along each side
    row, column : place among the tiles of the level
    """

    quantity: str
    frame: int
    level: int
    row: int
    column: int


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class MosaicTile:
    """What is seen in some cells.

    Parameters
    ----------
    values : float32 [photon], or of counts int32 on level 0, else float32 [ADU]: (row, column);
        only those of cells that are `LIT` mean something
    state : uint8 (row, column): `LIT`, `WAITING`, `MASKED` or `GAP`
    done : tiles of the run's frame that were done before it was made
    """

    values: npt.NDArray[np.float32 | np.int32]
    state: npt.NDArray[np.uint8]
    done: int

    @property
    def is_waiting(self) -> bool:
        """Whether some cell is not computed yet."""
        return bool((self.state == WAITING).any())

    @property
    def as_floats(self) -> npt.NDArray[np.float32]:
        """Its values, NaN where there are none."""
        found = self.values.astype(np.float32)
        found[self.state != LIT] = np.nan
        return found


class Mosaic:
    """All tiles of a run's assembled detector; may be asked from several threads.

    A cell of level 0 is that of `tiled_sim.model.assembly.Assembly`. A cell of level n shows the
    mean of 2ⁿ × 2ⁿ: of the pixels of the panel where its centre lies, where there are smaller
    copies of panels (of a finished run's expected photons, and of panels that are small), else of
    the cells of level n - 1.

    Parameters
    ----------
    run : finished or not
    """

    def __init__(self, run: Run) -> None:
        detector = run.experiment.detector
        self.run = run
        self.assembly = Assembly.of(detector, run.experiment.beam.direction)
        self.levels = 1
        while max(self.shape(self.levels - 1)) > _SMALL:
            self.levels += 1
        self.done = Done(run)
        self.pixels = Pixels(run, self.done)
        corners = np.array([panel.corners for panel in self.assembly.panels])
        #: Rows and columns of each panel, (panel, 2) [cell].
        self._first, self._last = corners.min(axis=1), corners.max(axis=1)
        self._tiles: Kept[Place, MosaicTile] = Kept(_TILES_KEPT)
        self._states: Kept[tuple[int, int, int], npt.NDArray[np.uint8]] = Kept(_STATES_KEPT)
        self._arrays: dict[int, zarr.Array] | None = None

    def shape(self, level: int) -> tuple[int, int]:
        """(rows, columns) of a level [cell]."""
        rows, columns = self.assembly.shape
        return math.ceil(rows / 2**level), math.ceil(columns / 2**level)

    def places(self, quantity: str, frame: int) -> list[Place]:
        """All tiles of a frame, the finest level first, row by row."""
        found = []
        for level in range(self.levels):
            rows, columns = (math.ceil(side / SIDE) for side in self.shape(level))
            for row, column in itertools.product(range(rows), range(columns)):
                found.append(Place(quantity, frame, level, row, column))
        return found

    def require(self, place: Place) -> None:
        """Make sure that there is such a tile.

        Raises
        ------
        ValueError
            telling what there is
        """
        has_counts = self.run.experiment.noise is not None
        if place.quantity not in QUANTITIES[: 1 + has_counts]:
            raise ValueError(f"there is no {place.quantity!r}, only {QUANTITIES[: 1 + has_counts]}")
        if not 0 <= place.frame < len(self.run.experiment.exposures):
            raise ValueError(f"frame {place.frame} of {len(self.run.experiment.exposures)}")
        if not 0 <= place.level < self.levels:
            raise ValueError(f"level {place.level} of {self.levels}")
        for name, at, side in zip(
            ("row", "column"), place[3:], self.shape(place.level), strict=True
        ):
            if not 0 <= at < math.ceil(side / SIDE):
                raise ValueError(f"{name} {at} of {math.ceil(side / SIDE)}")

    def tile(self, place: Place) -> MosaicTile:
        """A tile.

        Raises
        ------
        ValueError
            there is none
        StoreError
            the image is damaged
        """
        self.require(place)
        return self._tile(place)

    def _tile(self, place: Place) -> MosaicTile:
        done = self.done.tiles(place.frame)
        kept = self._tiles.get(place)
        if kept is not None and (kept.done == len(done) or not kept.is_waiting):
            return kept
        complete = self.done.is_complete(place.frame)
        smaller = self._smaller(place, complete)
        if complete and place.level > 0 and smaller is None:
            return self._of_finer(place, len(done))
        seen = self._seen(place.level, *self._cells(place))
        if not (complete or self._any_done(place.frame, seen, done)):
            state = self._state(place, seen)
            values = np.zeros(state.shape, np.float32)
            return MosaicTile(values, np.where(state == LIT, WAITING, state), len(done))
        if place.level == 0:
            return self._finest(place, seen, len(done))
        if smaller is not None:
            return self._of_smaller(place, seen, smaller, len(done))
        return self._of_finer(place, len(done))

    def _smaller(self, place: Place, complete: bool) -> Smaller | None:
        """What reads the smaller copies of panels; None: there are none."""
        quantity, frame, level = place[:3]
        if level == 0:
            return None
        if self.pixels.has_whole_panels:
            return lambda panel, part: self.pixels.read_smaller(quantity, frame, panel, level, part)
        own = self._level_arrays() if complete and quantity == "image" else {}
        if level not in own:
            return None
        return lambda panel, part: read_pixels(own[level], (frame, panel, *part), self.run.path)

    def _cells(self, place: Place) -> tuple[range, range]:
        """Rows and columns of its level."""
        rows, columns = (
            range(at * SIDE, min((at + 1) * SIDE, side))
            for at, side in zip(place[3:], self.shape(place.level), strict=True)
        )
        return rows, columns

    def _seen(self, level: int, rows: range, columns: range) -> list[Seen]:
        """What is seen of each panel, in pixels of its level 0; the later hides the earlier."""
        factor = 2**level
        low = np.array((rows.start, columns.start)) * factor
        high = np.array((rows.stop, columns.stop)) * factor
        there = ((self._last >= low) & (self._first <= high)).all(axis=1)
        panels: tuple[Projected, ...] = tuple(
            self.assembly.panels[number] for number in np.flatnonzero(there)
        )
        some = dataclasses.replace(self.assembly, panels=panels).coarser(factor)
        return list(some.seen(rows, columns))

    def _any_done(self, frame: int, seen: list[Seen], done: frozenset[int]) -> bool:
        """Whether some tile of the run is done whose pixels are seen."""
        if not done:
            return False
        grid = self.run.plan.grid
        _, _, tall, wide = grid.tile
        for one in seen:
            spans = (
                range(int(at.min()) // side, int(at.max()) // side + 1)
                for at, side in ((one.slow, tall), (one.fast, wide))
            )
            first = (frame // grid.tile[0], one.panel // grid.tile[1])
            if any(
                grid.index_at((*first, row, column)) in done
                for row, column in itertools.product(*spans)
            ):
                return True
        return False

    def _finest(self, place: Place, seen: list[Seen], done: int) -> MosaicTile:
        """Of level 0, from the pixels themselves."""
        counts = place.quantity == "counts"
        state = self._state(place, seen).copy()
        dtype: np.dtype[Any] = np.dtype(np.int32 if counts else np.float32)
        values = np.zeros(state.shape, dtype)
        rows, columns = self._cells(place)
        for one in seen:
            slow, fast = (slice(int(at.min()), int(at.max()) + 1) for at in (one.slow, one.fast))
            pixels = self.pixels.read(place.quantity, place.frame, one.panel, slow, fast)
            found = pixels[one.slow - slow.start, one.fast - fast.start]
            at = one.row - rows.start, one.column - columns.start
            values[at] = found
            lacks = found == NOT_COUNTED if counts else np.isnan(found)
            before = state[at]
            state[at] = np.where(lacks & (before == LIT), WAITING, before)
        return MosaicTile(values, state, done)

    def _of_smaller(self, place: Place, seen: list[Seen], read: Smaller, done: int) -> MosaicTile:
        """Of the smaller copies of panels."""
        state = self._state(place, seen).copy()
        values = np.zeros(state.shape, np.float32)
        rows, columns = self._cells(place)
        for one in seen:
            slow, fast = one.slow >> place.level, one.fast >> place.level
            part = (
                slice(int(slow.min()), int(slow.max()) + 1),
                slice(int(fast.min()), int(fast.max()) + 1),
            )
            found = read(one.panel, part)[slow - part[0].start, fast - part[1].start]
            at = one.row - rows.start, one.column - columns.start
            values[at] = found
            before = state[at]
            state[at] = np.where(np.isnan(found) & (before == LIT), WAITING, before)
        return MosaicTile(values, state, done)

    def _of_finer(self, place: Place, done: int) -> MosaicTile:
        """The means of 2 × 2 cells of the level before."""
        fine = self.shape(place.level - 1)
        rows, columns = self._cells(place)
        height, width = (
            min(2 * SIDE, fine[0] - 2 * rows.start),
            min(2 * SIDE, fine[1] - 2 * columns.start),
        )
        values = np.full((height, width), np.nan, np.float32)
        state = np.full((height + height % 2, width + width % 2), GAP, np.uint8)
        for down, right in itertools.product(range(2), range(2)):
            row, column = 2 * place.row + down, 2 * place.column + right
            if row * SIDE >= fine[0] or column * SIDE >= fine[1]:
                continue
            one = self._tile(Place(*place[:2], place.level - 1, row, column))
            at = np.s_[
                down * SIDE : down * SIDE + one.state.shape[0],
                right * SIDE : right * SIDE + one.state.shape[1],
            ]
            values[at], state[at] = one.as_floats, one.state
        # the least of the codes: a value before what is waiting, before dead pixels, before gaps
        quarters = state.reshape(state.shape[0] // 2, 2, state.shape[1] // 2, 2)
        made = MosaicTile(halve(values), quarters.min(axis=(1, 3)), done)
        self._tiles.put(place, made, made.values.nbytes + made.state.nbytes)
        return made

    def _state(self, place: Place, seen: list[Seen]) -> npt.NDArray[np.uint8]:
        """`LIT`, `MASKED` or `GAP`, which are the same for all frames."""
        key = place[2:]
        kept = self._states.get(key)
        if kept is not None:
            return kept
        rows, columns = self._cells(place)
        state = np.full((len(rows), len(columns)), GAP, np.uint8)
        for one in seen:
            dead = self._dead(place.level, one)
            state[one.row - rows.start, one.column - columns.start] = np.where(dead, MASKED, LIT)
        self._states.put(key, state, state.nbytes)
        return state

    def _dead(self, level: int, seen: Seen) -> npt.NDArray[np.bool_]:
        """Whether all pixels of the run that those of a level stand for are dead, (n,)."""
        if self.pixels.all_live:
            return np.zeros(len(seen.row), np.bool_)
        factor = 2**level
        slow, fast = seen.slow >> level, seen.fast >> level
        high, wide = self.assembly.panels[seen.panel].pixels
        first, last = (int(slow.min()), int(fast.min())), (int(slow.max()), int(fast.max()))
        columns = slice(first[1] * factor, min((last[1] + 1) * factor, wide))
        found = np.empty((last[0] - first[0] + 1, last[1] - first[1] + 1), np.bool_)
        band = max(_AT_ONCE // (factor * (columns.stop - columns.start)), 1)
        for start in range(0, len(found), band):
            stop = min(start + band, len(found))
            rows = slice((first[0] + start) * factor, min((first[0] + stop) * factor, high))
            mask = self.pixels.dead(seen.panel, rows, columns)
            by_rows = np.logical_and.reduceat(mask, np.arange(0, len(mask), factor), axis=0)
            found[start:stop] = np.logical_and.reduceat(
                by_rows, np.arange(0, mask.shape[1], factor), axis=1
            )
        return found[slow - first[0], fast - first[1]]

    def _level_arrays(self) -> dict[int, zarr.Array]:
        """The run's own levels, which are there when it is finished; none before."""
        if self._arrays is None:
            root = zarr.open_group(self.run.store.objects.arrays(read_only=True), mode="r")
            if "ome" not in root.attrs:
                return {}
            names = {int(name) for name in root.group_keys() if name.isdigit()} - {0}
            self._arrays = {name: layout.array_of(root, f"{name}/image") for name in names}
        return self._arrays
