"""One file a frame: their names, several written at a time, and texts of the geometry beside."""

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import UsageError
from tiled_sim.export.dials_experiments import experiment_list
from tiled_sim.export.output import Output
from tiled_sim.export.parallel import cores, in_order
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import image_number, turns
from tiled_sim.export.selection import Selection, rounded
from tiled_sim.export.xds_input import Images, xds_text
from tiled_sim.model.mask import MASKED
from tiled_sim.model.values import shown

#: What stands for dead pixels in whole numbers that may be negative: in a gap or bad; and beyond
#: the region of interest. Detectors of DECTRIS write them so, and programs mask both.
GAP, NOT_OF_INTEREST = -1, -2
_DIGITS = 5
#: Files at a time: each has a band of pixels in memory.
_MOST_AT_ONCE = 4

Encode = Callable[[int, BinaryIO], None]
Texts = Mapping[str, bytes]


def file_names(selection: Selection, output: Output, ending: str) -> dict[int, str]:
    """Name of the file of each frame: its image's number after the folder's name.

    Parameters
    ----------
    selection : frames
    output : a folder, or the file of a single frame
    ending : of the names
    """
    if not output.is_folder:
        return {selection.frames[0]: output.path.name}
    return {
        frame: f"{output.path.name}_{image_number(frame):0{_digits(selection)}d}{ending}"
        for frame in selection.frames
    }


def template(selection: Selection, output: Output, ending: str, digit: str) -> str:
    """Of the names of files in a folder, with a letter in place of each digit."""
    return f"{output.path.name}_{digit * _digits(selection)}{ending}"


def _digits(selection: Selection) -> int:
    """So many that those of all frames of the run are as long."""
    return max(_DIGITS, len(str(len(selection.experiment.exposures))))


def processing_texts(
    selection: Selection, output: Output, readings: Readings, ending: str, detector: str
) -> tuple[Texts, tuple[str, ...]]:
    """``.expt`` and, of a scan, XDS.INP, by name; and notes. A single file has none beside it.

    Parameters
    ----------
    selection, output, ending : as `file_names`
    readings : what the values of the images mean
    detector : XDS's word for the format
    """
    if not output.is_folder:
        return {}, ()
    name = output.path.name
    if set("#?") & set(name) or not name.isprintable():
        raise UsageError(
            f"--out {shown(name)}: DIALS and XDS take # and ? in names of images for digits, and "
            "read no letters that do not print; give a name without"
        )
    content, notes = experiment_list(selection, readings, template(selection, output, ending, "#"))
    texts = {f"{output.path.name}.expt": content}
    if turns(selection.experiment.exposures):
        images = Images(detector, template(selection, output, ending, "?"))
        texts["XDS.INP"], others = xds_text(selection, readings, images)
        notes = tuple(dict.fromkeys((*notes, *others)))
    return texts, notes


def write_frames(
    selection: Selection,
    output: Output,
    advance: Callable[[int], None],
    names: Mapping[int, str],
    texts: Texts,
    encode: Encode,
) -> None:
    """Write a file of every frame that has none yet, and texts beside them.

    Parameters
    ----------
    selection, output, advance : as `tiled_sim.export.formats.Writer`
    names : of the file of each frame
    texts : other files, by name
    encode : called with the number of a frame and a file, which it writes; several at a time
    """
    every = (*texts, *names.values())
    done = set(output.begin(every))
    for name, content in texts.items():
        if name not in done:
            with output.file(name) as place:
                place.write_bytes(content)

    def make(frame: int) -> None:
        with output.file(names[frame]) as place, place.open("w+b") as file:
            encode(frame, file)

    advance(len(selection.panels) * sum(name in done for name in names.values()))
    waiting = [frame for frame, name in names.items() if name not in done]
    for _ in in_order(make, waiting, min(_MOST_AT_ONCE, cores())):
        advance(len(selection.panels))
    output.finish(every)


def marked_bands(selection: Selection, frame: int) -> Iterator[npt.NDArray[np.int32]]:
    """Bands of the only panel from top to bottom, int32: dead pixels are negative.

    Photons are rounded. A pixel that is both is `GAP`.

    Parameters
    ----------
    selection : of one panel
    frame : which
    """
    for rows in selection.bands(0):
        values = rounded(selection.read(frame, 0, rows))
        dead = selection.read_mask(0, rows)
        if dead.any():
            values = np.where(dead == 0, values, np.int32(NOT_OF_INTEREST))
            values[dead & MASKED != 0] = GAP
        yield values
