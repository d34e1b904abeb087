"""Tables for people: a caption, columns with units, and texts."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: Of the largest component of a vector.
_ROUNDING = 1e-13
_BYTES = (("GiB", 2**30), ("MiB", 2**20), ("kiB", 2**10))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name : its heading
    unit : of its values; empty: they have none, or each says its own
    numbers : whether its values are numbers, which stand below each other by their last digit
    long : whether its values are texts that may be broken anywhere, as hashes and paths
    """

    name: str
    unit: str = ""
    numbers: bool = False
    long: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, of which the first column heads its rows.

    Parameters
    ----------
    caption : what it tells
    columns : of the table
    rows : texts, as many as there are columns
    notes : sentences below it
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        caption: str,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Any]],
        notes: Iterable[str] = (),
    ) -> "Table":
        """A table of values, each told as `shown`, or where it is a number `counted`, tells it."""
        told = tuple(
            tuple(
                counted(value) if column.numbers and isinstance(value, int) else shown(value)
                for column, value in zip(columns, row, strict=True)
            )
            for row in rows
        )
        return cls(caption, tuple(columns), told, tuple(notes))


def numbers(*columns: tuple[str, str]) -> list[Column]:
    """Columns of numbers, by names and units."""
    return [Column(name, unit, numbers=True) for name, unit in columns]


def shown(value: Any) -> str:
    """A value as a text: six digits of a fraction, lists with blanks between their values."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return " ".join(map(shown, _without_rounding(value)))
    if isinstance(value, int):
        return str(value)
    number = float(value)
    return f"{number:.6g}" if math.isfinite(number) else "∞"


def _without_rounding(values: Sequence[Any]) -> list[Any]:
    """Components of a vector, with 0 in place of what rounding left of it."""
    if not all(isinstance(value, float) for value in values):
        return list(values)
    least = _ROUNDING * max(map(abs, values), default=0.0)
    return [0.0 if abs(value) <= least else value for value in values]


def counted(number: int) -> str:
    """A count with its digits in groups of three."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(count: float) -> str:
    """Bytes as people say them."""
    for unit, factor in _BYTES:
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent; empty where there is none."""
    return f"{100.0 * part / whole:.3g} %" if whole else "–"


def seconds(value: float) -> str:
    """A time as people say it."""
    if value < 1.0:
        return f"{1e3 * value:.3g} ms"
    if value < 120.0:
        return f"{value:.3g} s"
    return f"{value / 60:.1f} min" if value < 7200.0 else f"{value / 3600:.1f} h"
