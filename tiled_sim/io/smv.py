"""SMV images: the header, and the pixels, of which 16-bit ones may stand for a mask."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError

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


#: Bytes in which every SMV file says how long its header is.
_FIRST_BYTES = 512


@dataclass(frozen=True, eq=False)
class SmvHeader:
    """The header of an SMV image, whatever the type of its pixels.

    Parameters
    ----------
    path : of the file
    header : keys and values, whole keys only
    shape : (slow, fast) number of pixels
    """

    path: str
    header: dict[str, str]
    shape: tuple[int, int]

    def number(self, key: str) -> float | None:
        """A header value as a number, or None if the key is absent.

        Raises
        ------
        InputFileError
            if the value is not a number
        """
        if key not in self.header:
            return None
        try:
            return float(self.header[key])
        except ValueError:
            raise InputFileError(
                f"{self.path}: header {key}={self.header[key]!r} is not a number"
            ) from None


@dataclass(frozen=True, eq=False)
class SmvImage(SmvHeader):
    """An SMV image.

    Parameters
    ----------
    path, header, shape : as `SmvHeader`
    sha256 : of its bytes
    pixels : uint16, or of the TYPE in the header, (slow, fast)
    """

    sha256: str
    pixels: npt.NDArray[Any]


def read_smv_header(path: str | Path) -> SmvHeader:
    """Read the header of an SMV image; its pixels are not looked at.

    Raises
    ------
    InputFileError
        if the file cannot be read or is not SMV
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_FIRST_BYTES)
            more = _size(path, _header(path, data), "HEADER_BYTES") - len(data)
            data += file.read(max(more, 0))
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    header = _header(path, data)
    return SmvHeader(
        str(path), header, (_size(path, header, "SIZE2"), _size(path, header, "SIZE1"))
    )


def read_smv(path: str | Path) -> SmvImage:
    """Read an SMV image of unsigned 16-bit pixels.

    Where the header goes on past its own HEADER_BYTES, as the C program's does when its numbers are
    long, the pixels begin after it.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not SMV, or is shorter than its header says
    """
    return _read(path, {"unsigned_short": "u2"})


def read_smv_of_any_type(path: str | Path) -> SmvImage:
    """Read an SMV image of 16 or 32-bit integers, signed or not, or of float32; as `read_smv`.

    Raises
    ------
    InputFileError
        if the file cannot be read, is not SMV, has another TYPE, or is shorter than its header says
    """
    return _read(path, _DTYPES)


def _read(path: str | Path, dtypes: dict[str, str]) -> SmvImage:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    header = _header(path, data)
    start, fast, slow = (_size(path, header, key) for key in ("HEADER_BYTES", "SIZE1", "SIZE2"))
    end = data.find(b"}\f") + 2
    if end > start and data[:end].isascii():
        start = end
    kind = header.get("TYPE", "unsigned_short")
    if kind not in dtypes:
        raise InputFileError(f"{path}: TYPE={kind} is not {' or '.join(dtypes)}")
    order = ">" if header.get("BYTE_ORDER", "little_endian").startswith("big") else "<"
    dtype = np.dtype(order + dtypes[kind])
    needed = start + dtype.itemsize * slow * fast
    if len(data) < needed:
        raise InputFileError(
            f"{path}: {slow} x {fast} (slow x fast) pixels need {needed} bytes, it has {len(data)}"
        )
    pixels = np.frombuffer(data, dtype=dtype, count=slow * fast, offset=start)
    return SmvImage(
        path=str(path),
        header=header,
        shape=(slow, fast),
        sha256=hashlib.sha256(data).hexdigest(),
        pixels=pixels.reshape(slow, fast).astype(dtype.newbyteorder("=")),
    )


def _header(path: str | Path, data: bytes) -> dict[str, str]:
    if not data.startswith(b"{") or b"HEADER_BYTES=" not in data[:_FIRST_BYTES]:
        raise InputFileError(f"{path}: not an SMV image (no {{ HEADER_BYTES= at its beginning)")
    end = data.find(b"}")
    text = data[1 : end if end > 0 else _FIRST_BYTES].decode("latin-1")
    pairs = (line.split("=", 1) for line in text.replace("\n", ";").split(";") if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _size(path: str | Path, header: dict[str, str], key: str) -> int:
    try:
        value = int(header[key])
    except (KeyError, ValueError):
        value = 0
    if value <= 0:
        raise InputFileError(f"{path}: the SMV header needs a positive whole number as {key}")
    return value
