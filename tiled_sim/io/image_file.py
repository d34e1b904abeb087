"""Images in files of any format that is known here, told apart by content, then by name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.cbf import read_cbf
from tiled_sim.io.float_image import read_float_image
from tiled_sim.io.npz import read_npz
from tiled_sim.io.smv import read_smv, read_smv_of_any_type

_MAGIC = {b"PK\x03\x04": "npz", b"PK\x05\x06": "npz", b"###CBF": "cbf"}
_SUFFIXES = {".npz": "npz", ".cbf": "cbf", ".img": "smv", ".smv": "smv"}


@dataclass(frozen=True, eq=False)
class ImageFile:
    """An image as a file holds it.

    Parameters
    ----------
    path : of the file
    format : ``npz``, ``cbf``, ``smv`` or ``float``
    key : of the array in an npz; None for other formats
    sha256 : of the file's bytes
    pixels : float64 (slow, fast), in the file's units
    live : bool (slow, fast); False where the format marks a pixel as not measured
    """

    path: str
    format: str
    key: str | None
    sha256: str
    pixels: npt.NDArray[np.float64]
    live: npt.NDArray[np.bool_]


def split_key(name: str) -> tuple[str, str | None]:
    """Take ``FILE:KEY`` apart; a file that exists under the whole name has no key."""
    path, colon, key = name.rpartition(":")
    if not colon or Path(name).exists() or not Path(path).is_file():
        return name, None
    return path, key


def read_image_file(path: str, key: str | None, shape: tuple[int, int] | None) -> ImageFile:
    """Read an image.

    Parameters
    ----------
    path : of the file
    key : of the array, if it is an npz
    shape : slow and fast pixels, if it is raw float32

    Raises
    ------
    UsageError
        if a raw image comes without a shape, or anything but an npz with a key
    InputFileError
        if the file cannot be read, or is not a whole image of its format
    """
    kind = _format(path)
    if key is not None and kind != "npz":
        raise UsageError(f"{path}:{key}: only npz files have keys; {path} is {kind}")
    pixels: npt.NDArray[Any]
    if kind == "npz":
        key, pixels = read_npz(path, key, "image")
    elif kind == "cbf":
        pixels = read_cbf(path)
    elif kind == "smv":
        pixels = read_smv_of_any_type(path).pixels
    elif shape is not None:
        pixels = read_float_image(path, shape)
    else:
        count = Path(path).stat().st_size / 4
        raise UsageError(
            f"{path} is neither a run nor SMV, CBF or npz; if it is a raw float32 image (its "
            f"{count:.12g} pixels, then), give --shape SLOW FAST"
        )
    # in a CBF, negative is the detector's word for a gap or a bad pixel
    live = pixels >= 0 if kind == "cbf" else np.ones(pixels.shape, dtype=np.bool_)
    return ImageFile(path, kind, key, _sha256(path), pixels.astype(np.float64), live)


def read_mask_file(name: str) -> npt.NDArray[np.bool_]:
    """Live pixels, bool (slow, fast), of an SMV image or of an array in an npz: zero is dead.

    Parameters
    ----------
    name : ``FILE``, or ``FILE.npz:KEY``; without a key, the array ``mask`` or the only one

    Raises
    ------
    UsageError
        if anything but an npz comes with a key
    InputFileError
        if the file cannot be read, or is neither
    """
    path, key = split_key(name)
    kind = _format(path)
    if key is not None and kind != "npz":
        raise UsageError(f"{path}:{key}: only npz files have keys; {path} is {kind}")
    if kind != "npz":
        return read_smv(path).pixels != 0
    key, mask = read_npz(path, key, "mask")
    if mask.dtype.kind not in "biu":
        raise InputFileError(f"{path}: the mask {key} is {mask.dtype}; a mask is bool or integer")
    return mask != 0


def _format(path: str) -> str:
    try:
        with open(path, "rb") as file:
            beginning = file.read(512)
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    if beginning.startswith(b"{") and b"HEADER_BYTES=" in beginning:
        return "smv"
    for magic, kind in _MAGIC.items():
        if beginning.startswith(magic):
            return kind
    return _SUFFIXES.get(Path(path).suffix.lower(), "float")


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
