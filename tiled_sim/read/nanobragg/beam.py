"""The beam of a nanoBragg command: wavelength, sources, polarization, fluence, size."""

from typing import Any

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.io.sources import read_sources
from tiled_sim.io.spectrum_file import SpectrumTable
from tiled_sim.model.beam import LONGEST, SHORTEST, Beam, Spectrum
from tiled_sim.model.settings import BEAM_SIZE, FLUENCE
from tiled_sim.model.upstream import require_forward
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.vectors import as_tuple
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.detector import Laboratory
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.sources import (
    NEARLY_PARALLEL,
    SAME_WAVELENGTH,
    Listed,
    central_beam,
    listed_sources,
    mean_of_spectrum,
    of_wavelengths,
    spread_sources,
    swept_sources,
    swept_wavelengths,
)
from tiled_sim.read.spectra import Wavelengths
from tiled_sim.read.stepping import SINGLE, Steps, sweep

_SWEEPS = (
    "-divergence",
    "-hdivrange",
    "-vdivrange",
    "-hdivstep",
    "-vdivstep",
    "-hdivsteps",
    "-vdivsteps",
    "-divsteps",
    "-dispersion",
    "-dispsteps",
)


def read_wavelength(
    given: Given,
    headers: ImageHeaders,
    conflicts: Conflicts,
    spectrum: SpectrumTable | None = None,
    stated: float | None = None,
) -> float:
    """Wavelength [Å].

    Parameters
    ----------
    given : the options
    headers : of ``-mask`` and ``-img``, which give a default
    conflicts : found among the options so far
    spectrum : whose mean it is; None: there is none
    stated : by a geometry file [Å]; None: there is none, or it states none
    """
    said = said_wavelength(given, conflicts)
    if spectrum is not None:
        last = given.last_of("-energy", "-lambda")
        option = "" if last is None else f"{last} {given.number(last):g}"
        mean, told = mean_of_spectrum(spectrum, said, option)
        conflicts.note(told)
        of_header = headers.number("WAVELENGTH")
        if said is None and of_header and abs(of_header - mean) > SAME_WAVELENGTH * mean:
            conflicts.note(f"the spectrum overrides WAVELENGTH={of_header:g} of the header")
        return mean
    if said is not None:
        return said
    if stated is not None:
        return stated
    of_header = headers.positive("WAVELENGTH", "-lambda")
    if of_header is None:
        headers.missing("WAVELENGTH", "the default, 1 Å; -lambda gives another", conflicts)
        return 1.0
    _require_wavelength(of_header, "WAVELENGTH of the header,")
    return of_header


def said_wavelength(given: Given, conflicts: Conflicts) -> float | None:
    """Wavelength that options say [Å]; None: none does."""
    energy, wavelength = given.number("-energy"), given.number("-lambda")
    if energy is not None and energy <= 0:
        raise ExperimentError(f"-energy {energy:g} eV must be positive")
    if energy is not None and not SHORTEST <= HC_EV_ANGSTROM / energy <= LONGEST:
        raise ExperimentError(
            f"-energy {energy:g} eV is {HC_EV_ANGSTROM / energy:g} Å, which is not between "
            f"{SHORTEST:g} and {LONGEST:g} Å{_of_energy(energy)}"
        )
    if wavelength is not None:
        _require_wavelength(wavelength, "-lambda")
    of_energy = None if energy is None else HC_EV_ANGSTROM / energy
    if of_energy is not None and wavelength is not None:
        last = given.last_of("-energy", "-lambda")
        if abs(of_energy - wavelength) > 1e-6 * wavelength:
            conflicts.settle(
                f"-energy {energy:g} eV ({of_energy:.6g} Å) and -lambda {wavelength:g} Å "
                "contradict each other",
                f"{last}, which comes last, wins",
            )
        return of_energy if last == "-energy" else wavelength
    return wavelength if of_energy is None else of_energy


def _require_wavelength(wavelength: float, said: str) -> None:
    """Refuse a wavelength [Å] that crystals do not diffract, with the unit that it may be in."""
    if wavelength <= 0:
        raise ExperimentError(f"{said} {wavelength:g} Å must be positive")
    if SHORTEST <= wavelength <= LONGEST:
        return
    hint = "; check its unit"
    if SHORTEST <= wavelength * 1e10 <= LONGEST:
        hint = f": is it in metres? {wavelength * 1e10:g} Å, then"
    elif SHORTEST <= HC_EV_ANGSTROM / wavelength <= LONGEST:
        hint = f": is it an energy? -energy {wavelength:g} (eV), then"
    raise ExperimentError(
        f"{said} {wavelength:g} Å is not between {SHORTEST:g} and {LONGEST:g} Å{hint}"
    )


def _of_energy(energy: float) -> str:
    """The unit that an energy may be in, for a message."""
    if SHORTEST <= HC_EV_ANGSTROM / (energy * 1000.0) <= LONGEST:
        return f": is it in keV? -energy {energy * 1000.0:g}, then"
    return "; check its unit"


def read_beam(
    given: Given,
    wavelength: float,
    laboratory: Laboratory,
    conflicts: Conflicts,
    *,
    wavelengths: Wavelengths | None = None,
    allow_upstream: bool = False,
) -> Beam:
    """Read sources, polarization and fluence.

    Parameters
    ----------
    given : the options
    wavelength : as it is said [Å]
    laboratory : where beam and polarization axis point
    conflicts : found among the options so far
    wavelengths : of our ``--spectrum`` or ``--bandwidth``, or a geometry file; None: of none
    allow_upstream : whether light of a source may travel against the beam

    Raises
    ------
    ExperimentError
        for values that contradict each other or cannot be
    """
    placed = laboratory.placed
    polarized = given.last_of("-polar", "-nopolar") != "-nopolar"
    kahn = given.number("-polar") or 0.0
    if "-polar" in given and not polarized:
        conflicts.settle("-nopolar takes back -polar", "no polarization factor is applied")
    light = _sources(given, wavelength, laboratory, conflicts, wavelengths)
    if not allow_upstream:
        require_forward(light, as_tuple(placed.beam))
    across = float(np.linalg.norm(np.cross(placed.beam, placed.polarization_axis)))
    divergent = len(np.unique(light.incident, axis=0)) > 1
    if across < NEARLY_PARALLEL and ((polarized and kahn != 0.0) or divergent):
        conflicts.settle(
            "the polarization axis lies along the beam (sine of the angle between them "
            f"{across:.2g}), so polarization and divergence have no defined plane; "
            "give -polar_vector",
            "the plane that rounding leaves is used",
        )
    direction, of_sources, note = central_beam(light, as_tuple(placed.beam), wavelength)
    conflicts.note(note)
    if direction != as_tuple(placed.beam) and "-curved_det" in given:
        raise ExperimentError(
            f"-curved_det bends the detector around the beam, which travels along "
            f"{as_tuple(placed.beam)}, and its sources lie on one side of that, along {direction}; "
            "give -beam_vector, or sources around the beam"
        )
    return Beam(
        direction=direction,
        wavelength=of_sources,
        fluence=_fluence(given, conflicts),
        polarization=kahn if polarized else None,
        polarization_axis=as_tuple(placed.polarization_axis),
        spectrum=light,
    )


def _sources(
    given: Given,
    wavelength: float,
    laboratory: Laboratory,
    conflicts: Conflicts,
    wavelengths: Wavelengths | None,
) -> Spectrum:
    path = given.text("-sourcefile")
    ignored = given.any_of(*_SWEEPS) if path is not None and conflicts.c_compat else []
    if ignored:
        conflicts.settle(
            f"-sourcefile {path} and {' '.join(ignored)} both say what the sources are",
            "the sources are those of the file",
        )
    horizontal, vertical, dispersion = SINGLE, SINGLE, SINGLE
    if not ignored:
        horizontal, vertical = (_divergence(given, letter, conflicts) for letter in "hv")
        dispersion = _dispersion(given, wavelength, conflicts, wavelengths)
    placed = laboratory.placed
    swept: dict[str, Any] = {
        "beam": placed.beam,
        "polarization_axis": placed.polarization_axis,
        "horizontal": horizontal,
        "vertical": vertical,
        "elliptical": given.last_of("-round_div", "-square_div") != "-square_div",
    }
    if path is None and wavelengths is not None:
        return of_wavelengths(wavelengths, **swept)
    if path is None:
        return swept_sources(wavelength=wavelength, dispersion=dispersion, **swept)
    of_file = read_sources(path)
    filled = listed_sources(of_file, placed.beam, wavelength)
    listed = Listed(filled, ~np.isnan(of_file.wavelength), f"-sourcefile {path}")
    if len(np.unique(filled.weight)) > 1:
        conflicts.note(
            "as C: the weights of the sources are ignored"
            if conflicts.c_compat
            else "the sources are weighted as the file says, which the C program ignores"
        )
    if dispersion.range > 0.0:
        wavelengths = Wavelengths(
            "-dispersion",
            swept_wavelengths(wavelength, dispersion),
            np.ones(dispersion.count),
            wavelength,
        )
    spectrum, told = spread_sources(listed, wavelengths, **swept)
    conflicts.note(told)
    return spectrum


def _dispersion(
    given: Given, wavelength: float, conflicts: Conflicts, wavelengths: Wavelengths | None
) -> Steps:
    """Steps of Δλ/λ, where no spectrum says what the wavelengths are."""
    if wavelengths is not None:
        others = given.any_of("-dispersion", "-dispsteps")
        if others:
            raise ExperimentError(
                f"{wavelengths.said_by} and {' '.join(others)} both say what the wavelengths are: "
                "leave one of them out"
            )
        return SINGLE
    percent = given.number("-dispersion") or 0.0
    if percent >= 200.0:
        raise ExperimentError(
            f"-dispersion {percent:g} % is the full spread, from wavelength "
            f"{wavelength * (1.0 - percent / 200.0):g} Å on; it must be less than 200"
        )
    dispersion = sweep("dispersion", percent / 100.0, None, given.integer("-dispsteps"))
    conflicts.note(dispersion.note)
    return dispersion


def _divergence(given: Given, letter: str, conflicts: Conflicts) -> Steps:
    """Steps of the horizontal (h) or vertical (v) divergence [rad]."""
    ranged = given.last_of("-divergence", f"-{letter}divrange")
    counted = given.last_of("-divsteps", f"-{letter}divsteps")
    range_ = given.number(ranged) if ranged else None
    step = given.number(f"-{letter}divstep")
    steps = sweep(
        f"{letter}div",
        None if range_ is None else range_ / 1000.0,
        None if step is None else step / 1000.0,
        given.integer(counted) if counted else None,
    )
    conflicts.note(steps.note)
    return steps


def _fluence(given: Given, conflicts: Conflicts) -> float:
    """Fluence [photons/m²]."""
    fluence, flux = given.number("-fluence"), given.number("-flux")
    if not flux:
        if "-exposure" in given:
            conflicts.note("-exposure has no effect without -flux")
        return FLUENCE if fluence is None else fluence
    exposure = given.number("-exposure")
    exposure = 1.0 if exposure is None else exposure
    beam_size = read_beam_size(given) / 1000.0
    if exposure <= 0 or beam_size <= 0:
        raise ExperimentError(
            f"-flux {flux:g} needs a positive -exposure (is {exposure:g} s) and -beamsize "
            f"(is {beam_size * 1000:g} mm)"
        )
    of_flux = flux * exposure / beam_size / beam_size
    if fluence is not None and abs(of_flux - fluence) > 1e-6 * abs(of_flux):
        conflicts.settle(
            f"-fluence {fluence:g} and -flux {flux:g} photons/s x {exposure:g} s / "
            f"({beam_size * 1000:g} mm)² = {of_flux:g} photons/m² contradict each other",
            "-flux wins",
        )
    return of_flux


def read_beam_size(given: Given) -> float:
    """Height and width of the beam [mm]."""
    beam_size = given.number("-beamsize")
    return BEAM_SIZE if beam_size is None else beam_size
