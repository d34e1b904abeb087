"""Tables of numbers in text: what all of them agree on."""

import gzip
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tiled_sim.errors import InputFileError
from tiled_sim.io.source_file import SourceFile
from tiled_sim.io.text_table import Layout, number, read_table

PROPERTY = settings(deadline=None, max_examples=200)
PAIRS = Layout("a list of pairs", ("first", "second"), remedy="write one")


def read(text, layout=PAIRS):
    content = text if isinstance(text, bytes) else text.encode()
    return read_table(SourceFile("pairs.txt", content), layout)


def refusal(text, layout=PAIRS):
    with pytest.raises(InputFileError) as caught:
        read(text, layout)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"1 2\n3 4\n",
        b"1 2\n3 4",
        b"\xef\xbb\xbf1 2\n3 4\n",
        b"1 2\r\n3 4\r\n",
        b"1 2\r3 4\r",
        b"1\t2\n\t3 \t 4\t\n",
        b"# a comment\n1 2 # one\n\n! another\n3 4 ! behind\n",
        b"1.0D0 2d+00\n.3E1 4.\n",
        b"+1 0.2e1\n3 4\n",
        gzip.compress(b"1 2\n3 4\n", mtime=0),
    ],
)
def test_the_same_table_is_read_however_it_is_written(content):
    assert read(content).values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("word", "value"),
    [("1.5D+03", 1500.0), ("1.5d-1", 0.15), ("1D2", 100.0), ("-.5", -0.5), ("7.", 7.0)],
)
def test_a_word_is_a_number_as_fortran_writes_it(word, value):
    assert number(word) == value


@pytest.mark.parametrize(
    "word", ["1_0", "١", "１", "0x1", "1e", "d0", "1d", "e5", ".", "+", "", "1 2", "1e1.5", "4..5"]
)
def test_a_word_is_not_a_number(word):
    assert number(word) is None


@pytest.mark.parametrize("word", ["1_0", "١", "0x1", "1e", "1+1", "d0"])
def test_a_word_that_is_not_a_number_is_refused_with_file_line_and_value(word):
    message = refusal(f"1 2\n# then\n3 {word}\n")
    assert message.startswith(f"pairs.txt: line 3 ('3 {word}') has '{word}' for second, ")
    assert "number" in message


def test_columns_that_run_into_each_other_are_told():
    assert "'1.50-2.50' for first, two numbers without a blank" in refusal("1.50-2.50 3\n")
    assert "run into each other" in refusal("1.50-2.50\n")


def test_a_decimal_comma_is_told():
    assert "write a decimal point" in refusal("1,5 2,5\n")


@pytest.mark.parametrize("word", ["nan", "inf", "-Infinity", "1e999"])
def test_what_is_not_finite_is_refused_unless_the_layout_takes_it(word):
    assert f"second = '{word}'" in refusal(f"1 {word}\n")
    free = Layout("a list", ("first", "second"), finite=False)
    assert not math.isfinite(read(f"1 {word}\n", free).values[0, 1])


def test_utf_16_is_refused_with_the_way_to_convert_it():
    assert "iconv -f UTF-16" in refusal("1 2\n".encode("utf-16"))


def test_a_table_without_rows_says_how_a_row_reads():
    message = refusal("# nothing\n")
    assert message == (
        "pairs.txt: it holds no rows: a line of a list of pairs reads `first second`; write one"
    )


SOME = Layout("a list", ("first", "second", "third"), fewest=1)


@pytest.mark.parametrize("text", ["1 2\n3\n", "1 2\n3 # alone\n"])
def test_lines_may_leave_out_different_columns_at_their_end(text):
    values = read(text, SOME).values
    assert np.array_equal(values, [[1, 2, math.nan], [3, math.nan, math.nan]], equal_nan=True)


@pytest.mark.parametrize("text", ["1 2\n3 4\n", "1 2\n3\n"])
def test_rows_know_their_lines(text):
    table = read("# first\n\n" + text, SOME)
    assert [table.line(0), table.line(1)] == [3, 4]
    assert str(table.error(0, "is odd")) == "pairs.txt: line 3 ('1 2') is odd"


CSV = Layout("a list", ("energy", "weight"), commas=True, header=True)


@pytest.mark.parametrize(
    "text", ["1,2\n3 , 4\n", "1 2\n3,4", "e,w\n1,2\n3,4\n", "# e\ne w\n1 2\n3 4"]
)
def test_commas_and_a_header_are_read_where_the_layout_has_them(text):
    assert read(text, CSV).values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_the_header_is_kept_and_rows_behind_it_know_their_lines():
    table = read("energy_eV, weight\n1,2\n3,4\n", CSV)
    assert table.header == ("energy_eV", "weight")
    assert [table.line(0), table.line(1)] == [2, 3]


def test_a_second_line_of_words_is_no_header():
    assert "line 2 ('of counts') holds no number: begin it with #" in refusal(
        "a list\nof counts\n1 2\n", CSV
    )


@pytest.mark.parametrize("line", ["1,,2", ",1", "1,", ",,", "1, # 2"])
def test_an_empty_column_is_refused(line):
    assert f"line 2 ('{line}') has an empty column" in refusal(f"1,2\n{line}\n", CSV)


@pytest.mark.parametrize("header", ["", "a b\n"])
def test_flags_are_skipped_behind_the_last_column(header):
    layout = Layout("a list", ("first", "second"), flags=("i", "o"), header=bool(header))
    assert read(f"{header}1 2 i\n3 4\n", layout).values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


word = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.sampled_from(
        ["1d3", "1_0", "١", "\xa0", "\x1c", "\x85", "\x0b", "nan", "1e999", "2.", "+4"]
    ),
    st.text(max_size=4),
)


@PROPERTY
@example(rows=[["inf", "nan"]])
@given(rows=st.lists(st.lists(word, min_size=2, max_size=2), min_size=1, max_size=3))
def test_the_fast_reader_and_the_slow_one_agree(rows):
    """A third line of one column is what only the slow one reads."""
    text = "".join(" ".join(words) + "\n" for words in rows).encode(errors="surrogatepass")
    loose = Layout("a list", ("first", "second"), fewest=1, finite=False)
    try:
        fast = read(text, Layout("a list", ("first", "second"), finite=False)).values
    except InputFileError:
        return
    slow = read(text + b"\n7\n", loose).values[:-1]
    assert np.array_equal(fast, slow, equal_nan=True)
