"""pyFAI's ``.poni``: a flat detector of one panel by its point of normal incidence.

Its axes are 1 up, 2 to the right looking downstream, 3 along the beam. Its orientation 2 is that
of images whose first pixel is the upper left one looking from the sample; mirrored panels are of
orientation 3.
"""

import json
import math
from collections.abc import Callable

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.export.output import Output
from tiled_sim.export.recorded import notes_of_light, record
from tiled_sim.export.selection import Selection
from tiled_sim.model.arrangement import left_handed
from tiled_sim.model.detector import Panel

#: From the frame with z along the beam, y up, x left to pyFAI's.
_TO_PYFAI = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_UPPER_LEFT, _LOWER_LEFT = 2, 3
_SQUARE = 1e-9


def write(selection: Selection, output: Output, advance: Callable[[int], None]) -> tuple[str, ...]:
    """Write the geometry by itself. See `tiled_sim.export.formats.Writer`."""
    content = poni_text(selection)
    output.write_alone(content)
    advance(selection.images)
    return notes_of_light(selection.experiment)


def why_not(selection: Selection) -> str | None:
    """Why a ``.poni`` cannot say where the detector stands, as the end of a sentence."""
    if len(selection.panels) > 1:
        return (
            f"has one panel, and there are {len(selection.panels)}: name one by --panels, or "
            "export with --to expt, --to geom or --to nxmx"
        )
    if selection.experiment.detector.curvature_radius is not None:
        return "is of a flat detector, and this one is curved: export its pixels with --to npy"
    (panel,) = selection.detector_panels
    if abs(np.dot(panel.fast_axis, panel.slow_axis)) > _SQUARE:
        return "is of a panel whose fast and slow are at right angles: export with --to geom"
    return None


def beside(selection: Selection, output: Output) -> dict[str, bytes]:
    """By its name, that for a folder of images; none where it cannot be, and for a single file."""
    if not output.is_folder or why_not(selection) is not None:
        return {}
    return {f"{output.path.name}.poni": poni_text(selection)}


def poni_text(selection: Selection) -> bytes:
    """The text.

    Raises
    ------
    UsageError
        for what it cannot say: see `why_not`
    """
    fault = why_not(selection)
    if fault is not None:
        raise UsageError(f"--to poni: a .poni {fault}")
    recorded = record(selection.run.experiment, selection.frames[:1], selection.panels)
    geometry = recorded[0].geometry
    (panel,) = geometry.panels
    distance, poni1, poni2, rotations, orientation = _placed(panel)
    slow, fast = panel.pixels
    config = {
        "pixel1": panel.pixel_size[0],
        "pixel2": panel.pixel_size[1],
        "max_shape": [slow, fast],
        "orientation": orientation,
    }
    lines = [
        f"# {selection.title}, written by tiled_sim",
        "poni_version: 2.1",
        "Detector: Detector",
        f"Detector_config: {json.dumps(config)}",
        f"Distance: {distance!r}",
        f"Poni1: {poni1!r}",
        f"Poni2: {poni2!r}",
        *(f"Rot{number}: {angle!r}" for number, angle in enumerate(rotations, start=1)),
        f"Wavelength: {geometry.light.wavelength[0] * 1e-10!r}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _placed(panel: Panel) -> tuple[float, float, float, tuple[float, float, float], int]:
    """Distance and point of normal incidence [m], rotations [rad], orientation."""
    origin, fast, slow = (
        _TO_PYFAI @ np.array(vector) for vector in (panel.origin, panel.fast_axis, panel.slow_axis)
    )
    mirrored = bool(left_handed([panel]))
    orientation = _LOWER_LEFT if mirrored else _UPPER_LEFT
    # from where pixels are counted along axis 1, which is slow turned around
    corner = origin if mirrored else origin + panel.pixels[0] * panel.pixel_size[0] * slow
    first = slow if mirrored else -slow
    third = np.cross(first, fast)
    turn = np.column_stack([first, fast, third])
    rotations = (
        math.atan2(-turn[2, 1], turn[2, 2]),
        math.asin(max(-1.0, min(1.0, float(turn[2, 0])))),
        math.atan2(turn[1, 0], turn[0, 0]),
    )
    return (
        float(corner @ third),
        -float(corner @ first),
        -float(corner @ fast),
        rotations,
        orientation,
    )
