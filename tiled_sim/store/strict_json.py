"""JSON that every reader can read: no NaN, no infinity, nothing but JSON's own types."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def dumps(document: Any) -> str:
    """Encode a document so that equal documents give equal text.

    Keys are sorted; a float is written with the fewest digits that read back as the same float64;
    numpy scalars and arrays become numbers and lists.

    Raises
    ------
    ValueError
        a number is NaN or infinite; the message names where
    TypeError
        a value has no JSON form
    """
    try:  # in one line: Python has a quick encoder for that alone
        return _encode(document, allow_nan=False) + "\n"
    except ValueError:
        for place in _non_finite(json.loads(_encode(document, allow_nan=True))):
            raise ValueError(
                f"{place} is not finite, and JSON has no NaN and no infinity"
            ) from None
        raise


def loads(text: str | bytes) -> Any:
    """Decode a document that anybody may have written.

    Raises
    ------
    ValueError
        it is no JSON, holds a number that is none or too large, or is nested too deeply
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _encode(document: Any, *, allow_nan: bool) -> str:
    return json.dumps(
        document, sort_keys=True, ensure_ascii=False, allow_nan=allow_nan, default=_plain
    )


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _refuse(number: str) -> float:
    """JSON has no NaN and no infinity."""
    raise ValueError(f"{number[:20]} is no finite number")


def _plain(value: object) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form: {value!r}")


def _non_finite(value: Any, place: str = "") -> Iterator[str]:
    """Paths of the numbers that JSON cannot say, such as ``image/sum``."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place or "the value"
    elif isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in items:
            yield from _non_finite(part, f"{place}/{key}" if place else str(key))
