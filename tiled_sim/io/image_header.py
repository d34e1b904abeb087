"""What the header of an image says of the camera, in the words of SMV, line by line."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tiled_sim.errors import InputFileError

#: A number as headers write it: digits 0-9, no underscores.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
#: Of any camera, in the units of SMV.
_LARGEST = 1e8


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a header.

    Parameters
    ----------
    line : of the header, the first is 1
    shown : key and value as the file has them
    text : of the value
    factor : what the number is multiplied by, to be in the unit of SMV
    """

    line: int
    shown: str
    text: str
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """The header of an image, whatever its format and the type of its pixels.

    Parameters
    ----------
    path : of the file
    shape : (slow, fast) number of pixels
    entries : by key, whole and in capitals: those of SMV [mm, °, Å], or in their place what
        another format says; ``BEAM_FAST`` and ``BEAM_SLOW`` are the direct beam from the corner of
        pixel (0, 0) [pixel], whatever the convention
    """

    path: str
    shape: tuple[int, int]
    entries: Mapping[str, Entry] = field(repr=False)

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def where(self, key: str) -> str:
        """File, line and words of a value, as the beginning of a sentence."""
        entry = self.entries[key]
        return f"{self.path}, header line {entry.line}: {entry.shown}"

    def number(self, key: str) -> float | None:
        """A header value as a number, or None if the key is absent.

        Raises
        ------
        InputFileError
            if the value is not a finite number, or beyond what any camera has
        """
        if key not in self.entries:
            return None
        entry = self.entries[key]
        if not entry.text:
            raise InputFileError(
                f"{self.where(key)} has no value: write the number, or remove the line"
            )
        number = float(entry.text) if _NUMBER.fullmatch(entry.text) else math.nan
        if not math.isfinite(number):
            raise InputFileError(
                f"{self.where(key)} is not a number: write it bare, without a unit, or remove the "
                "line"
            )
        if abs(number * entry.factor) > _LARGEST:
            raise InputFileError(
                f"{self.where(key)} is more than any camera has: check its unit, or remove the line"
            )
        return number * entry.factor
