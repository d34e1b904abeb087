"""Models that cannot scatter: each answered in a sentence with file, line and remedy."""

import gzip

import gemmi
import pytest

from support.models import atom, cryst1
from tiled_sim.errors import InputFileError
from tiled_sim.io.coordinates import read_coordinates, read_coordinates_cell

CELL = (20.0, 25.0, 30.0, 90.0, 90.0, 90.0)
FIRST = cryst1(CELL, "P 21 21 21")
CARBON = atom(1, "C", (1, 2, 3))
IRON = atom(2, "FE", (5, 6, 7))


@pytest.fixture
def read(tmp_path):
    """Read a file of these lines."""

    def of(*lines, name="m.pdb"):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return read_coordinates(path)

    return of


@pytest.fixture
def in_cif(tmp_path):
    """Read the two atoms as mmCIF, in which some text stands for another."""

    def of(old="", new=""):
        structure = gemmi.read_pdb_string("\n".join([FIRST, CARBON, IRON]))
        text = structure.make_mmcif_document().as_string()
        assert old in text
        path = tmp_path / "m.cif"
        path.write_text(text.replace(old, new, 1))
        return read_coordinates(path)

    return of


def test_a_model_is_its_atoms_cell_and_space_group(read):
    found = read(FIRST, CARBON, IRON)
    assert found.elements == ("C", "Fe")
    assert found.cell == CELL
    assert found.space_group.xhm() == "P 21 21 21"
    assert found.notes == ("2 atoms, P 21 21 21",)
    assert found.resolution is None


def test_mmcif_is_the_same_as_pdb(read, in_cif):
    pdb, cif = read(FIRST, CARBON, IRON), in_cif()
    assert (cif.elements, cif.cell, cif.notes) == (pdb.elements, pdb.cell, pdb.notes)


def test_a_gzipped_model_is_read(tmp_path, data):
    path = tmp_path / "m.ent.gz"
    path.write_bytes(gzip.compress((data / "2erl.pdb").read_bytes()))
    found = read_coordinates(path)
    assert found.notes[0] == "638 atoms, C 1 2 1"
    assert found.resolution == 1.0
    assert read_coordinates_cell(path) == found.cell


def test_deuterium_scatters_as_hydrogen(read):
    assert read(FIRST, atom(1, "D", (1, 2, 3)), atom(2, "H", (3, 4, 5))).elements == ("H",)


BAD = {
    "no CRYST1": ([CARBON], r"names no cell that a crystal has: write its record, `CRYST1`"),
    "the placeholder of NMR": (
        [cryst1((1, 1, 1, 90, 90, 90), "P 1"), CARBON],
        r"names no cell that a crystal has",
    ),
    "no space group": ([cryst1(CELL, ""), CARBON], r"names no space group: write it in columns"),
    "an unknown group": ([cryst1(CELL, "P 22 1"), CARBON], r"space group 'P 22 1' is none that"),
    "no atoms": ([FIRST], r"is neither PDB, with ATOM or HETATM records, nor mmCIF"),
    "a list": (["1 2 3 40.0"], r"a list with -hkl"),
    "two models": (
        [FIRST, "MODEL        1", CARBON, "ENDMDL", "MODEL        2", CARBON, "ENDMDL"],
        r"holds 2 models, and a crystal is one",
    ),
    "letters": (
        [FIRST, CARBON.replace("   2.000", "    abcd")],
        r"line 2: y of C ASP A 1 is 'abcd', in columns 39-46, and must be a finite number",
    ),
    "NaN": ([FIRST, IRON.replace(" 15.00", "   nan")], r"line 2: B of FE ASP A 2 is 'nan'"),
    "a blank occupancy": ([FIRST, IRON.replace("  1.00", "      ")], r"line 2: occupancy of .* ''"),
    "a line cut short": ([FIRST, CARBON[:45]], r"line 2: z of C ASP A 1 is ''"),
    "no element": (
        [FIRST, CARBON, atom(2, "X", (5, 6, 7))],
        r"line 3: atom A/ASP 2/X: its element is unknown: write the symbol in columns 77-78",
    ),
    "one without a form factor": (
        [FIRST, atom(1, "ES", (1, 2, 3))],
        r"line 2: atom A/ASP 1/ES: the tables have no form factor of Es",
    ),
    "too much of an atom": (
        [FIRST, atom(1, "C", (1, 2, 3), occ=1.5)],
        r"line 2: .* occupancy 1\.5 is none from 0 to 1",
    ),
    "a negative B": ([FIRST, atom(1, "C", (1, 2, 3), B=-3.0)], r"line 2: .* B -3 Å² is negative"),
    "alternatives beyond 1": (
        [
            FIRST,
            atom(1, "C", (1, 2, 3), seq=5, altloc="A", occ=0.7),
            atom(2, "C", (1, 2, 4), seq=5, altloc="B", occ=0.6),
        ],
        r"line 3: atom A/ASP 5/C\.B: its alternatives occupy the place 1\.3 times, "
        r"0\.7 \(A\) \+ 0\.6 \(B\): make them add up to 1",
    ),
}


@pytest.mark.parametrize(("lines", "complaint"), BAD.values(), ids=BAD)
def test_a_model_that_cannot_scatter_is_refused_with_line_and_remedy(read, lines, complaint):
    with pytest.raises(InputFileError, match=r"^\S*m\.pdb: " + ".*" + complaint):
        read(*lines)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (" 5 6 7 ", " 5 ? 7 ", r"_atom_site\.Cartn_y of the atom with id 2 is \?"),
        (" 15 ", " . ", r"_atom_site\.B_iso_or_equiv of the atom with id 1 is \."),
        ("_atom_site.occupancy", "_atom_site.other", r"no _atom_site\.occupancy: write it"),
        ("_cell.length_a", "_cell.other", "names no cell"),
        ("loop_\n_atom_site.", "loop_\n_x.y\n_x.z\n1\nloop_\n_atom_site.", "gemmi cannot read it"),
    ],
)
def test_an_mmcif_that_cannot_scatter_is_refused(in_cif, old, new, complaint):
    with pytest.raises(InputFileError, match=complaint):
        in_cif(old, new)


def test_a_cif_of_something_else_is_refused(read):
    with pytest.raises(InputFileError, match=r"this CIF has no coordinates.*is read with mtz"):
        read("data_x", "loop_", "_refln.index_h", "1", name="m.cif")


def test_a_small_molecule_is_told_how_it_becomes_a_model(read):
    lines = ["data_x", "loop_", "_atom_site_label", "_atom_site_fract_x", "C1 0.1"]
    with pytest.raises(InputFileError, match=r"CIF of a small molecule.*gemmi convert"):
        read(*lines, name="m.cif")


def test_alternatives_that_are_less_than_an_atom_are_a_note(read):
    halves = (
        atom(number, "C", (1, 2, 2 + number), seq=5, altloc=letter, occ=0.3)
        for number, letter in enumerate("AB", start=1)
    )
    note = "alternatives of 1 atom add up to less than 1, the first A/ASP 5/C.A with 0.6: they"
    assert any(one.startswith(note) for one in read(FIRST, *halves).notes)


def test_atoms_on_an_axis_that_count_more_than_once_are_a_note(read):
    cell = cryst1(CELL, "P 2")
    on_axis = read(cell, atom(1, "C", (0, 2, 0)))
    assert any("1 atoms lie on a symmetry element" in one for one in on_axis.notes)
    halved = read(cell, atom(1, "C", (0, 2, 0), occ=0.5))
    assert not any("symmetry element" in one for one in halved.notes)


def test_a_space_group_of_another_cell_is_refused(read):
    with pytest.raises(InputFileError, match=r"P 41 is no space group of the cell .* CRYST1"):
        read(cryst1(CELL, "P 41"), CARBON)
