"""CBF images: the one binary section of a miniCBF, in the byte_offset scheme."""

import base64
import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, MissingExtraError

_SECTION = b"--CIF-BINARY-FORMAT-SECTION--"
_STARTER = b"\x0c\x1a\x04\xd5"
_DTYPES: dict[str, npt.DTypeLike] = {
    f"{sign}signed {bits}-bit integer": f"{letter}{bits // 8}"
    for sign, letter in (("", "i"), ("un", "u"))
    for bits in (8, 16, 32)
}


def read_cbf(path: str | Path) -> npt.NDArray[np.int64]:
    """Read a CBF image: int64 (slow, fast).

    Negative pixels are kept: detectors of DECTRIS write -1 for gaps and -2 for bad pixels.

    Raises
    ------
    UsageError
        if fabio, which decodes byte_offset, is not installed
    InputFileError
        if the file cannot be read, is not CBF, is compressed otherwise, or is damaged
    """
    try:
        from fabio.compression import decByteOffset
    except ImportError:
        raise MissingExtraError("cbf", f"{path}: a CBF image") from None
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    # fabio's own reader never ends on a file that is cut short, so the section is found here
    section, start = data.find(_SECTION), data.find(_STARTER)
    if section < 0 or start < section:
        raise InputFileError(f"{path}: not a CBF image (no {_SECTION.decode()} with binary data)")
    header = data[section:start].decode("latin-1")
    scheme = re.search(r'conversions\s*=\s*"?([\w-]+)', header)
    if scheme is None or scheme[1].upper() != "X-CBF_BYTE_OFFSET":
        found = "not compressed" if scheme is None else f"compressed as {scheme[1]}"
        raise InputFileError(f"{path}: the pixels are {found}; only x-CBF_BYTE_OFFSET is read")
    kind = re.search(r'^X-Binary-Element-Type:\s*"([^"]*)"', header, re.M)
    if kind is None or kind[1] not in _DTYPES:
        found = "of no type" if kind is None else f"of type {kind[1]}"
        raise InputFileError(f"{path}: the pixels are {found}; integers of 8 to 32 bits are read")
    size, fast, slow = (
        _positive(path, header, f"X-Binary-{name}")
        for name in ("Size", "Size-Fastest-Dimension", "Size-Second-Dimension")
    )
    packed = data[start + len(_STARTER) :][:size]
    if len(packed) < size:
        raise InputFileError(f"{path}: {size} bytes of pixels are due, it has {len(packed)}")
    digest = re.search(r"^Content-MD5:\s*(\S+)", header, re.M)
    found_digest = base64.b64encode(hashlib.md5(packed, usedforsecurity=False).digest()).decode()
    if digest is not None and digest[1] != found_digest:
        raise InputFileError(
            f"{path}: the pixels are damaged (MD5 {found_digest}, not {digest[1]})"
        )
    pixels = np.asarray(decByteOffset(packed, size=slow * fast))
    if len(pixels) != slow * fast:
        raise InputFileError(
            f"{path}: {slow} x {fast} (slow x fast) pixels are due, it holds {len(pixels)}"
        )
    # steps between pixels are written modulo the range of the type, and so are their sums
    return pixels.astype(_DTYPES[kind[1]]).astype(np.int64).reshape(slow, fast)


def _positive(path: str | Path, header: str, key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+)", header, re.M)
    if found is None or int(found[1]) == 0:
        raise InputFileError(f"{path}: the CBF header needs a positive whole number as {key}")
    return int(found[1])
