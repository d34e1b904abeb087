"""EDF images, ESRF's: a header in braces and bare pixels."""

from collections.abc import Callable

import numpy as np

from tiled_sim.export.frame_files import file_names
from tiled_sim.export.one_panel import require_one_panel
from tiled_sim.export.output import Output
from tiled_sim.export.pixel_types import pixel_type, write_typed_frames
from tiled_sim.export.recorded import notes_of_light
from tiled_sim.export.selection import Selection

ENDING = ".edf"
_BLOCK = 512
_TYPES = {"u2": "UnsignedShort", "i2": "SignedShort", "i4": "SignedInteger", "f4": "FloatValue"}


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write an image of every frame. See `tiled_sim.export.formats.Writer`."""
    require_one_panel(selection, "edf")
    dtype = pixel_type(selection)
    names = file_names(selection, output, ENDING)
    write_typed_frames(selection, output, advance, names, dtype, header_bytes)
    return notes_of_light(selection.experiment)


def header_bytes(selection: Selection, frame: int, dtype: np.dtype) -> bytes:
    """The header of an image.

    Parameters
    ----------
    selection : of one panel
    frame : which
    dtype : of the pixels, little-endian
    """
    (panel,) = selection.detector_panels
    slow, fast = panel.pixels
    values = {
        "HeaderID": f"EH:{1:06d}:000000:000000",
        "Image": 1,
        "ByteOrder": "LowByteFirst",
        "DataType": _TYPES[dtype.str[1:]],
        "Dim_1": fast,
        "Dim_2": slow,
        "Size": slow * fast * dtype.itemsize,
        "PSize_1": f"{panel.pixel_size[1]:.10g}",
        "PSize_2": f"{panel.pixel_size[0]:.10g}",
        "WaveLength": f"{selection.experiment.beam.wavelength * 1e-10:.12g}",
        "title": f"{selection.title}, frame {frame}, {selection.unit}",
    }
    lines = "".join(f"{key} = {value} ;\n" for key, value in values.items())
    encoded = lines.encode("ascii", "replace")
    size = -(-(len(encoded) + 4) // _BLOCK) * _BLOCK
    return b"{\n" + encoded.ljust(size - 4) + b"}\n"
