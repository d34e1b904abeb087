"""MOSFLM matrices."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import InputFileError
from tiled_sim.io.matrix import read_matrix

PROPERTY = settings(deadline=None, max_examples=60)

numbers = st.lists(st.floats(-10.0, 10.0), min_size=9, max_size=9)


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "A.mat"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_matrix(path).vectors

    return read_text


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("matrix") / "A.mat"


def test_columns_of_the_file_are_rows_of_the_matrix(read):
    assert read("1 2 3\n4 5 6\n7 8 9\n").tolist() == [[1, 4, 7], [2, 5, 8], [3, 6, 9]]


def test_line_breaks_do_not_matter(read):
    assert read("1 2 3 4 5 6 7 8 9").tolist() == read("1\n2 3\n\n4 5 6 7\n8 9").tolist()


def test_what_follows_the_ninth_number_is_not_read(read):
    more = "1 2 3\n4 5 6\n7 8 9\n 0.000 0.000 0.000\n text and 4 more\n"
    assert read(more).tolist() == read("1 2 3 4 5 6 7 8 9").tolist()


@PROPERTY
@given(values=numbers)
def test_what_was_written_is_read(scratch, values):
    scratch.write_text(" ".join(map(repr, values)))
    assert np.array_equal(read_matrix(scratch).vectors.T.ravel(), values)


def test_the_matrix_of_the_reference_runs_spans_a_cell(data):
    assert np.linalg.det(read_matrix(data / "A.mat").vectors) > 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file is empty"),
        ("# a comment\n", "it ends after 0 of the nine numbers"),
        ("1 2 3\n4 5 6\n7 8\n", "it ends after 8 of the nine numbers"),
        ("1 2 3\n4 x 6\n7 8 9\n", r"line 2 \('4 x 6'\) has 'x' .* which is not a number"),
        ("1 2 3\n4 5_0 6\n7 8 9\n", r"line 2 \('4 5_0 6'\) has '5_0' .* not a number"),
        ("1 2 3\n4 5 6\n7 nan 9\n", r"line 3 \('7 nan 9'\) has the value 'nan', not finite"),
        ("1 2 3\n4 5 6\n7 1e999 9\n", "line 3 .* '1e999', too large for float64"),
        ("1.5-03 2 3\n4 5 6\n7 8 9\n", "line 1 .* '1.5-03' .* two numbers without a blank"),
        ("0.010.02 2 3\n4 5 6\n7 8 9\n", "line 1 .* '0.010.02' .* two numbers without"),
        ("1,0 0 0\n", "line 1 .* '1,0' .* write a decimal point"),
        (b"\xff\xfe1\0", "it is UTF-16 text"),
        (b"1 2 3\n\x81", "line 2 holds the byte 0x81"),
        (b"1 2\0 3", "line 1 holds a NUL byte"),
    ],
)
def test_every_fault_of_a_matrix_has_its_own_words(read, text, fault):
    with pytest.raises(InputFileError, match=rf"A\.mat: {fault}"):
        read(text)


def test_a_file_that_does_not_exist_is_refused_by_its_name(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.mat: there is no such file"):
        read_matrix(tmp_path / "nowhere.mat")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff1 2 3\r\n4\t5 6\r\n7 8 9\r\n",
        "1D0 2d+00 3.0D+00 4 5 6 7 8 .9d1 # made by hand\n",
        "! rows X, Y, Z\n1 2 3\n4 5 6\n7 8 9\n",
    ],
)
def test_a_matrix_is_text_as_other_tables_are(read, text):
    assert read(text).tolist() == read("1 2 3 4 5 6 7 8 9").tolist()


def test_a_gzipped_matrix_is_read(read):
    assert read(gzip.compress(b"1 2 3 4 5 6 7 8 9")).tolist() == read("1 2 3 4 5 6 7 8 9").tolist()


def test_columns_that_run_together_before_a_sign_are_told_apart(read):
    text = " -0.01428571-0.00000000 0.00000000\n  1.5E-03-2.5E+00-3.D0 7. 8. 9.\n"
    expected = "-0.01428571 -0.0 0.0 1.5e-3 -2.5 -3 7 8 9"
    assert read(text).tolist() == read(expected).tolist()


# The cell of a file of MOSFLM

MOSFLM = """\
  0.01428571  0.00000000  0.00000000
  0.00000000  0.01250000  0.00000000
  0.00000000  0.00000000  0.01111111
       0.000       0.000       0.000
   1.0000000   0.0000000   0.0000000
   0.0000000   1.0000000   0.0000000
   0.0000000   0.0000000   1.0000000
     70.0000     80.0000     90.0000     90.0000     90.0000     90.0000
       0.000       0.000       0.000
SYMM P212121
"""


@pytest.fixture
def cell_of(tmp_path):
    def read_text(text):
        (tmp_path / "A.mat").write_text(text)
        return read_matrix(tmp_path / "A.mat").cell

    return read_text


def test_the_eighth_line_of_a_file_of_mosflm_is_the_cell(cell_of):
    assert cell_of(MOSFLM) == (70.0, 80.0, 90.0, 90.0, 90.0, 90.0)
    assert cell_of("# written by hand\n\n" + MOSFLM) == (70.0, 80.0, 90.0, 90.0, 90.0, 90.0)


@pytest.mark.parametrize("lines", [3, 4, 7])
def test_a_file_that_ends_before_its_eighth_line_has_no_cell(cell_of, lines):
    assert cell_of("".join(MOSFLM.splitlines(keepends=True)[:lines])) is None


def test_a_file_of_another_layout_has_no_cell(cell_of):
    assert cell_of(MOSFLM.replace("       0.000       0.000       0.000\n", "a title\n")) is None


@pytest.mark.parametrize("edge", ["x", "-70.0000", "0.0", "nan", "70.0 80.0"])
def test_an_eighth_line_that_is_no_cell_is_refused(cell_of, edge):
    with pytest.raises(InputFileError, match=r"A\.mat: line 8 \(.*\) is not a cell"):
        cell_of(MOSFLM.replace("     70.0000", f"     {edge}"))


WITH_MISSETTING = """\
0.0196 0 0
0 0.0196 0
0 0 0.0196
{missetting}
1 0 0
0 1 0
0 0 1
50 50 50 90 90 90
"""


@pytest.mark.parametrize(
    ("missetting", "told"), [("0.000 0.000 0.000", ""), ("0.100 -2.000 0.000", "0.100 -2.000 0.")]
)
def test_missetting_angles_that_turn_nothing_are_told(tmp_path, missetting, told):
    path = tmp_path / "A.mat"
    path.write_text(WITH_MISSETTING.format(missetting=missetting))
    assert bool(read_matrix(path).note) == bool(told)
    assert told in read_matrix(path).note
