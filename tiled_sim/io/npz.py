"""Arrays in numpy's ``.npz`` files."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError

#: Bytes that a byte of a zip file unpacks to at most, by how it is packed: as it is, or deflated.
_MOST_OF_A_BYTE = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
#: Bytes that nearly nothing may unpack to.
_LEAST_PACKED = 2048


def read_npz(path: str | Path, key: str | None, usual: str) -> tuple[str, npt.NDArray[Any]]:
    """Read one two-dimensional array of numbers, (slow, fast).

    Parameters
    ----------
    path : of the file
    key : name of the array; None: `usual` if it is there, or else the only one
    usual : name that such an array has by custom

    Returns
    -------
    the name of the array, and the array; leading axes of length one are left out

    Raises
    ------
    InputFileError
        if the file cannot be read, has no such array or several, or it is no image
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            name = _name(path, list(arrays.files), key, usual)
            _require_whole(path, arrays.zip, name)
            array = arrays[name]
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputFileError(f"{path}: not an npz file of plain arrays ({error})") from None
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or array.dtype.kind not in "biuf" or array.size == 0:
        raise InputFileError(
            f"{path}: {name} is {array.dtype} of {' x '.join(map(str, shape)) or 'no axes'}; an "
            "image is real numbers, slow x fast"
        )
    return name, array


def _require_whole(path: str | Path, archive: zipfile.ZipFile, name: str) -> None:
    """Make sure, before memory is taken for it, that an array is as large as it says.

    Raises
    ------
    ValueError
        if it is not, or is no array
    """
    member = f"{name}.npy"
    info = archive.getinfo(member if member in archive.namelist() else name)
    if info.compress_type not in _MOST_OF_A_BYTE:
        raise ValueError(f"{name} is compressed in a way that numpy does not use")
    if info.compress_size > Path(path).stat().st_size or info.file_size > _LEAST_PACKED + (
        _MOST_OF_A_BYTE[info.compress_type] * info.compress_size
    ):
        raise ValueError(f"{name} is larger than the file can hold")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0
        if version > (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        there = info.file_size - stream.tell()
    needed = math.prod(shape) * dtype.itemsize
    if needed != there and not dtype.hasobject:
        listed = " x ".join(map(str, shape)) or "no axes"
        raise ValueError(f"{name} is {dtype} of {listed}, {needed} bytes, and has {there}")


def _name(path: str | Path, names: list[str], key: str | None, usual: str) -> str:
    if key is None and usual in names:
        return usual
    if key is None and len(names) == 1:
        return names[0]
    if key in names:
        return str(key)
    listed = ", ".join(names) or "none"
    if key is None:
        raise InputFileError(f"{path} holds several arrays or none; write {path}:KEY, of {listed}")
    raise InputFileError(f"{path} has no array {key!r}; it holds {listed}")
