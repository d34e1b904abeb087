"""Models of crystals: atoms and cell of a PDB or mmCIF file, read by gemmi."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tiled_sim.io.atoms import check_atoms, check_cif_numbers, check_pdb_numbers
from tiled_sim.io.refln_cif import is_cif
from tiled_sim.io.source_file import MAX_BYTES, SourceFile, read_source
from tiled_sim.io.space_group import gemmi_for, misfit
from tiled_sim.model.structure_factors import Cell
from tiled_sim.physics.cell import cell_volume

_ATOM = re.compile(rb"^(?:ATOM  |HETATM)", re.MULTILINE)
_OTHERS = "an MTZ or a CIF of structure factors is read with --mtz, a list with -hkl"


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """A model as its file has it, found to be one that scatters.

    Parameters
    ----------
    source : the file
    structure : gemmi's, with one model, copies by non-crystallographic symmetry among its atoms
    space_group : gemmi's
    cell : [Å], [°]
    resolution : to which the file says that it was refined [Å]; None: it does not say
    notes : what the user should know of
    """

    source: SourceFile
    structure: Any
    space_group: Any
    cell: Cell
    resolution: float | None
    notes: tuple[str, ...]

    @property
    def model(self) -> Any:
        """The only model."""
        return self.structure[0]

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols of the elements of its atoms, each once; deuterium is H."""
        return tuple(sorted({element_of(found.atom) for found in self.model.all()}))


def element_of(atom: Any) -> str:
    """Symbol of the element of an atom of gemmi's; deuterium scatters as H."""
    name = str(atom.element.name)
    return "H" if name == "D" else name


def read_coordinates(path: str | Path) -> Coordinates:
    """Read a model of a crystal, PDB or mmCIF, gzipped or not.

    Raises
    ------
    InputFileError
        the file cannot be read, or is none of a model; it has no cell, no space group, no atoms,
        or several models; a number of an atom is none, or none that can be, an element is unknown,
        or alternatives together occupy a place more than once
    UsageError
        gemmi is not installed
    """
    gemmi = gemmi_for("a model", "models")
    source = read_source(path)
    structure = _parsed(gemmi, source)
    cell = _cell(source, structure)
    space_group = _space_group(source, structure, cell)
    count = sum(model.count_atom_sites() for model in structure)
    if not count:
        raise source.error(f"it has no atoms: name a file of coordinates ({_OTHERS})")
    if len(structure) > 1:
        raise source.error(
            f"it holds {len(structure)} models, and a crystal is one: write the one that is meant "
            "into a file of its own"
        )
    # first, so that an atom is told by its own name and line, and not by those of a copy
    notes = check_atoms(gemmi, source, structure)
    copies = sum(not operation.given for operation in structure.ncs)
    if copies:
        structure.expand_ncs(gemmi.HowToNameCopiedChain.Dup)
        notes.append(
            f"{copies} copies by non-crystallographic symmetry are added, "
            f"{structure[0].count_atom_sites()} atoms in all"
        )
    structure.setup_cell_images()
    resolution = float(structure.resolution)
    return Coordinates(
        source,
        structure,
        space_group,
        cell,
        resolution if resolution > 0 else None,
        (f"{count} atoms, {space_group.xhm()}", *notes),
    )


def read_coordinates_cell(path: str | Path) -> Cell:
    """The cell of a model. Raises as `read_coordinates`, for what concerns the cell."""
    gemmi, source = gemmi_for("a model", "models"), read_source(path)
    return _cell(source, _parsed(gemmi, source))


def _parsed(gemmi: ModuleType, source: SourceFile) -> Any:
    """The structure as gemmi reads it."""
    content = source.unpacked(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise source.error(f"it unpacks to more than {MAX_BYTES} bytes: name another file")
    in_cif = is_cif(content)
    if in_cif and b"_atom_site." not in content:
        small = b"_atom_site_" in content
        why = (
            "this is a CIF of a small molecule, and only mmCIF is read: convert it, by `gemmi "
            f"convert {source.name} model.pdb`"
            if small
            else f"this CIF has no coordinates (_atom_site.): {_OTHERS}"
        )
        raise source.error(why)
    if not in_cif and not _ATOM.search(content):
        raise source.error(f"it is neither PDB, with ATOM or HETATM records, nor mmCIF: {_OTHERS}")
    try:
        # gemmi takes letters among numbers for 0, an occupancy left out for 0 or 1, a B for 0 or 20
        if in_cif:
            check_cif_numbers(gemmi, source, content)
        else:
            check_pdb_numbers(source, content)
        form = gemmi.CoorFormat.Mmcif if in_cif else gemmi.CoorFormat.Pdb
        return gemmi.read_structure_string(content, format=form)
    except (RuntimeError, ValueError, IndexError, MemoryError) as error:
        reason = " ".join(str(error).replace("string:", "line ", 1).split())
        raise source.error(f"gemmi cannot read it ({reason}): mend or copy it again") from None


def _cell(source: SourceFile, structure: Any) -> Cell:
    a, b, c, alpha, beta, gamma = (float(value) for value in structure.cell.parameters)
    angles = np.radians([alpha, beta, gamma])
    is_there = (
        structure.cell.is_crystal()
        and np.isfinite([a, b, c, *angles]).all()
        and angles.min() > 0
        and angles.max() < np.pi
        and cell_volume(np.array([a, b, c]), angles) > 0
    )
    if not is_there:
        raise source.error(
            "it names no cell that a crystal has: write its record, `CRYST1` with a b c alpha beta "
            "gamma and the space group (in mmCIF _cell.length_a … and _symmetry."
            "space_group_name_H-M); a model of no crystal, of NMR say, has none"
        )
    return a, b, c, alpha, beta, gamma


def _space_group(source: SourceFile, structure: Any, cell: Cell) -> Any:
    found = structure.find_spacegroup()
    if found is None:
        named = structure.spacegroup_hm
        raise source.error(
            f"its space group {named!r} is none that gemmi knows: write one, such as 'P 21 21 21', "
            "in columns 56-66 of CRYST1 (in mmCIF _symmetry.space_group_name_H-M)"
            if named
            else "it names no space group: write it in columns 56-66 of CRYST1 (in mmCIF "
            "_symmetry.space_group_name_H-M)"
        )
    if wrong := misfit(found, cell):
        raise source.error(f"{wrong}: correct one, in CRYST1 (in mmCIF _symmetry and _cell)")
    return found
