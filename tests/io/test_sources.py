"""Source lists: columns, comments, and what is refused with file and line."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import InputFileError
from tiled_sim.io.sources import read_sources

PROPERTY = settings(deadline=None, max_examples=60)

finite = st.floats(-1e3, 1e3, allow_subnormal=False)
rows = st.tuples(
    finite.filter(lambda x: abs(x) > 1e-3),
    finite,
    finite,
    st.floats(0.0, 1e3),
    st.floats(1e-12, 1e-9),
)


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "sources.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_sources(path)

    return read_text


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("sources") / "sources.txt"


def columns_of(listed):
    return np.column_stack([listed.position, listed.weight, listed.wavelength])


def is_left_out(value):
    return math.isnan(value)


def test_five_columns_are_position_weight_and_wavelength(read):
    listed = read("-10 0.5 1e-3 2 1.5e-10\n")
    assert columns_of(listed).tolist() == [[-10.0, 0.5, 1e-3, 2.0, 1.5e-10]]


@pytest.mark.parametrize("columns", [1, 3, 4, 5])
def test_columns_may_be_left_out_at_the_end(read, columns):
    (values,) = columns_of(read(" ".join(["-10", "1", "2", "3", "1e-10"][:columns])))
    assert [is_left_out(value) for value in values] == [False] * columns + [True] * (5 - columns)


def test_columns_may_be_parted_by_commas(read):
    assert read("-10, 0, 1\n").position.tolist() == [[-10.0, 0.0, 1.0]]


def test_lines_keep_their_order(read):
    assert read("-1 0 0 3\n-1 0 0 1\n-1 0 0 2\n").weight.tolist() == [3.0, 1.0, 2.0]


def test_two_columns_are_a_spectrum_and_no_list_of_sources(read):
    with pytest.raises(InputFileError, match=r"line 1 .*two columns.*spectrum=FILE"):
        read("9500 0.5\n9510 1.5\n9520 0.5\n")


def test_a_line_of_two_columns_among_others_is_a_source(read):
    assert len(read("-10 1\n-10 0 0 1\n")) == 2


@pytest.mark.parametrize(
    "text", ["# a comment\n-10 0 0\n", "-10 0 0 # behind\n", "\n  \n-10 0 0\n\n", "-10 0 0"]
)
def test_comments_and_empty_lines_are_not_sources(read, text):
    assert read(text).position.tolist() == [[-10.0, 0.0, 0.0]]


@PROPERTY
@given(values=st.lists(rows, min_size=1, max_size=6))
def test_what_was_written_is_read(scratch, values):
    scratch.write_text("".join(" ".join(map(repr, row)) + "\n" for row in values))
    read_back = list(map(tuple, columns_of(read_sources(scratch)).tolist()))
    assert read_back == values


def test_the_sources_of_the_reference_runs_are_six(data):
    assert len(read_sources(data / "sources.txt")) == 6


# Refused


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("1 2 3 4 5e-10 6", "has 6 columns: only `X Y Z weight wavelength` is read"),
        ("1 two 3", "has 'two' for Y, which is not a number"),
        ("1 nan 3", "has Y = 'nan', not finite"),
        ("1 inf 3", "has Y = 'inf', not finite"),
        ("1,,3", "has an empty column"),
        ("0 0 0 1 1e-10", r"stands at the sample \(0 0 0\)"),
        ("-10 0 0 -1", "has the weight -1.0, which must not be negative"),
        ("-10 0 0 1 0", "has the wavelength 0.0 m, which must be positive"),
        ("-10 0 0 1 -1e-10", "has the wavelength -1e-10 m, which must be positive"),
        ("-10 0 0 1 1.5", r"has the wavelength 1.5 m, which is not an X-ray's: .* in metres"),
    ],
)
def test_a_line_that_is_no_source_is_refused_with_its_number(read, line, fault):
    with pytest.raises(InputFileError, match=rf"sources\.txt: line 3 \({line!r}\) {fault}"):
        read(f"# header\n-10 0 0\n{line}\n")


def test_an_empty_list_is_refused(read):
    with pytest.raises(InputFileError, match="the file is empty"):
        read("")


@pytest.mark.parametrize("text", ["\n\n", "# only a comment\n"])
def test_a_list_without_a_source_is_refused(read, text):
    with pytest.raises(InputFileError, match=r"it holds no sources: .* reads `X Y Z"):
        read(text)


def test_a_file_that_is_not_text_is_refused(read):
    with pytest.raises(InputFileError, match="a source list is plain text"):
        read(b"\x80\xfe\x01\x81")


def test_a_file_that_does_not_exist_is_refused_by_its_name(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.txt: there is no such file"):
        read_sources(tmp_path / "nowhere.txt")


@pytest.mark.parametrize("line", ["-1e308 1e308 0 1 1e-10", "-1e-308 0 0 1 1e-10", "-1e200"])
def test_a_place_that_cannot_be_computed_with_is_refused_with_its_line(read, line):
    with pytest.raises(InputFileError, match=r"line 2 .* too far or too near to compute with"):
        read(f"-1 0 0\n{line}\n")
