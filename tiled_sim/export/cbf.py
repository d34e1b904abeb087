"""CBF images: miniCBF with a header that DIALS and XDS read, and byte_offset pixels."""

import base64
import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from tiled_sim.export.extremes import Extremes
from tiled_sim.export.frame_files import file_names, marked_bands, processing_texts, write_frames
from tiled_sim.export.output import Output
from tiled_sim.export.plain_camera import PlainCamera
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import image_number
from tiled_sim.export.selection import Selection
from tiled_sim.export.sensor import SensorTold, sensor_of
from tiled_sim.io.cbf import ELEMENT_TYPE, SCHEME, SECTION, STARTER

ENDING = ".cbf"
#: Zeros after the pixels, which decoders may read ahead into.
_PADDING = 4095
#: Pixels that are compressed at once.
_AT_ONCE = 2**20
#: Any size of a section has as many digits as this at most, so that it can be written last.
_SIZE_DIGITS = 20


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write an image of every frame. See `tiled_sim.export.formats.Writer`."""
    camera = PlainCamera.of(selection, "cbf")
    readings = Readings.of(selection)
    sensor = _told(selection)
    texts, notes = processing_texts(selection, output, readings, ENDING, "PILATUS")
    names = file_names(selection, output, ENDING)

    def encode(frame: int, file: BinaryIO) -> None:
        name = names[frame].removesuffix(ENDING)
        text = header_text(camera, readings, sensor, name, image_number(frame))
        write_image(file, text, camera.pixels, marked_bands(selection, frame))

    write_frames(selection, output, advance, names, texts, encode)
    told = () if sensor is None else sensor.notes
    return (*notes, *told, *_notes(selection, readings))


def _notes(selection: Selection, readings: Readings) -> Iterator[str]:
    negative = Extremes.of(selection).negative
    if negative:
        yield f"{negative} counts are negative, which programs take for pixels that are masked"
    if readings.gain != 1.0 or readings.offset != 0.0:
        yield (
            f"the header has no word for the gain ({readings.gain:g} ADU a photon) nor for the "
            f"offset ({readings.offset:g} ADU): the .expt says both"
        )


def _told(selection: Selection) -> SensorTold | None:
    """The sensor, by which DIALS corrects for the depth of photons: of images that have it."""
    experiment = selection.experiment
    sensor = experiment.detector.sensor_of(selection.panels[0])
    if sensor is None or sensor.layers == 1:
        return None
    detector = dataclasses.replace(experiment.detector, sensor=sensor)
    return sensor_of(dataclasses.replace(experiment, detector=detector))


def _sensor_lines(sensor: SensorTold | None) -> list[str]:
    if sensor is None:
        return []
    name = {"Si": "Silicon"}.get(sensor.material, sensor.material)
    return [f"# {name} sensor, thickness {sensor.thickness:.9f} m"]


def header_text(
    camera: PlainCamera, readings: Readings, sensor: SensorTold | None, name: str, image: int
) -> str:
    """What a miniCBF says of the camera, up to its binary section.

    Parameters
    ----------
    camera : that made the image
    readings : what its values mean
    sensor : whose depth is in the image; None: none
    name : of the image
    image : its number
    """
    start, width = camera.angles(image)
    slow_beam, fast_beam = camera.beam
    height, across = camera.pixel_size
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    lines = (
        "###CBF: VERSION 1.5, tiled_sim",
        f"data_{plain}",
        "",
        # not PILATUS, nor SLS: DIALS asserts that such images are made of that detector's modules
        '_array_data.header_convention "GENERIC_MINI"',
        "_array_data.header_contents",
        ";",
        "# Detector: tiled_sim",
        f"# Pixel_size {across * 1e6:.10g}e-6 m x {height * 1e6:.10g}e-6 m",
        *_sensor_lines(sensor),
        "# Exposure_time 1.0 s",
        "# Exposure_period 1.0 s",
        f"# Count_cutoff {readings.saturation - 1} counts",
        f"# Wavelength {camera.wavelength:.12g} A",
        f"# Detector_distance {camera.distance:.12g} m",
        f"# Beam_xy ({fast_beam:.9g}, {slow_beam:.9g}) pixels",
        f"# Start_angle {start:.12g} deg.",
        f"# Angle_increment {width:.12g} deg.",
        ";",
        "",
        "_array_data.data",
        ";",
        "",
    )
    return "\r\n".join(lines)


def _parts(band: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.int32]]:
    """Pixels of a band in their order, so many at a time as are compressed at once."""
    flat = band.ravel()
    for start in range(0, flat.size, _AT_ONCE):
        yield flat[start : start + _AT_ONCE]


def write_image(
    file: BinaryIO, header: str, pixels: tuple[int, int], bands: Iterator[npt.NDArray[np.int32]]
) -> None:
    """Write an image, a band of rows in memory at a time.

    Parameters
    ----------
    file : empty
    header : of `header_text`
    pixels : (slow, fast)
    bands : int32 (rows, fast), from top to bottom
    """
    from fabio.compression import compByteOffset

    slow, fast = pixels

    def section(size: int, digest: str) -> bytes:
        lines = (
            SECTION,
            "Content-Type: application/octet-stream;",
            f'     conversions="{SCHEME}"',
            "Content-Transfer-Encoding: BINARY",
            f"X-Binary-Size: {size:{_SIZE_DIGITS}d}",
            "X-Binary-ID: 1",
            f'X-Binary-Element-Type: "{ELEMENT_TYPE}"',
            "X-Binary-Element-Byte-Order: LITTLE_ENDIAN",
            f"Content-MD5: {digest}",
            f"X-Binary-Number-of-Elements: {slow * fast}",
            f"X-Binary-Size-Fastest-Dimension: {fast}",
            f"X-Binary-Size-Second-Dimension: {slow}",
            f"X-Binary-Size-Padding: {_PADDING}",
            "",
            "",
        )
        return (header + "\r\n".join(lines)).encode("ascii") + STARTER

    nothing = base64.b64encode(bytes(16)).decode()
    file.write(section(0, nothing))
    md5, size, last = hashlib.md5(usedforsecurity=False), 0, None
    for part in (part for band in bands for part in _parts(band)):
        steps = part.astype(np.int64)
        if last is None:
            packed = bytes(compByteOffset(steps))
        else:
            # the codes of steps from pixel to pixel: those of the first, which is there, are left
            before = bytes(compByteOffset(np.array([last])))
            packed = bytes(compByteOffset(np.concatenate([[last], steps])))[len(before) :]
        last = int(steps[-1])
        file.write(packed)
        md5.update(packed)
        size += len(packed)
    file.write(bytes(_PADDING) + f"\r\n{SECTION}--\r\n;\r\n".encode("ascii"))
    file.seek(0)
    file.write(section(size, base64.b64encode(md5.digest()).decode()))
