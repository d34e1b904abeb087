"""The list of sources: a divergent, polychromatic beam, or one read from a file."""

import math

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.io.sources import SourceRow
from tiled_sim.model.beam import MOST_SOURCES, Source, Spectrum
from tiled_sim.physics.vectors import Array, Vector, about_axis, as_tuple, unit
from tiled_sim.read.stepping import Steps

#: Below this sine of the angle between beam and polarization axis the plane is ill-defined.
NEARLY_PARALLEL = 0.01
#: Where the C program puts a source that a file does not place [m].
_SOURCE_DISTANCE = 10.0


def swept_sources(
    beam: Array,
    polarization_axis: Array,
    wavelength: float,
    horizontal: Steps,
    vertical: Steps,
    dispersion: Steps,
    *,
    elliptical: bool,
) -> Spectrum:
    """Sources over ranges of direction and wavelength, in the C program's order.

    Parameters
    ----------
    beam, polarization_axis : unit vectors; "horizontal" is the plane of beam and polarization
    wavelength : central [Å]
    horizontal, vertical : divergence [rad]
    dispersion : Δλ/λ
    elliptical : leave out the corners of the divergence
    """
    count = horizontal.count * vertical.count * dispersion.count
    if count > MOST_SOURCES:
        raise ExperimentError(
            f"divergence and dispersion in {horizontal.count} x {vertical.count} x "
            f"{dispersion.count} steps make {count} sources, more than the {MOST_SOURCES} that are "
            "allowed: each costs as much as the whole image of one; take fewer steps"
        )
    across = unit(np.cross(beam, polarization_axis))
    sources = []
    for i in range(horizontal.count):
        for j in range(vertical.count):
            angle_h = horizontal.step * i - horizontal.range / 2.0
            angle_v = vertical.step * j - vertical.range / 2.0
            if elliptical and _outside(angle_h, horizontal, angle_v, vertical):
                continue
            incident = beam
            if angle_v != 0.0:
                incident = about_axis(polarization_axis, angle_v) @ incident
            if angle_h != 0.0:
                incident = about_axis(across, angle_h) @ incident
            for step in range(dispersion.count):
                factor = 1.0 + dispersion.step * step - dispersion.range / 2.0
                sources.append(Source(as_tuple(unit(incident)), wavelength * factor))
    if not sources:
        raise ExperimentError(
            f"-round_div leaves none of the {horizontal.count} x {vertical.count} sources of the "
            "divergence; take more steps (-hdivsteps, -vdivsteps), or -square_div"
        )
    return Spectrum.of(sources)


def central_beam(
    spectrum: Spectrum, direction: Vector, wavelength: float
) -> tuple[Vector, float, str]:
    """Direction and wavelength [Å] of the beam that sources make, and what to tell the user.

    They are those that were meant, unless these do not lie among those of the sources, as may be
    of a source file and of a divergence in a single step: then they are the sources' means.
    """
    told = []
    if not spectrum.spans_wavelength(wavelength):
        mean = spectrum.mean_wavelength
        told.append(
            f"the wavelength of the beam is the mean of its sources', {mean:.9g} Å, not "
            f"{wavelength:.9g} Å"
        )
        wavelength = mean
    if not spectrum.spans_direction(direction):
        mean_direction = as_tuple(spectrum.mean_direction)
        told.append(
            f"the direction of the beam is the mean of its sources', {mean_direction}, not "
            f"{direction}"
        )
        direction = mean_direction
    return direction, wavelength, "; ".join(told)


def _outside(angle_h: float, horizontal: Steps, angle_v: float, vertical: Steps) -> bool:
    """The C program's cut; with one direction only it cuts nothing."""
    if horizontal.range == 0.0 or vertical.range == 0.0:
        return False

    def term(angle: float, steps: Steps) -> float:
        grid = steps.step**2 / 4.0 * (1 - steps.count % 2)
        return (angle**2 - grid) / steps.range**2

    return 4.0 * (term(angle_h, horizontal) + term(angle_v, vertical)) > 1.1


def listed_sources(rows: list[SourceRow], beam: Array, wavelength: float) -> Spectrum:
    """Sources of a file, missing columns filled: on the beam, weight 1, the beam's wavelength.

    Parameters
    ----------
    rows : of the file
    beam : unit vector
    wavelength : of the beam [Å]
    """
    upstream = -_SOURCE_DISTANCE * beam
    sources = []
    for row in rows:
        position = [
            default if math.isnan(value) else value
            for value, default in zip(row.position, upstream, strict=True)
        ]
        sources.append(
            Source(
                as_tuple(-unit(position)),
                wavelength if math.isnan(row.wavelength) else row.wavelength * 1e10,
                1.0 if math.isnan(row.weight) else row.weight,
            )
        )
    return Spectrum.of(sources)
