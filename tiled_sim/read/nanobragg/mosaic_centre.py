"""The beam centre of a detector of several panels that has a name, by nanoBragg's options.

The options count as they do on one image: here on the rectangle that holds all panels, in whole
pixels from the corner where fast and slow of the convention begin.
"""

import math

import numpy as np

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.io.named_detectors import KnownDetector, extent_of
from tiled_sim.physics.vectors import as_tuple, unit
from tiled_sim.read.conventions import Convention, Placement, centre_on_panel
from tiled_sim.read.geometry import rotation
from tiled_sim.read.nanobragg.beam_centre import with_centre
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.header_centre import CENTRES, EFFECTIVE
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given

#: Of the cosine between fast and the horizontal of the detector, which stands upright.
_ALONG = 1e-6
_TO_THE_RIGHT = (-1.0, 0.0, 0.0)


def mosaic_centre(
    given: Given, known: KnownDetector, convention: Convention, conflicts: Conflicts
) -> tuple[float, float] | None:
    """(down, to the right) from the upper left corner of the rectangle, seen from the sample [m].

    Parameters
    ----------
    given : the options
    known : the detector
    convention : whose centre counts
    conflicts : found among the options so far

    Returns
    -------
    None: no option says a centre

    Raises
    ------
    UsageError
        for one coordinate without the other, or pixels and axes that the options do not count in
    ExperimentError
        for options that have no effect in the convention
    """
    asked = given.any_of(*CENTRES)
    if not asked:
        return None
    named = " ".join(asked)
    slow_side, side = known.pixel_size
    if slow_side != side:
        raise UsageError(
            f"{named}: the pixels of the {known.name} are not square; leave it out, or say the "
            "centre in a TOML file, as beam_center_px"
        )
    height, width = extent_of(known)
    placement = with_centre(
        Placement(
            convention=convention,
            pivot="beam",
            pixels=(_whole(height / side), _whole(width / side)),
            pixel_size=side,
        ),
        given,
        ImageHeaders(),
        conflicts,
    )
    for letter in "XY":
        counting = [option for option in EFFECTIVE[convention.name] if letter in option]
        if not given.any_of(*counting):
            raise UsageError(
                f"{named}: the {known.name} has no middle that would be the other coordinate; "
                f"give {counting[0]} too"
            )
    fast, slow = centre_on_panel(placement)
    return slow, fast if _is_to_the_right(convention) else width - fast


def _whole(pixels: float) -> int:
    return math.ceil(pixels - 1e-6)


def _is_to_the_right(convention: Convention) -> bool:
    """Whether fast of the convention runs to the right, seen from the sample, or to the left."""
    beam, up = as_tuple(unit(convention.beam)), as_tuple(-unit(convention.slow))
    right = rotation((0.0, 0.0, 1.0), beam, up) @ np.array(_TO_THE_RIGHT)
    cosine = float(right @ unit(convention.fast))
    if abs(abs(cosine) - 1.0) > _ALONG:
        raise ExperimentError(
            "the beam centre counts along fast of the convention, across which the detector does "
            "not stand in this beam: leave -beam_vector out, or the centre"
        )
    return cosine > 0.0
