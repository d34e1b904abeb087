"""Lists of X-ray sources."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tiled_sim.io.source_file import read_source
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
#: Longest wavelength that is taken for an X-ray's [m].
_LONGEST = 1e-6


class SourceRow(NamedTuple):
    """One line of a source list; nan where a column is missing.

    Parameters
    ----------
    position : from the sample; only its direction counts
    weight : relative
    wavelength : [m]
    """

    position: tuple[float, float, float]
    weight: float
    wavelength: float


def read_sources(path: str | Path) -> list[SourceRow]:
    """Read a source list: up to five columns X Y Z weight wavelength [m] a line.

    Commas may separate the columns. (The C program makes a source of wavelength 0 from a comment,
    which turns the whole image into NaN.)

    Raises
    ------
    InputFileError
        if the file cannot be read, a line is malformed, or there is no source in it
    """
    table = read_table(read_source(path), _LAYOUT)
    _refuse_impossible(table)
    return [
        SourceRow((x, y, z), weight, wavelength)
        for x, y, z, weight, wavelength in table.values.tolist()
    ]


def _refuse_impossible(table: Table) -> None:
    """Raise for the first row that is no source; what is left out (nan) is none of its faults."""
    position, (weight, wavelength) = table.values[:, :3], table.values[:, 3:].T
    at_sample = (position == 0.0).all(axis=1)
    wrong = at_sample | (weight < 0) | (wavelength <= 0) | (wavelength > _LONGEST)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    raise table.error(row, _complaint(at_sample[row], *map(float, table.values[row, 3:])))


def _complaint(at_sample: bool, weight: float, wavelength: float) -> str:
    if at_sample:
        return "stands at the sample (0 0 0), where no source can be: give its direction"
    if weight < 0:
        return f"has the weight {weight}, which must not be negative: correct it"
    if not math.isnan(wavelength) and wavelength <= 0:
        return f"has the wavelength {wavelength} m, which must be positive: correct it"
    return (
        f"has the wavelength {wavelength} m, which is not an X-ray's: the column is in metres "
        "(1 Å is 1e-10)"
    )
