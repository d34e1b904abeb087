"""Lists of reflections in other forms: amplitudes are read, of intensities the remedy is told."""

import gzip
import itertools

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.hkl import read_hkl


@pytest.fixture
def read(tmp_path):
    def read_content(content):
        path = tmp_path / "list.hkl"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_hkl(path)

    return read_content


@pytest.fixture
def refusal(read, tmp_path):
    def refuse(content):
        with pytest.raises(InputFileError) as caught:
            read(content)
        message = str(caught.value).replace(f"{tmp_path}/", "")
        assert message.startswith("list.hkl: ")
        return message

    return refuse


def given(grid):
    """F by h k l of all reflections that are given."""
    return {
        tuple(int(i) for i in node + np.array(grid.minimum)): float(grid.amplitude[tuple(node)])
        for node in np.argwhere(grid.given)
    }


def note(grid):
    (found,) = grid.provenance.notes
    return found


# SHELX

CLOSED = "   1   2   3  100.00\n   2   0   1   50.50\n   0   0   0    0.00\n"
LISTED = {(1, 2, 3): 100.0, (2, 0, 1): 50.5}


def test_the_closing_line_of_shelx_is_no_reflection(read):
    grid = read(CLOSED)
    assert given(grid) == LISTED
    assert "SHELX" in note(grid)
    assert "closed by 0 0 0 in line 3" in note(grid)


@pytest.mark.parametrize(
    "behind", ["   7   7   7    1.00\n", "\n  TITL of something else\nCELL 0.71 1 2\n", "_cell 1\n"]
)
def test_what_follows_the_closing_line_of_shelx_is_not_read(read, behind):
    grid = read(CLOSED + behind)
    assert given(grid) == LISTED
    assert f"what follows is not read ({len(behind.split(chr(10))) - 1 - ('TITL' in behind)} " in (
        note(grid)
    )


def test_columns_of_shelx_may_run_into_each_other(read):
    grid = read("   1   2   3  100.00\n -10-112-113   50.50\n 100-112-11399999.99\n")
    assert given(grid) == {(1, 2, 3): 100.0, (-10, -112, -113): 50.5, (100, -112, -113): 99999.99}
    assert "HKLF 3" in note(grid)


def test_a_gzipped_list_of_shelx_is_the_same(read):
    assert given(read(gzip.compress(CLOSED.encode()))) == LISTED


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
def test_line_ends_of_shelx_do_not_matter(read, end):
    assert given(read(CLOSED.replace("\n", end) + f"   7   7   7    1.00{end}")) == LISTED


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_zero_amid_a_sorted_list_closes_nothing(read, axes):
    nodes = itertools.product(range(-1, 2), repeat=3)
    rows = [(*(node[axis] for axis in axes), abs(node[0] + 5 * node[1])) for node in nodes]
    text = "".join("{:4d}{:4d}{:4d}{:8.2f}\n".format(*row) for row in rows)
    grid = read(text)
    assert given(grid) == {row[:3]: float(row[3]) for row in rows}
    assert grid.provenance.notes == ()
    backwards = read("".join(reversed(text.splitlines(keepends=True))))
    assert given(backwards) == given(grid)


def test_zero_in_a_list_without_fixed_columns_closes_nothing(read):
    grid = read("1 2 3 4\n0 0 0 0\n-1 2 3 5\n")
    assert given(grid) == {(1, 2, 3): 4.0, (0, 0, 0): 0.0, (-1, 2, 3): 5.0}


def test_a_file_of_shelx_with_deviations_is_refused_with_both_remedies(refusal):
    message = refusal("   1   2   3  100.00    1.00\n -10 -12-113   50.50    1.00\n")
    assert "HKLF 3, keep F: cut -c1-20 list.hkl > NEW" in message
    assert "list.hkl=hklf4" in message
    assert "mtz='F.mtz'" in message


def test_the_remedy_for_amplitudes_of_shelx_makes_a_list_that_is_read(read):
    text = "   1   2   3  100.00    1.00   1\n -10 -12-113   50.50    1.00  -1\n   0   0   0"
    text += "    0.00    0.00   0\n"
    cut = "".join(line[:20] + "\n" for line in text.splitlines())
    assert given(read(cut)) == {(1, 2, 3): 100.0, (-10, -12, -113): 50.5}


def test_negative_values_of_shelx_are_intensities(refusal):
    message = refusal("   1   2   3  100.00    1.00\n   1   2   4   -0.50    1.00\n")
    assert "holds intensities (some are negative): HKLF 4" in message
    assert "cut -c1-20" not in message


def test_columns_that_run_together_in_a_plain_list_are_an_error_with_a_hint(refusal):
    message = refusal("1 2 3 100.0\n-10-112-113 50.5\n")
    assert "line 2 ('-10-112-113 50.5') has 2 columns" in message
    assert "put blanks between them" in message


def test_a_gap_in_the_fixed_columns_is_an_error_of_its_line(refusal):
    assert "line 2 (" in refusal("   1   2   3  100.00\n -10-112-113 ********\n")


# XDS and XDSCONV

XDS = """\
!FORMAT=XDS_ASCII    MERGE={}    FRIEDEL'S_LAW=FALSE
!SPACE_GROUP_NUMBER=   19
!END_OF_HEADER
     1     2     3  1.000E+02  1.000E+00  1000.0  1000.0  10.5 0.5 100 90 1.0
!END_OF_DATA
"""


@pytest.mark.parametrize(("merge", "kind"), [("FALSE", "unmerged"), ("TRUE", " merged")])
def test_xds_ascii_is_answered_with_xdsconv(refusal, merge, kind):
    message = refusal(XDS.format(merge))
    assert f"{kind} intensities" in message
    assert "INPUT_FILE=" in message
    assert "OUTPUT_FILE=F.hkl CCP4" in message


def test_a_list_of_xdsconv_for_ccp4_is_answered_with_its_script(refusal):
    assert "f2mtz hklout F.mtz < F2MTZ.INP" in refusal(
        "  1, 2, 3, 100.0, 1.0, 0\n 1, 2, 4, 50., 1., 1\n"
    )


CNS = """\
{{ made by XDSCONV }}
 NREFlection=      2
 ANOMalous=FALSe
 DECLare NAME={0} DOMAin=RECIprocal TYPE=REAL END
 DECLare NAME=SIGMA DOMAin=RECIprocal TYPE=REAL END
INDEx    1    2    3 {0}=  0.1000E+03 SIGMA=  0.1000E+01 TEST= 0
INDEx   -2    0    1 {0}=  {1} SIGMA=
  0.1000E+01 TEST= 1
"""


@pytest.mark.parametrize("name", ["FOBS", "F"])
def test_amplitudes_of_cns_are_read(read, name):
    grid = read(CNS.format(name, "0.5050E+02"))
    assert given(grid) == {(1, 2, 3): 100.0, (-2, 0, 1): 50.5}
    assert note(grid) == f"a file of CNS, {name}; no equivalents made"


def test_intensities_of_cns_are_refused(refusal):
    assert "OUTPUT_FILE=list.hkl CNS" in refusal(CNS.format("IOBS", "50.5"))


def test_a_fault_of_cns_is_named_by_its_line(refusal):
    assert "line 7 (" in refusal(CNS.format("FOBS", "x"))


# CrystFEL

CRYSTFEL = """\
CrystFEL reflection list version 2.0
Symmetry: 2/m_uab
   h    k    l          {}    phase   sigma(I)   nmeas
   1    2    3     100.00        -       1.00       5
   2    0    1      {}        -       1.00       5
End of reflections
Generated by CrystFEL
"""


def test_intensities_of_crystfel_are_answered_with_commands(refusal):
    message = refusal(CRYSTFEL.format("I", "50.50"))
    assert "get_hkl -i list.hkl -y 2/m_uab" in message
    assert "mtz='F.mtz'" in message


def test_amplitudes_of_crystfel_are_read(read):
    grid = read(CRYSTFEL.format("F", "50.50"))
    assert given(grid) == LISTED
    assert "CrystFEL" in note(grid)


@pytest.mark.parametrize("value", ["-", "nan"])
def test_a_fault_of_crystfel_is_named_by_its_line(refusal, value):
    assert "line 5 " in refusal(CRYSTFEL.format("F", value))


def test_a_stream_of_crystfel_is_answered_with_partialator(refusal):
    assert "partialator" in refusal("CrystFEL stream format 2.3\nGenerated by CrystFEL 0.10.2\n")


# Others


def test_seven_columns_are_answered_as_those_of_precognition(refusal):
    message = refusal("1 2 3 100 1 110 1\n2 0 1 50 1 0 0\n")
    assert "Precognition" in message
    assert "$7 > 0 {print -$1, -$2, -$3, $6}" in message


@pytest.mark.parametrize("columns", ["1 2 3 100 1", "1 2 3 100 1 0", "1 2 3 4 5 6 7 8"])
def test_other_numbers_of_columns_keep_their_remedy(refusal, columns):
    assert "awk '{print $1, $2, $3, $4}' OLD > NEW" in refusal(f"{columns}\n{columns}\n")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("data_r1absf\nloop_\n_refln.index_h\n_refln.index_k\n", "mtz="),
        ("# made by hand\ndata_x\nloop_\n _refln_index_h\n _refln_index_k\n", "mtz="),
        ("data_1ABC\n_cell.length_a 10\nloop_\n_atom_site.id\n", "without a list of structure"),
    ],
)
def test_a_cif_is_answered_by_what_it_holds(refusal, text, remedy):
    assert remedy in refusal(text)


def test_a_file_of_scalepack_is_answered_with_commands(refusal):
    text = "    1\n -987\n    70.000    80.000    90.000    90.000    90.000    90.000 p212121\n"
    assert "scalepack2mtz hklin list.hkl" in refusal(text + "   1   2   3   100.0     1.0\n")


@pytest.mark.parametrize(
    "text", ["# CrystFEL reflection list\n1 2 3 4\n", "! FORMAT=XDS_ASCII\n1 2 3 4\n", "1 2 3 4\n"]
)
def test_a_plain_list_is_plain_whatever_its_comments(read, text):
    grid = read(text)
    assert given(grid) == {(1, 2, 3): 4.0}
    assert grid.provenance.notes == ()
