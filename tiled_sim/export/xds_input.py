"""XDS.INP: where the detector stands to beam and axis, and which pixels are not to be trusted.

XDS's frame is ours turned about the beam: X to the right looking downstream, Y down, Z along the
beam, so that the axes of an upright detector are those of the frame. The centre of the first pixel
has the coordinates (1, 1).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.export.dead_rectangles import DeadRectangles, dead_of, left_out
from tiled_sim.export.nxmx_detector import Stack
from tiled_sim.export.output import Output
from tiled_sim.export.readings import Readings
from tiled_sim.export.recorded import notes_of_crystals, notes_of_light, record, require_flat
from tiled_sim.export.selection import Selection
from tiled_sim.export.symmetry import group_number
from tiled_sim.model.detector import Panel, Region
from tiled_sim.model.recorded import RecordedExperiment
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Array, unit

#: From the frame with z along the beam, y up, x left to XDS's.
_TO_XDS = np.diag([-1.0, -1.0, 1.0])
_MM = 1e3


@dataclass(frozen=True, slots=True)
class Images:
    """The images that XDS is to read.

    Parameters
    ----------
    detector : XDS's word for what their format is
    template : of their names, ``?`` for each digit of their number
    """

    detector: str = "EIGER"
    template: str = "images_??????.h5"


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write the input by itself. See `tiled_sim.export.formats.Writer`."""
    content, notes = xds_text(selection, Readings.of(selection), Images())
    output.write_alone(content)
    advance(selection.images)
    return (*notes, "NAME_TEMPLATE_OF_DATA_FRAMES names no images that are there: correct it")


def xds_text(
    selection: Selection, readings: Readings, images: Images
) -> tuple[bytes, tuple[str, ...]]:
    """The text, and notes.

    Panels that are several are segments of one image, in which they stand as in an NXmx.

    Parameters
    ----------
    selection : frames and panels
    readings : what the values of their images mean
    images : their images

    Raises
    ------
    UsageError
        for what XDS does not know: stills, and panels that differ in the size of their pixels
    """
    require_flat(selection.experiment, "xds")
    recorded = record(selection.run.experiment, selection.frames, selection.panels)
    one = recorded[0]
    if one.scan is None or one.goniometer is None:
        raise UsageError(
            "--to xds: XDS knows no stills, and the crystal does not turn from frame to frame; "
            "export them with --to expt or --to geom, or simulate with -osc"
        )
    _require_one_pixel_size(one.geometry.panels)
    dead = dead_of(selection)
    number, group_notes = group_number(selection)
    edges, angles = _cell(one)
    lines = [
        f"! {selection.title}, written by tiled_sim",
        "JOB= XYCORR INIT COLSPOT IDXREF DEFPIX INTEGRATE CORRECT",
        f"NAME_TEMPLATE_OF_DATA_FRAMES= {images.template}",
        f"DATA_RANGE= {one.scan.first_image} {one.scan.first_image + one.scan.count - 1}",
        f"SPOT_RANGE= {one.scan.first_image} {one.scan.first_image + one.scan.count - 1}",
        f"STARTING_FRAME= {one.scan.first_image}",
        f"STARTING_ANGLE= {one.scan.start * RADIAN:.10g}",
        f"OSCILLATION_RANGE= {one.scan.width * RADIAN:.10g}",
        f"ROTATION_AXIS= {_vector(one.goniometer.axis)}",
        f"INCIDENT_BEAM_DIRECTION= {_vector(one.geometry.light.direction)}",
        f"X-RAY_WAVELENGTH= {one.geometry.light.wavelength[0]:.12g}",
        *_polarization(one),
        f"SPACE_GROUP_NUMBER= {number}",
        f"UNIT_CELL_CONSTANTS= {' '.join(f'{value:.9g}' for value in (*edges, *angles))}",
        *_detector(one.geometry.panels, images, readings),
        *_sensor(one),
        *_untrusted(one.geometry.panels, dead),
    ]
    return ("\n".join(lines) + "\n").encode(), (
        *left_out(dead),
        *notes_of_light(selection.experiment),
        *notes_of_crystals(selection.experiment),
        *group_notes,
        *readings.offset_left_out("XDS.INP"),
    )


def _require_one_pixel_size(panels: Sequence[Panel]) -> None:
    if len({panel.pixel_size for panel in panels}) > 1:
        raise UsageError(
            "--to xds: the panels differ in the size of their pixels, and XDS knows one; export "
            "with --to expt or --to nxmx, or name panels that agree by --panels"
        )


def _detector(panels: Sequence[Panel], images: Images, readings: Readings) -> Iterator[str]:
    height, width = (side * _MM for side in panels[0].pixel_size)
    stack = Stack.of(panels)
    slow, fast = stack.shape
    yield f"DETECTOR= {images.detector}"
    yield f"MINIMUM_VALID_PIXEL_VALUE= 0 OVERLOAD= {readings.saturation - 1}"
    yield f"NX= {fast} NY= {slow} QX= {width:.12g} QY= {height:.12g}"
    if len(panels) > 1:
        yield from _segments(panels, stack)
        return
    (panel,) = panels
    origin, x, y = _placed(panel)
    yield f"DIRECTION_OF_DETECTOR_X-AXIS= {_numbers(x)}"
    yield f"DIRECTION_OF_DETECTOR_Y-AXIS= {_numbers(y)}"
    # X × Y, which points at the sample where the panel is a mirror image: then it is negative
    yield f"DETECTOR_DISTANCE= {float(origin @ unit(np.cross(x, y))):.10f}"
    org_x, org_y = 0.5 - float(origin @ x) / width, 0.5 - float(origin @ y) / height
    yield f"ORGX= {org_x:.8f} ORGY= {org_y:.8f}"


def _segments(panels: Sequence[Panel], stack: Stack) -> Iterator[str]:
    """The detector's frame is that of the beam at the mean distance, and the panels are its parts.

    The pixel (X, Y) of a segment stands at (X - ORGX)·QX and (Y - ORGY)·QY along its axes, and at
    its distance along their normal, from where the detector has the coordinates (0, 0).
    """
    height, width = (side * _MM for side in panels[0].pixel_size)
    distance = float(np.mean([_placed(panel)[0][2] for panel in panels]))
    slow, fast = stack.shape
    centre = np.array([0.5 * fast, 0.5 * slow])
    yield "DIRECTION_OF_DETECTOR_X-AXIS= 1 0 0"
    yield "DIRECTION_OF_DETECTOR_Y-AXIS= 0 1 0"
    yield f"DETECTOR_DISTANCE= {distance:.10f}"
    yield f"ORGX= {centre[0]:.8f} ORGY= {centre[1]:.8f}"
    zero = np.array([-centre[0] * width, -centre[1] * height, distance])
    for place, panel in enumerate(panels):
        top = stack.first_row(place)
        origin, x, y = _placed(panel)
        from_zero = origin - zero
        rows, columns = panel.pixels
        yield f"SEGMENT= 1 {columns} {top + 1} {top + rows}"
        yield f"DIRECTION_OF_SEGMENT_X-AXIS= {_numbers(x)}"
        yield f"DIRECTION_OF_SEGMENT_Y-AXIS= {_numbers(y)}"
        yield f"SEGMENT_DISTANCE= {float(from_zero @ unit(np.cross(x, y))):.10f}"
        org_x = 0.5 - float(from_zero @ x) / width
        org_y = top + 0.5 - float(from_zero @ y) / height
        yield f"SEGMENT_ORGX= {org_x:.8f} SEGMENT_ORGY= {org_y:.8f}"


def _untrusted(panels: Sequence[Panel], dead: Sequence[DeadRectangles]) -> Iterator[str]:
    """Rectangles, of which the pixels between their limits count, and not those on them."""
    stack = Stack.of(panels)
    for place, (panel, one) in enumerate(zip(panels, dead, strict=True)):
        top = stack.first_row(place)
        (rows, columns), (slot_rows, slot_columns) = panel.pixels, stack.slot
        regions = list(one.regions)
        if columns < slot_columns:  # no pixels
            regions.append(Region(0, slot_rows, columns, slot_columns))
        if rows < slot_rows:
            regions.append(Region(rows, slot_rows, 0, slot_columns))
        for region in regions:
            yield (
                f"UNTRUSTED_RECTANGLE= {region.fast_start} {region.fast_stop + 1} "
                f"{top + region.slow_start} {top + region.slow_stop + 1}"
            )


def _polarization(one: RecordedExperiment) -> Iterator[str]:
    light = one.geometry.light
    if light.polarization is None or light.polarization_axis is None:
        return
    normal = unit(np.cross(light.direction, light.polarization_axis))
    yield f"FRACTION_OF_POLARIZATION= {0.5 * (light.polarization + 1.0):.10g}"
    yield f"POLARIZATION_PLANE_NORMAL= {_numbers(_TO_XDS @ normal)}"


def _sensor(one: RecordedExperiment) -> Iterator[str]:
    """XDS corrects for the depth at which photons are caught by these: of images that have it."""
    sensor = one.geometry.panels[0].sensor
    if sensor is None or sensor.layers == 1:
        yield "SENSOR_THICKNESS= 0.0"
        return
    yield f"SENSOR_THICKNESS= {sensor.thickness * _MM:.10g}"
    yield f"SILICON= {1.0 / (sensor.attenuation_length * _MM):.10g}"


def _placed(panel: Panel) -> tuple[Array, Array, Array]:
    """Corner of a panel [mm], X and Y axes, in XDS's frame."""
    corner, x, y = (
        _TO_XDS @ np.array(vector) for vector in (panel.origin, panel.fast_axis, panel.slow_axis)
    )
    return _MM * corner, x, y


def _cell(one: RecordedExperiment) -> tuple[list[float], list[float]]:
    """Edges [Å] and angles [°]."""
    assert one.crystal is not None  # `record` has one
    rows = one.crystal.direct_vectors
    edges = np.linalg.norm(rows, axis=1)
    pairs = ((1, 2), (0, 2), (0, 1))
    cosines = [float(rows[i] @ rows[j] / (edges[i] * edges[j])) for i, j in pairs]
    return edges.tolist(), np.degrees(np.arccos(cosines)).tolist()


def _vector(vector: Sequence[float]) -> str:
    """Of our frame, in XDS's."""
    return _numbers(_TO_XDS @ np.array(vector))


def _numbers(vector: Array) -> str:
    return " ".join(f"{part + 0.0:.12f}" for part in vector)
