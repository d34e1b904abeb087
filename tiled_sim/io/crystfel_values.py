"""Values of a CrystFEL geometry file: numbers, lengths, directions, flags."""

import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tiled_sim.io.crystfel_text import Entry
from tiled_sim.model.values import either

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*([A-Za-z]*)")
_TERM = re.compile(r"([+-])((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)?([xyz])")
_BITS = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19}")
_LARGEST_INDEX = 2**31 - 1

#: How many of each unit make one of ours: the metre, the electron volt, the volt, the Å.
LENGTHS: Mapping[str, float] = {"m": 1.0, "mm": 1e3}
ENERGIES: Mapping[str, float] = {"eV": 1.0, "keV": 1e-3, "MeV": 1e-6}
VOLTAGES: Mapping[str, float] = {"V": 1.0, "kV": 1e-3}
WAVELENGTHS: Mapping[str, float] = {"A": 1.0, "m": 1e-10}


def number(entry: Entry) -> float:
    """A finite number without a unit."""
    if not re.fullmatch(_NUMBER, entry.value):
        raise entry.error("is not a number: correct it")
    return _finite(entry, entry.value)


def whole(entry: Entry) -> int:
    """A whole number of 0 or more, which may be written ``1029.0``."""
    value = number(entry)
    if not (value.is_integer() and 0 <= value <= _LARGEST_INDEX):
        raise entry.error("is not a whole number of 0 or more: pixels are counted from 0")
    return int(value)


def flag(entry: Entry) -> bool:
    """``true``, ``false`` or a number, of which 0 is false."""
    word = entry.value.lower()
    if word in ("true", "false"):
        return word == "true"
    if not re.fullmatch(_NUMBER, word):
        raise entry.error("is neither true nor false nor a number: write 1 or 0")
    return float(word) != 0.0


def bits(entry: Entry) -> int:
    """A mask of bits, as ``0xff`` or in decimal."""
    if not _BITS.fullmatch(entry.value):
        raise entry.error("is not a mask of bits: write it as 0xff or in decimal")
    return int(entry.value, 16 if entry.value.lower().startswith("0x") else 10)


def quantity(entry: Entry, units: Mapping[str, float], default: str | None) -> float | None:
    """A finite number in the first of the units; None where a path in the data files stands.

    Parameters
    ----------
    units : how many of each make one of the first
    default : unit of a number without one; None: it must have one
    """
    if entry.value.startswith("/"):
        _, _, unit = (part.strip() for part in entry.value.partition(" "))
        if unit and unit not in units:
            raise entry.error(f"has the unit {unit!r}: write {either(list(units))}")
        return None
    parts = _QUANTITY.fullmatch(entry.value)
    if parts is None:
        raise entry.error("is neither a number nor a path in HDF5, which begins with /: correct it")
    unit = parts[2] or default or ""
    if unit not in units:
        complaint = f"has the unit {parts[2]!r}" if parts[2] else "has no unit"
        raise entry.error(f"{complaint}: write {either(list(units))} after the number")
    return _finite(entry, parts[1]) / units[unit]


def direction(entry: Entry) -> npt.NDArray[np.float64]:
    """A vector (x, y, z) [pixel] as ``x``, ``-y``, ``+0.1x-0.9y`` or ``x + 0.5z``, not all zero.

    A letter that stands twice counts twice; one that does not stand counts for nothing.
    """
    text = "".join(entry.value.split())
    signed = text if text.startswith(("+", "-")) else f"+{text}"
    terms = list(_TERM.finditer(signed))
    if "".join(term[0] for term in terms) != signed:
        raise entry.error("is not a direction: write it as +0.99x-0.01y+0.002z, or x")
    vector = np.zeros(3)
    for sign, size, letter in (term.groups() for term in terms):
        vector["xyz".index(letter)] += _finite(entry, f"{sign}{size or 1}")
    if not vector.any():
        raise entry.error("is a vector of length 0: write where the next pixel lies")
    return vector


def _finite(entry: Entry, text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise entry.error("is too large for a number: correct it")
    return value
