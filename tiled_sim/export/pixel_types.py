"""The least of the usual types that holds the values of an export, and what is dead in it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tiled_sim.export.extremes import Extremes
from tiled_sim.export.frame_files import marked_bands
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
    has_dead = any(selection.read_mask(0, rows).any() for rows in selection.bands(0))
    if found.negative:  # how far down is not known
        return np.dtype("<i4")
    for name in ("<i2",) if has_dead else ("<u2",):
        if found.largest <= np.iinfo(name).max:
            return np.dtype(name)
    return np.dtype("<i4")


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
