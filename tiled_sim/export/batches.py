"""Images of a run, some at a time: read side by side, and ahead of who takes them."""

import itertools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from tiled_sim.export.selection import Selection
from tiled_sim.model.grid import Tile

#: Of what is read at once, and once more ahead of it; an image, if that is larger.
_BYTES = 1 << 26

#: Number of a frame in the run, and place of a panel in the selection.
Image = tuple[int, int]


class Batch:
    """Some images, as they are read.

    Parameters
    ----------
    selection : whose images they are
    images : all that some tiles have of the frames
    tiles : that have them
    memory : for the images, (at least as many, slow, fast); beyond their own pixels it is 0
    """

    def __init__(
        self,
        selection: Selection,
        images: list[Image],
        tiles: list[Tile],
        memory: npt.NDArray[np.generic],
    ) -> None:
        self.images = images
        self.tiles = tiles
        self.memory = memory
        self._selection = selection
        self._number = {image: number for number, image in enumerate(images)}
        self._panels = {
            number: (place, panel.pixels)
            for place, (number, panel) in enumerate(
                zip(selection.panels, selection.detector_panels, strict=True)
            )
        }
        self._reading: list[Future[None]] = []

    def begin(self, pool: ThreadPoolExecutor) -> None:
        """Have the threads of a pool read it."""
        self._reading = [pool.submit(self._read, tile) for tile in self.tiles]

    def values(self) -> npt.NDArray[np.generic]:
        """All images, when they are there, (image, slow, fast)."""
        for one in self._reading:
            one.result()
        return self.memory[: len(self.images)]

    def _read(self, tile: Tile) -> None:
        """Read a tile, and put what it has into its images."""
        for (frame, panel, slow, fast), part in self._selection.parts_of(tile):
            for at, row in itertools.product(*map(range, part.shape[:2])):
                place, pixels = self._panels.get(panel + row, (-1, (0, 0)))
                number = self._number.get((frame + at, place))
                height = min(part.shape[2], pixels[0] - slow)
                width = min(part.shape[3], pixels[1] - fast)
                if number is not None and height > 0 and width > 0:
                    into = self.memory[number, slow : slow + height, fast : fast + width]
                    into[...] = part[at, row, :height, :width]


class Batches:
    """Every image of some frames, those that share tiles together; the next batch is read ahead.

    Parameters
    ----------
    pool : whose threads read
    selection : of the run
    slot : (slow, fast) number of pixels that each image gets
    """

    def __init__(
        self, pool: ThreadPoolExecutor, selection: Selection, slot: tuple[int, int]
    ) -> None:
        self._pool = pool
        self._selection = selection
        self._slot = slot
        self._free: list[npt.NDArray[np.generic]] = []
        self._fills = all(panel.pixels == slot for panel in selection.detector_panels)

    def of(self, frames: range) -> Iterator[Batch]:
        """The batches of some frames of the selection; give each back by `release`."""
        ahead: Batch | None = None
        for images, tiles in self._groups(frames):
            batch = Batch(self._selection, images, tiles, self._memory(len(images)))
            batch.begin(self._pool)
            if ahead is not None:
                yield ahead
            ahead = batch
        if ahead is not None:
            yield ahead

    def release(self, batch: Batch) -> None:
        """Take the memory of a batch for one to come: a system is slow to give new memory."""
        self._free.append(batch.memory)

    def _memory(self, images: int) -> npt.NDArray[np.generic]:
        for place, one in enumerate(self._free):
            if len(one) >= images:
                del self._free[place]
                if not self._fills:
                    one[...] = 0
                return one
        return np.zeros((images, *self._slot), self._selection.dtype)

    def _groups(self, frames: range) -> Iterator[tuple[list[Image], list[Tile]]]:
        """Images and the tiles that have them, none of which has a part in another group."""
        size = self._slot[0] * self._slot[1] * self._selection.dtype.itemsize
        places = {number: place for place, number in enumerate(self._selection.panels)}
        images: list[Image] = []
        tiles: list[Tile] = []
        for (of_frames, of_panels), group in itertools.groupby(
            self._selection.tiles(frames), lambda tile: tile.ranges[:2]
        ):
            within = range(max(of_frames[0], frames.start), min(of_frames[1], frames.stop))
            here = [number for number in range(*of_panels) if number in places]
            if images and (len(images) + len(within) * len(here)) * size > _BYTES:
                yield images, tiles
                images, tiles = [], []
            images += [(frame, places[number]) for frame in within for number in here]
            tiles += group
        yield images, tiles
