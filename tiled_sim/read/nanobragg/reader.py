"""From a nanoBragg command line to a resolved experiment."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.io.camera import CameraHeader
from tiled_sim.io.matrix import read_matrix
from tiled_sim.io.sources import read_sources
from tiled_sim.model.beam import Beam, Spectrum
from tiled_sim.model.crystal import Crystal, Domains
from tiled_sim.model.experiment import Experiment, StructureFactorSource
from tiled_sim.model.exposures import Exposures, Rotation
from tiled_sim.model.readout import Noise
from tiled_sim.model.sampling import Sampling, recommended_oversample
from tiled_sim.model.settings import MOSAIC_SEED
from tiled_sim.model.values import whole
from tiled_sim.physics.cell import (
    cell_volume,
    dual,
    lengths_and_angles,
    reciprocal_from_cell,
    with_lengths,
)
from tiled_sim.physics.constants import HC_EV_ANGSTROM, RADIAN
from tiled_sim.physics.orientation import random_missetting
from tiled_sim.physics.vectors import Array, Vector, about_fixed_axes, as_tuple
from tiled_sim.read.nanobragg.background import read_background
from tiled_sim.read.nanobragg.camera import camera_header
from tiled_sim.read.nanobragg.clipping import in_beam
from tiled_sim.read.nanobragg.contradictions import Judge
from tiled_sim.read.nanobragg.detector import Laboratory, read_detector, read_laboratory
from tiled_sim.read.nanobragg.image_headers import ImageHeaders, read_image_headers
from tiled_sim.read.nanobragg.options import Given, parse
from tiled_sim.read.nanobragg.outputs import random_misset, require_companions
from tiled_sim.read.precedence import NamedSources
from tiled_sim.read.sampling import choose_interpolation, choose_oversample
from tiled_sim.read.sources import central_beam, listed_sources, swept_sources
from tiled_sim.read.stepping import Steps, phi_sweep, sweep

#: The C program's default fluence [photons/m²] and beam size [mm].
DEFAULT_FLUENCE = 125932015286227086360700780544.0
DEFAULT_BEAM_SIZE = 0.1
_SHAPES = {
    "-square_xtal": "square",
    "-round_xtal": "round",
    "-gauss_xtal": "gauss_star",
    "-tophat_spots": "tophat",
}
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
#: Below this sine of the angle between beam and polarization axis the plane is ill-defined.
_NEARLY_PARALLEL = 0.01


def read_sources_named(
    options: Sequence[str],
    *,
    c_compat: bool = False,
    fdump: str | Path | None = None,
    mtz: str | Path | None = None,
) -> NamedSources:
    """What a nanoBragg command line, and ours beside it, say of structure factors.

    Parameters
    ----------
    options, c_compat, fdump, mtz : as of `read_options`
    """
    return _named_sources(parse(options, c_compat=c_compat), fdump, mtz)


def _named_sources(given: Given, fdump: str | Path | None, mtz: str | Path | None) -> NamedSources:
    return NamedSources(
        hkl=given.text("-hkl"),
        dump=given.text("-dump"),
        fdump=None if fdump is None else str(fdump),
        mtz=None if mtz is None else str(mtz),
        default_F=given.number("-default_F") or 0.0,
    )


def read_options(
    options: Sequence[str],
    *,
    c_compat: bool = False,
    fdump: str | Path | None = None,
    mtz: str | Path | None = None,
    structure_factors: StructureFactorSource | None = None,
    clip_to_beam: bool | None = None,
    noise: Noise | None = None,
) -> Experiment:
    """Read a nanoBragg command line (without the program's name); paths from the working directory.

    Parameters
    ----------
    options : the words of the command line
    c_compat : replay what the C program does wrong, and ignore what it ignores
    fdump : structure factors from this Fdump file, in place of ``-hkl``
    mtz : structure factors from this MTZ, FILE or FILE:LABEL, in place of ``-hkl``
    structure_factors : the source, whatever is named; None: the one that is named
    clip_to_beam : whether only what the beam hits counts of a crystal or droplet that is higher or
        wider than the beam; None: such a one is refused, or with ``c_compat`` clipped as in C
    noise : how photons are counted, beside what ``-noisefile`` and ``-seed`` say; a ``-seed`` is
        its seed

    Raises
    ------
    UsageError
        for unknown, refused and malformed options
    ExperimentError
        for options that contradict each other, with the numbers
    InputFileError
        for files that cannot be read
    """
    given = parse(options, c_compat=c_compat)
    judge = Judge(c_compat)
    require_companions(given, c_compat=c_compat)
    if structure_factors is None:
        structure_factors = _named_sources(given, fdump, mtz).choose().source
    headers = read_image_headers(given, judge)
    laboratory = read_laboratory(given, headers, judge)
    wavelength = _wavelength(given, headers, judge)
    crystal, cells_by_number = _crystal(given, wavelength, clip_to_beam, judge)
    experiment = Experiment(
        beam=_beam(given, wavelength, laboratory, judge),
        crystal=crystal,
        detector=read_detector(given, laboratory, headers, judge),
        sampling=Sampling(
            oversample=_oversample(given, crystal, wavelength, laboratory, judge),
            interpolate=_interpolate(
                given,
                cells_by_number if c_compat else crystal.cells,
                structure_factors.path is not None,
                judge,
            ),
            dmin=max(given.number("-dmin") or 0.0, 0.0),
            oversample_thick="-oversample_thick" in given,
            oversample_polar="-oversample_polar" in given,
            oversample_omega="-oversample_omega" in given,
        ),
        exposures=_exposures(given, headers, laboratory, judge),
        structure_factors=structure_factors,
        c_compat=c_compat,
        background=read_background(given, _beam_size(given) / 1000.0, clip_to_beam, judge),
        noise=_noise(given, noise, judge),
    )
    return replace(experiment, notes=tuple(judge.notes))


def read_camera(options: Sequence[str], *, c_compat: bool = False) -> CameraHeader:
    """What an image of a nanoBragg command line says in its header.

    Parameters
    ----------
    options, c_compat : as `read_options`, which accepts them
    """
    given, judge = parse(options, c_compat=c_compat), Judge(c_compat)
    headers = read_image_headers(given, judge)
    laboratory = read_laboratory(given, headers, judge)
    return camera_header(
        laboratory,
        _wavelength(given, headers, judge),
        _exposures(given, headers, laboratory, judge),
    )


def _noise(given: Given, asked: Noise | None, judge: Judge) -> Noise | None:
    """Noise as asked for beside the options, or plain Poisson for a noise file."""
    last = given.last_of("-noisefile", "-nonoise")
    if last == "-nonoise" and asked is not None:
        raise UsageError("noise is asked for (--noise), and -nonoise takes it back; leave one out")
    noise = Noise() if asked is None and last == "-noisefile" else asked
    seed = given.integer("-seed")
    if seed is None:
        return noise
    if noise is not None:
        return replace(noise, seed=seed)
    if not (random_misset(given) or judge.c_compat):
        raise UsageError(
            f"option -seed {seed} has no effect: no noise (--noise) and no -misset random is asked "
            "for. Leave it out, or say --c-compat"
        )
    return None


def _wavelength(given: Given, headers: ImageHeaders, judge: Judge) -> float:
    """Wavelength [Å]."""
    energy, wavelength = given.number("-energy"), given.number("-lambda")
    if energy is not None and energy <= 0:
        raise ExperimentError(f"-energy {energy:g} eV must be positive")
    of_energy = None if energy is None else HC_EV_ANGSTROM / energy
    if of_energy is not None and wavelength is not None:
        last = given.last_of("-energy", "-lambda")
        if abs(of_energy - wavelength) > 1e-6 * wavelength:
            judge.object(
                f"-energy {energy:g} eV ({of_energy:.6g} Å) and -lambda {wavelength:g} Å "
                "contradict each other",
                f"{last}, which comes last, wins",
            )
        return of_energy if last == "-energy" else wavelength
    if of_energy is not None:
        return of_energy
    if wavelength is None:
        of_header = headers.number("WAVELENGTH")
        wavelength = 1.0 if of_header is None else of_header
    if wavelength <= 0:
        raise ExperimentError(f"-lambda {wavelength:g} Å must be positive")
    return wavelength


def _beam(given: Given, wavelength: float, laboratory: Laboratory, judge: Judge) -> Beam:
    placed = laboratory.placed
    polarized = given.last_of("-polar", "-nopolar") != "-nopolar"
    kahn = given.number("-polar") or 0.0
    if "-polar" in given and not polarized:
        judge.object("-nopolar takes back -polar", "no polarization factor is applied")
    spectrum = _spectrum(given, wavelength, laboratory, judge)
    across = float(np.linalg.norm(np.cross(placed.beam, placed.polarization_axis)))
    divergent = len(np.unique(spectrum.incident, axis=0)) > 1
    if across < _NEARLY_PARALLEL and ((polarized and kahn != 0.0) or divergent):
        judge.object(
            "the polarization axis lies along the beam (sine of the angle between them "
            f"{across:.2g}), so polarization and divergence have no defined plane; "
            "give -polar_vector",
            "the plane that rounding leaves is used",
        )
    direction, of_sources, note = central_beam(spectrum, as_tuple(placed.beam), wavelength)
    judge.note(note)
    if direction != as_tuple(placed.beam) and "-curved_det" in given:
        raise ExperimentError(
            f"-curved_det bends the detector around the beam, which travels along "
            f"{as_tuple(placed.beam)}, and its sources lie on one side of that, along {direction}; "
            "give -beam_vector, or sources around the beam"
        )
    return Beam(
        direction=direction,
        wavelength=of_sources,
        fluence=_fluence(given, judge),
        polarization=kahn if polarized else None,
        polarization_axis=as_tuple(placed.polarization_axis),
        spectrum=spectrum,
    )


def _spectrum(given: Given, wavelength: float, laboratory: Laboratory, judge: Judge) -> Spectrum:
    placed = laboratory.placed
    path = given.text("-sourcefile")
    if path is not None:
        ignored = given.any_of(*_SWEEPS)
        if ignored:
            judge.object(
                f"-sourcefile {path} and {' '.join(ignored)} both say what the sources are",
                "the sources are those of the file",
            )
        spectrum = listed_sources(read_sources(path), placed.beam, wavelength)
        if len(np.unique(spectrum.weight)) > 1:
            judge.note(
                "as C: the weights of the sources are ignored"
                if judge.c_compat
                else "the sources are weighted as the file says, which the C program ignores"
            )
        return spectrum
    horizontal, vertical = (_divergence(given, letter, judge) for letter in "hv")
    percent = given.number("-dispersion") or 0.0
    dispersion = sweep("dispersion", percent / 100.0, None, given.integer("-dispsteps"))
    judge.note(dispersion.note)
    return swept_sources(
        placed.beam,
        placed.polarization_axis,
        wavelength,
        horizontal,
        vertical,
        dispersion,
        elliptical=given.last_of("-round_div", "-square_div") != "-square_div",
    )


def _divergence(given: Given, letter: str, judge: Judge) -> Steps:
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
    judge.note(steps.note)
    return steps


def _fluence(given: Given, judge: Judge) -> float:
    """Fluence [photons/m²]."""
    fluence, flux = given.number("-fluence"), given.number("-flux")
    if not flux:
        if "-exposure" in given:
            judge.note("-exposure has no effect without -flux")
        return DEFAULT_FLUENCE if fluence is None else fluence
    exposure = given.number("-exposure")
    exposure = 1.0 if exposure is None else exposure
    beam_size = _beam_size(given) / 1000.0
    if exposure <= 0 or beam_size <= 0:
        raise ExperimentError(
            f"-flux {flux:g} needs a positive -exposure (is {exposure:g} s) and -beamsize "
            f"(is {beam_size * 1000:g} mm)"
        )
    of_flux = flux * exposure / beam_size / beam_size
    if fluence is not None and abs(of_flux - fluence) > 1e-6 * abs(of_flux):
        judge.object(
            f"-fluence {fluence:g} and -flux {flux:g} photons/s x {exposure:g} s / "
            f"({beam_size * 1000:g} mm)² = {of_flux:g} photons/m² contradict each other",
            "-flux wins",
        )
    return of_flux


def _beam_size(given: Given) -> float:
    """Height and width of the beam [mm]."""
    beam_size = given.number("-beamsize")
    return DEFAULT_BEAM_SIZE if beam_size is None else beam_size


def _crystal(
    given: Given, wavelength: float, clip_to_beam: bool | None, judge: Judge
) -> tuple[Crystal, tuple[int, int, int]]:
    """The crystal, and the numbers of cells that were given as such."""
    direct, reciprocal = _vectors(given, wavelength, judge)
    spread, domains = _mosaic(given, judge)
    shape = given.last_of(*_SHAPES)
    seed = given.integer("-mosaic_seed")
    fudge = given.number("-fudge")
    by_number = _cells_by_number(given)
    a, b, c = (as_tuple(row) for row in direct)
    a_star, b_star, c_star = (as_tuple(row) for row in reciprocal)
    crystal = Crystal(
        *(a, b, c, a_star, b_star, c_star),
        cells=(max(by_number[0], 1), max(by_number[1], 1), max(by_number[2], 1)),
        shape="square" if shape is None else _SHAPES[shape],
        fudge=1.0 if fudge is None else fudge,
        domains=Domains(spread, domains, MOSAIC_SEED if seed is None else seed),
    )
    return replace(crystal, cells=_cells(given, crystal, clip_to_beam, judge)), by_number


def _vectors(given: Given, wavelength: float, judge: Judge) -> tuple[Array, Array]:
    """Rows a, b, c [Å] and a*, b*, c* [1/Å]."""
    path, values = given.text("-mat"), given.values("-cell")
    if path is None and values is None:
        raise ExperimentError("no crystal: give -cell a b c alpha beta gamma, or -mat FILE")
    reciprocal = np.zeros((3, 3))
    lengths, angles, volume = np.zeros(3), np.zeros(3), math.nan
    if values is not None:
        numbers = [float(value) for value in values] + [0.0] * (6 - len(values))
        edges = [number if number > 0 else numbers[0] for number in numbers[:3]]
        angles = np.array([angle if angle > 0 else 90.0 for angle in numbers[3:]]) / RADIAN
        lengths, volume = np.array(edges), cell_volume(np.array(edges), angles)
        if not volume > 0:
            raise ExperimentError(f"-cell {' '.join(map(str, values))}: no such cell exists")
        reciprocal = reciprocal_from_cell(lengths, angles, as_c=True)
    if path is not None:
        reciprocal = read_matrix(path) / wavelength
        if abs(float(np.linalg.det(reciprocal))) < 1e-300:
            raise InputFileError(f"{path}: the three vectors of the matrix span no cell")
    misset = _missetting(given, judge)
    if misset is not None:
        x, y, z = (angle / RADIAN for angle in misset)
        reciprocal = reciprocal @ about_fixed_axes(x, y, z).T
    if values is None:
        return dual(reciprocal), reciprocal
    direct, reciprocal = with_lengths(reciprocal, lengths, volume)
    _, made = lengths_and_angles(direct)
    if float(np.abs(made - angles).max()) > 1e-6:
        judge.note(
            f"the cell's angles come out as {' '.join(f'{x:.4f}' for x in np.degrees(made))}°, "
            "as in C, which orients a triclinic -cell (or a -mat of another cell) so; the "
            "cell of a TOML experiment is exact"
        )
    return direct, reciprocal


def _missetting(given: Given, judge: Judge) -> Vector | None:
    """Angles about X, then Y, then Z [°]."""
    if not random_misset(given):
        return given.vector("-misset")
    seeds = [given.integer(option) for option in ("-misset_seed", "-seed") if option in given]
    seed = seeds[0] if seeds and seeds[0] is not None else 1
    x, y, z = angles = random_missetting(seed)
    judge.note(f"-misset random of seed {seed} is -misset {x!r} {y!r} {z!r}")
    return angles


def _mosaic(given: Given, judge: Judge) -> tuple[float, int]:
    """Spread [rad] and number of domains."""
    degrees, domains = given.number("-mosaic"), given.integer("-mosaic_domains") or 0
    if degrees is not None and degrees < 0:
        raise ExperimentError(f"-mosaic {degrees:g}° must not be negative")
    if not degrees:
        if domains > 1:
            judge.note(f"1 mosaic domain, not {domains}: the mosaic spread is 0")
        return 0.0, 1
    if domains <= 0:
        judge.note("10 mosaic domains, the default with a mosaic spread")
        domains = 10
    return degrees / RADIAN, domains


def _cells_by_number(given: Given) -> tuple[int, int, int]:
    def cells(letter: str) -> int:
        option = given.last_of("-N", f"-N{letter}")
        return 1 if option is None else (given.integer(option) or 0)

    return cells("a"), cells("b"), cells("c")


def _cells(
    given: Given, crystal: Crystal, clip_to_beam: bool | None, judge: Judge
) -> tuple[int, int, int]:
    """Number of cells along a, b, c: from the size where one is given."""
    beam_size = _beam_size(given)
    lengths = np.linalg.norm(crystal.direct_vectors, axis=1)
    numbers = []
    for index, (axis, letter) in enumerate(zip("xyz", "abc", strict=True)):
        option = given.last_of("-xtal_size", f"-xtal_{axis}")
        size = given.number(option) if option else None
        if option is None or size is None or size <= 0:
            numbers.append(crystal.cells[index])
            continue
        # the C program takes a negative size for a beam without an end
        if axis != "x" and 0 <= beam_size < size:
            size = in_beam(f"{option} {size:g} mm", size, beam_size, clip_to_beam, judge)
        number = max(whole(size * 1e7 / float(lengths[index])), 1)
        by_number = given.last_of("-N", f"-N{letter}")
        if by_number is not None and given.integer(by_number) != number:
            judge.object(
                f"{by_number} {given.integer(by_number)} and {option} {size:g} mm ({number} cells "
                f"along {letter}) contradict each other",
                f"{option} wins",
            )
        numbers.append(number)
    Na, Nb, Nc = numbers
    return Na, Nb, Nc


def _oversample(
    given: Given, crystal: Crystal, wavelength: float, laboratory: Laboratory, judge: Judge
) -> int:
    recommended = recommended_oversample(
        crystal, wavelength, laboratory.placed.distance, laboratory.pixel_size
    )
    asked = given.integer("-oversample") or 0
    oversample, note = choose_oversample(asked if asked > 0 else None, recommended, crystal)
    judge.note(note)
    return oversample


def _interpolate(given: Given, cells: tuple[int, int, int], has_file: bool, judge: Judge) -> bool:
    asked = given.last_of("-interpolate", "-nointerpolate")
    if not has_file:
        if asked == "-interpolate":
            judge.note("no interpolation: without a file F is the same everywhere")
        return False
    if asked is None:
        chosen, note = choose_interpolation(cells)
        judge.note(note)
        return chosen
    return asked == "-interpolate"


def _exposures(
    given: Given, headers: ImageHeaders, laboratory: Laboratory, judge: Judge
) -> Exposures:
    def degrees(option: str, key: str) -> float | None:
        value = given.number(option)
        if value is None:
            value = headers.number(key)
        return None if value is None else value / RADIAN

    oscillation = degrees("-osc", "OSC_RANGE")
    if oscillation == 0.0 and "-osc" not in given and not judge.c_compat:
        oscillation = None  # the header of a still, of which C makes two equal steps
    phistep = given.number("-phistep")
    steps = phi_sweep(
        oscillation,
        None if phistep is None else phistep / RADIAN,
        given.integer("-phisteps"),
    )
    judge.note(steps.note)
    count = max(steps.count, 1)
    rotation = Rotation(
        spindle=as_tuple(laboratory.placed.spindle),
        start=degrees("-phi", "PHI") or 0.0,
        step=steps.step,
        steps=count,
        oscillation=steps.step * count,
    )
    if rotation.fills_oscillation(steps.range):
        return replace(rotation, oscillation=steps.range)
    judge.object(
        f"an oscillation of {steps.range * RADIAN:.6g}° and {count} steps of "
        f"{steps.step * RADIAN:.6g}°, which make {rotation.oscillation * RADIAN:.6g}°, contradict "
        "each other",
        "the steps are as given",
    )
    return rotation
