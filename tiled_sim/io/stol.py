"""Tables of amorphous scattering: ``stol F`` a line, as the C suite's ``.stol`` files."""

import hashlib
import math
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np

from tiled_sim.io.source_file import SourceFile, read_source
from tiled_sim.model.amorphous import AmorphousTable

#: Table of liquid water that comes with the package.
WATER = "water"
#: gnuplot's mark of a point that it has drawn, in tables that it wrote.
_GNUPLOT_FLAGS = ("i", "o")
_MAX_BYTES = 2**28


def read_stol(path: str | Path | None, points_per_stol: float = 1.0) -> tuple[AmorphousTable, str]:
    """Read a table of F of one molecule [electron], gzipped or not, and the hash of its file.

    Blank lines and what follows ``#`` are skipped. A third column is refused unless it is
    gnuplot's letter.

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
    rows = list(_rows(source))
    if len(rows) < 2:
        raise source.error(f"it holds {len(rows)} lines `stol F`: a table needs two at least")
    stol, F = np.array(rows).T
    table = AmorphousTable(stol / points_per_stol, np.ascontiguousarray(F))
    return table, hashlib.sha256(source.content).hexdigest()


def _packaged_water() -> SourceFile:
    file = resources.files("tiled_sim.io").joinpath("water.stol")
    return SourceFile(WATER, file.read_bytes())


def _rows(source: SourceFile) -> Iterator[tuple[float, float]]:
    try:
        text = source.unpacked(_MAX_BYTES).decode()
    except UnicodeDecodeError:
        raise source.error("it is not text: a table reads `stol F` a line") from None
    before = -math.inf
    for number, line in enumerate(text.splitlines(), start=1):
        columns = line.partition("#")[0].split()
        if not columns:
            continue
        complaint = _complaint(columns, before)
        if complaint:
            raise source.error(f"line {number} ({line.strip()!r}) {complaint}")
        before = float(columns[0])
        yield before, float(columns[1])


def _complaint(columns: list[str], before: float) -> str:
    """What is wrong with a line; empty if nothing is."""
    if len(columns) == 3 and columns[2] in _GNUPLOT_FLAGS:
        columns = columns[:2]
    if len(columns) != 2:
        return f"has {len(columns)} columns where `stol F` has 2"
    try:
        stol, F = map(float, columns)
    except ValueError:
        return "is not two numbers"
    if not (math.isfinite(stol) and math.isfinite(F)):
        return "is not two finite numbers: leave points without a value out"
    if stol < 0 or F < 0:
        return "has a negative number: F is an amplitude, and stol counts from the direct beam"
    if stol <= before:
        return f"goes back from {before:g}: the first column must increase"
    return ""
