"""Atoms of a model one by one: whether each can scatter, and where it stands in its file."""

import math
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import MAX_BYTES, SourceFile
from tiled_sim.io.text_table import number

#: Alternatives that are rounded to two digits may add up to as much more than 1.
_ROUNDING = 0.051
#: An atom nearer to its own image than this lies on a special position [Å].
_SPECIAL = 0.4
#: Columns of PDB records that hold numbers, from 0 to before the last, and what they say.
_OF_ATOM = (
    (30, 38, "x"),
    (38, 46, "y"),
    (46, 54, "z"),
    (54, 60, "occupancy"),
    (60, 66, "B"),
)
_OF_CIF = ("Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv")
_OF_ANISOU = tuple((28 + 7 * place, 35 + 7 * place, "U") for place in range(6))


def check_pdb_numbers(source: SourceFile, content: bytes) -> None:
    """Refuse a PDB file whose columns of numbers hold none.

    Parameters
    ----------
    source : the file
    content : of it, unpacked

    Raises
    ------
    InputFileError
        naming the line
    """
    text = content.decode("utf-8", "replace")
    for place, line in enumerate(text.splitlines(), start=1):
        record = line[:6].upper()
        if record.rstrip() == "END":
            return
        columns = _OF_ATOM if record in ("ATOM  ", "HETATM") else ()
        for first, stop, name in _OF_ANISOU if record == "ANISOU" else columns:
            word = line[first:stop].strip()
            value = number(word)
            if value is None or not math.isfinite(value):
                raise source.error(
                    f"line {place}: {name} of {_named_in(line)} is {word!r}, in columns "
                    f"{first + 1}-{stop}, and must be a finite number: correct it"
                )


def check_cif_numbers(gemmi: ModuleType, source: SourceFile, content: bytes) -> None:
    """Refuse an mmCIF file whose columns of numbers hold none.

    Parameters
    ----------
    gemmi : the module
    source : the file
    content : of it, unpacked

    Raises
    ------
    InputFileError
        naming the atom by its id
    RuntimeError, ValueError
        of gemmi's, for what is no CIF
    """
    block = gemmi.cif.read_string(content.decode("utf-8-sig", "replace"))[0]
    ids = list(block.find_values("_atom_site.id"))
    for tag in _OF_CIF:
        words = list(block.find_values(f"_atom_site.{tag}"))
        if len(words) != len(ids):
            raise source.error(f"its atoms have no _atom_site.{tag}: write it for each")
        for atom, word in zip(ids, words, strict=True):
            if not math.isfinite(gemmi.cif.as_number(word)):
                raise source.error(
                    f"_atom_site.{tag} of the atom with id {atom} is {word}, and must be a finite "
                    "number: correct it"
                )


def _named_in(line: str) -> str:
    """An atom as a PDB record names it."""
    return " ".join(line[12:27].split())


def check_atoms(gemmi: ModuleType, source: SourceFile, structure: Any) -> list[str]:
    """Refuse atoms that cannot scatter; notes on those that look odd.

    Parameters
    ----------
    gemmi : the module
    source : the file
    structure : gemmi's, with one model

    Raises
    ------
    InputFileError
        naming the first atom that is wrong, and its line where that is found
    """
    structure.setup_cell_images()
    charged, bent, special = 0, 0, 0
    places: dict[tuple[str, str, str], list[Any]] = {}
    for found in structure[0].all():
        atom = found.atom
        if complaint := _wrong(atom):
            raise _error(source, found, complaint)
        charged += atom.charge != 0
        if atom.aniso.nonzero():
            bent += bool(min(atom.aniso.calculate_eigenvalues()) < 0)
        images = structure.cell.is_special_position(atom.pos, _SPECIAL)
        special += images > 0 and atom.occ * (1 + images) > 1.0 + _ROUNDING
        key = found.chain.name, str(found.residue.seqid), atom.name
        places.setdefault(key, []).append(found)
    notes = _alternatives(source, places)
    if charged:
        notes.append(f"{charged} atoms have charges, and scatter as neutral ones")
    if bent:
        notes.append(
            f"{bent} atoms have an ANISOU that is not positive definite: they count as they stand"
        )
    if special:
        notes.append(
            f"{special} atoms lie on a symmetry element, and with their images occupy their place "
            "more than once: they count so (their occupancy should be 1 over the number of images)"
        )
    return notes


def _wrong(atom: Any) -> str:
    """What is wrong with an atom by itself; empty if nothing is."""
    place, tensor = atom.pos.tolist(), atom.aniso.elements_pdb()
    if not all(map(math.isfinite, (*place, atom.occ, atom.b_iso, *tensor))):
        numbers = " ".join(f"{value:g}" for value in (*place, atom.occ, atom.b_iso))
        return (
            f"its x, y, z, occupancy, B are {numbers}, and must be finite: correct them, or leave "
            "the atom out"
        )
    if atom.element.name == "X":
        return (
            "its element is unknown: write the symbol in columns 77-78 (in mmCIF _atom_site."
            "type_symbol), or leave the atom out"
        )
    if atom.element.it92 is None:
        return (
            f"the tables have no form factor of {atom.element.name}: leave the atom out, or write "
            "an element that scatters alike"
        )
    if not 0.0 <= atom.occ <= 1.0:
        return f"its occupancy {atom.occ:g} is none from 0 to 1: correct it"
    if atom.b_iso < 0.0:
        return f"its B {atom.b_iso:g} Å² is negative: correct it"
    return ""


def _alternatives(source: SourceFile, places: dict[tuple[str, str, str], list[Any]]) -> list[str]:
    """Refuse alternatives that together are more than one atom; a note where they are less."""
    less, least = 0, None
    for alternatives in places.values():
        if not any(found.atom.has_altloc() for found in alternatives):
            continue
        total = sum(found.atom.occ for found in alternatives)
        if total > 1.0 + _ROUNDING:
            told = " + ".join(
                f"{found.atom.occ:g} ({found.atom.altloc.strip(chr(0)) or 'no letter'})"
                for found in alternatives
            )
            raise _error(
                source,
                alternatives[-1],
                f"its alternatives occupy the place {total:g} times, {told}: make them add up to 1",
            )
        if total < 1.0 - _ROUNDING:
            less, least = less + 1, least or (alternatives[0], total)
    if least is None:
        return []
    found, total = least
    plural = "" if less == 1 else "s"
    return [
        f"alternatives of {less} atom{plural} add up to less than 1, the first {_named(found)} "
        f"with {total:g}: they count as they stand"
    ]


def _named(found: Any) -> str:
    """An atom by chain, residue and name."""
    letter = found.atom.altloc.strip(chr(0))
    residue = f"{found.residue.name} {found.residue.seqid}"
    chain = f"{found.chain.name.strip()}/" if found.chain.name.strip() else ""
    return f"{chain}{residue}/{found.atom.name}{'.' if letter else ''}{letter}"


def _error(source: SourceFile, found: Any, complaint: str) -> InputFileError:
    """Error to raise about an atom, with its line where that is found."""
    line = next(_lines_of(source, found.atom), None)
    where = f"line {line}: " if line else ""
    return source.error(f"{where}atom {_named(found)}: {complaint}")


def _lines_of(source: SourceFile, atom: Any) -> Iterator[int]:
    """Lines that have the serial number of an atom, in either format."""
    of_atom = re.compile(rf"(?:ATOM  |HETATM) *{atom.serial}\b|(?:ATOM|HETATM)\s+{atom.serial}\s")
    text = source.unpacked(MAX_BYTES).decode("utf-8", "replace")
    for place, line in enumerate(text.splitlines(), start=1):
        if of_atom.match(line) and atom.name in line:
            yield place
