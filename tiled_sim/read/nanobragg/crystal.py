"""The crystal of a nanoBragg command: cell, orientation, size, mosaic domains."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.io.matrix import read_matrix
from tiled_sim.model.crystal import LEAN, LONGEST_EDGE, MOST_CELLS, SHORTEST_EDGE, Crystal
from tiled_sim.model.experiment import Reflections
from tiled_sim.model.recorded import IndexedCrystal
from tiled_sim.model.values import whole
from tiled_sim.physics.cell import (
    cell_volume,
    dual,
    lengths_and_angles,
    reciprocal_from_cell,
    with_lengths,
)
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.orientation import random_missetting
from tiled_sim.physics.vectors import Array, Vector, about_fixed_axes, as_tuple
from tiled_sim.read.file_cell import cell_of_file, of_radians, spelt
from tiled_sim.read.matrices import (
    cell_of,
    cells_differ,
    in_words,
    reciprocal_of,
    require_crystal,
)
from tiled_sim.read.nanobragg.beam import read_beam_size
from tiled_sim.read.nanobragg.clipping import in_beam
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.domains import OwnMosaic, read_mosaic
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.nanobragg.outputs import random_misset
from tiled_sim.read.recorded import crystal_notes

_SHAPES = {
    "-square_xtal": "square",
    "-round_xtal": "round",
    "-gauss_xtal": "gauss_star",
    "-tophat_spots": "tophat",
}


def read_crystal(
    given: Given,
    wavelength: float,
    structure_factors: Reflections,
    clip_to_beam: bool | None,
    conflicts: Conflicts,
    recorded: IndexedCrystal | None = None,
    mosaic: OwnMosaic | None = None,
) -> tuple[Crystal, tuple[int, int, int]]:
    """The crystal, and the numbers of cells that were given as such.

    Without ``-cell`` and ``-mat`` it is the one recorded in a geometry file, in the lab, or else
    its cell is that of the file of structure factors.
    """
    if recorded is not None and not given.any_of("-cell", "-mat"):
        direct, reciprocal = _recorded_vectors(given, recorded, conflicts)
    else:
        direct, reciprocal = _vectors(given, wavelength, structure_factors, conflicts)
    shape = given.last_of(*_SHAPES)
    fudge = given.number("-fudge")
    by_number = _cells_by_number(given)
    a, b, c = (as_tuple(row) for row in direct)
    a_star, b_star, c_star = (as_tuple(row) for row in reciprocal)
    crystal = Crystal(
        *(a, b, c, a_star, b_star, c_star),
        cells=(max(by_number[0], 1), max(by_number[1], 1), max(by_number[2], 1)),
        shape="square" if shape is None else _SHAPES[shape],
        fudge=1.0 if fudge is None else fudge,
        domains=read_mosaic(given, mosaic or OwnMosaic(), conflicts),
    )
    return replace(crystal, cells=_cells(given, crystal, clip_to_beam, conflicts)), by_number


def _vectors(
    given: Given, wavelength: float, structure_factors: Reflections, conflicts: Conflicts
) -> tuple[Array, Array]:
    """Rows a, b, c [Å] and a*, b*, c* [1/Å]."""
    path, values = given.text("-mat"), _cell_values(given, structure_factors, conflicts)
    reciprocal = np.zeros((3, 3))
    lengths, angles, volume = np.zeros(3), np.zeros(3), math.nan
    if values is not None:
        numbers = [float(value) for value in values] + [0.0] * (6 - len(values))
        _check_cell([float(value) for value in values], conflicts)
        edges = [number if number > 0 else numbers[0] for number in numbers[:3]]
        angles = np.array([angle if angle > 0 else 90.0 for angle in numbers[3:]]) / RADIAN
        lengths, volume = np.array(edges), cell_volume(np.array(edges), angles)
        if not volume > 0:
            raise ExperimentError(f"-cell {' '.join(map(str, values))}: no such cell exists")
        reciprocal = reciprocal_from_cell(lengths, angles, as_c=True)
    if path is not None:
        cell = None if values is None else np.concatenate([lengths, np.degrees(angles)])
        reciprocal = _of_matrix(
            path, wavelength, cell, conflicts, structure_factors.ignore_file_cell
        )
    misset = read_misset(given, conflicts)
    if misset is not None:
        reciprocal = reciprocal @ misset.T
    if values is None:
        return dual(reciprocal), reciprocal
    direct, reciprocal = with_lengths(reciprocal, lengths, volume)
    _refuse_skewed(values, direct, reciprocal)
    _, made = lengths_and_angles(direct)
    if float(np.abs(made - angles).max()) > 1e-6:
        conflicts.note(
            f"the cell's angles come out as {' '.join(f'{x:.4f}' for x in np.degrees(made))}°, "
            "as in C, which orients a triclinic -cell (or a -mat of another cell) so; the "
            "cell of a TOML experiment is exact"
        )
    return direct, reciprocal


def _recorded_vectors(
    given: Given, recorded: IndexedCrystal, conflicts: Conflicts
) -> tuple[Array, Array]:
    """Rows a, b, c [Å] and a*, b*, c* [1/Å] of a crystal in the lab, missetted."""
    misset = read_misset(given, conflicts)
    if misset is not None:
        recorded = recorded.turned(misset)
    for note in crystal_notes(recorded, "-cell or -mat"):
        conflicts.note(note)
    return recorded.direct_vectors, recorded.reciprocal_vectors


def _refuse_skewed(values: Sequence[float | str], direct: Array, reciprocal: Array) -> None:
    """Refuse a cell that C makes so wrong that direct and reciprocal vectors do not go together."""
    share = abs(float(np.trace(direct @ reciprocal.T)) / 3.0)
    if abs(share - 1.0) < LEAN:
        return
    raise ExperimentError(
        f"-cell {' '.join(map(str, values))}: C orients a triclinic cell wrongly, and makes one of "
        f"{share:.3g} times the volume of this one. Write the experiment in TOML (cell_A and "
        "cell_angles_deg in [crystal]), where the cell is exact, give -mat FILE alone, or a less "
        "skewed cell of the same lattice"
    )


def _of_matrix(
    path: str, wavelength: float, cell: Array | None, conflicts: Conflicts, ignore_file_cell: bool
) -> Array:
    """Rows a*, b*, c* [1/Å] of ``-mat``; `cell` is that of ``-cell`` [Å, °]."""
    matrix = read_matrix(path)
    conflicts.note(matrix.note)
    if conflicts.c_compat:
        require_crystal(matrix)
        return matrix.vectors / wavelength
    reciprocal = reciprocal_of(matrix, wavelength, cell, ignore_file_cell=ignore_file_cell)
    own = cell_of(reciprocal)
    if cell is not None and cells_differ(own, cell):
        conflicts.note(
            f"-mat {path} gives the cell {in_words(own)} at {wavelength:g} Å; the crystal has its "
            f"directions, and lengths and volume of -cell, {in_words(cell)}"
        )
    return reciprocal


def _cell_values(
    given: Given, structure_factors: Reflections, conflicts: Conflicts
) -> Sequence[float | str] | None:
    """Values of ``-cell``, or else those of the file of F; None beside a matrix."""
    values = given.values("-cell")
    if values is not None or "-mat" in given:
        return values
    cell = cell_of_file(structure_factors)
    if cell is None:
        raise ExperimentError(
            "no crystal: give -cell a b c alpha beta gamma, or -mat FILE, or --mtz FILE or "
            "--model FILE that names its cell"
        )
    conflicts.note(f"-cell {spelt(cell)} is that of {structure_factors.path}")
    return cell


def _check_cell(values: list[float], conflicts: Conflicts) -> None:
    """Refuse lengths and angles that no cell has; 0 stands for one that is not given."""
    said = f"-cell {' '.join(f'{value:g}' for value in values)}"
    for value, name in zip(values, ("a", "b", "c", "alpha", "beta", "gamma"), strict=False):
        is_angle = len(name) > 1
        if value == 0 and name != "a":
            conflicts.note(f"{said}: {name} is {'90°' if is_angle else 'a'}, as in C")
        elif value < 0 and conflicts.c_compat and name != "a":
            conflicts.note(f"as C: {said}: {name} is {'90°' if is_angle else 'a'}")
        elif is_angle and not 0 < value < 180:
            raise ExperimentError(f"{said}: {name} = {value:g}° must lie between 0 and 180°")
        elif not is_angle and not SHORTEST_EDGE <= value <= LONGEST_EDGE:
            raise ExperimentError(
                f"{said}: {name} = {value:g} Å must lie between {SHORTEST_EDGE:g} and "
                f"{LONGEST_EDGE:g} Å; check its unit"
            )
    if wrong := of_radians(values[3:]):
        raise ExperimentError(f"{said}: {wrong}")


def read_misset(given: Given, conflicts: Conflicts) -> Array | None:
    """What turns the crystal in the lab, (3, 3); None: it is not missetted."""
    angles = _missetting(given, conflicts)
    return None if angles is None else about_fixed_axes(*(angle / RADIAN for angle in angles))


def _missetting(given: Given, conflicts: Conflicts) -> Vector | None:
    """Angles about X, then Y, then Z [°]."""
    if not random_misset(given):
        return given.vector("-misset")
    seeds = [given.integer(option) for option in ("-misset_seed", "-seed") if option in given]
    seed = seeds[0] if seeds and seeds[0] is not None else 1
    x, y, z = angles = random_missetting(seed)
    conflicts.note(f"-misset random of seed {seed} is -misset {x!r} {y!r} {z!r}")
    return angles


def twin_of(crystal: Crystal, x: float, y: float, z: float, share: float) -> Crystal:
    """A crystal again, turned as it stands, with another share.

    Parameters
    ----------
    crystal : at phi 0
    x, y, z : angles about X, then Y, then Z of the laboratory [°]
    share : of the light

    Raises
    ------
    ExperimentError
        for an angle that is no finite number
    """
    if not all(map(math.isfinite, (x, y, z))):
        raise ExperimentError(f"--twin {x:g} {y:g} {z:g}: its angles must be finite")
    turn = about_fixed_axes(*(angle / RADIAN for angle in (x, y, z)))
    return replace(crystal.turned(turn), share=float(share))


def _cells_by_number(given: Given) -> tuple[int, int, int]:
    def cells(letter: str) -> int:
        option = given.last_of("-N", f"-N{letter}")
        number = 1 if option is None else (given.integer(option) or 0)
        if number > MOST_CELLS:
            raise ExperimentError(
                f"{option} {number} cells along {letter} are more than the {MOST_CELLS} that are "
                "allowed"
            )
        return number

    return cells("a"), cells("b"), cells("c")


def _cells(
    given: Given, crystal: Crystal, clip_to_beam: bool | None, conflicts: Conflicts
) -> tuple[int, int, int]:
    """Number of cells along a, b, c: from the size where one is given."""
    beam_size = read_beam_size(given)
    lengths = np.linalg.norm(crystal.direct_vectors, axis=1)
    numbers = []
    for index, (axis, letter) in enumerate(zip("xyz", "abc", strict=True)):
        option = given.last_of("-xtal_size", f"-xtal_{axis}")
        size = given.number(option) if option else None
        if option is None or size is None or size <= 0:
            numbers.append(crystal.cells[index])
            continue
        # the C program takes a negative size for a beam without an end
        if axis != "x" and 0 <= beam_size < size:
            size = in_beam(f"{option} {size:g} mm", size, beam_size, clip_to_beam, conflicts)
        number = max(whole(size * 1e7 / float(lengths[index])), 1)
        if number > MOST_CELLS:
            raise ExperimentError(
                f"{option} {size:g} mm are {number} cells along {letter}, more than the "
                f"{MOST_CELLS} that are allowed; check its unit"
            )
        by_number = given.last_of("-N", f"-N{letter}")
        if by_number is not None and given.integer(by_number) != number:
            conflicts.settle(
                f"{by_number} {given.integer(by_number)} and {option} {size:g} mm ({number} cells "
                f"along {letter}) contradict each other",
                f"{option} wins",
            )
        numbers.append(number)
    Na, Nb, Nc = numbers
    return Na, Nb, Nc
