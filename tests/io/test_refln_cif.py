"""CIF files of structure factors, read as an MTZ is."""

import gzip

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.mtz import read_mtz

pytest.importorskip("gemmi")

HEAD = """\
# as the PDB writes it
data_r1abcsf
_cell.length_a 10.0
_cell.length_b 20.0
_cell.length_c 30.0
_cell.angle_alpha 90.0
_cell.angle_beta 95.0
_cell.angle_gamma 90.0
_symmetry.space_group_name_H-M 'P 1 21 1'
"""


def listing(columns, *rows):
    tags = ["index_h", "index_k", "index_l", *columns.split()]
    return "loop_\n" + "".join(f"_refln.{tag}\n" for tag in tags) + "\n".join(rows) + "\n"


@pytest.fixture
def read(tmp_path):
    def read_content(content, column=None):
        path = tmp_path / "1abc-sf.cif"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_mtz(path, column)

    return read_content


def F(grid, *hkl):
    node = tuple(np.subtract(hkl, grid.minimum))
    return float(grid.amplitude[node]) if grid.given[node] else None


MEASURED = HEAD + listing("F_meas_au F_meas_sigma_au", "1 2 3 10.5 1", "1 2 -3 20 1")


@pytest.mark.parametrize("pack", [str.encode, lambda text: gzip.compress(text.encode())])
def test_measured_amplitudes_are_expanded_by_the_space_group(read, pack):
    grid = read(pack(MEASURED))
    assert [F(grid, *hkl) for hkl in [(1, 2, 3), (-1, 2, -3), (-1, -2, -3), (1, -2, 3)]] == [
        10.5
    ] * 4
    assert F(grid, 1, -2, -3) == 20.0


def test_the_cell_and_the_form_are_told(read):
    provenance = read(MEASURED).provenance
    assert provenance.cell == (10.0, 20.0, 30.0, 90.0, 95.0, 90.0)
    assert any("block r1abcsf of a CIF" in note for note in provenance.notes)


@pytest.mark.parametrize("status", ["x", "'<'", "-", "h", "l"])
def test_measured_amplitudes_of_rows_that_were_not_used_are_left_out(read, status):
    columns = "F_meas_au status F_calc"
    text = HEAD + listing(columns, "1 2 3 10.5 o 11", f"1 2 4 99 {status} 12", "1 2 5 7 f 8")
    grid = read(text, "FP")
    assert [F(grid, 1, 2, 3), F(grid, 1, 2, 4), F(grid, 1, 2, 5)] == [10.5, None, 7.0]
    assert any("F of 1 rows of status" in note for note in grid.provenance.notes)
    assert F(read(text, "FC"), 1, 2, 4) == 12.0


def test_mates_of_their_own_are_read(read):
    grid = read(HEAD + listing("pdbx_F_plus pdbx_F_minus", "1 2 3 10 20", "1 2 4 5 ?"))
    assert [F(grid, 1, 2, 3), F(grid, -1, 2, -3), F(grid, -1, -2, -3), F(grid, 1, -2, 3)] == [
        *(10.0, 10.0, 20.0, 20.0)
    ]
    assert F(grid, -1, -2, -4) == 5.0


def test_calculated_amplitudes_of_a_small_molecule_are_read(read):
    text = (HEAD + listing("F_squared_meas F_calc", "1 2 3 100 10.5")).replace(
        "_symmetry.space", "_symmetry_space"
    )
    assert F(read(text.replace("_cell.", "_cell_").replace("_refln.", "_refln_")), 1, 2, 3) == 10.5


def test_several_columns_are_a_question_that_names_them(read):
    with pytest.raises(UsageError, match=r"FP.*FC"):
        read(HEAD + listing("F_meas_au F_calc_au", "1 2 3 10.5 11"))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (HEAD, "lists no structure factors"),
        (HEAD + listing("intensity_meas", "1 2 3 100"), r"no amplitudes.*\(intensity_meas\)"),
        (MEASURED.replace("P 1 21 1", "P 7"), "names no space group that gemmi knows"),
        (MEASURED + MEASURED.replace("r1abcsf", "r1abcAsf"), "r1abcsf, r1abcAsf .*cif2mtz -b"),
        (
            MEASURED.replace("1 2 3 10.5 1", "1 x 3 10.5 1"),
            r"cannot read this CIF \(not an integer",
        ),
        (MEASURED.replace("1 2 3 10.5 1", "1 2 3 'x"), r"cannot read this CIF \(line 16"),
        (MEASURED.replace("_refln.index_l\n", "_refln.l\n"), "Miller index tag not found"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(read, content, fault):
    with pytest.raises(InputFileError, match=rf"1abc-sf\.cif: .*{fault}"):
        read(content)
