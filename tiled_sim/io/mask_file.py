"""Masks in files of every format that is known here, each by its own rule of what is dead."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.cbf import read_cbf, read_cbf_header
from tiled_sim.io.fabio_image import read_edf, read_tiff
from tiled_sim.io.gaps import gaps
from tiled_sim.io.hdf5 import read_hdf5_mask
from tiled_sim.io.image_format import image_format, refuse_key, split_key
from tiled_sim.io.image_header import ImageHeader
from tiled_sim.io.npz import read_npz
from tiled_sim.io.smv import read_smv, read_smv_header


@dataclass(frozen=True, slots=True)
class MaskRule:
    """What a format of masks is, and which of its pixels are dead.

    Parameters
    ----------
    title : of the format
    dead : which pixels are
    array : which array of the file is the mask, where it may hold several
    geometry : whether its header sets the geometry
    """

    title: str
    dead: str
    array: str = ""
    geometry: bool = False


#: By the name of the format; what docs/options.md says.
MASK_RULES = {
    "smv": MaskRule("SMV, d*TREK (.img)", "zero is dead", geometry=True),
    "cbf": MaskRule(
        "CBF", "negative is dead, and the gap value of an unsigned type or int32", geometry=True
    ),
    "npz": MaskRule("npz", "zero (False) is dead", "`mask`, the only one, or FILE.npz:KEY"),
    "tiff": MaskRule("TIFF", "zero is dead"),
    "hdf5": MaskRule(
        "NXmx, pyFAI (HDF5)",
        "non-zero is dead",
        "the only `pixel_mask`, the only `mask` of an NXdetector, or FILE.h5:DATASET",
    ),
    "edf": MaskRule("EDF of pyFAI or silx", "non-zero is dead"),
}


@dataclass(frozen=True, eq=False)
class MaskImage:
    """A mask as a file holds it.

    Parameters
    ----------
    name : of the file, and of the array in it if one was named
    format : one of `MASK_RULES`
    sha256 : of the file's bytes, and of ``:KEY`` after them where an array is named
    live : bool (slow, fast)
    header : what the file says of the camera; of most formats only the size
    """

    name: str
    format: str
    sha256: str
    live: npt.NDArray[np.bool_]
    header: ImageHeader

    @property
    def note(self) -> str:
        """What the user should know of it; empty if nothing is out of the ordinary."""
        dead, rule = int(np.count_nonzero(~self.live)), MASK_RULES[self.format]
        told = f"the mask {self.name}: {dead} of {self.live.size} pixels are dead"
        if 2 * dead > self.live.size:
            return (
                f"{told}, more than half; in {rule.title} {rule.dead}: is it the other way round?"
            )
        if dead == 0 and not rule.geometry:
            return f"{told}; in {rule.title} {rule.dead}: is it the other way round?"
        return ""


def read_mask(name: str) -> MaskImage:
    """Read which pixels are live.

    Parameters
    ----------
    name : ``FILE``, or ``FILE:KEY`` of an npz or HDF5 file

    Raises
    ------
    UsageError
        if a file without named arrays comes with a key, or a package is not installed
    InputFileError
        if the file cannot be read, is of no format of masks, or does not hold whole numbers
    """
    path, key = split_key(name)
    kind = image_format(path)
    refuse_key(path, key, kind)
    if kind == "smv":
        image = read_smv(path)
        return MaskImage(name, kind, image.sha256, image.pixels != 0, image)
    if kind == "cbf":
        dead, _ = gaps(read_cbf(path), negative=True)
        return MaskImage(name, kind, _sha256(path, None), ~dead, read_cbf_header(path))
    pixels = _whole_numbers(path, key, kind)
    live = pixels == 0 if kind in ("hdf5", "edf") else pixels != 0
    header = ImageHeader(name, (live.shape[0], live.shape[1]), {})
    return MaskImage(name, kind, _sha256(path, key), live, header)


def read_image_header(path: str) -> ImageHeader:
    """Read what the header of an SMV or CBF image says of the camera.

    Raises
    ------
    InputFileError
        if the file cannot be read, or is neither
    """
    kind = image_format(path)
    if kind == "cbf":
        return read_cbf_header(path)
    if kind in MASK_RULES and kind != "smv":
        raise InputFileError(
            f"{path}: geometry is read from the headers of SMV and CBF images, this is "
            f"{MASK_RULES[kind].title}; give -distance, -pixel, -Xbeam, …"
        )
    return read_smv_header(path)


def _whole_numbers(path: str, key: str | None, kind: str) -> npt.NDArray[Any]:
    if kind == "npz":
        key, pixels = read_npz(path, key, "mask")
    elif kind == "hdf5":
        key, pixels = read_hdf5_mask(path, key)
    elif kind == "tiff":
        pixels = read_tiff(path)
    elif kind == "edf":
        pixels = read_edf(path)
    else:
        titles = ", ".join(rule.title for rule in MASK_RULES.values())
        raise InputFileError(f"{path}: not an SMV image, nor any other mask that is read: {titles}")
    if pixels.dtype.kind not in "biu":
        raise InputFileError(
            f"{path}: the mask{f' {key}' if key else ''} is {pixels.dtype}; a mask is bool or "
            "integer"
        )
    return pixels


def _sha256(path: str, key: str | None) -> str:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(b"" if key is None else f":{key}".encode())
    return digest.hexdigest()
