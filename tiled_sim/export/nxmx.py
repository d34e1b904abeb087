"""NXmx: a master with all that is known, and files of images beside it."""

from collections.abc import Callable

from tiled_sim.errors import UsageError
from tiled_sim.export.nxmx_data import blocks_of, write_block
from tiled_sim.export.nxmx_detector import Stack
from tiled_sim.export.nxmx_master import write_master
from tiled_sim.export.output import Output
from tiled_sim.export.selection import Selection

#: Of a chunk of HDF5.
_MOST_BYTES = 2**32 - 1


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write a selection as NXmx.

    Panels lie one under the other in images of three axes, frame, slow and fast, because DIALS 3.12
    reads neither modules of four axes nor their masks. See docs/processing.md for what is written.

    Raises
    ------
    UsageError
        NXmx cannot say it
    """
    _require_sayable(selection)
    stack = Stack.of(selection.detector_panels)
    master = output.path.name
    blocks = blocks_of(selection, stack, output.path.stem)
    names = (*(block.name for block in blocks), master)
    done = output.begin(names)
    for block in blocks:
        if block.name in done:
            advance(len(block.frames) * stack.panels)
            continue
        with output.file(block.name) as path:
            write_block(path, selection, stack, block, advance)
    with output.file(master) as path:
        notes = write_master(path, selection, stack, blocks)
    output.finish(names)
    return notes


def _require_sayable(selection: Selection) -> None:
    detector = selection.experiment.detector
    if detector.curvature_radius is not None:
        raise UsageError(
            "--to nxmx: the detector is curved, and NXmx has flat modules alone; --to npy writes "
            "the pixels without saying where they are"
        )
    if len({detector.sensor_of(number) for number in selection.panels}) > 1:
        raise UsageError(
            "--to nxmx: the panels have several sensors, and NXmx has one a detector; name panels "
            "of one sensor by --panels, or --to npy writes the pixels of all"
        )
    for panel in selection.detector_panels:
        slow, fast = panel.pixels
        if slow * fast * selection.dtype.itemsize > _MOST_BYTES:
            raise UsageError(
                f"--to nxmx: panel {panel.name} of {slow} x {fast} pixels is more than a chunk of "
                "HDF5 holds; --to ome-zarr writes it in parts"
            )
