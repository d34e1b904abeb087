"""The ``[beam]`` of a TOML file."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.io.sources import read_sources, read_written_sources
from tiled_sim.io.spectrum_file import SpectrumTable
from tiled_sim.model.bandwidth import CHANNELS, SPECTRUM_SEED, Bandwidth, SpectrumFile
from tiled_sim.model.beam import Beam, Source, Spectrum, require_source
from tiled_sim.model.upstream import require_forward
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.vectors import Vector, as_tuple, unit
from tiled_sim.read.geometry import SAME_NUMBER
from tiled_sim.read.sources import (
    NEARLY_PARALLEL,
    Listed,
    listed_sources,
    mean_of_spectrum,
    of_wavelengths,
    spread_sources,
    swept_sources,
    swept_wavelengths,
)
from tiled_sim.read.spectra import Wavelengths, in_channels, lines_of
from tiled_sim.read.stepping import SINGLE, Steps, sweep
from tiled_sim.read.toml.keys import known
from tiled_sim.read.toml.table import Table

_DISPERSION = ("dispersion", "dispersion_steps")
_DIVERGENCE = ("divergence", "divergence_steps", "divergence_shape")
_BY_NUMBERS = ("shape", "bandwidth", "bandwidth_eV", "duration", "seed")
_FLUX = ("flux", "exposure", "beam_size")
_ALONG_Z: Vector = (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class StatedLight:
    """What a geometry file states of the beam.

    Parameters
    ----------
    wavelength : [Å]; None: none
    spectrum : None: none
    """

    wavelength: float | None = None
    spectrum: SpectrumTable | None = None


def said_wavelengths(table: Table) -> list[float | None]:
    """Wavelengths to read a geometry file with [Å]: that of the document, or none, and a mean."""
    if table.choose("the wavelength", ("wavelength",), ("energy",)) is not None:
        return [_wavelength(table)]
    of_file = _lines(table, [])
    if of_file is None:
        return [None]
    return [None, float(np.average(of_file.wavelength, weights=of_file.weight))]


def read_beam(
    table: Table,
    notes: list[str],
    *,
    allow_upstream: bool = False,
    stated: StatedLight | None = None,
) -> Beam:
    """Read direction, wavelength, fluence, polarization and sources.

    The beam travels along +Z and the electric field along the horizontal (`across`) if nothing
    else is said.

    Parameters
    ----------
    table : ``[beam]``
    notes : what the user should know is added here
    allow_upstream : whether light of a source may travel against the beam
    stated : by a geometry file, for what is not said here; None: there is none

    Raises
    ------
    ExperimentError
        for values that contradict each other, are missing or cannot be
    InputFileError
        for a source file that cannot be read
    """
    direction = table.direction("direction", _ALONG_Z)
    stated = stated or StatedLight()
    of_file = _lines(table, notes)
    said_by = table.named("spectrum_file")
    band = read_bandwidth(table)
    if stated.spectrum is not None:
        others = [name for name in (*_DISPERSION, "spectrum_file") if name in table]
        others += [] if band is None else ["spectrum"]
        if others:
            raise table.error(
                f"{table.named(*others)} and the geometry file, which has a spectrum, both say "
                "what the wavelengths are: leave it out"
            )
        of_file, said_by = _of_geometry(table, stated.spectrum, notes), "the geometry file"
    elif of_file is None and band is None and "spectrum" in table:
        raise table.error(
            "spectrum has no spectrum to sum in channels: name one by spectrum_file, or give shape "
            "and bandwidth"
        )
    if of_file is None:
        wavelength = _agreed(table, stated.wavelength)
    else:
        wavelength = _mean(table, of_file, stated.wavelength, notes)
    wavelengths = None if of_file is None else Wavelengths.of_table(said_by, of_file)
    if band is not None:
        table.choose("what the wavelengths are", ("spectrum",), _DISPERSION)
        wavelengths = table.build(
            Wavelengths.of_bandwidth, said_by="spectrum", bandwidth=band, wavelength=wavelength
        )
        notes.append(band.told(wavelength))
    polarization = _polarization(table)
    axis = table.direction("polarization_axis", across(direction))
    spectrum = _spectrum(table, (direction, axis), wavelength, wavelengths, notes)
    if not allow_upstream:
        table.build(require_forward, spectrum=spectrum, direction=direction)
    if polarization and _parallel(direction, axis):
        notes.append("the polarization axis lies along the beam: polarization has no defined plane")
    return table.build(
        Beam,
        direction=direction,
        wavelength=wavelength,
        fluence=_fluence(table),
        polarization=polarization,
        polarization_axis=axis,
        spectrum=spectrum,
    )


def across(direction: Vector) -> Vector:
    """The horizontal of a beam: the part of +X that is across it, or +Z's if it lies along X.

    For a beam along +Z it is +X as in XDS, for one along +X it is +Z as in MOSFLM.
    """
    beam = np.array(direction)
    for axis in np.eye(3)[[0, 2]]:
        part = axis - float(axis @ beam) * beam
        if float(np.linalg.norm(part)) > NEARLY_PARALLEL:
            break
    return as_tuple(unit(part))


def _parallel(direction: Vector, axis: Vector) -> bool:
    return float(np.linalg.norm(np.cross(direction, axis))) < NEARLY_PARALLEL


def _wavelength(table: Table, default: float | None = None) -> float:
    """Wavelength [Å], from itself or the photon energy."""
    way = table.choose("the wavelength", ("wavelength",), ("energy",))
    if way is None and default is None:
        raise table.error("the wavelength is missing: give wavelength_A or energy_eV")
    if way != ("energy",):
        return table.number("wavelength", default)
    energy = table.number("energy")
    if energy <= 0:
        raise table.error(f"{table.named('energy')} must be positive")
    return HC_EV_ANGSTROM / energy


def _agreed(table: Table, stated: float | None) -> float:
    """Wavelength [Å] that the document says, or else a geometry file."""
    wavelength = _wavelength(table, stated)
    if stated is not None and abs(wavelength - stated) > SAME_NUMBER * stated:
        raise table.error(
            f"{table.named('wavelength', 'energy')} ({wavelength:.10g} Å) and the geometry file "
            f"({stated:.10g} Å) contradict each other: leave it out"
        )
    return wavelength


def _fluence(table: Table) -> float:
    """Fluence [photons/m²], from itself or flux, exposure and beam size."""
    way = table.choose("the fluence", ("fluence",), _FLUX)
    if way is None:
        raise table.error(
            "the fluence is missing: give fluence_photons_per_m2, or flux_photons_per_s with "
            "exposure_s and beam_size_mm"
        )
    if way != _FLUX:
        return table.number("fluence")
    flux, exposure, beam_size = (table.number(name) for name in _FLUX)
    if exposure <= 0 or beam_size <= 0:
        raise table.error(f"{table.named('exposure', 'beam_size')} must be positive")
    return flux * exposure / beam_size / beam_size


def _polarization(table: Table) -> float | None:
    """Kahn's factor, unpolarized if it is not said; None for the word ``off``."""
    if "polarization" not in table:
        return 0.0
    return table.number_or_word("polarization", "off")


def _lines(table: Table, notes: list[str]) -> SpectrumTable | None:
    """The spectrum of a file, if one is named, in the channels that are asked for."""
    if "spectrum_file" not in table:
        return None
    file = table.build(
        SpectrumFile, path=table.path("spectrum_file"), channels=_channels(table, None)
    )
    with table.reading("spectrum_file"):
        lines, told = lines_of(file)
    notes.append(told)
    return lines


def _of_geometry(table: Table, stated: SpectrumTable, notes: list[str]) -> SpectrumTable:
    """The spectrum of a geometry file, in the channels that are asked for."""
    channels = table.build(SpectrumFile, path=None, channels=_channels(table, None)).channels
    if channels is None:
        return stated
    lines, told = in_channels(stated, channels)
    notes.append(told)
    return lines


def _channels(table: Table, default: int | None) -> int | None:
    """Of ``[beam.spectrum]``."""
    of_spectrum = table.table("spectrum", known("beam", "spectrum"))
    return of_spectrum.integer("channels") if "channels" in of_spectrum else default


def read_bandwidth(table: Table) -> Bandwidth | None:
    """A spectrum by numbers; None: it is of a file, or there is none.

    Parameters
    ----------
    table : ``[beam]``

    Raises
    ------
    ExperimentError
        for numbers that cannot be, or that stand beside a file
    """
    of_spectrum = table.table("spectrum", known("beam", "spectrum"))
    given = of_spectrum.named(*_BY_NUMBERS)
    if not given:
        return None
    if "spectrum_file" in table:
        raise table.error(
            f"spectrum_file and {given} in [beam.spectrum] both say what the wavelengths are: give "
            "one or the other"
        )
    way = of_spectrum.choose("the bandwidth", ("bandwidth",), ("bandwidth_eV",))
    if way is None:
        raise of_spectrum.error(
            f"{given} needs bandwidth_percent or bandwidth_eV beside it: give it"
        )
    return of_spectrum.build(
        Bandwidth,
        fwhm=of_spectrum.number(way[0]),
        in_eV=way == ("bandwidth_eV",),
        shape=of_spectrum.text("shape"),
        channels=_channels(table, CHANNELS),
        duration=of_spectrum.number("duration") if "duration" in of_spectrum else None,
        seed=of_spectrum.integer("seed", SPECTRUM_SEED),
    )


def _mean(table: Table, of_file: SpectrumTable, stated: float | None, notes: list[str]) -> float:
    """Wavelength of the beam [Å]: the mean of a spectrum, which one beside it must be."""
    way = table.choose("the wavelength", ("wavelength",), ("energy",))
    said = _wavelength(table) if way else stated
    if said is not None and said <= 0:
        raise table.error(f"{table.named('wavelength')} must be positive")
    option = table.named("wavelength", "energy") or "the geometry file"
    mean, told = table.build(mean_of_spectrum, table=of_file, said=said, option=option)
    notes.append(told)
    return mean


def _spectrum(
    table: Table,
    axes: tuple[Vector, Vector],
    wavelength: float,
    wavelengths: Wavelengths | None,
    notes: list[str],
) -> Spectrum:
    """All sources; ``axes`` are those of the beam and of its polarization."""
    direction, axis = axes
    table.choose("what the wavelengths are", ("spectrum_file",), _DISPERSION)
    way = table.choose("what the sources are", ("sources",), ("source_file",))
    if (
        way is None
        and wavelengths is None
        and not any(name in table for name in (*_DISPERSION, *_DIVERGENCE))
    ):
        return table.build(Spectrum.of, sources=[Source(direction, wavelength)])
    dispersion = _dispersion(table)
    swept = _swept(table, direction, axis)
    if way is None and wavelengths is not None:
        return table.build(of_wavelengths, wavelengths=wavelengths, **swept)
    if way is None:
        return table.build(swept_sources, wavelength=wavelength, dispersion=dispersion, **swept)
    if way == ("sources",):
        listed = _listed(table, direction, wavelength)
    else:
        with table.reading("source_file"):
            of_file = read_sources(table.path("source_file"))
        filled = table.build(
            listed_sources, listed=of_file, beam=np.array(direction), wavelength=wavelength
        )
        listed = Listed(filled, ~np.isnan(of_file.wavelength), "source_file")
    if dispersion.range > 0.0:
        factors = swept_wavelengths(wavelength, dispersion)
        wavelengths = Wavelengths(
            table.named("dispersion"), factors, np.ones(len(factors)), wavelength
        )
    spectrum, told = table.build(spread_sources, listed=listed, wavelengths=wavelengths, **swept)
    notes.append(told)
    return spectrum


def _listed(table: Table, direction: Vector, wavelength: float) -> Listed:
    """The sources that the document lists: a table each, or a line each of one text."""
    if isinstance(table.value("sources", "a list of tables"), str):
        written = _written(table)
        return Listed(written, np.ones(len(written), dtype=np.bool_), "sources")
    rows = table.tables("sources", known("beam", "sources"))
    sources = [_source(row, direction, wavelength) for row in rows]
    own = np.array(["wavelength" in row or "energy" in row for row in rows])
    try:
        return Listed(Spectrum.of(sources), own, "sources")
    except ExperimentError:
        # what it objects to is better said of its row
        for row, source in zip(rows, sources, strict=True):
            row.build(require_source, source=source)
        return Listed(table.build(Spectrum.of, sources=sources), own, "sources")


def _written(table: Table) -> Spectrum:
    """The sources of a text, which a document has where there are many."""
    name = f"{table.file}: [beam] sources"
    values = read_written_sources(name, table.text("sources"))
    return table.build(
        Spectrum, incident=values[:, :3], wavelength=values[:, 3], weight=values[:, 4]
    )


def _source(row: Table, direction: Vector, wavelength: float) -> Source:
    """One of the listed sources."""
    return Source(
        row.direction("incident", direction),
        _wavelength(row, wavelength),
        row.number("weight", 1.0),
    )


def _swept(table: Table, direction: Vector, axis: Vector) -> dict[str, Any]:
    """Beam, polarization axis and divergence, as they are swept."""
    horizontal, vertical = _divergence(table)
    if (horizontal, vertical) != (SINGLE, SINGLE) and _parallel(direction, axis):
        raise table.error(
            f"{table.named('divergence')} has no horizontal plane: the polarization axis lies "
            "along the beam; give another polarization_axis"
        )
    shape = table.text("divergence_shape", "round")
    if shape not in ("round", "square"):
        raise table.error(f"divergence_shape = {shape!r} must be round or square")
    return {
        "beam": np.array(direction),
        "polarization_axis": np.array(axis),
        "horizontal": horizontal,
        "vertical": vertical,
        "elliptical": shape == "round",
    }


def _divergence(table: Table) -> tuple[Steps, Steps]:
    """Horizontal and vertical steps [rad]."""
    if not any(name in table for name in _DIVERGENCE):
        return SINGLE, SINGLE
    horizontal, vertical = table.numbers("divergence", 2)
    across_h, across_v = table.integers_or_one("divergence_steps", 2)
    return (
        _steps(table, "divergence", horizontal, across_h),
        _steps(table, "divergence", vertical, across_v),
    )


def _dispersion(table: Table) -> Steps:
    """Steps of Δλ/λ."""
    if not any(name in table for name in _DISPERSION):
        return SINGLE
    return _steps(
        table, "dispersion", table.number("dispersion"), table.integer("dispersion_steps")
    )


def _steps(table: Table, name: str, full_range: float, count: int) -> Steps:
    """Steps from one end of a range to the other; nothing to step over in a range of 0."""
    if full_range < 0:
        raise table.error(f"{table.named(name)} must not be negative")
    if full_range > 0 and count < 2:
        raise table.error(
            f"{name}_steps = {count} must be at least 2, from one end of {table.named(name)} to "
            "the other"
        )
    return sweep(name, full_range, None, count)
