r"""``Fdump.bin``, the C program's binary grid of structure factors.

A header of text, ``"%d %d %d %d %d %d\n\f"`` (smallest and largest h, then k, then l), then
little-endian float64 [electron] in C order (h, k, l). Each axis has one more element than its
range has indices, at the high end, which holds zeros and is never looked up: the pad.
"""

import math
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import UsageError
from tiled_sim.io.new_file import write_new
from tiled_sim.io.source_file import MAX_INDEX, SourceFile, grid_shape, oversized, read_source
from tiled_sim.model.structure_factors import StructureFactors

_ELEMENT = np.dtype("<f8")
_HEADER = re.compile(rb"\s*" + rb"\s+".join([rb"([+-]?[0-9]+)"] * 6) + rb"\s*")
_HEADER_END = b"\n\f"
_HEADER_LIMIT = 200

_ZEROS_NOTE = (
    "an Fdump cannot tell an absent node from a zero: its zero nodes are taken as not given"
)

_Indices = tuple[int, int, int]


def read_fdump(path: str | Path) -> StructureFactors:
    """Read a grid (h, k, l) of structure factors [electron] from an Fdump, gzipped or not.

    The pad is dropped. Nodes other than 0 are given; of a zero node the format cannot tell
    whether it was, which the provenance notes.

    Raises
    ------
    InputFileError : the file cannot be read, its header is not that of an Fdump or announces more
        than MAX_NODES nodes, its length is not what the header announces, a value is NaN or
        infinite, or the values are byte-swapped
    """
    source = read_source(path)
    minimum, maximum, start = _header(source)
    amplitude, notes = _grid(source, start, grid_shape(minimum, maximum))
    _check_values(source, minimum, amplitude)
    given = amplitude != 0
    return StructureFactors(
        amplitude=amplitude,
        given=given,
        minimum=minimum,
        provenance=source.provenance(
            "fdump",
            count=int(np.count_nonzero(given)),
            negative=int(np.count_nonzero(amplitude < 0)),
            notes=(_ZEROS_NOTE, *notes),
        ),
    )


def _header(source: SourceFile) -> tuple[_Indices, _Indices, int]:
    """Smallest and largest h, k, l, and where the values start [bytes].

    The header ends at the first newline and form feed and nowhere else. The C program's reader
    skips on over bytes that happen to be blanks, into the first value.
    """
    head = source.unpacked(_HEADER_LIMIT)
    end = head.find(_HEADER_END)
    match = _HEADER.fullmatch(head, 0, end) if end >= 0 else None
    if match is None:
        raise source.error(
            "it does not begin with the six ranges, newline and form feed of an Fdump: "
            "an HKL list is read with -hkl, an MTZ with --mtz"
        )
    h_min, h_max, k_min, k_max, l_min, l_max = (int(number) for number in match.groups())
    minimum, maximum = (h_min, k_min, l_min), (h_max, k_max, l_max)
    _check_ranges(source, minimum, maximum)
    return minimum, maximum, end + len(_HEADER_END)


def _check_ranges(source: SourceFile, minimum: _Indices, maximum: _Indices) -> None:
    for axis, low, high in zip("hkl", minimum, maximum, strict=True):
        if low > high:
            problem = f"{axis} from {low} down to {high}"
        elif low < -MAX_INDEX or high > MAX_INDEX:
            problem = f"{axis} {low}..{high}, beyond ±{MAX_INDEX}"
        else:
            continue
        raise source.error(f"its header says {problem}: it is damaged; write the Fdump again")
    if complaint := oversized(minimum, maximum):
        raise source.error(f"{complaint}: the header is damaged, or write a smaller grid")


def _grid(
    source: SourceFile, start: int, shape: _Indices
) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """Values (h, k, l) without the pad, and a note if the pad was not zero."""
    padded = _padded(shape)
    expected = start + math.prod(padded) * _ELEMENT.itemsize
    content = source.unpacked(expected + 1)
    if len(content) < expected:
        raise source.error(
            f"it is cut short: {len(content)} bytes where its header announces {expected}; "
            "copy or write it again"
        )
    if len(content) > expected:
        raise source.error(
            f"bytes follow the {expected} that its header announces: it is not an Fdump, or two "
            "were joined; write it again"
        )
    values = np.frombuffer(content, _ELEMENT, offset=start).reshape(padded)
    amplitude = values[:-1, :-1, :-1].astype(np.float64)
    dropped = np.count_nonzero(values) - np.count_nonzero(amplitude)
    notes = (f"{dropped} values that are not zero were dropped with the pad",) if dropped else ()
    return amplitude, notes


def _padded(shape: _Indices) -> _Indices:
    along_h, along_k, along_l = shape
    return along_h + 1, along_k + 1, along_l + 1


def _check_values(
    source: SourceFile, minimum: _Indices, amplitude: npt.NDArray[np.float64]
) -> None:
    if _is_byte_swapped(amplitude):
        raise source.error(
            "its values make sense only with their bytes reversed: it comes from a big-endian "
            "machine; convert it, or read the HKL list it was made from"
        )
    finite = np.isfinite(amplitude)
    if not finite.all():
        node = np.unravel_index(np.argmin(finite), amplitude.shape)
        hkl = ", ".join(str(low + n) for low, n in zip(minimum, node, strict=True))
        raise source.error(
            f"F({hkl}) = {amplitude[node]}: write it again from a list without such values"
        )


def _is_byte_swapped(amplitude: npt.NDArray[np.float64]) -> bool:
    """Whether most values are absurd as they stand and sensible with their bytes reversed."""
    values = amplitude[amplitude != 0]
    absurd = ~_is_sensible(values)
    if np.count_nonzero(absurd) * 2 <= len(values):
        return False
    rescued = _is_sensible(values[absurd].byteswap())
    return bool(np.count_nonzero(rescued) * 2 > len(values))


def _is_sensible(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether each could be the structure factor of a unit cell [electron]."""
    magnitude = np.abs(values)
    return (magnitude > 1e-30) & (magnitude < 1e30)


def write_fdump(
    path: str | Path, structure_factors: StructureFactors, default_F: float = 0.0
) -> None:
    """Write a grid of structure factors as the C program does, to the byte.

    Parameters
    ----------
    path : file to make
    structure_factors : grid (h, k, l) [electron]
    default_F : value of the nodes that were not given [electron]

    Raises
    ------
    StoreError : the file exists already or cannot be written; there is then no new file
    UsageError : ``default_F`` is not finite
    """
    if not math.isfinite(default_F):
        raise UsageError(f"default_F = {default_F}: give a finite number of electrons")
    padded = np.zeros(_padded(structure_factors.amplitude.shape), _ELEMENT)
    padded[:-1, :-1, :-1] = structure_factors.filled(default_F)
    ranges = zip(structure_factors.minimum, structure_factors.maximum, strict=True)
    header = " ".join(f"{low} {high}" for low, high in ranges).encode() + _HEADER_END
    write_new(path, (header, padded.data))
