"""The ``[crystal]`` of a TOML file."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from tiled_sim.io.domains import parse_domains, read_domains
from tiled_sim.io.matrix import MosflmMatrix, read_matrix
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.diffuse import DIFFUSE_REACH, Diffuse
from tiled_sim.model.domains import LISTED, Domains, ListedDomains
from tiled_sim.model.experiment import Reflections
from tiled_sim.model.recorded import IndexedCrystal
from tiled_sim.physics.cell import cell_volume, dual, reciprocal_from_cell
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Array, about_fixed_axes
from tiled_sim.read.domains import drawn_domains
from tiled_sim.read.file_cell import cell_of_file, of_radians, spelt
from tiled_sim.read.matrices import reciprocal_of
from tiled_sim.read.recorded import crystal_notes
from tiled_sim.read.toml.keys import known
from tiled_sim.read.toml.table import Table

_DIRECT, _RECIPROCAL = ("a", "b", "c"), ("a_star", "b_star", "c_star")
_VECTORS = (*_DIRECT, *_RECIPROCAL)
_CELL = ("cell", "cell_angles")
_LISTED = ("mosaic_file", "mosaic_rotations")
_DRAWN = ("mosaic_spread", "mosaic_domains", "mosaic_seed")


def read_crystal(
    table: Table,
    wavelength: float,
    structure_factors: Reflections,
    notes: list[str],
    recorded: IndexedCrystal | None = None,
) -> Crystal:
    """Read orientation, size, shape and mosaic.

    The orientation is that of the vectors, or of ``cell`` (a* along +X, b* in the XY plane),
    ``matrix`` or a geometry file, which ``misset`` then turns about the laboratory's X, Y and Z in
    this order.

    Parameters
    ----------
    table : ``[crystal]``
    wavelength : that a MOSFLM matrix is multiplied by [Å]
    structure_factors : whose file may name the cell, where this table does not; and whether the
        cell that a file names is to be ignored, which counts for a matrix file, too
    notes : what the user should know is added here
    recorded : in a geometry file, in the lab, which counts where this table says no crystal, before
        the file of structure factors; None: there is none

    Raises
    ------
    ExperimentError
        for values that contradict each other, are missing or cannot be
    InputFileError
        for a matrix that cannot be read, or makes no sense
    """
    if recorded is None or said_crystal(table):
        direct, reciprocal = _vectors(table, wavelength, structure_factors, notes)
    else:
        direct, reciprocal = _recorded_vectors(table, recorded)
        notes += crystal_notes(recorded, "cell, matrix or the vectors a, b, c in [crystal]")
    vectors = dict(zip(_VECTORS, (*direct.tolist(), *reciprocal.tolist()), strict=True))
    return table.build(
        Crystal,
        **{name: tuple(vector) for name, vector in vectors.items()},
        cells=table.integers_or_one("cells", 3),
        shape=table.text("shape", "square"),
        fudge=table.number("fudge", 1.0),
        domains=_domains(table, notes),
        diffuse=_diffuse(table),
        share=table.number("share", 1.0),
    )


def read_further(
    tables: list[Table],
    first: Crystal,
    wavelength: float,
    structure_factors: Reflections,
    notes: list[str],
) -> tuple[Crystal, ...]:
    """Read the crystals beside the first.

    One that says a cell, matrix or vectors is a crystal of its own, as `read_crystal` reads it. Any
    other is the first, turned by ``misset`` as it stands, but for what else it says.

    Parameters
    ----------
    tables : of ``[[crystals]]``
    first : of ``[crystal]``
    wavelength, structure_factors, notes : as `read_crystal`
    """
    return tuple(
        read_crystal(table, wavelength, structure_factors, notes)
        if said_crystal(table)
        else _like(first, table, notes)
        for table in tables
    )


def _like(first: Crystal, table: Table, notes: list[str]) -> Crystal:
    """The first crystal again, but for what a table says."""
    said: dict[str, Any] = {"share": table.number("share", 1.0)}
    if "cells" in table:
        said["cells"] = table.integers_or_one("cells", 3)
    if "shape" in table:
        said["shape"] = table.text("shape")
    if "fudge" in table:
        said["fudge"] = table.number("fudge")
    if table.named("mosaic_kind", *_DRAWN, *_LISTED):
        said["domains"] = _domains(table, notes)
    if "diffuse" in table:
        said["diffuse"] = _diffuse(table)
    misset = read_misset(table)
    turned = first if misset is None else first.turned(misset)
    return table.build(lambda: replace(turned, **said))


def _diffuse(table: Table) -> Diffuse | None:
    """How atoms are displaced; None: it is not said."""
    if "diffuse" not in table:
        return None
    of_diffuse = table.table("diffuse", known("crystal", "diffuse"))
    return of_diffuse.build(
        Diffuse,
        gamma=of_diffuse.numbers_or_one("gamma", 3),
        sigma=of_diffuse.numbers_or_one("sigma", 3),
        reach=of_diffuse.integer("reach", DIFFUSE_REACH),
    )


def _domains(table: Table, notes: list[str]) -> Domains:
    """Mosaic domains, listed or drawn."""
    way = table.choose("what the mosaic domains are", *((name,) for name in _LISTED), _DRAWN)
    kind = table.text("mosaic_kind") if "mosaic_kind" in table else None
    if way is not None and way != _DRAWN:
        if kind not in (LISTED, None):
            raise table.error(
                f"{table.named(*_LISTED)} lists the domains, and mosaic_kind = {kind!r} does not: "
                "leave one of them out"
            )
        return table.build(Domains.of_list, listed=_listed(table))
    if kind == LISTED:
        raise table.error(f"mosaic_kind = {kind!r} needs {' or '.join(_LISTED)}")
    spread: float | tuple[float, ...] = 0.0
    if "mosaic_spread" in table:
        spread = table.number_or_numbers("mosaic_spread", 3)
    domains, note = table.build(
        drawn_domains,
        kind=kind,
        spread=spread,
        count=table.integer("mosaic_domains") if "mosaic_domains" in table else None,
        seed=table.integer("mosaic_seed") if "mosaic_seed" in table else None,
    )
    notes += [note] if note else []
    return domains


def _listed(table: Table) -> ListedDomains:
    """The domains of a file, or of the document's own text."""
    if "mosaic_file" in table:
        with table.reading("mosaic_file"):
            return read_domains(table.path("mosaic_file"))
    return parse_domains(
        f"{table.file}: [crystal] mosaic_rotations", table.text("mosaic_rotations")
    )


def said_crystal(table: Table) -> str:
    """Keys that say what the crystal is; empty: none does."""
    return table.named(*_VECTORS, *_CELL, "matrix")


def read_misset(table: Table) -> Array | None:
    """What turns the crystal in the lab, (3, 3); None: nothing."""
    return about_fixed_axes(*table.vector("misset")) if "misset" in table else None


def _recorded_vectors(table: Table, recorded: IndexedCrystal) -> tuple[Array, Array]:
    """Rows a, b, c [Å] and a*, b*, c* [1/Å] of a crystal in the lab, missetted."""
    misset = read_misset(table)
    if misset is not None:
        recorded = recorded.turned(misset)
    return recorded.direct_vectors, recorded.reciprocal_vectors


def _vectors(
    table: Table, wavelength: float, structure_factors: Reflections, notes: list[str]
) -> tuple[Array, Array]:
    """Rows a, b, c [Å] and a*, b*, c* [1/Å]."""
    what = "what the crystal's cell and orientation are"
    way = table.choose(what, _VECTORS, _CELL, ("matrix",))
    if way is None:
        cell = cell_of_file(structure_factors)
        if cell is None:
            raise table.error(
                "no crystal: give cell_A and cell_angles_deg, or matrix, or the vectors a_A, b_A "
                "and c_A (or a_star_per_A, b_star_per_A and c_star_per_A)"
            )
        notes.append(f"the cell is that of {structure_factors.path}: {spelt(cell)}")
        lengths, angles = np.array(cell[:3]), np.array(cell[3:]) / RADIAN
        return _misset(table, reciprocal_from_cell(lengths, angles))
    if way == _VECTORS:
        table.choose("how the crystal is oriented", _VECTORS, ("misset",))
        return _given_vectors(table)
    if way == ("matrix",):
        matrix = _matrix(table)
        notes += [matrix.note] if matrix.note else []
        ignored = structure_factors.ignore_file_cell
        with table.reading("matrix"):
            reciprocal = reciprocal_of(matrix, wavelength, None, ignore_file_cell=ignored)
        return _misset(table, reciprocal)
    return _misset(table, _of_cell(table))


def _given_vectors(table: Table) -> tuple[Array, Array]:
    """Both sets as they stand; where only one is given, the other is its dual."""
    direct, reciprocal = (
        np.array([table.vector(name) for name in names])
        if any(name in table for name in names)
        else None
        for names in (_DIRECT, _RECIPROCAL)
    )
    if direct is None:
        assert reciprocal is not None
        return _dual(table, reciprocal), reciprocal
    return direct, _dual(table, direct) if reciprocal is None else reciprocal


def _of_cell(table: Table) -> Array:
    """Reciprocal vectors in the default orientation, exactly of this cell [1/Å]."""
    lengths = np.array(table.numbers("cell", 3))
    angles = np.array(table.numbers("cell_angles", 3))
    exists = lengths.min() > 0 and angles.min() > 0 and angles.max() < math.pi
    if not exists or not cell_volume(lengths, angles) > 0:
        raise table.error(
            f"no such cell exists: {lengths.tolist()} Å, {(angles * RADIAN).round(6).tolist()}°"
        )
    if wrong := of_radians((angles * RADIAN).tolist()):
        raise table.error(f"cell_angles: {wrong} (or name them cell_angles_rad)")
    return reciprocal_from_cell(lengths, angles)


def _matrix(table: Table) -> MosflmMatrix:
    with table.reading("matrix"):
        return read_matrix(table.path("matrix"))


def _misset(table: Table, reciprocal: Array) -> tuple[Array, Array]:
    misset = read_misset(table)
    if misset is not None:
        reciprocal = reciprocal @ misset.T
    return _dual(table, reciprocal), reciprocal


def _dual(table: Table, vectors: Array) -> Array:
    if float(np.linalg.det(vectors)) == 0.0:
        raise table.error(f"{table.named(*_VECTORS, 'matrix')} span no cell")
    return dual(vectors)
