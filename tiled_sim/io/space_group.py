"""Space groups by their names, and what they do to reflections."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import MissingExtraError, UsageError
from tiled_sim.model.absences import PER_EDGE, Absences, Rotation, Translation
from tiled_sim.model.structure_factors import Cell, StructureFactors
from tiled_sim.physics.cell import dual, lengths_and_angles, reciprocal_from_cell

#: What the symmetry of a cell may leave open, as numbers are rounded and crystals refined: share of
#: a length, and angle [°].
_SAME_LENGTH, _SAME_ANGLE = 0.005, 0.5


def gemmi_for(purpose: str, extra: str = "mtz") -> ModuleType:
    """The module gemmi.

    Parameters
    ----------
    purpose : what it is needed for, ``an MTZ``
    extra : of ours that brings it

    Raises
    ------
    MissingExtraError
        it is not installed
    """
    try:
        import gemmi
    except ImportError:
        raise MissingExtraError(extra, purpose) from None
    return gemmi


def find_space_group(name: str, angles: tuple[float, float] | None = None) -> Any:
    """The space group of a name.

    Parameters
    ----------
    name : as gemmi knows it: ``P 21 21 21``, ``C2``, ``R 3:H``
    angles : alpha and gamma of the cell [°], which tell an ``R 3`` of hexagonal axes from one of
        rhombohedral ones; None: hexagonal

    Raises
    ------
    UsageError
        there is no such group; gemmi is not installed
    """
    gemmi = gemmi_for("a space group")
    found = gemmi.find_spacegroup_by_name(name, *(angles or ()))
    if found is None:
        raise UsageError(
            f"there is no space group {name!r}: write it as in 'P 21 21 21', 'C 1 2 1' or 'R 3:H' "
            "(with an axis system that differs from the usual one, all of it)"
        )
    return found


def rotations_of(space_group: Any) -> npt.NDArray[np.int64]:
    """Distinct matrices R (n, 3, 3) of a group: hkl · R is equivalent to hkl.

    Translations turn phases alone, and the centring adds no other R.
    """
    found = {_rotation(operation) for operation in space_group.operations().sym_ops}
    return np.array(sorted(found), dtype=np.int64)


def misfit(space_group: Any, cell: Cell) -> str:
    """What is wrong with a cell that a group's rotations turn into another; empty if none does.

    Parameters
    ----------
    space_group : of `find_space_group`, or a file's
    cell : [Å, °]
    """
    lengths, angles = np.array(cell[:3]), np.radians(cell[3:])
    reciprocal = reciprocal_from_cell(lengths, angles)
    for rotation in rotations_of(space_group):
        turned_lengths, turned_angles = lengths_and_angles(dual(rotation @ reciprocal))
        longer = np.abs(turned_lengths / lengths - 1.0) > _SAME_LENGTH
        wider = np.abs(np.degrees(turned_angles - angles)) > _SAME_ANGLE
        if longer.any() or wider.any():
            turned = *turned_lengths, *np.degrees(turned_angles)
            return (
                f"{space_group.xhm()} is no space group of the cell {_spelt(cell)} (Å, °), which "
                f"its rotations turn into {_spelt(turned)}"
            )
    return ""


def _spelt(cell: Cell) -> str:
    return " ".join(f"{value:.6g}" for value in cell)


def absences_of(space_group: Any) -> Absences | None:
    """The rule of a group's absences; None if it has none."""
    operations = list(space_group.operations())
    return Absences.of(
        space_group.xhm(),
        [_rotation(operation) for operation in operations],
        [_translation(operation) for operation in operations],
    )


def of_space_group(factors: StructureFactors, space_group: Any) -> StructureFactors:
    """The same with the absences of a space group, and its name; what is given stays as it is."""
    absences = absences_of(space_group)
    name = space_group.xhm()
    named = replace(
        factors, absences=absences, provenance=replace(factors.provenance, space_group=name)
    )
    if absences is None:
        return named
    forbidden = absences.on_grid(factors.minimum, factors.given.shape)
    against = int(np.count_nonzero(forbidden & factors.given & (factors.amplitude != 0.0)))
    if not against:
        return named
    return named.noted(
        f"{against} reflections have F and are absent by the symmetry of {name}: they keep their F"
    )


def _rotation(operation: Any) -> Rotation:
    return tuple(tuple(number // operation.DEN for number in row) for row in operation.rot)


def _translation(operation: Any) -> Translation:
    return tuple(number * PER_EDGE // operation.DEN % PER_EDGE for number in operation.tran)
