"""Which columns of an MTZ are amplitudes, and which of them belong together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.source_file import SourceFile

_AMPLITUDE, _AMPLITUDE_OF_MATE, _DIFFERENCE, _PHASE, _INDEX = "F", "G", "D", "P", "H"
#: Mean intensities, those of one mate, and normalized amplitudes.
_INTENSITIES = ("J", "K")
_TYPES = {
    "F": "amplitude",
    "G": "amplitude of one Friedel mate",
    "D": "anomalous difference",
    "J": "intensity",
    "K": "intensity of one Friedel mate",
    "E": "normalized amplitude",
}
#: Labels of coefficients of maps and difference maps: refmac, phenix, buster, coot, phaser.
_MAP = re.compile(
    r"(F|DELF|FDEL|[23]?FOFC)WT|[23]?m?Fo[-_]?D?Fc|FEM$|(DEL)?FAN$|ANOM$|F?LLG", re.IGNORECASE
)
_PLUS = (("(+)", "(-)"), ("plus", "minus"), ("PLUS", "MINUS"), ("Plus", "Minus"), ("+", "-"))


@dataclass(frozen=True, slots=True)
class AmplitudeSet:
    """Columns that together say F of reflections.

    Parameters
    ----------
    plus : place of the column of F, or of F(+)
    minus : place of that of F(-); None: there is none
    difference : place of that of F(+) - F(-); None: there is none
    labels : of these columns, the first that of ``plus``
    is_map : whether they are coefficients of a map
    """

    plus: int
    labels: tuple[str, ...]
    minus: int | None = None
    difference: int | None = None
    is_map: bool = False

    @property
    def name(self) -> str:
        """How the set is told."""
        if self.minus is not None:
            return " and ".join(self.labels)
        return " with ".join(self.labels)


def index_columns(source: SourceFile, columns: Sequence[Any]) -> tuple[int, int, int]:
    """Places of h, k and l: by type and label, or the only three of the type in their order.

    Raises
    ------
    InputFileError
        there are none
    """
    indices = [place for place, column in enumerate(columns) if column.type == _INDEX]
    by_label = {columns[place].label.upper(): place for place in reversed(indices)}
    places = [by_label[name] for name in "HKL" if name in by_label]
    if len(places) < 3:
        places = indices
    if len(places) != 3:
        found = ", ".join(columns[place].label for place in indices) or "none"
        raise source.error(
            f"it has no columns H, K and L (of type H there are: {found}): write them with it"
        )
    h, k, l = places
    return h, k, l


def choose_amplitudes(
    source: SourceFile, columns: Sequence[Any], asked: str | None
) -> AmplitudeSet:
    """The columns that are meant.

    Parameters
    ----------
    source : the file
    columns : of it
    asked : label of one of them; None: the only set of amplitudes, those of maps left aside

    Raises
    ------
    InputFileError
        there are no amplitudes, or none of this label
    UsageError
        several sets could be meant and none is named
    """
    sets = _sets(columns)
    if asked is not None:
        return _named(source, columns, sets, asked)
    plain = [one for one in sets if not one.is_map]
    if len(plain) > 1:
        listed = "; ".join(one.name for one in plain)
        label = plain[0].labels[0]
        raise UsageError(
            f"{source.name} has several sets of amplitudes ({listed}): name one by a label, "
            f"--mtz {_quoted(f'{source.name}:{label}')}, in TOML mtz_column = {label!r}"
        )
    if not plain:
        raise _without_amplitudes(source, columns, sets)
    return plain[0]


def _named(
    source: SourceFile, columns: Sequence[Any], sets: Sequence[AmplitudeSet], asked: str
) -> AmplitudeSet:
    found = [one for one in sets if asked in one.labels]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(one.name for one in sets) or "none"
    if found:
        raise source.error(f"several columns of amplitudes have the label {asked!r}: relabel one")
    types = [column.type for column in columns if column.label == asked]
    if set(types) & set(_INTENSITIES):
        raise source.error(f"{asked} are intensities: {_remedy(source, columns)}")
    if _AMPLITUDE_OF_MATE in types:
        raise source.error(
            f"{asked} is F of one Friedel mate, and the column of the other is missing: copy it "
            "too, or name other amplitudes"
        )
    told = f"it is of type {types[0]}" if types else "there is no such column"
    raise source.error(f"no amplitudes under the label {asked!r} ({told}); there are: {listed}")


def _sets(columns: Sequence[Any]) -> list[AmplitudeSet]:
    """All sets of amplitudes, pairs of mates first found by their labels."""
    found = []
    mates = _mates(columns)
    differences = _differences(columns, mates)
    for place, column in enumerate(columns):
        if place in mates:
            pair = (column.label, columns[mates[place]].label)
            found.append(AmplitudeSet(place, pair, minus=mates[place]))
        elif column.type == _AMPLITUDE and place not in mates.values():
            difference = differences.get(place)
            parts = [part for part in (place, difference) if part is not None]
            labels = tuple(columns[part].label for part in parts)
            found.append(
                AmplitudeSet(place, labels, difference=difference, is_map=_is_map(columns, place))
            )
    return found


def _mates(columns: Sequence[Any]) -> dict[int, int]:
    """Places of F(-) by those of F(+)."""
    places = {
        (column.label, column.type, column.dataset_id): place
        for place, column in enumerate(columns)
        if column.type in (_AMPLITUDE, _AMPLITUDE_OF_MATE)
    }
    found = {}
    for (label, kind, dataset), place in places.items():
        for plus, minus in _PLUS:
            head, sign, tail = label.rpartition(plus)
            mate = places.get((head + minus + tail, kind, dataset)) if sign else None
            if mate is not None:
                found[place] = mate
                break
    return found


def _differences(columns: Sequence[Any], mates: dict[int, int]) -> dict[int, int]:
    """Places of F(+) - F(-) by those of the F that they belong to.

    Programs write a difference after its F, in the same dataset: the nearest before it is meant.
    """
    found: dict[int, int] = {}
    taken = {*mates, *mates.values()}
    for place, column in enumerate(columns):
        if column.type != _DIFFERENCE:
            continue
        before = [
            other
            for other in range(place)
            if columns[other].type == _AMPLITUDE
            and columns[other].dataset_id == column.dataset_id
            and other not in taken
            and not _is_map(columns, other)
        ]
        if before and before[-1] not in found:
            found[before[-1]] = place
    return found


def _is_map(columns: Sequence[Any], place: int) -> bool:
    """Whether a column is that of a map: by its label, or by that of the phases after it."""
    label = columns[place].label
    phases = {column.label.upper() for column in columns if column.type == _PHASE}
    return _MAP.match(label) is not None or f"PH{label.upper()}" in phases


def _without_amplitudes(
    source: SourceFile, columns: Sequence[Any], maps: Sequence[AmplitudeSet]
) -> InputFileError:
    if any(column.type in _INTENSITIES for column in columns):
        labels = ", ".join(
            f"{column.label} ({column.type})" for column in columns if column.type in _INTENSITIES
        )
        return source.error(
            f"it has intensities ({labels}) and no amplitudes: {_remedy(source, columns)}"
        )
    if maps:
        label, listed = maps[0].labels[0], ", ".join(one.name for one in maps)
        return source.error(
            f"its only amplitudes are coefficients of maps ({listed}), "
            "which are not the F of a crystal; if you mean them, name them: --mtz "
            f"{_quoted(f'{source.name}:{label}')}, in TOML mtz_column = {label!r}"
        )
    others = ", ".join(
        f"{column.label} ({_TYPES.get(column.type, column.type)})"
        for column in columns
        if column.type != _INDEX
    )
    return source.error(
        f"it has no column of amplitudes (type F, or G in pairs), only {others or 'indices'}: name "
        "another file"
    )


def _remedy(source: SourceFile, columns: Sequence[Any]) -> str:
    """What makes amplitudes of the intensities."""
    of = {kind: [c.label for c in columns if c.type == kind] for kind in ("J", "Q", "K", "M")}
    of_columns = ""
    if of["J"]:
        of_columns += f" -colin '/*/*/[{of['J'][0]},{(of['Q'] or ['SIGIMEAN'])[0]}]'"
    if len(of["K"]) >= 2 and len(of["M"]) >= 2:
        (plus, minus), (of_plus, of_minus) = of["K"][:2], of["M"][:2]
        of_columns += f" -colano '/*/*/[{plus},{of_plus},{minus},{of_minus}]'"
    name = _quoted(source.name)
    return (
        f"make amplitudes of them, by `ctruncate -mtzin {name} -mtzout F.mtz{of_columns}` (CCP4) "
        f"or `phenix.french_wilson {name}`"
    )


def _quoted(word: str) -> str:
    """As a shell needs it."""
    return word if re.fullmatch(r"[\w@%+=:,./-]+", word) else f'"{word}"'
