"""The images of an NXmx: files of some frames each, whose chunks are compressed side by side."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.export.bitshuffle import Compressor
from tiled_sim.export.nexus_writing import add_group
from tiled_sim.export.nxmx_detector import Stack
from tiled_sim.export.parallel import cores
from tiled_sim.export.selection import Selection

#: Where the images are, in every file of an export.
ENTRY, DATA = "entry", "data"
IMAGES = f"{ENTRY}/{DATA}/{DATA}"
#: What every HDF5 since 1.10 reads; virtual datasets need that.
LIBRARY = ("earliest", "v110")
#: Of the frames of one file, before compression: so much is done again after an interruption.
_BYTES_OF_FILE = 1 << 32
_MOST_FRAMES = 1000
#: Of what is read at once, and once more ahead of it; an image, if that is larger.
_BYTES_OF_BATCH = 1 << 26

#: Number of a frame in the run, and place of a panel in the selection.
Image = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """The frames of one file.

    Parameters
    ----------
    name : of the file
    frames : numbers of the frames in the run
    """

    name: str
    frames: range


def blocks_of(selection: Selection, stack: Stack, stem: str) -> tuple[Block, ...]:
    """The files of a selection.

    Parameters
    ----------
    selection : to write
    stack : of its panels
    stem : of the names
    """
    size = stack.shape[0] * stack.shape[1] * selection.dtype.itemsize
    count = max(1, min(_MOST_FRAMES, _BYTES_OF_FILE // size))
    frames = selection.frames
    return tuple(
        Block(f"{stem}_{number:06d}.h5", frames[start : start + count])
        for number, start in enumerate(range(0, len(frames), count), 1)
    )


def write_block(
    path: Path, selection: Selection, stack: Stack, block: Block, advance: Callable[[int], None]
) -> None:
    """Write a file of images.

    Parameters
    ----------
    path : of the file
    selection : whose frames they are
    stack : of its panels
    block : which frames
    advance : called when an image, of a panel in a frame, is written
    """
    import h5py
    import hdf5plugin

    compressor = Compressor()
    with h5py.File(path, "w", libver=LIBRARY) as file:
        entry = add_group(file, ENTRY, "NXentry", default=DATA)
        data = add_group(entry, DATA, "NXdata", signal=DATA)
        made = data.create_dataset(
            DATA,
            (len(block.frames), *stack.shape),
            selection.dtype.newbyteorder("<"),
            chunks=(1, *stack.slot),
            fillvalue=fill_value(selection),
            **hdf5plugin.Bitshuffle(cname="lz4"),
        )
        made.attrs["units"] = selection.unit
        images = [(frame, place) for frame in block.frames for place in range(stack.panels)]
        for (frame, place), chunk in _chunks(compressor, selection, stack, images):
            corner = frame - block.frames.start, stack.first_row(place), 0
            made.id.write_direct_chunk(corner, chunk)
            advance(1)


def fill_value(selection: Selection) -> int | float:
    """What a reader finds where a file of images is missing: nothing that a pixel can be."""
    return -1 if selection.counts else float("nan")


def _chunks(
    compressor: Compressor, selection: Selection, stack: Stack, images: Sequence[Image]
) -> Iterator[tuple[Image, bytes]]:
    """Every image as HDF5 stores it, in order; the next are read while some are compressed."""
    pool = ThreadPoolExecutor(cores())
    try:
        ahead = _Reading(pool, selection, stack, images[:0])
        for batch in [*_batches(images, stack, selection.dtype.itemsize), images[:0]]:
            here, values = ahead.images, ahead.values()
            compressing = [
                [pool.submit(compressor.blocks_of, piece) for piece in compressor.pieces(one)]
                for one in values
            ]
            ahead = _Reading(pool, selection, stack, batch)
            for image, one, pieces in zip(here, values, compressing, strict=True):
                yield image, compressor.joined(one, [piece.result() for piece in pieces])
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(images: Sequence[Image], stack: Stack, itemsize: int) -> Iterator[Sequence[Image]]:
    """Some images at a time, so that there is something to do for all cores."""
    count = max(1, _BYTES_OF_BATCH // (stack.slot[0] * stack.slot[1] * itemsize))
    for start in range(0, len(images), count):
        yield images[start : start + count]


class _Reading:
    """Images that are read by a pool, a row of tiles at a time, into slots of the stack."""

    def __init__(
        self, pool: ThreadPoolExecutor, selection: Selection, stack: Stack, images: Sequence[Image]
    ) -> None:
        self.images = images
        self._values = np.zeros((len(images), *stack.slot), selection.dtype)

        def read(number: int, rows: slice) -> None:
            frame, place = images[number]
            found = selection.read(frame, place, rows)
            self._values[number, rows, : found.shape[1]] = found

        self._futures: list[Future[None]] = [
            pool.submit(read, number, rows)
            for number, (_, place) in enumerate(images)
            for rows in selection.rows_of_tiles(place)
        ]

    def values(self) -> npt.NDArray[np.generic]:
        """All of them, when they are there, (image, slow, fast)."""
        for future in self._futures:
            future.result()
        return self._values
