"""Which frames and panels of a run are exported, their values, and how they are read."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import TileError, UsageError
from tiled_sim.model.detector import Panel
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import as_frame_has_it, require_frames
from tiled_sim.model.grid import Tile
from tiled_sim.model.mask import NO_PIXEL
from tiled_sim.run.run import Run
from tiled_sim.store.run_store import NOT_COUNTED
from tiled_sim.store.whole_shards import Part, parts_of_shard

#: Pixels of a band; a row of tiles is one, however many it has.
_PIXELS_OF_BAND = 2**24


@dataclass(frozen=True)
class Selection:
    """Frames and panels of a run, and which of its values: all that an export reads.

    Panels are named by their place in the selection; `panels` has their numbers in the run. A panel
    has its own pixels, not those up to the size of the largest.

    Parameters
    ----------
    run : that is exported
    frames : numbers of the frames, in order and without gaps
    panels : numbers of the panels, each once
    counts : the counts; False: the expected photons
    """

    run: Run
    frames: range
    panels: tuple[int, ...]
    counts: bool

    @classmethod
    def of(
        cls,
        run: Run,
        *,
        frames: tuple[int, int] | None = None,
        panels: Sequence[int] | None = None,
        counts: bool | None = None,
    ) -> "Selection":
        """A selection that has been checked.

        Parameters
        ----------
        run : to export
        frames : the first, and the one after the last; None: all
        panels : numbers of the panels, in order; None: all
        counts : the counts, or the expected photons; None: the counts where the run has them

        Raises
        ------
        UsageError
            for frames or panels that are not there or twice, and counts of a run that has none
        """
        count = len(run.experiment.exposures)
        chosen_frames = require_frames(frames or (0, count), count, str(run.path))
        there = len(run.experiment.detector.panels)
        chosen = tuple(range(there)) if panels is None else tuple(panels)
        for panel in chosen:
            if not 0 <= panel < there:
                raise UsageError(f"--panels: there is no panel {panel}, they are 0 to {there - 1}")
        if not chosen or len(set(chosen)) < len(chosen):
            raise UsageError("--panels: name at least one panel, and each of them once")
        if counts and run.experiment.noise is None:
            raise UsageError(
                f"--counts: {run.path} has no counts, it was made without noise; leave --counts "
                "out, or simulate with --noise"
            )
        has_counts = run.experiment.noise is not None
        return cls(run, chosen_frames, chosen, has_counts if counts is None else counts)

    @cached_property
    def experiment(self) -> Experiment:
        """What was simulated, with beam, crystal and detector as the first frame has them."""
        experiment = self.run.experiment
        if not isinstance(experiment.exposures, Listed):
            return experiment
        return as_frame_has_it(experiment, self.frames.start)

    @property
    def title(self) -> str:
        """Name of the run for headers and comments, without letters that end or divide them."""
        return "".join(
            letter if letter.isprintable() and letter not in "{};=" else "_"
            for letter in self.run.path.name
        )

    @property
    def detector_panels(self) -> tuple[Panel, ...]:
        """The panels themselves."""
        return tuple(self.experiment.detector.panels[number] for number in self.panels)

    @property
    def dtype(self) -> np.dtype:
        """Of the values: int32 [ADU] of counts, float32 [photon]."""
        return np.dtype(np.int32 if self.counts else np.float32)

    @property
    def values(self) -> str:
        """What the store calls them: ``counts`` or ``image``."""
        return "counts" if self.counts else "image"

    @property
    def unit(self) -> str:
        """Of the values."""
        return "ADU" if self.counts else "photon"

    @property
    def images(self) -> int:
        """How many there are: one a frame and panel."""
        return len(self.frames) * len(self.panels)

    def require_computed(self) -> None:
        """Make sure that every tile of the selection is done.

        Tiles of other frames and panels do not count: what is done of a run can be exported.

        Raises
        ------
        TileError
            telling how many are missing, which frames are there, and how to go on
        """
        complete = set(self.frames)
        wanted = missing = 0
        for tile in self.tiles(self.frames):
            wanted += 1
            if self.run.committed(tile) is None:
                missing += 1
                complete.difference_update(range(*tile.frames))
        if missing:
            raise TileError(
                f"{self.run.path}: {missing} of the {wanted} tiles to export are not computed, "
                f"and no format can say so of a pixel; `tiled-sim resume {self.run.path}` computes "
                f"them{_offer(complete)}"
            )

    def tiles(self, frames: range) -> Iterator[Tile]:
        """The tiles that have a part of some frames of the selection."""
        grid = self.run.store.grid
        sides = grid.tile
        rows, columns = (range(count) for count in grid.counts[2:])
        for group in range(frames.start // sides[0], -(-frames.stop // sides[0])):
            for panels in sorted({number // sides[1] for number in self.panels}):
                for row, column in itertools.product(rows, columns):
                    yield grid[grid.index_at((group, panels, row, column))]

    def parts_of(self, tile: Tile) -> Iterator[Part]:
        """Pixels of a tile, of all frames and panels that it has, part after part.

        First indices (frame, panel, slow, fast) in the run, and the pixels, which the next part
        overwrites; `require_numbers` is left to the caller. Quicker than `read` where a tile is
        wanted whole, in a thread of a pool.

        Raises
        ------
        StoreError
            they cannot be read
        """
        store = self.run.store
        array, place = store.array(counts=self.counts), store.grid.place_of(tile.index)
        yield from parts_of_shard(array, tile, place, store.objects, store.path)

    def read(self, frame: int, place: int, rows: slice | None = None) -> npt.NDArray[np.generic]:
        """Pixels of a panel in a frame, int32 [ADU] or float32 [photon] (slow, fast).

        Pixels that are not live are 0.

        Parameters
        ----------
        frame : its number in the run
        place : of the panel in the selection
        rows : along slow; None: all, which may be more than fits into memory: see `bands`

        Raises
        ------
        TileError
            some have not been computed, or are no numbers
        StoreError
            they cannot be read
        """
        number = self.panels[place]
        slow, fast = self.experiment.detector.panels[number].pixels
        part = slice(0, slow) if rows is None else rows
        store = self.run.store
        reader = store.read_counts if self.counts else store.read_tile
        found = reader(frame, number, part, slice(0, fast))
        self.require_numbers(frame, number, found)
        return found

    def bands(self, place: int) -> Iterator[slice]:
        """Rows of a panel, top to bottom, as many at a time as have some ten million pixels.

        Each ends where a tile does, so that none is read twice.
        """
        slow, fast = self.detector_panels[place].pixels
        tile = self.run.store.grid.tile[2]
        rows = max(1, _PIXELS_OF_BAND // (fast * tile)) * tile
        for start in range(0, slow, rows):
            yield slice(start, min(start + rows, slow))

    def read_mask(self, place: int, rows: slice | None = None) -> npt.NDArray[np.uint8]:
        """Mask of a panel, uint8 (slow, fast): bits of `tiled_sim.model.mask`, 0 where live.

        Parameters
        ----------
        place : of the panel in the selection
        rows : along slow; None: all
        """
        number = self.panels[place]
        slow, fast = self.experiment.detector.panels[number].pixels
        part = slice(0, slow) if rows is None else rows
        return self.run.store.read_mask(number, part, slice(0, fast)) & ~np.uint8(NO_PIXEL)

    def require_numbers(self, frame: int, panel: int, found: npt.NDArray[np.generic]) -> None:
        """Make sure that pixels have been computed.

        Parameters
        ----------
        frame, panel : numbers in the run, to be told
        found : some of the pixels

        Raises
        ------
        TileError
            some have not, or are no numbers
        """
        if self.counts:
            there = int(found.min()) != NOT_COUNTED  # which is the least that there is
        else:
            # a sum has no number if one of its terms has none, and is made without another array
            there = bool(np.isfinite(found.sum(dtype=np.float64)))
        if not there:
            raise TileError(
                f"{self.run.path}: frame {frame}, panel {panel} has pixels that are not computed, "
                f"or are no numbers; `tiled-sim verify {self.run.path}` tells which"
            )


def rounded(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
    """Values as the nearest whole numbers that int32 has; halves to the even one."""
    if values.dtype == np.int32:
        return values.astype(np.int32, copy=False)
    limits = np.iinfo(np.int32)
    return np.clip(np.rint(values.astype(np.float64)), limits.min, limits.max).astype(np.int32)


def _offer(complete: set[int]) -> str:
    """The first frames that are there, as the option that exports them; empty if none are."""
    if not complete:
        return ""
    first = stop = min(complete)
    while stop in complete:
        stop += 1
    return f"; --frames {first}:{stop} are complete"
