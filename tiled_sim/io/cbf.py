"""CBF images: the one binary section of a miniCBF, in the byte_offset scheme."""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, MissingExtraError
from tiled_sim.io.image_header import Entry, ImageHeader

SECTION = "--CIF-BINARY-FORMAT-SECTION--"
STARTER = b"\x0c\x1a\x04\xd5"
SCHEME = "x-CBF_BYTE_OFFSET"
ELEMENT_TYPE = "signed 32-bit integer"
_SECTION = SECTION.encode()
_DTYPES: dict[str, npt.DTypeLike] = {
    f"{sign}signed {bits}-bit integer": f"{letter}{bits // 8}"
    for sign, letter in (("", "i"), ("un", "u"))
    for bits in (8, 16, 32)
}
#: How many of SMV's units each unit of a header makes; without one it is in metres, Å or degrees.
_LENGTHS = {"": 1000.0, "m": 1000.0, "mm": 1.0, "um": 1e-3}
_WAVELENGTHS = {"": 1.0, "A": 1.0, "Å": 1.0, "\xc3\x85": 1.0, "nm": 10.0}
_ANGLES = {"": 1.0, "deg": 1.0, "degrees": 1.0}
#: Keys of a miniCBF, in small letters: the key of SMV, and units.
_KEYS = {
    "detector_distance": ("DISTANCE", _LENGTHS),
    "wavelength": ("WAVELENGTH", _WAVELENGTHS),
    "start_angle": ("PHI", _ANGLES),
    "angle_increment": ("OSC_RANGE", _ANGLES),
    "detector_2theta": ("TWOTHETA", _ANGLES),
}


def is_cbf(beginning: bytes) -> bool:
    """Whether the first bytes of a file are those of a CBF image."""
    return beginning.startswith(b"###CBF")


def read_cbf(path: str | Path) -> npt.NDArray[np.integer[Any]]:
    """Read a CBF image: (slow, fast), of the type that the file says.

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
    section, start = _section(path, data)
    header = data[section:start].decode("latin-1")
    scheme = re.search(r'conversions\s*=\s*"?([\w-]+)', header)
    if scheme is None or scheme[1].upper() != SCHEME.upper():
        found = "not compressed" if scheme is None else f"compressed as {scheme[1]}"
        raise InputFileError(f"{path}: the pixels are {found}; only {SCHEME} is read")
    kind = re.search(r'^X-Binary-Element-Type:\s*"([^"]*)"', header, re.M)
    if kind is None or kind[1] not in _DTYPES:
        found = "of no type" if kind is None else f"of type {kind[1]}"
        raise InputFileError(f"{path}: the pixels are {found}; integers of 8 to 32 bits are read")
    size, fast, slow = (
        _positive(path, header, f"X-Binary-{name}")
        for name in ("Size", "Size-Fastest-Dimension", "Size-Second-Dimension")
    )
    packed = data[start + len(STARTER) :][:size]
    if len(packed) < size:
        raise InputFileError(f"{path}: {size} bytes of pixels are due, it has {len(packed)}")
    if slow * fast > size:  # each takes a byte at least; asked before memory is taken for them
        raise InputFileError(
            f"{path}: {slow} x {fast} (slow x fast) pixels are due, it holds {size} bytes of them"
        )
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
    return pixels.astype(_DTYPES[kind[1]]).reshape(slow, fast)


def read_cbf_header(path: str | Path) -> ImageHeader:
    """Read what the header of a miniCBF says of the camera, its pixels are not looked at.

    Lengths of the header are in metres unless it says another unit; those of `ImageHeader` are in
    mm. ``Beam_xy`` is in pixels along fast and slow, from the corner of pixel (0, 0).

    Raises
    ------
    InputFileError
        if the file cannot be read, is not CBF, or pixels are not square
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputFileError(f"cannot read the image {path}: {error.strerror}") from None
    section, start = _section(path, data)
    binary = data[section:start].decode("latin-1")
    shape = (
        _positive(path, binary, "X-Binary-Size-Second-Dimension"),
        _positive(path, binary, "X-Binary-Size-Fastest-Dimension"),
    )
    entries: dict[str, Entry] = {}
    for number, line in enumerate(data[:section].decode("latin-1").split("\n"), 1):
        found = re.fullmatch(r"#[ \t]*([A-Za-z_0-9]+)(?:[ \t:=]+(.*))?", line.strip())
        if found:
            shown = line.strip().lstrip("# \t")
            entries.update(_entries(found[1].lower(), found[2] or "", number, shown))
    header = ImageHeader(str(path), shape, entries)
    if header.number("PIXEL_SIZE") != header.number("PIXEL_SIZE_SLOW"):
        raise InputFileError(
            f"{header.where('PIXEL_SIZE')}: the pixels are not square, and nanoBragg's words know "
            "no others; write a TOML file"
        )
    return header


def _entries(key: str, text: str, line: int, shown: str) -> Iterator[tuple[str, Entry]]:
    """What a line of the header says, under the keys of SMV; nothing if it is of no use here."""
    if key in _KEYS:
        name, units = _KEYS[key]
        words = text.split()
        number, unit = (words[0] if words else ""), (words[1].rstrip(".,") if words[1:] else "")
        known = not unit or unit in units
        # what has another unit is no number; it is blamed where it is asked for
        yield name, Entry(line, shown, number if known else text, units.get(unit, units[""]))
    elif key == "pixel_size":
        sides = re.findall(r"([^\sx]+)\s*(m|mm|um)?(?=\s|x|$)", text)
        for name, (number, unit) in zip(("PIXEL_SIZE", "PIXEL_SIZE_SLOW"), sides, strict=False):
            yield name, Entry(line, shown, number, _LENGTHS[unit])
        if len(sides) != 2:
            yield "PIXEL_SIZE", Entry(line, shown, text)
    elif key == "beam_xy":
        pair = re.fullmatch(r"\(?\s*([^\s,()]+)[\s,]+([^\s,()]+)\s*\)?\s*(pixels?)?", text)
        fast, slow = (pair[1], pair[2]) if pair else (text, text)
        yield "BEAM_FAST", Entry(line, shown, fast)
        yield "BEAM_SLOW", Entry(line, shown, slow)


def _section(path: str | Path, data: bytes) -> tuple[int, int]:
    """Where the binary section and its pixels begin."""
    section, start = data.find(_SECTION), data.find(STARTER)
    if section < 0 or start < section:
        raise InputFileError(f"{path}: not a CBF image (no {_SECTION.decode()} with binary data)")
    return section, start


def _positive(path: str | Path, header: str, key: str) -> int:
    found = re.search(rf"^{key}:\s*(\d+)", header, re.M)
    if found is None or int(found[1]) == 0:
        raise InputFileError(f"{path}: the CBF header needs a positive whole number as {key}")
    return int(found[1])
