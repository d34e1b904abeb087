"""SMV images: the header, and the mask that a 16-bit image stands for."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError

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
    """A 16-bit SMV image.

    Parameters
    ----------
    path, header, shape : as `SmvHeader`
    sha256 : of its bytes
    pixels : uint16 (slow, fast)
    """

    sha256: str
    pixels: npt.NDArray[np.uint16]


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

    Raises
    ------
    InputFileError
        if the file cannot be read, is not SMV, or is shorter than its header says
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    header = _header(path, data)
    start, fast, slow = (_size(path, header, key) for key in ("HEADER_BYTES", "SIZE1", "SIZE2"))
    if header.get("TYPE", "unsigned_short") != "unsigned_short":
        raise InputFileError(f"{path}: TYPE={header['TYPE']} is not unsigned_short")
    order = ">" if header.get("BYTE_ORDER", "little_endian").startswith("big") else "<"
    needed = start + 2 * slow * fast
    if len(data) < needed:
        raise InputFileError(
            f"{path}: {slow} x {fast} (slow x fast) pixels need {needed} bytes, it has {len(data)}"
        )
    pixels = np.frombuffer(data, dtype=f"{order}u2", count=slow * fast, offset=start)
    return SmvImage(
        path=str(path),
        header=header,
        shape=(slow, fast),
        sha256=hashlib.sha256(data).hexdigest(),
        pixels=pixels.reshape(slow, fast).astype(np.uint16),
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
