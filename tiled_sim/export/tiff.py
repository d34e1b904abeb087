"""TIFF images, uncompressed, of 16-bit or 32-bit whole numbers or float32."""

import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.export.frame_files import file_names
from tiled_sim.export.one_panel import require_one_panel
from tiled_sim.export.output import Output
from tiled_sim.export.pixel_types import pixel_type, write_typed_frames
from tiled_sim.export.recorded import notes_of_light
from tiled_sim.export.selection import Selection

ENDING = ".tif"
#: Of a file: places in it are numbers of 32 bits.
_MOST_BYTES = 2**32
_SHORT, _LONG, _ASCII, _RATIONAL = 3, 4, 2, 5
_CODES = {_SHORT: "H", _LONG: "I", _ASCII: "B", _RATIONAL: "I"}
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}
_CENTIMETRE = 3


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write an image of every frame. See `tiled_sim.export.formats.Writer`."""
    require_one_panel(selection, "tiff")
    dtype = pixel_type(selection)
    (panel,) = selection.detector_panels
    slow, fast = panel.pixels
    if slow * fast * dtype.itemsize >= _MOST_BYTES - 2**16:
        raise UsageError(
            f"--to tiff: a TIFF holds 4 GB, and an image of {slow} x {fast} pixels (slow x fast) "
            "is larger; export with --to edf, --to npy or --to nxmx"
        )
    names = file_names(selection, output, ENDING)
    write_typed_frames(selection, output, advance, names, dtype, header_bytes)
    return notes_of_light(selection.experiment)


def header_bytes(selection: Selection, frame: int, dtype: np.dtype) -> bytes:
    """All that comes before the pixels, which follow in one strip.

    Parameters
    ----------
    selection : of one panel
    frame : which
    dtype : of the pixels, little-endian
    """
    (panel,) = selection.detector_panels
    slow, fast = panel.pixels
    said = f"{selection.title}, frame {frame}, {selection.unit}"
    per_centimetre = [
        number
        for side in panel.pixel_size[::-1]
        for number in Fraction(1e-2 / side).limit_denominator(10**6).as_integer_ratio()
    ]
    tags: list[tuple[int, int, list[int]]] = [
        (256, _LONG, [fast]),
        (257, _LONG, [slow]),
        (258, _SHORT, [8 * dtype.itemsize]),
        (259, _SHORT, [1]),  # not compressed
        (262, _SHORT, [1]),  # 0 is black
        (270, _ASCII, [*said.encode("ascii", "replace"), 0]),
        (273, _LONG, [0]),  # where the pixels begin: below
        (277, _SHORT, [1]),
        (278, _LONG, [slow]),
        (279, _LONG, [slow * fast * dtype.itemsize]),
        (282, _RATIONAL, per_centimetre[:2]),
        (283, _RATIONAL, per_centimetre[2:]),
        (296, _SHORT, [_CENTIMETRE]),
        (305, _ASCII, [*b"tiled_sim", 0]),
        (339, _SHORT, [_SAMPLE_FORMATS[dtype.kind]]),
    ]
    packed = [struct.pack(f"<{len(values)}{_CODES[kind]}", *values) for _, kind, values in tags]
    beyond = 8 + 2 + 12 * len(tags) + 4
    places, at = [], beyond
    for content in packed:
        places.append(at)
        at += 0 if len(content) <= 4 else len(content) + len(content) % 2
    start = -(-at // 16) * 16
    entries, rest = b"", b""
    for (tag, kind, values), content, place in zip(tags, packed, places, strict=True):
        count = len(values) // 2 if kind == _RATIONAL else len(values)
        value = struct.pack("<I", start) if tag == 273 else content.ljust(4, b"\0")
        if len(content) > 4:
            value = struct.pack("<I", place)
            rest += content + bytes(len(content) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + value
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return (struct.pack("<2sHI", b"II", 42, 8) + directory + rest).ljust(start, b"\0")
