"""Cells that files name: taken where nothing else is said, and held against what is."""

import math
from collections.abc import Sequence

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.io.coordinates import read_coordinates_cell
from tiled_sim.io.mtz import read_mtz_cell
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.experiment import Reflections
from tiled_sim.model.structure_factors import Cell
from tiled_sim.physics.cell import (
    cell_volume,
    lengths_and_angles,
    reciprocal_from_cell,
    with_lengths,
)
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Array

#: Cells are the same whose lengths differ by no more than this share, and angles by no more [°].
SAME_LENGTH, SAME_ANGLE = 0.005, 0.5
_NAMES = ("a", "b", "c", "alpha", "beta", "gamma")
IGNORE = "--ignore-file-cell (in TOML ignore_file_cell = true in [structure_factors])"


def cell_of_file(reflections: Reflections) -> Cell | None:
    """The cell that a source of F names; None if it names none, or if that is to be ignored.

    Raises
    ------
    InputFileError, UsageError
        the file cannot be read
    """
    if reflections.ignore_file_cell:
        return None
    if reflections.format == "model":
        return read_coordinates_cell(str(reflections.path))
    if reflections.format == "mtz":
        return read_mtz_cell(str(reflections.path), reflections.column)
    return None


def spelt(cell: Cell) -> str:
    """A cell in a line."""
    return " ".join(f"{value:.6g}" for value in cell)


def of_radians(angles: Sequence[float]) -> str:
    """What is wrong with angles that were written in radians; empty if they were not.

    Parameters
    ----------
    angles : as many as are said of alpha, beta, gamma [°]; 0 stands for one that is not
    """
    if not angles or not 0.0 < max(angles) < math.pi:
        return ""
    degrees = " ".join(f"{np.degrees(angle):.5g}" for angle in angles)
    return (
        f"angles of {' '.join(f'{angle:.6g}' for angle in angles)}° are no cell's; if they are in "
        f"radians, write {degrees}"
    )


def disagreement(name: str, cell: Cell | None, crystal: Crystal) -> str:
    """What is wrong with a file of another cell than the crystal's; empty if it is the same.

    Parameters
    ----------
    name : of the file
    cell : that it names; None: none, which disagrees with nothing
    crystal : with any orientation
    """
    if cell is None:
        return ""
    lengths, angles = lengths_and_angles(crystal.direct_vectors)
    own = np.concatenate([lengths, np.degrees(angles)])
    wrong = _differing(np.array(cell), own)
    # a triclinic -cell becomes, as in C, a little different (docs/differences.md, row 37)
    if not wrong or not _differing(_as_c(cell), own):
        return ""
    of_crystal = spelt(tuple(own.tolist()))
    return (
        f"{name} is of the cell {spelt(cell)} (Å, °), the crystal has {of_crystal}: "
        f"{', '.join(wrong)} differ{'s' if len(wrong) == 1 else ''} by more than "
        f"{100 * SAME_LENGTH:g} % or {SAME_ANGLE:g}°. Leave -cell or -mat out to take the cell of "
        f"an MTZ or a model (in TOML the cell of [crystal]), name the file of this crystal, "
        f"or say {IGNORE}"
    )


def require_same_cell(name: str, cell: Cell | None, crystal: Crystal) -> None:
    """Refuse a file of another cell than the crystal's.

    Parameters
    ----------
    name, cell, crystal : as of `disagreement`

    Raises
    ------
    ExperimentError
        naming both
    """
    if wrong := disagreement(name, cell, crystal):
        raise ExperimentError(wrong)


def _differing(cell: Array, other: Array) -> list[str]:
    """Names of the lengths and angles that are not the same."""
    apart = np.abs(cell - other)
    allowed = np.concatenate([SAME_LENGTH * np.maximum(cell, other)[:3], np.full(3, SAME_ANGLE)])
    return [name for name, wrong in zip(_NAMES, apart > allowed, strict=True) if wrong]


def _as_c(cell: Cell) -> Array:
    """The cell that C makes of this ``-cell``."""
    lengths, angles = np.array(cell[:3]), np.array(cell[3:]) / RADIAN
    directions = reciprocal_from_cell(lengths, angles, as_c=True)
    direct, _ = with_lengths(directions, lengths, cell_volume(lengths, angles))
    made, between = lengths_and_angles(direct)
    return np.concatenate([made, np.degrees(between)])
