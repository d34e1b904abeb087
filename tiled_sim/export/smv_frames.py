"""SMV images of 16 bits, whose header DIALS, ADXV and XDS take as it is meant.

Not those of ``-intfile`` and ``-noisefile``, which are as the C program writes them.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.export.extremes import Extremes
from tiled_sim.export.frame_files import file_names, marked_bands, processing_texts, write_frames
from tiled_sim.export.output import Output
from tiled_sim.export.plain_camera import PlainCamera
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import image_number
from tiled_sim.export.selection import Selection

ENDING = ".img"
_HEADER_BYTES = 1024
_HIGHEST = 65535
_MM = 1e3


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write an image of every frame. See `tiled_sim.export.formats.Writer`."""
    camera = PlainCamera.of(selection, "smv")
    height, width = camera.pixel_size
    if height != width:
        raise UsageError(
            f"--to smv: its header has one side of a pixel, and they are {height * _MM:g} x "
            f"{width * _MM:g} mm (slow x fast); export with --to cbf or --to nxmx"
        )
    names = file_names(selection, output, ENDING)
    if not output.is_folder and not any(letter.isdigit() for letter in output.path.stem):
        raise UsageError(
            f"--out {output.path}: DIALS refuses the name of an image without a number; write "
            f"{output.path.stem}_{image_number(selection.frames[0]):05d}{ENDING}"
        )
    readings = Readings.of(selection, _HIGHEST)
    texts, notes = processing_texts(selection, output, readings, ENDING, "ADSC")

    def encode(frame: int, file: BinaryIO) -> None:
        file.write(header_bytes(camera, readings, image_number(frame)))
        for band in marked_bands(selection, frame):
            file.write(np.clip(band, 0, _HIGHEST).astype("<u2").data)

    write_frames(selection, output, advance, names, texts, encode)
    return (*notes, *_notes(selection))


def _notes(selection: Selection) -> Iterator[str]:
    found = Extremes.of(selection)
    if found.largest > _HIGHEST:
        yield (
            f"values reach {found.largest:.10g} {selection.unit}: those above {_HIGHEST}, all that "
            f"16 bits hold, are {_HIGHEST}"
        )
    if found.negative:
        yield f"{found.negative} counts are negative, and 0 in the images"


def header_bytes(camera: PlainCamera, readings: Readings, image: int) -> bytes:
    """The header of an image.

    ``BEAM_CENTER_X`` is along slow and ``BEAM_CENTER_Y`` along fast, from the outer corner of the
    first pixel, which is how DIALS reads them of a header without ``BEAMLINE=fake``. The other
    programs' own centres stand beside it under the names that the C program gives them.

    Parameters
    ----------
    camera : that made the image
    readings : what its values mean
    image : its number
    """
    slow, fast = camera.pixels
    pixel = camera.pixel_size[0] * _MM
    slow_beam, fast_beam = (part * pixel for part in camera.beam)
    start, width = camera.angles(image)
    values = {
        "HEADER_BYTES": _HEADER_BYTES,
        "DIM": 2,
        "BYTE_ORDER": "little_endian",
        "TYPE": "unsigned_short",
        "SIZE1": fast,
        "SIZE2": slow,
        "PIXEL_SIZE": f"{pixel:.10g}",
        "DISTANCE": f"{camera.distance * _MM:.10g}",
        "WAVELENGTH": f"{camera.wavelength:.10g}",
        "BEAM_CENTER_X": f"{slow_beam:.10g}",
        "BEAM_CENTER_Y": f"{fast_beam:.10g}",
        "ADXV_CENTER_X": f"{fast_beam:.10g}",
        "ADXV_CENTER_Y": f"{slow * pixel - slow_beam:.10g}",
        "MOSFLM_CENTER_X": f"{slow_beam - 0.5 * pixel:.10g}",
        "MOSFLM_CENTER_Y": f"{fast_beam - 0.5 * pixel:.10g}",
        "DENZO_X_BEAM": f"{slow_beam:.10g}",
        "DENZO_Y_BEAM": f"{fast_beam:.10g}",
        "XDS_ORGX": f"{camera.beam[1] + 0.5:.10g}",
        "XDS_ORGY": f"{camera.beam[0] + 0.5:.10g}",
        "PHI": f"{start:.10g}",
        "OSC_START": f"{start:.10g}",
        "OSC_RANGE": f"{width:.10g}",
        "TWOTHETA": 0,
        # of these DIALS corrects and trusts values; without them it guesses by the pixels
        "GAIN": f"{readings.gain:.10g}",
        "IMAGE_PEDESTAL": f"{readings.offset:.10g}",
        "DETECTOR_SN": "000",
        "BEAMLINE": "tiled_sim",
    }
    lines = "".join(f"{key}={value};\n" for key, value in values.items())
    return f"{{\n{lines}}}\f".encode("ascii").ljust(_HEADER_BYTES)
