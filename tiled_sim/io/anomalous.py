"""f′ and f″, by which the scattering of an element departs from its form factor near an edge."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tiled_sim.errors import InputFileError, MissingExtraError, UsageError
from tiled_sim.io.source_file import SourceFile, read_source
from tiled_sim.io.text_table import line_error, lines_of, number, read_text, without_comment

_WHAT = "a table of f′ and f″"
_LINE = "`element energy[eV] f′ f″`"
#: Energies that a file may have [eV], and values of f′ and f″ [electron].
_LEAST, _MOST, _LARGEST = 100.0, 1e6, 200.0
#: So far from the energies of a file it still stands for others [eV].
_NEAR = 0.5


@dataclass(frozen=True, slots=True)
class Anomalous:
    """f′ and f″ of some elements at one energy.

    Parameters
    ----------
    table : whose numbers they are, for people
    energy : of the photons [eV]
    factors : f′ + i f″ of each element [electron]
    without : elements that the table does not have, whose f′ and f″ count as 0
    """

    table: str
    energy: float
    factors: Mapping[str, complex]
    without: tuple[str, ...] = ()


def chantler(elements: Iterable[str], energy: float) -> Anomalous:
    """f′ and f″ of Chantler's tables, as xraydb has them.

    Parameters
    ----------
    elements : symbols
    energy : of the photons [eV]

    Raises
    ------
    UsageError
        an element or energy is not in the tables; xraydb is not installed
    """
    try:
        import xraydb
    except ImportError:
        raise MissingExtraError("models", "--anomalous chantler") from None
    factors = {}
    for element in elements:
        # xraydb raises what it meets, and beyond the ends goes on by a spline
        known = xraydb.atomic_number(element) <= _HEAVIEST
        energies = xraydb.chantler_energies(element) if known else np.zeros(1)
        if not energies[0] <= energy <= energies[-1]:
            why = (
                f"which have it from {energies[0]:g} to {energies[-1]:g} eV" if known else "at all"
            )
            raise UsageError(
                f"f′ and f″ of {element} at {energy:.7g} eV are not in Chantler's tables, {why}: "
                "name a file of them, --anomalous FILE"
            )
        # one energy at a time: of several, the spline of f′ at each depends on the others
        f1 = float(xraydb.f1_chantler(element, energy))
        factors[element] = complex(f1, float(xraydb.f2_chantler(element, energy)))
    return Anomalous(f"Chantler by xraydb {xraydb.__version__}", energy, factors)


#: Atomic number up to which Chantler's tables go.
_HEAVIEST = 92


def of_file(path: str | Path, elements: Iterable[str], energy: float) -> Anomalous:
    """f′ and f″ of a file of lines of element, energy [eV], f′ and f″ [electron].

    Between two energies of an element they are interpolated along a straight line. Elements that
    the file does not have count as without f′ and f″.

    Parameters
    ----------
    path : of the file; what follows ``#`` or ``!`` in a line is a comment
    elements : symbols
    energy : of the photons [eV]

    Raises
    ------
    InputFileError
        the file cannot be read, or a line is malformed; it has none of the elements; the energies
        that it has for one do not reach the photons'
    """
    source = read_source(path)
    rows = _rows(source)
    factors, without = {}, []
    for element in elements:
        if element not in rows:
            without.append(element)
            continue
        table = np.array(sorted(rows[element]))
        first, last = table[0, 0], table[-1, 0]
        if not first - _NEAR <= energy <= last + _NEAR:
            raise source.error(
                f"it has {element} from {first:.7g} to {last:.7g} eV, and the photons have "
                f"{energy:.7g} eV: add a line for it"
            )
        f1, f2 = (float(np.interp(energy, table[:, 0], table[:, place])) for place in (1, 2))
        factors[element] = complex(f1, f2)
    if not factors:
        raise source.error(
            f"it has {', '.join(rows)}, and the model {', '.join(without)}: name the file of this "
            "model's elements"
        )
    sha256 = source.provenance("anomalous", count=len(rows)).sha256
    return Anomalous(f"{source.name}, SHA-256 {sha256}", energy, factors, tuple(without))


def _rows(source: SourceFile) -> dict[str, list[tuple[float, float, float]]]:
    """Energy, f′ and f″ in the lines of each element."""
    found: dict[str, dict[float, tuple[float, float, float]]] = {}
    text = read_text(source, _WHAT, f"give {_LINE} in each line")
    for place, line in enumerate(lines_of(text), start=1):
        words = without_comment(line).split()
        if not words:
            continue
        element, row = _row(source, place, line.strip(), words)
        if found.setdefault(element, {}).setdefault(row[0], row) != row:
            raise _error(source, place, line, f"gives {element} at {row[0]:g} eV a second time")
    if not found:
        raise source.error(f"it holds no lines of {_LINE}: name another file")
    return {element: list(rows.values()) for element, rows in found.items()}


def _row(
    source: SourceFile, place: int, line: str, words: list[str]
) -> tuple[str, tuple[float, float, float]]:
    """Element and numbers of a line."""
    if len(words) != 4:
        raise _error(source, place, line, f"has {len(words)} columns, not four")
    element = words[0].capitalize()
    if not (element.isascii() and element.isalpha() and len(element) <= 2):
        raise _error(source, place, line, f"has {words[0]!r} for an element")
    numbers = [number(word) for word in words[1:]]
    if any(value is None or not math.isfinite(value) for value in numbers):
        raise _error(source, place, line, "holds something that is not a finite number")
    energy, f1, f2 = (float(value) for value in numbers if value is not None)
    if not _LEAST <= energy <= _MOST:
        raise _error(
            source, place, line, f"has the energy {energy:g}, which is none of X-rays in eV"
        )
    if abs(f1) > _LARGEST or not 0.0 <= f2 <= _LARGEST:
        raise _error(
            source,
            place,
            line,
            f"has f′ = {f1:g} and f″ = {f2:g}, which no element has (f″ is not negative)",
        )
    return element, (energy, f1, f2)


def _error(source: SourceFile, place: int, line: str, complaint: str) -> InputFileError:
    return line_error(source, place, line.strip(), f"{complaint}: a line reads {_LINE}")
