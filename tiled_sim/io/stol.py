"""Tables of amorphous scattering: ``stol F`` a line, as the C suite's ``.stol`` files."""

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np

from tiled_sim.io.source_file import SourceFile, read_source
from tiled_sim.io.text_table import Layout, Table, read_table
from tiled_sim.model.amorphous import AmorphousTable

#: Table of liquid water that comes with the package.
WATER = "water"
_LAYOUT = Layout(
    "a table of amorphous scattering",
    ("stol", "F"),
    row="point",
    # gnuplot's mark of a point that it has drawn, in tables that it wrote
    flags=("i", "o"),
    remedy="leave points without a value out",
)


def read_stol(path: str | Path | None, points_per_stol: float = 1.0) -> tuple[AmorphousTable, str]:
    """Read a table of F of one molecule [electron], gzipped or not, and the hash of its file.

    A third column is refused unless it is gnuplot's letter.

    Parameters
    ----------
    path : of the table; None: the table of water that comes with the package
    points_per_stol : how much of the first column is one sin θ/λ [1/Å]: 4 for 4 sin θ/λ, 4π for Q

    Returns
    -------
    the table, and the SHA-256 of the file

    Raises
    ------
    InputFileError
        the file cannot be read, or a line is not two finite numbers of 0 or more, the first larger
        than in the line before; fewer than two lines
    """
    source = _packaged_water() if path is None else read_source(path)
    table = read_table(source, _LAYOUT)
    _refuse_impossible(table)
    stol, F = table.values.T
    if len(F) < 2:
        raise source.error(f"it holds {len(F)} line `stol F`: a table needs two at least")
    amorphous = AmorphousTable(stol / points_per_stol, np.ascontiguousarray(F))
    return amorphous, hashlib.sha256(source.content).hexdigest()


def _packaged_water() -> SourceFile:
    file = resources.files("tiled_sim.io").joinpath("water.stol")
    return SourceFile(WATER, file.read_bytes())


def _refuse_impossible(table: Table) -> None:
    """Raise for the first row that has no place in a table of F."""
    stol = table.values[:, 0]
    wrong = (table.values < 0).any(axis=1) | (np.diff(stol, prepend=-np.inf) <= 0)
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    if table.values[row].min() < 0:
        complaint = "has a negative number: F is an amplitude, and stol counts from the direct beam"
    else:
        complaint = f"goes back from {stol[row - 1]:g}: the first column must increase"
    raise table.error(row, complaint)
