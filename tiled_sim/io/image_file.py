"""Images in files of any format that is known here, told apart by content, then by name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import UsageError
from tiled_sim.io.cbf import read_cbf
from tiled_sim.io.fabio_image import read_edf, read_tiff
from tiled_sim.io.float_image import read_float_image
from tiled_sim.io.gaps import gaps
from tiled_sim.io.hdf5 import read_hdf5_image
from tiled_sim.io.image_format import image_format, refuse_key
from tiled_sim.io.npy import read_npy
from tiled_sim.io.npz import read_npz
from tiled_sim.io.smv import read_smv_of_any_type


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image as a file holds it.

    Parameters
    ----------
    path : of the file
    format : ``npz``, ``npy``, ``cbf``, ``smv``, ``hdf5``, ``tiff``, ``edf`` or ``float``
    key : of the array in an npz or HDF5 file; None for other formats
    sha256 : of the file's bytes
    pixels : float64 (slow, fast), in the file's units
    live : bool (slow, fast); False where the format marks a pixel as not measured
    whole : whether the file holds whole numbers
    marks : which pixels the format marks as not measured, a line each
    """

    path: str
    format: str
    key: str | None
    sha256: str
    pixels: npt.NDArray[np.float64]
    live: npt.NDArray[np.bool_]
    whole: bool = False
    marks: tuple[str, ...] = ()


def read_image_file(
    path: str,
    key: str | None,
    shape: tuple[int, int] | None,
    *,
    frame: int = 0,
    panel: int = 0,
) -> ImageFile:
    """Read an image.

    In a CBF negative pixels are dead. In CBF and HDF5 the largest value of an unsigned type and of
    int32 is that of a gap. The pixel mask of an HDF5 file counts, too.

    Parameters
    ----------
    path : of the file
    key : of the array, if it is an npz or HDF5 file
    shape : slow and fast pixels, if it is raw float32
    frame, panel : which image, if it is an HDF5 file, or an npy file of several

    Raises
    ------
    UsageError
        if a raw image comes without a shape, or a file without named arrays with a key
    InputFileError
        if the file cannot be read, or is not a whole image of its format
    """
    kind = image_format(path)
    refuse_key(path, key, kind)
    masked = None
    pixels: npt.NDArray[Any]
    if kind == "npz":
        key, pixels = read_npz(path, key, "image")
    elif kind == "npy":
        pixels = read_npy(path, frame, panel)
    elif kind == "hdf5":
        key, pixels, masked = read_hdf5_image(path, key, frame, panel)
    elif kind == "cbf":
        pixels = read_cbf(path)
    elif kind == "smv":
        pixels = read_smv_of_any_type(path).pixels
    elif kind == "tiff":
        pixels = read_tiff(path)
    elif kind == "edf":
        pixels = read_edf(path)
    elif shape is not None:
        pixels = read_float_image(path, shape)
    else:
        count = Path(path).stat().st_size / 4
        raise UsageError(
            f"{path} is neither a run nor SMV, CBF, HDF5, TIFF, EDF, npz or npy; if it is a raw "
            f"float32 image (its {count:.12g} pixels, then), give --shape SLOW FAST"
        )
    dead = np.zeros(pixels.shape, dtype=np.bool_)
    marks: tuple[str, ...] = ()
    if kind in ("cbf", "hdf5", "tiff", "edf"):
        dead, marks = gaps(pixels, negative=kind != "hdf5")
    if masked is not None and masked.any():
        marks = (*marks, f"{np.count_nonzero(masked)} pixels are dead by the file's pixel_mask")
        dead = dead | masked
    return ImageFile(
        path,
        kind,
        key,
        _sha256(path),
        pixels.astype(np.float64),
        ~dead,
        pixels.dtype.kind in "iu",
        marks,
    )


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
