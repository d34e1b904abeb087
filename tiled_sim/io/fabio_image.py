"""Images of EDF and TIFF, which fabio reads; what it would not notice is checked before."""

import contextlib
import logging
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, MissingExtraError

#: A TIFF can pack at most about so many pixels into a byte.
_PACKING = 4096
#: Compressions of a TIFF that fabio reads right: LZW and deflate, of two numbers. Of PackBits
#: (32773) its reader gives wrong pixels without a word.
_SCHEMES = (5, 8, 32946)
#: Tags of a TIFF.
_WIDTH, _LENGTH, _BITS, _SCHEME, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _COUNTS = 273, 277, 279
#: Struct codes and bytes of the types that these tags have: SHORT and LONG.
_TAG_TYPES = {3: ("H", 2), 4: ("I", 4)}


def read_edf(path: str | Path) -> npt.NDArray[Any]:
    """Read the one image of an EDF: (slow, fast), of the type that the file says.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not EDF, holds several images or less than its header says
    UsageError
        if fabio is not installed
    """
    data = _bytes(path)
    end = data.find(b"}\n") + 2
    if not data.lstrip().startswith(b"{") or end < 2:
        raise InputFileError(f"{path}: not an EDF image (no header in braces at its beginning)")
    sizes = [
        int(found[1]) if found else 0
        for key in (b"Dim_1", b"Dim_2")
        for found in [re.search(rb"\b" + key + rb"\s*=\s*([0-9]{1,9})\s*;", data[:end])]
    ]
    if 0 in sizes:
        raise InputFileError(f"{path}: the EDF header needs positive whole numbers as Dim_1, Dim_2")
    fast, slow = sizes
    # fabio would take memory for all of it, and fill what is not there with zeros
    _require_bytes(path, (slow, fast), slow * fast, len(data) - end)
    pixels = _by_fabio(path, "edfimage", "EdfImage", (slow, fast))
    _require_bytes(path, (slow, fast), pixels.nbytes, len(data) - end)
    return pixels


def read_tiff(path: str | Path) -> npt.NDArray[Any]:
    """Read the one grey image of a TIFF: (slow, fast), of the type that the file says.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not TIFF, is not one grey image, or is damaged
    UsageError
        if fabio is not installed
    """
    data = _bytes(path)
    try:
        tags, following = _tags(data)
    except (struct.error, KeyError):
        raise InputFileError(f"{path}: not a TIFF image, or a damaged one: copy it again") from None
    size = tags.get(_LENGTH, [0])[0], tags.get(_WIDTH, [0])[0]
    grey = tags.get(_SAMPLES, [1]) == [1] and tags.get(_PHOTOMETRIC, [1]) == [1]
    if following or not grey or 0 in size:
        raise InputFileError(
            f"{path}: a TIFF of one grey image is read (zero is black), this is another: save it so"
        )
    pixels = size[0] * size[1]
    scheme = tags.get(_SCHEME, [1])
    if scheme == [1]:
        strips = zip(tags.get(_OFFSETS, []), tags.get(_COUNTS, []), strict=False)
        there = sum(max(min(count, len(data) - at), 0) for at, count in strips)
        _require_bytes(path, size, -(-pixels * tags.get(_BITS, [1])[0] // 8), there)
    elif scheme[0] not in _SCHEMES:
        raise InputFileError(
            f"{path}: the pixels are compressed by scheme {scheme[0]}; uncompressed, LZW and "
            "deflate are read: save it so"
        )
    else:
        _require_bytes(path, size, pixels, _PACKING * len(data))
    return _by_fabio(path, "tifimage", "TifImage", size)


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None


def _require_bytes(path: str | Path, size: tuple[int, int], needed: int, there: int) -> None:
    if needed > there:
        raise InputFileError(
            f"{path}: {size[0]} x {size[1]} (slow x fast) pixels need {needed} bytes, it has "
            f"{there}: it is cut short, or its header is wrong"
        )


def _tags(data: bytes) -> tuple[dict[int, list[int]], int]:
    """Whole numbers of a TIFF's first directory, by tag, and where the next directory is."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[data[:4]]
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    tags = {}
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, number, where = struct.unpack_from(f"{order}HHII", data, place)
        if kind in _TAG_TYPES:
            code, size = _TAG_TYPES[kind]
            if number * size > len(data):
                raise KeyError(tag)
            start = where if number * size > 4 else place + 8
            tags[tag] = list(struct.unpack_from(f"{order}{number}{code}", data, start))
    (following,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)
    return tags, following


def _by_fabio(
    path: str | Path, module: str, reader: str, shape: tuple[int, int]
) -> npt.NDArray[Any]:
    try:
        import fabio
    except ImportError:
        raise MissingExtraError("cbf", f"{path}: {reader.removesuffix('Image').upper()}") from None
    try:
        with _silent():
            opened = getattr(getattr(fabio, module), reader)().read(str(path))
            count, pixels = opened.nframes, opened.data
    except Exception as error:  # of whatever class: it reads what anybody may have written
        raise InputFileError(f"{path}: fabio cannot read it ({error}): copy it again") from None
    if count != 1:
        raise InputFileError(f"{path} holds {count} images; keep the one that is meant")
    if pixels is None or pixels.shape != shape:
        raise InputFileError(f"{path}: fabio cannot read it: it is damaged; copy it again")
    return np.asarray(pixels)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep what fabio and its helpers log and warn of to themselves: the error is told once."""
    loggers = [logging.getLogger(name) for name in ("fabio", "PIL")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
