"""Spectra: energy or wavelength against weight, in two columns of text or in HDF5."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.io.image_format import refuse_key, split_key
from tiled_sim.io.source_file import read_source
from tiled_sim.io.spectrum_hdf5 import StoredSpectra, read_stored_spectra
from tiled_sim.io.text_table import Layout, Table, read_table
from tiled_sim.model.beam import LARGEST_WEIGHT
from tiled_sim.physics.constants import HC_EV_ANGSTROM

#: Photon energies [eV] and wavelengths [Å], each from least to most. They do not meet, nor does
#: either hold an X-ray's energy in keV or its wavelength in metres.
ENERGIES = (500.0, 1e6)
WAVELENGTHS = (0.01, 4.0)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_LAYOUT = Layout(
    "a spectrum",
    ("energy|wavelength", "weight"),
    row="line",
    commas=True,
    header=True,
    remedy="give energy [eV] or wavelength [Å] and weight in each line",
)
#: Words of a header, by what they say of a column; `_OTHER_UNIT` is none that is read.
_OF_ENERGY = re.compile(r"\bev\b|energy")
_OF_WAVELENGTH = re.compile(r"\b(?:å|a)\b|angstrom|wavelength|lambda")
_OF_WEIGHT = re.compile(r"weight|flux|fluence|intens|count|photons|share")
_OTHER_UNIT = re.compile(r"\b(?:kev|mev|nm|pm|m)\b")


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumTable:
    """A spectrum, line by line.

    Parameters
    ----------
    wavelength : float64 (lines,) [Å]
    weight : share of the fluence; only the ratios count, some above 0, float64 (lines,)
    in_energies : whether the file has photon energies
    """

    wavelength: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    in_energies: bool


def read_spectrum(path: str | Path) -> SpectrumTable:
    """Read a spectrum: photon energy [eV] or wavelength [Å], and weight, in each line.

    Which of the two it is, its values tell: all lie in `ENERGIES` or all in `WAVELENGTHS`. A first
    line of words is a header, commas may separate the columns. Of HDF5 see `read_stored_spectra`;
    ``FILE:DATASET`` names one.

    Raises
    ------
    UsageError
        a dataset of a file that has none is named, or h5py is not installed
    InputFileError
        if the file cannot be read or a line is malformed; where the first column may be either or
        is neither, or the columns are the wrong way round; for a weight that is negative or
        beyond computing with, and where all are 0; for an HDF5 file of several shots
    """
    name, key = split_key(str(path))
    if _is_hdf5(name):
        return _of_shot(read_stored_spectra(name, key))
    refuse_key(name, key, "text")
    table = read_table(read_source(name), _LAYOUT)
    first, weight = table.values.T
    in_energies = _is_of_energies(table)
    for row, complaint in _wrong_weight(weight):
        raise table.error(row, complaint)
    if not weight.any():
        raise table.source.error("every weight in it is 0: give the spectrum's weights in column 2")
    return _table(first, weight, in_energies)


def _is_hdf5(name: str) -> bool:
    try:
        with open(name, "rb") as file:
            return file.read(len(_HDF5)) == _HDF5
    except (OSError, ValueError):
        return False  # whoever reads it as text says what is wrong


def _of_shot(spectra: StoredSpectra) -> SpectrumTable:
    """The only spectrum of a file."""
    if len(spectra.weight) > 1:
        raise spectra.error(
            f"holds the spectra of {len(spectra.weight)} shots, and one is read here: write the "
            "one that is meant, or their mean, to a file or dataset of its own; a table of shots "
            "(--shots) may hold them as `spectra`, one for each"
        )
    (weight,) = spectra.weight
    for row, complaint in _wrong_weight(weight):
        raise spectra.error(f"at {row} (from 0) {complaint}")
    if not weight.any():
        raise spectra.error("has weights that are all 0: name another, or correct them")
    return _table(spectra.abscissa[0], weight, _stored_in_energies(spectra))


def _stored_in_energies(spectra: StoredSpectra) -> bool:
    """Whether a file has photon energies, not wavelengths."""
    low, high = float(spectra.abscissa.min()), float(spectra.abscissa.max())
    for in_energies, (least, most) in ((True, ENERGIES), (False, WAVELENGTHS)):
        if least <= low and high <= most and spectra.in_energies in (None, in_energies):
            return in_energies
    unit = {True: " eV", False: " Å", None: ", without a unit,"}[spectra.in_energies]
    raise spectra.error(
        f"stands over {low:g} to {high:g}{unit} which are neither energies of {ENERGIES[0]:g} to "
        f"{ENERGIES[1]:g} eV nor wavelengths of {WAVELENGTHS[0]:g} to {WAVELENGTHS[1]:g} Å: write "
        "their attribute units, or name another dataset"
    )


def _wrong_weight(weight: npt.NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    """Where a weight cannot be, and why."""
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        yield (
            row,
            f"has the weight {weight[row]:g}, which must not be negative: set what a background "
            "that was taken off has left below 0 to 0",
        )
    if weight.max() > LARGEST_WEIGHT:
        row = int(np.argmax(weight))
        yield (
            row,
            f"has the weight {weight[row]:g}, more than {LARGEST_WEIGHT:g}: only ratios of weights "
            "count, so divide them all",
        )


def _table(
    first: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], in_energies: bool
) -> SpectrumTable:
    wavelength = HC_EV_ANGSTROM / first if in_energies else first
    return SpectrumTable(
        np.ascontiguousarray(wavelength), np.ascontiguousarray(weight), in_energies
    )


def _is_of_energies(table: Table) -> bool:
    """Whether the first column has photon energies, not wavelengths."""
    header = re.sub(r"[\W_]+", " ", " ".join(table.header)).lower()
    energy, wavelength, weight = (
        found.start() if (found := words.search(header)) else None
        for words in (_OF_ENERGY, _OF_WAVELENGTH, _OF_WEIGHT)
    )
    abscissa = min((place for place in (energy, wavelength) if place is not None), default=None)
    if weight is not None and abscissa is not None and weight < abscissa:
        raise table.source.error(
            f"its header {_shown(table)} puts the weights first, and energy or wavelength comes "
            "first: exchange the columns (awk '{print $2, $1}' OLD > NEW)"
        )
    first, second = table.values.T
    if abscissa is None and _runs(second) and not _runs(first) and _is_abscissa(second):
        raise table.source.error(
            "its second column runs as energies or wavelengths do, and the first to and fro as "
            "weights: exchange the columns (awk '{print $2, $1}' OLD > NEW), or name them in a "
            "first line, `energy weight`"
        )
    low, high = float(first.min()), float(first.max())
    for in_energies, (least, most), contradicted in (
        (True, ENERGIES, energy is None and wavelength is not None),
        (False, WAVELENGTHS, wavelength is None and energy is not None),
    ):
        if least <= low and high <= most and not (contradicted or _OTHER_UNIT.search(header)):
            return in_energies
    under = f" under the header {_shown(table)}" if table.header else ""
    raise table.source.error(
        f"its first column, {low:g} to {high:g}{under}, is neither energies in eV "
        f"({ENERGIES[0]:g} to {ENERGIES[1]:g}) nor wavelengths in Å ({WAVELENGTHS[0]:g} to "
        f"{WAVELENGTHS[1]:g}){_hint(low, high)}: write energies in eV"
    )


def _runs(values: npt.NDArray[np.float64]) -> bool:
    """Whether values rise or fall throughout."""
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


def _is_abscissa(values: npt.NDArray[np.float64]) -> bool:
    """Whether all lie where energies do, or all where wavelengths do."""
    low, high = float(values.min()), float(values.max())
    return any(least <= low and high <= most for least, most in (ENERGIES, WAVELENGTHS))


def _shown(table: Table) -> str:
    return repr(" ".join(table.header))


def _hint(low: float, high: float) -> str:
    """What a first column may be that is neither of eV nor of Å."""
    if 0.0 < high < 1e-6:
        return "; it may be wavelengths in metres"
    if low >= 1.0 and high < ENERGIES[0]:
        return "; it may be energies in keV, or wavelengths in Å"
    return ""
