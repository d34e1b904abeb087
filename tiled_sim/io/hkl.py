"""HKL text: one reflection a line, ``h k l F``."""

import io
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import (
    MAX_BYTES,
    MAX_INDEX,
    SourceFile,
    grid_shape,
    oversized,
    read_source,
)
from tiled_sim.model.structure_factors import StructureFactors

_QUOTED = 60


def read_hkl(path: str | Path) -> StructureFactors:
    """Read a text list of structure factors, ``h k l F`` [electron] a line, gzipped or not.

    Blank lines and what follows ``#`` or ``!`` are skipped. Whole numbers may be written ``3.0``.
    The grid (h, k, l) spans the reflections listed; a listed F of 0 is given, a negative F is
    kept, and a reflection listed again with the same F is counted as a duplicate.

    Raises
    ------
    InputFileError : the file cannot be read, is not text, or holds no reflections; a line is not
        four finite numbers with whole h k l; a reflection is listed with two values; the grid
        would need more than MAX_NODES nodes
    """
    source = read_source(path)
    text = _text(source)
    hkl, F = _parse(source, text)
    minimum, shape = _grid(source, text, hkl)
    node = np.ravel_multi_index(tuple((hkl - minimum).T), shape)
    amplitude = np.zeros(math.prod(shape))
    amplitude[node] = F
    _refuse_contradiction(source, text, hkl, F, node, amplitude)
    given = np.zeros(amplitude.shape, dtype=bool)
    given[node] = True
    return StructureFactors(
        amplitude=amplitude.reshape(shape),
        given=given.reshape(shape),
        minimum=minimum,
        provenance=source.provenance(
            "hkl",
            count=len(F),
            negative=int(np.count_nonzero(F < 0)),
            zero=int(np.count_nonzero(F == 0)),
            duplicates=len(F) - int(np.count_nonzero(given)),
        ),
    )


def _text(source: SourceFile) -> bytes:
    """Bytes of the text, known to decode and to hold at least one reflection."""
    remedy = "an HKL list is plain text (an Fdump is read with --fdump, an MTZ with --mtz)"
    text = source.unpacked(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise source.error(f"it unpacks to more than {MAX_BYTES} bytes: {remedy}")
    if b"\0" in text:
        line = 1 + text.count(b"\n", 0, text.index(b"\0"))
        raise source.error(f"line {line} holds a NUL byte, so this is not text: {remedy}")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = 1 + text.count(b"\n", 0, error.start)
        raise source.error(
            f"line {line} holds the byte {text[error.start]:#04x}, which is not UTF-8: {remedy}"
        ) from None
    if next(_reflections(text), None) is None:
        raise source.error("it holds no reflections: a line must read `h k l F`")
    return text


def _lines(text: bytes) -> io.TextIOWrapper:
    """Lines of the text, whatever their ends, without a byte order mark."""
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8-sig")


def _reflections(text: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """Line number from 1, line, and columns of each line that holds any."""
    for number, line in enumerate(_lines(text), start=1):
        columns = line.replace("!", "#").partition("#")[0].split()
        if columns:
            yield number, line.strip(), columns


def _parse(
    source: SourceFile, text: bytes
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Parse and check all lines: h k l (reflection, 3) and F (reflection) [electron]."""
    try:
        # With a single comment character numpy's parser stays in C.
        table = np.loadtxt(_lines(text.replace(b"!", b"#")), comments="#", ndmin=2)
    except ValueError as error:
        raise _first_fault(source, text) from error
    if not _is_sound(table):
        raise _first_fault(source, text)
    return table[:, :3].astype(np.int64), table[:, 3]


def _is_sound(table: npt.NDArray[np.float64]) -> bool:
    if table.shape[1] != 4 or not np.isfinite(table).all():
        return False
    hkl = table[:, :3]
    return bool((hkl == np.rint(hkl)).all() and (np.abs(hkl) <= MAX_INDEX).all())


def _first_fault(source: SourceFile, text: bytes) -> InputFileError:
    """Error about the first line that is not a reflection; slow, so only for a file that fails."""
    for number, line, columns in _reflections(text):
        complaint = _wrong_columns(columns) or _wrong_number(columns)
        if complaint:
            return source.error(f"line {number} ({_quote(line)}) {complaint}")
    return source.error("numpy cannot read it: every line must be four plain numbers, `h k l F`")


def _wrong_columns(columns: list[str]) -> str:
    count = len(columns)
    if count < 4:
        plural = "column" if count == 1 else "columns"
        return (
            f"has {count} {plural} where `h k l F` has 4, separated by blanks: "
            "complete the line, or begin it with # if it is a comment"
        )
    if count > 4:
        return (
            f"has {count} columns: only `h k l F` is read, not columns 5 and on. "
            "Cut them: awk '{print $1, $2, $3, $4}' OLD > NEW (F must be the fourth)"
        )
    return ""


def _wrong_number(columns: list[str]) -> str:
    values = [_number(column) for column in columns]
    for axis, column, value in zip("hklF", columns, values, strict=True):
        if value is None:
            return f"has {_quote(column)} for {axis}, which is not a number: correct the line"
        if axis != "F" and not value.is_integer():
            return (
                f"has {axis} = {_quote(column)}, which is not a whole number: "
                "h k l are Miller indices, in the first three columns"
            )
        if axis != "F" and abs(value) > MAX_INDEX:
            return f"has {axis} = {_quote(column)}, beyond ±{MAX_INDEX}: correct the line"
        if not math.isfinite(value):
            spelt_out = "n" in column.lower()  # nan, inf
            fault = "not finite" if spelt_out else "too large for float64"
            return (
                f"has F = {_quote(column)}, {fault}: correct it, or remove the line, "
                "and the reflection has -default_F"
            )
    return ""


def _number(column: str) -> float | None:
    """Value of a number as numpy reads it, without Python's ``1_000`` and foreign digits."""
    if "_" in column or not column.isascii():
        return None
    try:
        return float(column)
    except ValueError:
        return None


def _quote(text: str) -> str:
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")


def _grid(
    source: SourceFile, text: bytes, hkl: npt.NDArray[np.int64]
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Smallest h, k, l and shape of the grid, once it is known not to be too large."""
    minimum, maximum = hkl.min(axis=0).tolist(), hkl.max(axis=0).tolist()
    shape = grid_shape(minimum, maximum)
    complaint = oversized(minimum, maximum)
    if complaint:
        axis = int(np.argmax(shape))
        first, last = sorted(
            (_line_number(text, hkl[:, axis].argmin()), _line_number(text, hkl[:, axis].argmax()))
        )
        raise source.error(
            f"{complaint}: lines {first} and {last} are the farthest apart, "
            f"{shape[axis] - 1} in {'hkl'[axis]}; remove the one that is wrong"
        )
    return (minimum[0], minimum[1], minimum[2]), shape


def _refuse_contradiction(
    source: SourceFile,
    text: bytes,
    hkl: npt.NDArray[np.int64],
    F: npt.NDArray[np.float64],
    node: npt.NDArray[np.int64],
    amplitude: npt.NDArray[np.float64],
) -> None:
    """Raise if a reflection's F is not what its node got: another line gave it another value."""
    overwritten = np.flatnonzero(amplitude[node] != F)
    if not overwritten.size:
        return
    first = overwritten[0]
    second = np.flatnonzero((node == node[first]) & (F[first] != F))[0]
    raise source.error(
        f"lines {_line_number(text, first)} and {_line_number(text, second)} give the reflection "
        f"{' '.join(map(str, hkl[first]))} two values, F = {F[first]} and {F[second]}: "
        "keep the one that is right"
    )


def _line_number(text: bytes, reflection: np.intp) -> int:
    """Find the line, numbered from 1, that holds a reflection, counted from 0."""
    return next(islice(_reflections(text), int(reflection), None))[0]
