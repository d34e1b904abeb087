"""MOSFLM orientation matrices."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import SourceFile, read_source
from tiled_sim.io.text_table import (
    line_error,
    lines_of,
    not_a_number,
    not_finite,
    number,
    quote,
    read_text,
    without_comment,
)
from tiled_sim.physics.vectors import Array

_WHAT = "a MOSFLM matrix (rows X, Y, Z; columns a*, b*, c*; times the wavelength)"
#: Numbers in each line of a file of MOSFLM: the matrix, missetting, orientation, cell.
_LAYOUT = (3, 3, 3, 3, 3, 3, 3, 6)
_MISSETTING_LINE, _CELL_LINE = 4, 8
#: What Fortran's fixed columns leave of two numbers whose second is negative.
_BEFORE_SIGN = re.compile(r"(?<=[0-9.])(?=[+-])")


@dataclass(frozen=True, slots=True)
class MosflmMatrix:
    """A matrix as its file has it.

    Parameters
    ----------
    source : the file
    vectors : (3, 3) rows a*, b*, c* times the wavelength, dimensionless
    cell : a, b, c [Å], alpha, beta, gamma [°] of its eighth line; None if it has no such line
    note : what it says beside and is not taken, in a sentence; empty: nothing
    """

    source: SourceFile
    vectors: Array
    cell: tuple[float, ...] | None
    note: str = ""


def read_matrix(path: str | Path) -> MosflmMatrix:
    """Read the nine numbers of a MOSFLM matrix, however they are broken into lines.

    In the lines that MOSFLM writes, the cell is read, too. Numbers that fixed columns run
    together are told apart where the second has a sign, as the C program does.

    Raises
    ------
    InputFileError
        if the file cannot be read, or does not begin with nine finite numbers; names line and value
    """
    source = read_source(path)
    text = read_text(source, _WHAT, "name another file")
    numbers = list(islice(_numbers(source, text), 9))
    if len(numbers) < 9:
        raise source.error(
            f"it ends after {len(numbers)} of the nine numbers of {_WHAT}: complete it"
        )
    cell = _cell(source, text)
    note = "" if cell is None else _missetting(source, text)
    return MosflmMatrix(source, np.array(numbers).reshape(3, 3).T, cell, note)


def _content(text: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """Number, text and words of each line that holds any."""
    for line_number, line in enumerate(lines_of(text), start=1):
        words = [part for word in without_comment(line).split() for part in _parts(word)]
        if words:
            yield line_number, line.strip(), words


def _parts(word: str) -> list[str]:
    """A word, or the numbers with a decimal point that it runs together."""
    parts = _BEFORE_SIGN.split(word)
    apart = all("." in part and number(part) is not None for part in parts)
    return parts if apart else [word]


def _numbers(source: SourceFile, text: bytes) -> Iterator[float]:
    """The numbers of a text; an error at the first word that is none."""
    for line_number, line, words in _content(text):
        for word in words:
            value = number(word)
            if value is None:
                fault = f"has {quote(word)} where {_WHAT} has a number, {not_a_number(word)}"
            elif not np.isfinite(value):
                fault = f"has the value {quote(word)}, {not_finite(word)}: correct it"
            else:
                yield value
                continue
            raise line_error(source, line_number, line, fault)


def _missetting(source: SourceFile, text: bytes) -> str:
    """What to say of the missetting angles in a file that is laid out as MOSFLM does."""
    _, _, words = next(islice(_content(text), _MISSETTING_LINE - 1, None))
    if not any(number(word) for word in words):
        return ""
    return (
        f"{source.name}: the missetting angles {' '.join(words)}° of its fourth line turn nothing: "
        "the matrix is taken as it stands, as in C"
    )


def _cell(source: SourceFile, text: bytes) -> tuple[float, ...] | None:
    """The cell of the eighth line of a file that is laid out as MOSFLM does."""
    lines = list(islice(_content(text), len(_LAYOUT)))
    if len(lines) < _CELL_LINE:
        return None
    for (_, _, words), expected in zip(lines[:-1], _LAYOUT[:-1], strict=True):
        if len(words) != expected or any(number(word) is None for word in words):
            return None
    line_number, line, words = lines[-1]
    values = [number(word) for word in words]
    cell = tuple(value for value in values if value is not None and 0.0 < value < np.inf)
    if len(cell) == len(words) == _LAYOUT[-1] and max(cell[3:]) < 180.0:
        return cell
    raise _no_cell(source, line_number, line)


def _no_cell(source: SourceFile, line_number: int, line: str) -> InputFileError:
    return line_error(
        source,
        line_number,
        line,
        "is not a cell, a b c [Å] alpha beta gamma [°], as the eighth line of a MOSFLM matrix is: "
        "correct it, or keep the matrix alone (head -n 3 OLD > NEW)",
    )
