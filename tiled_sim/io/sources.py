"""Lists of X-ray sources."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.io.source_file import SourceFile, read_source
from tiled_sim.io.text_table import Layout, Table, read_table

COLUMNS = ("X", "Y", "Z", "weight", "wavelength")
_LAYOUT = Layout(
    "a source list",
    COLUMNS,
    row="source",
    fewest=1,
    commas=True,
    remedy="name a list of sources",
)
#: Of sources in the text of a document.
WRITTEN_COLUMNS = ("x", "y", "z", "wavelength_A", "weight")
_WRITTEN = Layout(
    "a list of sources",
    WRITTEN_COLUMNS,
    row="source",
    remedy="write a line for each source",
)
#: Longest wavelength that is taken for an X-ray's [m].
_LONGEST = 1e-6
#: Beyond these squares of X, Y and Z, which only give a direction, cannot be computed with.
_NEAREST, _FARTHEST = 1e-100, 1e100


@dataclass(frozen=True, slots=True, eq=False)
class SourceList:
    """Sources in the order of the file; nan where a line leaves a column out.

    Parameters
    ----------
    position : from the sample; only its direction counts, float64 (sources, 3)
    weight : relative, float64 (sources,)
    wavelength : float64 (sources,) [m]
    """

    position: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    wavelength: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.weight)


def read_sources(path: str | Path) -> SourceList:
    """Read a source list: up to five columns X Y Z weight wavelength [m] a line.

    Commas may separate the columns. (The C program makes a source of wavelength 0 from a comment,
    which turns the whole image into NaN, and takes the two columns of a spectrum for X and Y.)

    Raises
    ------
    InputFileError
        if the file cannot be read, a line is malformed, there is no source in it, or it has two
        columns, as a spectrum
    """
    table = read_table(read_source(path), _LAYOUT)
    _refuse_spectrum(table)
    _refuse_impossible(table)
    position, (weight, wavelength) = table.values[:, :3], table.values[:, 3:].T
    return SourceList(position, weight, wavelength)


def _refuse_spectrum(table: Table) -> None:
    """Raise for a file of two columns, which says nothing of where sources stand."""
    if np.isnan(table.values[:, 1]).any() or not np.isnan(table.values[:, 2]).all():
        return
    raise table.error(
        0,
        "has two columns, as every line of the file: a list of sources has "
        f"{' '.join(COLUMNS)}, and energy or wavelength against weight is a spectrum. Name a "
        "spectrum by --spectrum FILE (spectrum_file in [beam] of a TOML file); for sources give Z "
        "too",
    )


def _refuse_impossible(table: Table) -> None:
    """Raise for the first row that is no source; what is left out (nan) is none of its faults."""
    position, (weight, wavelength) = table.values[:, :3], table.values[:, 3:].T
    at_sample = (position == 0.0).all(axis=1)
    # fmax passes over columns that are left out
    reach = np.fmax.reduce(np.abs(position), axis=1)
    beyond = (reach > _FARTHEST) | ((reach > 0.0) & (reach < _NEAREST))
    wrong = at_sample | beyond | (weight < 0) | (wavelength <= 0) | (wavelength > _LONGEST)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    if beyond[row]:
        raise table.error(
            row,
            "gives a place too far or too near to compute with: only its direction counts, so "
            "scale X, Y and Z alike",
        )
    raise table.error(row, _complaint(at_sample[row], *map(float, table.values[row, 3:])))


def _complaint(at_sample: bool, weight: float, wavelength: float) -> str:
    if at_sample:
        return "stands at the sample (0 0 0), where no source can be: give its direction"
    if weight < 0:
        return (
            f"has the weight {weight}, which must not be negative: correct it, or leave the source "
            "out"
        )
    if not math.isnan(wavelength) and wavelength <= 0:
        return f"has the wavelength {wavelength} m, which must be positive: correct it"
    return (
        f"has the wavelength {wavelength} m, which is not an X-ray's: the column is in metres "
        "(1 Å is 1e-10)"
    )


def read_written_sources(name: str, text: str) -> npt.NDArray[np.float64]:
    """Sources in the text of a document, by `WRITTEN_COLUMNS`, as `write_sources` wrote them.

    Parameters
    ----------
    name : of the text, for messages
    text : a line for each source

    Returns
    -------
    float64 (sources, 5): unit vector along which the light travels, wavelength [Å], weight

    Raises
    ------
    InputFileError
        a line is malformed, or there is none
    """
    return read_table(SourceFile(name, text.encode()), _WRITTEN).values


def write_sources(values: npt.NDArray[np.float64]) -> str:
    """Sources as text that reads back to the last bit; see `read_written_sources`."""
    lines = (" ".join(map(repr, row)) for row in values.tolist())
    return "\n".join([f"# {' '.join(WRITTEN_COLUMNS)}", *lines, ""])
