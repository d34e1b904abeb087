"""The images of an NXmx: files of some frames each, whose chunks are compressed side by side."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.export.batches import Batch, Batches, Image
from tiled_sim.export.bitshuffle import Compressor
from tiled_sim.export.hdf5_file import new_hdf5
from tiled_sim.export.nexus_writing import add_group
from tiled_sim.export.nxmx_detector import Stack
from tiled_sim.export.parallel import cores
from tiled_sim.export.selection import Selection

#: Where the images are, in every file of an export.
ENTRY, DATA = "entry", "data"
IMAGES = f"{ENTRY}/{DATA}/{DATA}"
#: Of the frames of one file, before compression: so much is done again after an interruption.
_BYTES_OF_FILE = 1 << 32
_MOST_FRAMES = 1000


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
    import hdf5plugin

    compressor = Compressor()
    with new_hdf5(path) as (file, storage):
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
        for (frame, place), chunk in _chunks(compressor, selection, stack, block.frames):
            corner = frame - block.frames.start, stack.first_row(place), 0
            made.id.write_direct_chunk(corner, chunk)
            storage.require_written()
            advance(1)


def fill_value(selection: Selection) -> int | float:
    """What a reader finds where a file of images is missing: nothing that a pixel can be."""
    return -1 if selection.counts else float("nan")


def _chunks(
    compressor: Compressor, selection: Selection, stack: Stack, frames: range
) -> Iterator[tuple[Image, bytes]]:
    """Every image as HDF5 stores it.

    While those of a batch are written, the next are compressed, and the next but one read.
    """
    pool = ThreadPoolExecutor(cores())
    reading = Batches(pool, selection, stack.slot)
    try:
        before: tuple[Batch, list[_Compressing]] | None = None
        for batch in reading.of(frames):
            chunks = [
                _Compressing(pool, partial(_blocks, compressor, selection, image), one)
                for image, one in zip(batch.images, batch.values(), strict=True)
            ]
            if before is not None:
                yield from _results(*before)
                reading.release(before[0])
            before = batch, chunks
        if before is not None:
            yield from _results(*before)
    finally:
        pool.shutdown(cancel_futures=True)


def _results(batch: Batch, chunks: list["_Compressing"]) -> Iterator[tuple[Image, bytes]]:
    return ((image, one.result()) for image, one in zip(batch.images, chunks, strict=True))


def _blocks(
    compressor: Compressor, selection: Selection, image: Image, piece: npt.NDArray[np.generic]
) -> bytes:
    """Compress a piece of an image, of pixels that have been computed."""
    frame, place = image
    selection.require_numbers(frame, selection.panels[place], piece)
    return compressor.blocks_of(piece)


class _Compressing:
    """A chunk whose pieces are compressed by a pool."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        compress: Callable[[npt.NDArray[np.generic]], bytes],
        chunk: npt.NDArray[np.generic],
    ) -> None:
        self._size = chunk.nbytes
        self._pieces: list[Future[bytes]] = [
            pool.submit(compress, piece) for piece in Compressor.pieces(chunk)
        ]

    def result(self) -> bytes:
        """The chunk as HDF5 stores it, when it is done."""
        return Compressor.joined(self._size, [piece.result() for piece in self._pieces])
