"""Values that stand for no measurement in images of whole numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]


def gaps(pixels: npt.NDArray[Any], *, negative: bool) -> tuple[Bools, tuple[str, ...]]:
    """Pixels that a detector marks as not measured, and what they hold.

    Detectors of DECTRIS fill gaps with the largest value of an unsigned type (Eiger), or with -1
    and -2 (Pilatus); others with the largest or smallest of int32.

    Parameters
    ----------
    pixels : (slow, fast), as the file has them
    negative : whether every negative value is such a mark

    Returns
    -------
    bool (slow, fast), and a line for each mark that was found, with the number of pixels
    """
    dead = np.zeros(pixels.shape, dtype=np.bool_)
    found: list[str] = []
    for what, marked in _marks(pixels, negative):
        count = int(np.count_nonzero(marked))
        if count:
            dead |= marked
            found.append(f"{count} pixels {what}")
    return dead, tuple(found)


def _marks(pixels: npt.NDArray[Any], negative: bool) -> list[tuple[str, Bools]]:
    kind, name = pixels.dtype.kind, pixels.dtype.name
    marks: list[tuple[str, Bools]] = []
    if kind == "u" or name == "int32":
        highest = np.iinfo(pixels.dtype).max
        marks.append((f"hold {highest}, the largest {name}, as gaps do", pixels == highest))
    if kind == "i" and negative:
        marks.append(("are negative, as gaps and bad pixels are", pixels < 0))
    elif name == "int32":
        lowest = np.iinfo(pixels.dtype).min
        marks.append((f"hold {lowest}, the smallest {name}, as bad ones do", pixels == lowest))
    return marks
