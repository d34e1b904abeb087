"""Images in numpy's ``.npy`` files, as ``tiled-sim export --to npy`` writes them."""

import math
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.source_file import MAX_BYTES

#: What numpy raises for files that are no npy files, or are damaged.
_DAMAGE = (
    *(ValueError, EOFError, SyntaxError, tokenize.TokenError),
    *(OverflowError, RecursionError, MemoryError),
)


def read_npy(path: str | Path, frame: int, panel: int) -> npt.NDArray[Any]:
    """Read one image of a file of one, or of (frame, panel, slow, fast).

    Parameters
    ----------
    path : of the file
    frame, panel : which

    Returns
    -------
    (slow, fast), of the file's type

    Raises
    ------
    InputFileError
        if the file cannot be read, holds less than it says, or holds no images
    UsageError
        if it has no such frame or panel
    """
    try:
        # mapped: of a file of many images one is read
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {error.strerror or error}") from None
    except _DAMAGE as error:
        raise InputFileError(
            f"{path}: not an npy file of plain numbers, or not all of it ({error}): write it again"
        ) from None
    shape = array.shape
    if array.ndim not in (2, 4) or array.dtype.kind not in "biuf" or array.size == 0:
        raise InputFileError(
            f"{path}: it holds {array.dtype} of {' x '.join(map(str, shape)) or 'no axes'}; images "
            "are real numbers, slow x fast, or frame x panel x slow x fast"
        )
    if array.ndim == 2:
        array = array[None, None]
    for name, number, count in zip(("frame", "panel"), (frame, panel), array.shape, strict=False):
        if not 0 <= number < count:
            raise UsageError(f"--{name} {number}: {path} has {name}s 0 to {count - 1}")
    if math.prod(array.shape[2:]) * array.itemsize > MAX_BYTES:
        raise InputFileError(f"{path}: an image of {shape[-2]} x {shape[-1]} is too large to read")
    return np.array(array[frame, panel])
