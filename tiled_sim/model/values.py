"""Values that people give: numbers in their units, checked one by one."""

import math
import re
from collections.abc import Sequence
from typing import Any

#: What Python reads as a number beyond this (``1_0``, other digits than 0-9), nobody else does.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|nan)")
#: More digits than any number that counts something has; Python refuses to read thousands.
_MOST_DIGITS = 20


def number_in(text: str) -> float | None:
    """The number that a word says, infinities and NaN among them; None: it is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


def integer_in(text: str) -> int | None:
    """The whole number that a word says, in digits alone; None: it is none."""
    digits = text.removeprefix("-") if text[:1] == "-" else text.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        return None
    return int(text)


def finite(value: Any, per_inside: float = 1.0) -> float | None:
    """A finite number in the unit inside; None for anything else.

    Parameters
    ----------
    value : as given
    per_inside : how many of the given unit make one of the unit inside
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value) / per_inside
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def finite_list(value: Any, count: int, per_inside: float = 1.0) -> tuple[float, ...] | None:
    """So many finite numbers in the unit inside; None for anything else."""
    listed = value if isinstance(value, list | tuple) else []
    numbers = [number for one in listed if (number := finite(one, per_inside)) is not None]
    return tuple(numbers) if len(numbers) == len(listed) == count else None


def is_integer(value: Any) -> bool:
    """Whether a value is a whole number of TOML, which has 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def whole(quotient: float) -> int:
    """Round up, but take the whole number where the quotient is one but for rounding."""
    return math.ceil(quotient - 1e-9)


def either(words: Sequence[str]) -> str:
    """Words of which one is meant, for a message."""
    return " or ".join(words)


def shown(value: Any) -> str:
    """A value for a message, cut short."""
    try:
        text = repr(value)
    except ValueError:  # Python writes out no integer of more than 4300 digits
        return "(a number of thousands of digits)"
    return text if len(text) <= 60 else f"{text[:57]}..."
