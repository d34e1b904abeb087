"""The rows of a CSV table of shots, and the lines that they stand in."""

import csv
import gzip
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError

_GZIP_MAGIC = b"\x1f\x8b"


def read_csv(file: Path) -> tuple[dict[str, Any], npt.NDArray[np.int64]]:
    """Columns by their names, and the number of the line of each row, from 1.

    Lines without any value are no rows, nor are commas at the ends of lines columns.

    Raises
    ------
    InputFileError
        for what is no table of names and values; names file and line
    """
    import pandas

    try:
        # the names apart from the values: pandas would number those that are there twice, and
        # leave out what a line has beyond them
        names = [str(name).strip() for name in _parsed(file, nrows=1, dtype=str).iloc[0]]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            frame = _parsed(file, skiprows=1, names=range(len(names) + 1), low_memory=False)
    except (ValueError, OSError, EOFError, pandas.errors.ParserWarning) as error:
        _refuse_surplus(file)
        # pandas' own errors are ValueErrors
        told = str(error).strip().splitlines() or ["it is empty"]
        raise InputFileError(f"{file}: not a CSV table of shots: {told[-1]}") from None
    filled = frame.notna().to_numpy()
    if filled[:, -1].any():
        _refuse_surplus(file)
    rows = filled.any(axis=1)
    if not rows.all():
        rows |= _has_words(file)[: len(rows)]
    columns: dict[str, Any] = {}
    for number, name in enumerate(names):
        if name in columns:
            raise InputFileError(f"{file}: the column {name} is there twice: leave one out")
        if name not in ("", "nan"):
            columns[name] = frame[number][rows].infer_objects().to_numpy()
        elif filled[:, number].any():
            raise InputFileError(
                f"{file}: column {number + 1} has values and no name: name it `frame` if it "
                "numbers the rows, as pandas writes them without index=False, or leave it out"
            )
    return columns, np.flatnonzero(rows) + 2


def _parsed(file: Path, **more: Any) -> Any:
    import pandas

    return pandas.read_csv(
        file,
        header=None,
        skipinitialspace=True,
        skip_blank_lines=False,
        index_col=False,
        encoding="utf-8-sig",
        **more,
    )


def _has_words(file: Path) -> npt.NDArray[np.bool_]:
    """Of each line after the first, whether it holds more than commas: `nan` is a word."""
    return np.array([any(value.strip() for value in line) for line in _lines(file)][1:], np.bool_)


def _refuse_surplus(file: Path) -> None:
    """Refuse the first line that has more values than the first has names."""
    try:
        names = 0
        for number, line in enumerate(_lines(file), start=1):
            names = names or len(line)
            if any(value.strip() for value in line[names:]):
                raise InputFileError(
                    f"{file}, line {number}: {len(line)} values, and the first line has {names} "
                    "names of columns: complete that one, or cut this one"
                )
    except (ValueError, OSError, EOFError, csv.Error):
        return  # what pandas says of it is told


def _lines(file: Path) -> Iterator[list[str]]:
    with file.open("rb") as stream:
        packed = stream.read(2) == _GZIP_MAGIC
    with (gzip.open if packed else open)(file, "rt", encoding="utf-8-sig", newline="") as text:
        yield from csv.reader(text, skipinitialspace=True)
