"""Lists of X-ray sources."""

import math
from pathlib import Path
from typing import NamedTuple

from tiled_sim.errors import InputFileError

COLUMNS = ("X", "Y", "Z", "weight", "wavelength")


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

    Text after ``#`` and empty lines are skipped. (The C program makes a source of wavelength 0
    from a comment, which turns the whole image into NaN.)

    Raises
    ------
    InputFileError
        if the file cannot be read, a line is malformed, or there is no source in it
    """
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise InputFileError(f"cannot read the source list {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputFileError(f"{path}: a source list is text, this file is not") from None
    rows = [
        _row(path, number, text)
        for number, line in enumerate(lines, 1)
        if (text := line.split("#", 1)[0].strip())
    ]
    if not rows:
        raise InputFileError(f"{path}: no source in it; each line is {' '.join(COLUMNS)}")
    return rows


def _row(path: str | Path, number: int, text: str) -> SourceRow:
    words = text.replace(",", " ").split()
    where = f"{path}, line {number}: {text[:60]!r}"
    if len(words) > 5:
        raise InputFileError(f"{where} has more than five columns ({' '.join(COLUMNS)})")
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise InputFileError(f"{where} is not a row of numbers ({' '.join(COLUMNS)})") from None
    if not all(math.isfinite(value) for value in values):
        raise InputFileError(f"{where} holds a value that is not finite")
    values += [math.nan] * (5 - len(values))
    x, y, z, weight, wavelength = values
    if x == y == z == 0.0:
        raise InputFileError(f"{where}: a source cannot stand at the sample (0 0 0)")
    if weight < 0:
        raise InputFileError(f"{where}: weight {weight} must not be negative")
    if wavelength <= 0:
        raise InputFileError(f"{where}: wavelength {wavelength} m must be positive")
    if wavelength > 1e-6:
        raise InputFileError(
            f"{where}: wavelength {wavelength} m is not an X-ray's; the column is in metres "
            "(1 Å is 1e-10)"
        )
    return SourceRow((x, y, z), weight, wavelength)
