"""SMV images: the header, and the pixels, of which whole numbers may stand for a mask."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.image_header import Entry, ImageHeader

#: numpy's name of each TYPE of pixel; several programs, several names.
_DTYPES = {
    "unsigned_short": "u2",
    "signed_short": "i2",
    "short_integer": "i2",
    "unsigned_long": "u4",
    "signed_long": "i4",
    "long_integer": "i4",
    "float": "f4",
}
#: The same in the words of d*TREK's Data_type, and of others.
_SPELLINGS = {
    **_DTYPES,
    **dict.fromkeys(("unsigned_char", "unsigned_byte", "uint8"), "u1"),
    **dict.fromkeys(("signed_char", "signed_byte", "int8"), "i1"),
    **dict.fromkeys(("unsigned_short_int", "unsigned_short_integer", "uint16"), "u2"),
    **dict.fromkeys(("short_int", "short", "signed_short_int", "int16"), "i2"),
    **dict.fromkeys(("unsigned_long_int", "unsigned_int", "unsigned_integer", "uint32"), "u4"),
    **dict.fromkeys(("long_int", "long", "signed_long_int", "int", "signed_int", "int32"), "i4"),
    **dict.fromkeys(("float_ieee", "ieee_float", "float32", "real"), "f4"),
}
_ORDERS = {
    **dict.fromkeys(("littleendian", "little", "lsbfirst", "lsb", "le", "lowbytefirst"), "<"),
    **dict.fromkeys(("bigendian", "big", "msbfirst", "msb", "be", "highbytefirst"), ">"),
}
_UNCOMPRESSED = ("", "none", "no", "raw", "uncompressed")

#: Bytes in which every SMV file says how long its header is.
_FIRST_BYTES = 512
_HEADER_BYTES = re.compile(rb"HEADER_BYTES[ \t]*=[ \t]*([0-9]{1,18})[ \t]*[;\r\n]")
#: The brace that ends a header: a form feed follows, or nothing but padding.
_END = re.compile(rb"\}(?=[ \t\r\n]*\f|[\s\0]*\Z)")


@dataclass(frozen=True, eq=False)
class SmvImage(ImageHeader):
    """An SMV image.

    Parameters
    ----------
    path, shape, entries : as `ImageHeader`
    sha256 : of its bytes
    pixels : of the TYPE in the header, (slow, fast)
    """

    sha256: str
    pixels: npt.NDArray[Any]


def is_smv(beginning: bytes) -> bool:
    """Whether the first bytes of a file are those of an SMV image."""
    return beginning.startswith(b"{") and b"HEADER_BYTES" in beginning[:_FIRST_BYTES]


def read_smv_header(path: str | Path) -> ImageHeader:
    """Read the header of an SMV image; of its pixels only that they are not too many counts.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not SMV, or holds more pixels than its header says
    """
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(_FIRST_BYTES)
            more = _header_bytes(path, data, size) - len(data)
            data += file.read(max(more, 0))
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    header, start = _header(path, data, size)
    dtype = _SPELLINGS.get(_words(_kind(header)[1]))
    if dtype is not None and not _compression(header):
        # a file that is cut short has a whole header all the same
        due = start + np.dtype(dtype).itemsize * header.shape[0] * header.shape[1]
        _require_fit(header, start, np.dtype(dtype), max(size, due))
    return header


def read_smv(path: str | Path) -> SmvImage:
    """Read an SMV image of whole numbers, of 8 to 32 bits.

    Where the header goes on past its own HEADER_BYTES, as the C program's does when its numbers are
    long, the pixels begin after it.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not SMV, or is not as long as its header says
    """
    return _read(path, floats=False)


def read_smv_of_any_type(path: str | Path) -> SmvImage:
    """Read an SMV image of whole numbers or of float32; as `read_smv`.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not SMV, has another TYPE, or is not as long as its header
        says
    """
    return _read(path, floats=True)


def _read(path: str | Path, *, floats: bool) -> SmvImage:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    header, start = _header(path, data, len(data))
    compression = _compression(header)
    if compression:
        raise InputFileError(
            f"{header.where('COMPRESSION')}: compressed pixels are not read; write the image "
            "without, by the program that made it"
        )
    dtype = _dtype(header, floats).newbyteorder(_order(header))
    _require_fit(header, start, dtype, len(data))
    slow, fast = header.shape
    pixels = np.frombuffer(data, dtype=dtype, count=slow * fast, offset=start)
    return SmvImage(
        path=header.path,
        shape=header.shape,
        entries=header.entries,
        sha256=hashlib.sha256(data).hexdigest(),
        pixels=pixels.reshape(slow, fast).astype(dtype.newbyteorder("=")),
    )


def _header_bytes(path: str | Path, data: bytes, size: int) -> int:
    """How long the header says it is, which the file must be at least."""
    if not is_smv(data):
        raise InputFileError(f"{path}: not an SMV image (no {{ HEADER_BYTES= at its beginning)")
    found = _HEADER_BYTES.search(data[:_FIRST_BYTES])
    start = int(found[1]) if found else 0
    if start <= 0:
        raise InputFileError(
            f"{path}: the SMV header needs a positive whole number as HEADER_BYTES"
        )
    if start > size:
        raise InputFileError(
            f"{path}: HEADER_BYTES={start} is more than the {size} bytes of the file: it is cut "
            "short, or the number is wrong"
        )
    return start


def _header(path: str | Path, data: bytes, size: int) -> tuple[ImageHeader, int]:
    """The header, and the byte at which the pixels begin.

    Parameters
    ----------
    path : of the file
    data : its beginning, the whole header
    size : of the file [bytes]
    """
    start = _header_bytes(path, data, size)
    brace = _END.search(data[:start])
    end = start if brace is None else brace.start()
    if brace is None:
        # the C program says 512 of a header that is longer
        beyond = data.find(b"}\f", start)
        if beyond > 0 and data[:beyond].isascii():
            end, start = beyond, beyond + 2
    entries = _entries(data[1:end].decode("latin-1"))
    header = ImageHeader(str(path), (0, 0), entries)
    dimensions = header.number("DIM")
    if dimensions not in (None, 2.0):
        raise InputFileError(f"{header.where('DIM')}: images of two dimensions are read")
    shape = _size(header, "SIZE2"), _size(header, "SIZE1")
    return ImageHeader(str(path), shape, entries), start


def _entries(text: str) -> dict[str, Entry]:
    """Keys and values; of a repeated key the last counts. A line may lack its semicolon."""
    entries = {}
    for number, line in enumerate(text.split("\n"), 1):
        for part in line.split(";"):
            key, equals, value = (word.strip(" \t\r\n\f\0") for word in part.partition("="))
            if equals:
                entries[key.upper()] = Entry(number, f"{key}={value}", value)
    return entries


def _size(header: ImageHeader, key: str) -> int:
    text = header.entries[key].text if key in header else ""
    value = int(text) if re.fullmatch("[0-9]{1,18}", text) else 0
    if value <= 0:
        where = header.where(key) if key in header else header.path
        raise InputFileError(f"{where}: the SMV header needs a positive whole number as {key}")
    return value


def _kind(header: ImageHeader) -> tuple[str, str]:
    """Key and value of what says the type of the pixels; without one it is unsigned_short.

    Raises
    ------
    InputFileError
        if TYPE and d*TREK's Data_type contradict each other
    """
    given = [(key, header.entries[key].text) for key in ("TYPE", "DATA_TYPE") if key in header]
    if len({_SPELLINGS.get(_words(text), text) for _, text in given}) > 1:
        raise InputFileError(
            f"{header.where('DATA_TYPE')} contradicts {header.entries['TYPE'].shown}: leave the "
            "right one"
        )
    return given[0] if given else ("", "unsigned_short")


def _words(text: str) -> str:
    return re.sub(r"[\s_-]+", "_", text.strip().lower())


def _dtype(header: ImageHeader, floats: bool) -> np.dtype[Any]:
    key, kind = _kind(header)
    known = {name: code for name, code in _SPELLINGS.items() if floats or code != "f4"}
    if _words(kind) not in known:
        listed = " or ".join(name for name in _DTYPES if name in known)
        raise InputFileError(f"{header.where(key)} is not {listed}")
    return np.dtype(known[_words(kind)])


def _order(header: ImageHeader) -> Any:
    if "BYTE_ORDER" not in header:
        return "<"
    order = _ORDERS.get(re.sub(r"[\s_-]", "", header.entries["BYTE_ORDER"].text.lower()))
    if order is None:
        raise InputFileError(
            f"{header.where('BYTE_ORDER')} is not known: write little_endian or big_endian"
        )
    return order


def _compression(header: ImageHeader) -> str:
    """The scheme that the pixels are compressed in; empty: none."""
    entry = header.entries.get("COMPRESSION")
    return "" if entry is None or entry.text.lower() in _UNCOMPRESSED else entry.text


def _require_fit(header: ImageHeader, start: int, dtype: np.dtype[Any], size: int) -> None:
    """Make sure that the file ends where its pixels do, or less than a row later."""
    slow, fast = header.shape
    needed = start + dtype.itemsize * slow * fast
    if 0 <= size - needed < dtype.itemsize * fast:
        return
    each = (size - start) / (slow * fast)
    reason = "the sizes or the type are wrong, or the file is damaged"
    if not _kind(header)[0] and each == 4:
        reason = "without a TYPE they are of 16 bits; write TYPE=unsigned_long into the header"
    elif each in (1, 2, 4):
        reason = f"{_kind(header)[1]} is {dtype.itemsize} bytes a pixel, the file has {each:g}"
    raise InputFileError(
        f"{header.path}: {slow} x {fast} (slow x fast) pixels need {needed} bytes, it has {size}: "
        f"{reason}"
    )
