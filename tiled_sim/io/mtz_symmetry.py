"""The space group of an MTZ, which its header says twice: by a name and by operators."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from tiled_sim.io.source_file import SourceFile
from tiled_sim.io.space_group import absences_of, rotations_of

_RECORD = 80
_HEADER = b"VERS MTZ"
#: Centrings, screws and glides all show in so many nodes.
_LOW, _SHAPE = (-6, -6, -6), (13, 13, 13)
_REMEDY = "set the right one, by SYMMETRY of CCP4's cad"


def space_group_of(gemmi: ModuleType, source: SourceFile, content: bytes, mtz: Any) -> Any:
    """The space group by which the reflections are expanded.

    gemmi goes by the name alone, and CCP4's programs by the operators: where the two act on
    reflections in different ways, nobody can tell which is meant.

    Parameters
    ----------
    gemmi : the module
    source : the file
    content : its bytes, unpacked
    mtz : as gemmi reads it

    Raises
    ------
    InputFileError
        name and operators contradict each other, or no group is known by either
    """
    named, operated, triplets = mtz.spacegroup, None, _operators(content)
    if triplets:
        operators = gemmi.GroupOps([gemmi.Op(triplet) for triplet in triplets])
        operated = gemmi.find_spacegroup_by_ops(operators)
    if named is None and operated is None:
        raise source.error(
            f"its space group {mtz.spacegroup_name!r} is unknown, so its reflections cannot be "
            f"expanded to P1: {_REMEDY}"
        )
    if named is not None and operated is not None and not _act_alike(named, operated):
        raise source.error(
            f"its space group is {named.xhm()} by the name {mtz.spacegroup_name!r}, and "
            f"{operated.xhm()} by its operators ({'; '.join(triplets)}): {_REMEDY}"
        )
    # the operators tell axes and origin, too
    return named if operated is None else operated


def _operators(content: bytes) -> list[str]:
    """Of the SYMM records of the header."""
    return [
        "".join(record[4:].decode("ascii", "replace").split())
        for record in _records(content)
        if record.startswith(b"SYMM ")
    ]


def is_whole(content: bytes) -> bool:
    """Whether an MTZ has the end of its header, which is that of the file but for a history."""
    return any(record.startswith(b"END ") for record in _records(content))


def _records(content: bytes) -> Iterator[bytes]:
    """Those of the header."""
    header = content[max(content.rfind(_HEADER), 0) :]
    return (header[at : at + _RECORD] for at in range(0, len(header), _RECORD))


def _act_alike(one: Any, other: Any) -> bool:
    """Whether two groups have the same equivalents and the same absences."""
    if not np.array_equal(rotations_of(one), rotations_of(other)):
        return False
    first, second = (
        np.zeros(_SHAPE, dtype=bool) if rule is None else rule.on_grid(_LOW, _SHAPE)
        for rule in map(absences_of, (one, other))
    )
    return bool(np.array_equal(first, second))
