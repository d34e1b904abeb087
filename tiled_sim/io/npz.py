"""Arrays in numpy's ``.npz`` files."""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import MAX_BYTES

#: How many bytes deflate makes of one at most.
_MOST_INFLATED = 1032
#: What numpy, zipfile and zlib raise for files that are no npz files, or are damaged.
_DAMAGE = (
    *(ValueError, EOFError, NotImplementedError, RuntimeError, KeyError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


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
        if the file cannot be read, has no such array or several, says that it holds more than it
        does or than `MAX_BYTES`, or is no image
    """

    def chosen(names: list[str]) -> list[str]:
        return [_name(path, names, key, usual)]

    ((name, array),) = _loaded(path, chosen).items()
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or array.dtype.kind not in "biuf" or array.size == 0:
        raise InputFileError(
            f"{path}: {name} is {array.dtype} of {' x '.join(map(str, shape)) or 'no axes'}; an "
            "image is real numbers, slow x fast"
        )
    return name, array


def read_npz_arrays(path: str | Path, known: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Read a file of arrays by their names, of which some may be left out.

    Raises
    ------
    InputFileError
        if the file cannot be read, has an array of another name, or says that it holds more than it
        does or than `MAX_BYTES`
    """

    def chosen(names: list[str]) -> list[str]:
        for name in names:
            if name not in known:
                raise InputFileError(
                    f"{path}: the array {name!r} is not known, only {', '.join(known)}: write the "
                    "file without it, or correct its name"
                )
        return names

    return _loaded(path, chosen)


def _loaded(
    path: str | Path, choose: Callable[[list[str]], list[str]]
) -> dict[str, npt.NDArray[Any]]:
    """Arrays of a file, by the names that are chosen of those there are."""
    try:
        # opened as what it must be: numpy takes any file, and an .npy file at its word
        with zipfile.ZipFile(path) as archive:
            names = choose([_array(member) for member in archive.namelist()])
            for name in names:
                _refuse_false_claims(path, archive, name)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except OSError as error:
        raise InputFileError(f"cannot read {path}: {error.strerror or error}") from None
    except _DAMAGE as error:
        raise InputFileError(f"{path}: not an npz file of plain arrays ({error})") from None


def _array(member: str) -> str:
    """Name of the array in a member of the archive."""
    return member.removesuffix(".npy")


def _refuse_false_claims(path: str | Path, archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an array of more bytes than its file can hold, before memory is taken for it."""
    member = next(one for one in archive.infolist() if _array(one.filename) == name)
    with archive.open(member) as file:
        shape, dtype = _header(file)
        held = member.file_size - file.tell()
    if dtype.hasobject:
        return  # numpy refuses it
    claimed = math.prod(shape) * dtype.itemsize
    inflation = 1 if member.compress_type == zipfile.ZIP_STORED else _MOST_INFLATED
    packed = min(member.compress_size, Path(path).stat().st_size)
    if min(shape, default=0) < 0 or claimed > min(held, inflation * packed):
        raise InputFileError(
            f"{path}: {name} is said to be {dtype} of {' x '.join(map(str, shape))}, {claimed} "
            "bytes, and the file does not hold as many: copy it again, or write it again"
        )
    if claimed > MAX_BYTES:
        raise InputFileError(
            f"{path}: the {claimed} bytes of {name} are more than the {MAX_BYTES} that are read: "
            "name another file"
        )


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type that the header of an array says."""
    if np.lib.format.read_magic(file) == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, dtype


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
