"""The least of the usual types that holds the values of an export, and files of such pixels."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tiled_sim.export import poni
from tiled_sim.export.extremes import Extremes
from tiled_sim.export.frame_files import marked_bands, write_frames
from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection


def pixel_type(selection: Selection) -> np.dtype:
    """Little-endian float32 of photons; of counts 16 bits where they and marks of dead pixels fit.

    Parameters
    ----------
    selection : of one panel
    """
    if not selection.counts:
        return np.dtype("<f4")
    found = Extremes.of(selection)
    if found.negative:  # how far down is not known
        return np.dtype("<i4")
    has_dead = any(selection.read_mask(0, rows).any() for rows in selection.bands(0))
    short = np.dtype("<i2" if has_dead else "<u2")
    return short if found.largest <= np.iinfo(short).max else np.dtype("<i4")


def write_typed_frames(
    selection: Selection,
    output: Output,
    advance: Callable[[int], None],
    names: Mapping[int, str],
    dtype: np.dtype,
    header: Callable[[Selection, int, np.dtype], bytes],
) -> None:
    """Write a file of every frame, a header and the pixels, and pyFAI's geometry beside them.

    Parameters
    ----------
    selection, output, advance : as `tiled_sim.export.formats.Writer`; of one panel
    names : of the file of each frame
    dtype : of `pixel_type`
    header : of a frame: all that comes before the pixels
    """

    def encode(frame: int, file: BinaryIO) -> None:
        file.write(header(selection, frame, dtype))
        for band in typed_bands(selection, frame, dtype):
            file.write(band.data)

    write_frames(selection, output, advance, names, poni.beside(selection, output), encode)


def typed_bands(
    selection: Selection, frame: int, dtype: np.dtype
) -> Iterator[npt.NDArray[np.generic]]:
    """Bands of the only panel of `pixel_type`: dead counts are negative, dead photons NaN.

    Parameters
    ----------
    selection : of one panel
    frame : which
    dtype : of `pixel_type`
    """
    if selection.counts:
        for band in marked_bands(selection, frame):
            yield band.astype(dtype)
        return
    for rows in selection.bands(0):
        dead = selection.read_mask(0, rows) != 0
        yield np.where(dead, np.nan, selection.read(frame, 0, rows)).astype(dtype)
