"""Tables of numbers in text: one reader for all, so that all agree on what a number is.

Text is UTF-8, with or without a byte order mark, gzipped or not, with lines that end as on any
system. Blank lines are skipped, and so is what follows ``#`` or ``!``. Blanks and tabs separate the
columns. A number is written in ASCII digits, ``1.5E+03``, or as Fortran does, ``1.5D+03``.
"""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import MAX_BYTES, MAX_INDEX, SourceFile

_QUOTED = 60
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE
)
#: The letter of a Fortran exponent, between the digits of a number.
_FORTRAN = re.compile(r"(?<=[0-9.])[dD](?=[+-]?[0-9])")
_FORTRAN_BYTES = re.compile(_FORTRAN.pattern.encode())
#: Two numbers without a blank between them, as Fortran's fixed columns leave them.
_GLUED = re.compile(r"[0-9.][+-]?[0-9]*\.?[0-9]*[-+][0-9.]|\.[0-9]+\.")
_EMPTY_COLUMN = re.compile(r"^\s*,|,\s*(?:,|$)")
_EMPTY_COLUMN_BYTES = re.compile(rb"(?m)^[ \t]*,|,[ \t]*(?:,|[#!\r\n]|\Z)")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table of numbers holds.

    Parameters
    ----------
    what : the file's kind, as the beginning of a sentence: "an HKL list"
    columns : names of the columns
    row : what a line is: "reflection"
    fewest : how many of them a line must have; None: all
    indices : how many of the first columns are Miller indices, which are whole
    flags : words that are skipped where they stand behind the last column
    commas : whether commas separate columns, too
    header : whether the first line may be one of words, none of them a number
    finite : whether inf and nan are refused
    remedy : what to do with a file that is no such text
    """

    what: str
    columns: tuple[str, ...]
    row: str = "row"
    fewest: int | None = None
    indices: int = 0
    flags: tuple[str, ...] = ()
    commas: bool = False
    header: bool = False
    finite: bool = True
    remedy: str = "name another file"

    @property
    def least(self) -> int:
        """Columns that a line must have."""
        return len(self.columns) if self.fewest is None else self.fewest

    @property
    def line(self) -> str:
        """How a line reads."""
        return f"`{' '.join(self.columns)}`"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of numbers as it was read.

    Parameters
    ----------
    source : the file
    layout : what it holds
    text : of the file, unpacked
    values : (row, column) float64; nan where a line leaves out a column at its end
    header : words of the first line, if they are none of the table; else none
    """

    source: SourceFile
    layout: Layout
    text: bytes
    values: npt.NDArray[np.float64]
    header: tuple[str, ...] = ()

    def line(self, row: int) -> int:
        """Number, from 1, of the line that holds a row, counted from 0."""
        return self._line(row)[0]

    def error(self, row: int, complaint: str) -> InputFileError:
        """Error to raise about a row; it names file and line, and quotes it."""
        number, line = self._line(row)
        return line_error(self.source, number, line, complaint)

    def _line(self, row: int) -> tuple[int, str]:
        ahead = int(row) + (1 if self.header else 0)
        number, line, _ = next(islice(_rows(self.text, self.layout), ahead, None))
        return number, line


def read_table(source: SourceFile, layout: Layout) -> Table:
    """Read a table of numbers.

    Parameters
    ----------
    source : the file
    layout : what it must hold

    Raises
    ------
    InputFileError : it is not text, or holds no rows; a line has too few or too many columns, or
        something that is not a number; names file, line and value
    """
    return parse_table(source, read_text(source, layout.what, layout.remedy), layout)


def parse_table(source: SourceFile, text: bytes, layout: Layout) -> Table:
    """Read a table from the text of its file, as `read_text` gives it. Raises as `read_table`."""
    first = next(_rows(text, layout), None)
    header: tuple[str, ...] = ()
    skipped = 0
    if layout.header and first is not None and all(number(word) is None for word in first[2]):
        skipped, _, words = first
        header = tuple(words)
        first = next(islice(_rows(text, layout), 1, None), None)
    if first is None:
        raise source.error(
            f"it holds no {layout.row}s: a line of {layout.what} reads {layout.line}; "
            f"{layout.remedy}"
        )
    values = _parsed(text, layout, skipped)
    if values is None:
        values = _line_by_line(source, text, layout, skipped)
    return Table(source, layout, text, values, header)


def read_text(source: SourceFile, what: str, remedy: str) -> bytes:
    """Bytes of a file's text, unpacked and known to decode as UTF-8.

    Parameters
    ----------
    source : the file
    what : its kind: "an HKL list"
    remedy : what to do with a file that is not text
    """
    text = source.unpacked(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise source.error(f"it unpacks to more than {MAX_BYTES} bytes: {remedy}")
    if text.startswith(_UTF16):
        raise source.error(
            f"it is UTF-16 text, as some programs of Windows write it, and {what} is plain text: "
            "save it as UTF-8 (iconv -f UTF-16 -t UTF-8 OLD > NEW)"
        )
    if b"\0" in text:
        line = 1 + text.count(b"\n", 0, text.index(b"\0"))
        raise source.error(
            f"line {line} holds a NUL byte, so this is not text, and {what} is plain text: {remedy}"
        )
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = 1 + text.count(b"\n", 0, error.start)
        raise source.error(
            f"line {line} holds the byte {text[error.start]:#04x}, which is not UTF-8, and {what} "
            f"is plain text: {remedy}"
        ) from None
    return text


def lines_of(text: bytes) -> io.TextIOWrapper:
    """Lines of a text, whatever their ends, without a byte order mark."""
    return io.TextIOWrapper(io.BytesIO(text), encoding="utf-8-sig")


def without_comment(line: str) -> str:
    """What stands before the first ``#`` or ``!``."""
    return line.replace("!", "#").partition("#")[0]


def number(word: str) -> float | None:
    """Value of a word; None if it is not a number.

    Python's ``1_000`` and digits of other scripts are none; ``inf`` and ``nan`` are numbers.
    """
    word = _FORTRAN.sub("e", word)
    return float(word) if _NUMBER.fullmatch(word) else None


def quote(text: str) -> str:
    """A text for a message, not too long."""
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")


def line_error(source: SourceFile, line: int, text: str, complaint: str) -> InputFileError:
    """Error to raise about a line, numbered from 1; ``complaint`` ends in what to do."""
    return source.error(f"line {line} ({quote(text)}) {complaint}")


def not_a_number(word: str) -> str:
    """Why a word is not a number, and what to do."""
    if "," in word:
        return "which is not a number: write a decimal point, and blanks between columns"
    if _GLUED.search(word):
        return "two numbers without a blank between them: separate the columns by blanks"
    if not word.isascii():
        return "which is not a number in plain ASCII characters: correct the line"
    return "which is not a number: correct the line"


def not_finite(word: str) -> str:
    """Why a number is not finite."""
    spelt_out = "n" in word.lower()  # nan, inf
    return "not finite" if spelt_out else "too large for float64"


def _rows(text: bytes, layout: Layout) -> Iterator[tuple[int, str, list[str]]]:
    """Line number from 1, line, and words of each line that holds any."""
    for line_number, line in enumerate(lines_of(text), start=1):
        content = without_comment(line)
        words = (content.replace(",", " ") if layout.commas else content).split()
        if words or (layout.commas and "," in content):
            yield line_number, line.strip(), words


def _parsed(text: bytes, layout: Layout, skipped: int) -> npt.NDArray[np.float64] | None:
    """All rows by numpy's parser, which is in C; None if it finds anything odd."""
    if layout.commas and b"," in text:
        if _EMPTY_COLUMN_BYTES.search(text):
            return None
        text = text.replace(b",", b" ")
    if b"!" in text:
        # With a single comment character numpy's parser stays in C.
        text = text.replace(b"!", b"#")
    if b"D" in text or b"d" in text:
        text = _FORTRAN_BYTES.sub(b"e", text)
    try:
        values = np.loadtxt(islice(lines_of(text), skipped, None), comments="#", ndmin=2)
    except ValueError:
        return None
    least, most = layout.least, len(layout.columns)
    if not least <= values.shape[1] <= most or (layout.finite and not np.isfinite(values).all()):
        return None
    indices = values[:, : layout.indices]
    if not ((indices == np.rint(indices)).all() and (np.abs(indices) <= MAX_INDEX).all()):
        return None
    if values.shape[1] < most:
        missing = np.full((len(values), most - values.shape[1]), np.nan)
        values = np.concatenate([values, missing], axis=1)
    return values


def _line_by_line(
    source: SourceFile, text: bytes, layout: Layout, skipped: int
) -> npt.NDArray[np.float64]:
    """All rows of a table whose lines differ in columns, or the error about its first fault."""
    most = len(layout.columns)
    values = []
    for line_number, line, words in _rows(text, layout):
        if line_number <= skipped:
            continue
        if len(words) == most + 1 and words[-1] in layout.flags:
            words = words[:-1]
        complaint = _wrong_columns(line, words, layout) or _wrong_number(words, layout)
        if complaint:
            raise line_error(source, line_number, line, complaint)
        row = [float(_FORTRAN.sub("e", word)) for word in words]
        values.append(row + [math.nan] * (most - len(row)))
    return np.array(values)


def _wrong_columns(line: str, words: list[str], layout: Layout) -> str:
    count, most = len(words), len(layout.columns)
    if layout.commas and _EMPTY_COLUMN.search(without_comment(line)):
        return "has an empty column: write a number there"
    if count < layout.least:
        plural = "column" if count == 1 else "columns"
        comma = layout.least > 1 and "," in line and not layout.commas
        glued = any(number(word) is None and _GLUED.search(word) for word in words)
        hint = (
            "put blanks in place of the commas"
            if comma
            else "columns run into each other: put blanks between them"
            if glued
            else "complete the line, or begin it with # if it is a comment"
        )
        least = f"has {layout.least}" if layout.fewest is None else f"needs {layout.least}"
        return f"has {count} {plural} where {layout.line} {least}, separated by blanks: {hint}"
    if count > most:
        fields = ", ".join(f"${column}" for column in range(1, most + 1))
        return (
            f"has {count} columns: only {layout.line} is read, not columns {most + 1} and on. "
            f"Cut them: awk '{{print {fields}}}' OLD > NEW ({layout.columns[-1]} must be "
            f"column {most})"
        )
    return ""


def _wrong_number(words: list[str], layout: Layout) -> str:
    digits = any(character.isdigit() for word in words for character in word)
    if len(words) > 1 and not digits and all(number(word) is None for word in words):
        return "holds no number: begin it with # if it is a heading or a comment"
    # zip stops at the columns that the line has
    for column, (name, word) in enumerate(zip(layout.columns, words, strict=False)):
        value = number(word)
        if value is None:
            return f"has {quote(word)} for {name}, {not_a_number(word)}"
        if column < layout.indices and not value.is_integer():
            return (
                f"has {name} = {quote(word)}, which is not a whole number: "
                "h k l are Miller indices, in the first three columns"
            )
        if column < layout.indices and abs(value) > MAX_INDEX:
            return f"has {name} = {quote(word)}, beyond ±{MAX_INDEX}: correct the line"
        if layout.finite and not math.isfinite(value):
            return f"has {name} = {quote(word)}, {not_finite(word)}: correct it, or remove the line"
    return ""
