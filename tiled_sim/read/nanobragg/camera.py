"""What the header of an image says of the camera that nanoBragg options describe."""

import numpy as np

from tiled_sim.io.camera import CameraHeader
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import as_tuple
from tiled_sim.read.nanobragg.detector import Laboratory
from tiled_sim.read.nanobragg.exposures import PhiSweep

#: Rows: the axes of a DIALS origin in the laboratory of the C program.
_DIALS_AXES = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])


def camera_header(laboratory: Laboratory, wavelength: float, sweep: PhiSweep) -> CameraHeader:
    """Describe the camera as the C program does.

    As there, distance and beam spot are those of the detector before the two-theta swing, so
    under pivot ``sample`` they are off once it is swung; the origin and ORGX, ORGY are exact.

    Parameters
    ----------
    laboratory : the detector's position
    wavelength : [Å]
    sweep : of phi
    """
    placed, px = laboratory.placed, laboratory.pixel_size
    spot = placed.distance * placed.beam - placed.origin
    return CameraHeader(
        pixels=laboratory.pixels,
        pixel_size=px * 1000.0,
        distance=placed.distance * 1000.0,
        close_distance=float(placed.origin @ placed.normal) * 1000.0,
        wavelength=wavelength,
        beam_centre=(placed.beam_centre[0] * 1000.0, placed.beam_centre[1] * 1000.0),
        beam_spot=(float(spot @ placed.fast) * 1000.0, float(spot @ placed.slow) * 1000.0),
        origin=as_tuple(1000.0 * (_DIALS_AXES @ placed.origin)),
        closest=(
            float(-placed.origin @ placed.fast) / px + 0.5,
            float(-placed.origin @ placed.slow) / px + 0.5,
        ),
        phi=sweep.start * RADIAN,
        oscillation=sweep.steps.range * RADIAN,
        twotheta=laboratory.twotheta * RADIAN,
    )
