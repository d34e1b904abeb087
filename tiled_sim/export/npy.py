"""An array of NumPy, ``.npy``: (frame, panel, slow, fast), of the values as the run has them."""

from collections.abc import Callable

import numpy as np

from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write the array, some rows at a time. See `tiled_sim.export.formats.Writer`.

    Dead pixels are 0, and so is what lies beyond a panel that is smaller than the largest.
    """
    name = output.path.name
    output.begin((name,))
    slow, fast = (max(sides) for sides in zip(*_sizes(selection), strict=True))
    shape = (len(selection.frames), len(selection.panels), slow, fast)
    dtype = selection.dtype.newbyteorder("<")
    with output.file(name) as place, place.open("wb") as file:
        described = np.lib.format.dtype_to_descr(dtype)
        header = {"descr": described, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for frame in selection.frames:
            for number, (rows, columns) in enumerate(_sizes(selection)):
                for band in selection.bands(number):
                    values = selection.read(frame, number, band).astype(dtype, copy=False)
                    file.write(np.pad(values, ((0, 0), (0, fast - columns))).data)
                # a hole in the file, where file systems have them
                file.seek((slow - rows) * fast * dtype.itemsize, 1)
                advance(1)
        file.truncate()
    output.finish((name,))
    beyond = {size for size in _sizes(selection) if size != (slow, fast)}
    return ("panels are smaller than the largest: 0 beyond them",) if beyond else ()


def _sizes(selection: Selection) -> list[tuple[int, int]]:
    """(slow, fast) number of pixels of each panel."""
    return [panel.pixels for panel in selection.detector_panels]
