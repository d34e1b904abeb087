"""How far a run is, from its sidecars and what its drivers left behind."""

import contextlib
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tiled_sim.kernels.lookups import Lookups
from tiled_sim.model.grid import Tile, TileGrid
from tiled_sim.run.sums import Counted, Sums
from tiled_sim.store.control import Control, Driver, Failure
from tiled_sim.store.objects import each
from tiled_sim.store.tile_index import DONE, FAILED, Known, TileIndex
from tiled_sim.store.traces import FOLDER

if TYPE_CHECKING:
    from tiled_sim.run.run import Run

_MISSING_TOLD = 10
#: What the names of the tiles of a frame begin with.
_FRAME = re.compile("f([0-9]+)")
_SECONDS_BETWEEN_WRITES = 2.0


@dataclass(slots=True)
class Status:
    """How far a run is.

    Parameters
    ----------
    tiles, done : number of tiles, and of those committed
    evaluations : done
    kernel_seconds : summed over tiles [s]
    total : sum of the image so far [photons]
    peak, peak_at : brightest pixel [photons] and its (frame, panel, slow, fast)
    nan : pixels that are not a number
    lookups : of structure factors
    missing : ids of the first tiles not done
    failed : tiles not done that were given up
    driver : who hands out the tiles, or did last; None if nobody has
    counted : with noise; None without
    """

    tiles: int
    done: int = 0
    evaluations: int = 0
    kernel_seconds: float = 0.0
    total: float = 0.0
    peak: float = 0.0
    peak_at: tuple[int, int, int, int] | None = None
    nan: int = 0
    lookups: Lookups = field(default_factory=Lookups)
    missing: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    driver: Driver | None = None
    counted: Counted | None = None

    @property
    def complete(self) -> bool:
        """Whether every tile is done."""
        return self.done == self.tiles

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


class Progress:
    """Which tiles of a run are done, with the sums over them.

    Parameters
    ----------
    run : to look at
    states : of each tile, as `tiled_sim.store.tile_index` has them; None: nothing is known
    sums : over those that are done
    frames : whose tiles are wanted; None: all
    """

    def __init__(
        self,
        run: "Run",
        states: np.ndarray | None = None,
        sums: Sums | None = None,
        frames: range | None = None,
    ) -> None:
        self._grid, self._frames = run.plan.grid, frames
        self._index = TileIndex(run.path, run.run_id)
        self.states = np.zeros(len(run.plan), np.uint8) if states is None else states
        self.sums = sums or Sums()
        self._written = -math.inf

    @classmethod
    def known(cls, run: "Run") -> "Progress":
        """What whoever handed out the tiles wrote down last; nothing where that is not there."""
        found = TileIndex(run.path, run.run_id).read(len(run.plan))
        if found is None:
            return cls(run)
        try:
            sums = Sums.from_dict(found.summary)
        except ValueError:
            return cls(run)
        agree = sums.done == np.count_nonzero(found.states == DONE)
        return cls(run, found.states, sums) if agree else cls(run)

    @classmethod
    def surveyed(cls, run: "Run", frames: range | None = None) -> "Progress":
        """What the sidecars say, every one of them read, of tiles whose pixels are there, too."""
        found = cls(run, frames=frames)
        for index, sidecar in sidecars_of(run, np.arange(len(run.plan)), run.committed):
            found.done(index, sidecar)
        return found

    @classmethod
    def found(cls, run: "Run") -> "Progress":
        """What was written down last, and what the sidecars of the other tiles say.

        Raises
        ------
        StoreError
            if a sidecar cannot be read
        """
        progress = cls.known(run)
        for tile, sidecar in sidecars_of(run, progress.missing, run.sidecar):
            progress.done(tile, sidecar)
        return progress

    @property
    def missing(self) -> npt.NDArray[np.int64]:
        """Numbers of the tiles that are wanted and not known to be done, int64 (tiles,)."""
        first, stop = 0, len(self.states)
        if self._frames is not None:  # tiles are numbered by frames first
            side, of_a_group = self._grid.tile[0], math.prod(self._grid.counts[1:])
            first = self._frames.start // side * of_a_group
            stop = -(-self._frames.stop // side) * of_a_group
        return first + np.flatnonzero(self.states[first:stop] != DONE)

    @property
    def left(self) -> npt.NDArray[np.int64]:
        """Numbers of the others that are not known to be done: of frames that are not wanted."""
        return np.setdiff1d(np.flatnonzero(self.states != DONE), self.missing, assume_unique=True)

    @property
    def frames(self) -> range | None:
        """Frames whose tiles are wanted; None: all."""
        return self._frames

    @property
    def complete(self) -> bool:
        """Whether every tile of the run is done."""
        return bool((self.states == DONE).all())

    def done(self, tile: int, found: dict[str, Any]) -> None:
        """A tile is done.

        Parameters
        ----------
        tile : its number
        found : its sidecar, or the `tiled_sim.run.sums.excerpt` of it
        """
        if self.states[tile] != DONE:
            self.states[tile] = DONE
            self.sums.add(found)

    def failed(self, tile: int) -> None:
        """A tile is given up."""
        self.states[tile] = FAILED

    def write(self) -> None:
        """Write it down for `known`; where that cannot be done, nothing is lost but time."""
        self._written = time.monotonic()
        with contextlib.suppress(OSError):
            self._index.write(Known(self.states, self.sums.to_dict()))

    def write_if_due(self) -> None:
        """The same, unless it was done a moment ago."""
        if time.monotonic() - self._written > _SECONDS_BETWEEN_WRITES:
            self.write()


def chosen_frame(run: "Run", states: npt.NDArray[np.uint8]) -> int:
    """The first frame whose tiles are all done; else the first of which one is; else the first.

    Parameters
    ----------
    run : of the tiles
    states : of each tile
    """
    grid = run.plan.grid
    done = states.reshape(grid.counts[0], -1) == DONE
    for candidates in (done.all(axis=1), done.any(axis=1)):
        if candidates.any():
            return int(np.argmax(candidates)) * grid.tile[0]
    return 0


def status_of(run: "Run", progress: Progress | None = None) -> Status:
    """How far a run is, from the store alone.

    Tiles that its driver has written down as done are believed, and the others looked for.

    Parameters
    ----------
    run : to look at
    progress : what was `Progress.found` a moment ago; None: it is looked for

    Raises
    ------
    StoreError
        if a sidecar cannot be read
    """
    control = Control(run.path)
    found = Progress.found(run) if progress is None else progress
    missing, failures, sums = found.missing, list(control.failures()), found.sums
    undone = {name for _, name in ids_of(run.plan.grid, missing)} if failures else set()
    return Status(
        len(run.plan),
        done=sums.done,
        evaluations=sums.evaluations,
        kernel_seconds=float(sums.kernel_seconds),
        total=float(sums.total),
        peak=sums.peak,
        peak_at=sums.peak_at,
        nan=sums.nan,
        lookups=sums.lookups,
        missing=[name for _, name in ids_of(run.plan.grid, missing[:_MISSING_TOLD])],
        failed=[failure for failure in failures if failure.tile in undone],
        driver=control.driver(),
        counted=None if run.experiment.noise is None else sums.counted,
    )


def sidecars_of(
    run: "Run", tiles: npt.NDArray[np.int64], read: Callable[[Tile], dict[str, Any] | None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers and sidecars of those of some tiles that have one.

    Parameters
    ----------
    run : of the tiles
    tiles : their numbers
    read : the sidecar of a tile, or None where it does not count
    """
    # a look at the folders first: most of the tiles of a run that has just begun are not there
    names = dict(ids_of(run.plan.grid, _of_frames(run, tiles)))
    there = run.store.having_sidecars(names.values())
    numbers = [number for number, name in names.items() if name in there]
    read_all = each(run.store.objects, lambda number: read(run.plan[number]), numbers)
    for number, found in zip(numbers, read_all, strict=True):
        if found is not None:
            yield number, found


def _of_frames(run: "Run", tiles: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of some tiles whose frames have been begun."""
    named = map(_FRAME.fullmatch, run.store.objects.names(FOLDER))
    begun = np.array([int(name[1]) for name in named if name], dtype=np.int64)
    frames = tiles // math.prod(run.plan.grid.counts[1:])
    return tiles[np.isin(frames, begun)]


def ids_of(grid: TileGrid, tiles: npt.NDArray[np.int64]) -> Iterator[tuple[int, str]]:
    """Number and name in a store of some tiles, quickly."""
    places = np.unravel_index(tiles, grid.counts)
    for number, *place in zip(tiles.tolist(), *(axis.tolist() for axis in places), strict=True):
        yield number, grid.name_of(tuple(place))
