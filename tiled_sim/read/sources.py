"""The list of sources: a divergent, polychromatic beam, or one read from a file."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import ExperimentError
from tiled_sim.io.sources import SourceList
from tiled_sim.io.spectrum_file import SpectrumTable
from tiled_sim.model.beam import MOST_SOURCES, Spectrum
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.vectors import Array, Vector, about_axis, as_tuple, unit
from tiled_sim.read.spectra import Wavelengths
from tiled_sim.read.stepping import SINGLE, Steps

#: Below this sine of the angle between beam and polarization axis the plane is ill-defined.
NEARLY_PARALLEL = 0.01
#: Where the C program puts a source that a file does not place [m].
_SOURCE_DISTANCE = 10.0
#: A wavelength that is said beside a spectrum may differ from its mean by this share of it.
SAME_WAVELENGTH = 1e-4


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
    _require_few(horizontal, vertical, dispersion.count)
    directions = swept_directions(
        beam, polarization_axis, horizontal, vertical, elliptical=elliptical
    )
    wavelengths = swept_wavelengths(wavelength, dispersion)
    return _in_each_direction(directions, wavelengths, np.ones(len(wavelengths)))


def swept_wavelengths(wavelength: float, dispersion: Steps) -> Array:
    """Wavelengths [Å] over a range about a central one, (n,). Parameters as `swept_sources`."""
    factors = (
        1.0 + dispersion.step * step - dispersion.range / 2.0 for step in range(dispersion.count)
    )
    return np.array([wavelength * factor for factor in factors])


def _require_few(horizontal: Steps, vertical: Steps, wavelengths: int) -> None:
    """Refuse more sources than can be summed, before they are listed."""
    count = horizontal.count * vertical.count * wavelengths
    if count > MOST_SOURCES:
        raise ExperimentError(
            f"{horizontal.count} x {vertical.count} directions of {wavelengths} wavelengths make "
            f"{count} sources, more than the {MOST_SOURCES} that are allowed: each costs as much "
            "as the whole image of one; take fewer steps of divergence or dispersion, or fewer "
            "channels of the spectrum"
        )


def swept_directions(
    beam: Array,
    polarization_axis: Array,
    horizontal: Steps,
    vertical: Steps,
    *,
    elliptical: bool,
    start: Array | None = None,
) -> Array:
    """Unit vectors over ranges of direction, (n, 3).

    Parameters as `swept_sources`, but for ``start``, the unit vector that is turned: the beam if it
    is None.
    """
    across = unit(np.cross(beam, polarization_axis))
    directions = []
    for i in range(horizontal.count):
        for j in range(vertical.count):
            angle_h = horizontal.step * i - horizontal.range / 2.0
            angle_v = vertical.step * j - vertical.range / 2.0
            if elliptical and _outside(angle_h, horizontal, angle_v, vertical):
                continue
            incident = beam if start is None else start
            if angle_v != 0.0:
                incident = about_axis(polarization_axis, angle_v) @ incident
            if angle_h != 0.0:
                incident = about_axis(across, angle_h) @ incident
            directions.append(as_tuple(unit(incident)))
    if not directions:
        raise ExperimentError(
            f"-round_div leaves none of the {horizontal.count} x {vertical.count} sources of the "
            "divergence; take more steps (-hdivsteps, -vdivsteps), or -square_div"
        )
    return np.array(directions)


def of_wavelengths(
    wavelengths: Wavelengths,
    beam: Array,
    polarization_axis: Array,
    horizontal: Steps = SINGLE,
    vertical: Steps = SINGLE,
    *,
    elliptical: bool = True,
) -> Spectrum:
    """Every wavelength in every direction of a divergence.

    Parameters as `swept_sources`, but for ``wavelengths``.
    """
    _require_few(horizontal, vertical, len(wavelengths.weight))
    directions = swept_directions(
        beam, polarization_axis, horizontal, vertical, elliptical=elliptical
    )
    return _in_each_direction(directions, wavelengths.wavelength, wavelengths.weight)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """Sources that are listed one by one.

    Parameters
    ----------
    spectrum : with what is left out filled in
    has_wavelength : of each, whether it says its own, bool (sources,)
    said_by : option or key, for messages
    """

    spectrum: Spectrum
    has_wavelength: npt.NDArray[np.bool_]
    said_by: str


def spread_sources(
    listed: Listed,
    wavelengths: Wavelengths | None,
    beam: Array,
    polarization_axis: Array,
    horizontal: Steps = SINGLE,
    vertical: Steps = SINGLE,
    *,
    elliptical: bool = True,
) -> tuple[Spectrum, str]:
    """Listed sources, each in every direction and wavelength of a spread; weights multiply.

    Parameters as `swept_sources`, but for

    listed : whose directions the divergence turns, as it turns the beam
    wavelengths : of each source; those that spread about the beam's are scaled to a source's own

    Returns
    -------
    the sources, and what to tell the user; those that are listed and nothing else if nothing
    spreads
    """
    count = len(listed.spectrum) * (1 if wavelengths is None else len(wavelengths.weight))
    turned = horizontal.range > 0.0 or vertical.range > 0.0
    if wavelengths is None and not turned:
        return listed.spectrum, ""
    _require_few(horizontal, vertical, count)
    if wavelengths is not None and wavelengths.about is None and listed.has_wavelength.any():
        raise ExperimentError(
            f"{listed.said_by} and {wavelengths.said_by} both say what the wavelengths are: leave "
            "the wavelengths of the sources out, or the spectrum"
        )
    parts = []
    for source, own in zip(listed.spectrum, listed.has_wavelength.tolist(), strict=True):
        if wavelengths is None:
            of_source = np.array([source.wavelength])
        elif own and wavelengths.about is not None:
            of_source = wavelengths.wavelength * (source.wavelength / wavelengths.about)
        else:
            of_source = wavelengths.wavelength
        directions = np.array([source.incident])
        if turned:
            directions = swept_directions(
                beam,
                polarization_axis,
                horizontal,
                vertical,
                elliptical=elliptical,
                start=directions[0],
            )
        weights = np.ones(1) if wavelengths is None else wavelengths.weight
        parts.append(_in_each_direction(directions, of_source, source.weight * weights))
    made = Spectrum(
        np.concatenate([part.incident for part in parts]),
        np.concatenate([part.wavelength for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )
    told = f"{len(made)} sources: each of the {len(parts)} that {listed.said_by} lists"
    told += f" in {len(directions)} directions" if len(directions) > 1 else ""
    told += "" if wavelengths is None else f" with {len(wavelengths.weight)} wavelengths"
    return made, f"{told}; weights multiply"


def mean_of_spectrum(table: SpectrumTable, said: float | None, option: str) -> tuple[float, str]:
    """Central wavelength [Å] of a spectrum, and what to tell the user of it.

    Parameters
    ----------
    table : as it was read
    said : wavelength beside it [Å]; None: none is
    option : that says it, with its value, for the message

    Raises
    ------
    ExperimentError
        if the wavelength beside it is not the spectrum's mean to `SAME_WAVELENGTH`
    """
    mean = float(np.average(table.wavelength, weights=table.weight))
    if said is not None and abs(said - mean) > SAME_WAVELENGTH * mean:
        raise ExperimentError(
            f"{option} ({said:.7g} Å, {HC_EV_ANGSTROM / said:.7g} eV) and the spectrum, whose mean "
            f"by weight is {mean:.7g} Å ({HC_EV_ANGSTROM / mean:.7g} eV), contradict each other: "
            f"they differ by {abs(said / mean - 1.0):.2g} of it, and {SAME_WAVELENGTH:g} is "
            "allowed; leave the wavelength out, and the mean is taken"
        )
    lit = table.weight > 0.0
    wavelengths = table.wavelength[lit]
    dark = len(lit) - len(wavelengths)
    told = (
        f"spectrum in {'energies [eV]' if table.in_energies else 'wavelengths [Å]'}: "
        f"{len(wavelengths)} of {wavelengths.min():.7g} to {wavelengths.max():.7g} Å, whose mean "
        f"by weight, {mean:.9g} Å, is the wavelength of the beam"
    )
    if dark:
        told += f"; {dark} of weight 0 are left out"
    return mean, told


def _in_each_direction(directions: Array, wavelengths: Array, weights: Array) -> Spectrum:
    """Every wavelength of the first direction, then of the second, and so on."""
    count = len(directions)
    return Spectrum(
        np.repeat(directions, len(wavelengths), axis=0),
        np.tile(wavelengths, count),
        np.tile(weights, count),
    )


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


def listed_sources(listed: SourceList, beam: Array, wavelength: float) -> Spectrum:
    """Sources of a file, missing columns filled: on the beam, weight 1, the beam's wavelength.

    Parameters
    ----------
    listed : of the file
    beam : unit vector
    wavelength : of the beam [Å]
    """
    position = np.where(np.isnan(listed.position), -_SOURCE_DISTANCE * beam, listed.position)
    # row by row as `unit` does it: the last bits of a product of many rows are numpy's choice
    lengths = np.sqrt([float(row @ row) for row in position])[:, None]
    incident = -(position / np.where(lengths == 0.0, 1.0, lengths)) + 0.0
    return Spectrum(
        incident,
        np.where(np.isnan(listed.wavelength), wavelength, listed.wavelength * 1e10),
        np.where(np.isnan(listed.weight), 1.0, listed.weight),
    )
