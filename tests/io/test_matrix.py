"""MOSFLM matrices."""

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
        return read_matrix(path)

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
    assert np.array_equal(read_matrix(scratch).T.ravel(), values)


def test_the_matrix_of_the_reference_runs_spans_a_cell(data):
    assert np.linalg.det(read_matrix(data / "A.mat")) > 0


@pytest.mark.parametrize(
    "text", ["", "1 2 3 4 5 6 7 8", "1 2 3 4 x 6 7 8 9", "1 2 3 4 nan 6 7 8 9", b"\xff\xfe"]
)
def test_a_file_without_nine_numbers_is_refused_by_its_name(read, text):
    with pytest.raises(InputFileError, match=r"A\.mat: a MOSFLM matrix begins with nine numbers"):
        read(text)


def test_a_file_that_does_not_exist_is_refused_by_its_name(tmp_path):
    with pytest.raises(InputFileError, match=r"cannot read the matrix .*nowhere\.mat"):
        read_matrix(tmp_path / "nowhere.mat")
