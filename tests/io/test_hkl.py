"""HKL text: what is read, what is refused and in which words."""

import gzip
import hashlib
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import InputFileError
from tiled_sim.io import source_file
from tiled_sim.io.hkl import read_hkl
from tiled_sim.model.structure_factors import StructureFactors

DATA = Path(__file__).parents[1] / "data"

# Inputs are bounded instead of timed: a busy machine must not fail a test.
PROPERTY = settings(deadline=None, max_examples=60)

index = st.integers(-20, 20)
amplitude = st.floats(-1e6, 1e6)
reflections = st.dictionaries(st.tuples(index, index, index), amplitude, min_size=1, max_size=30)


@pytest.fixture
def read(tmp_path):
    """Read a list written out as text or bytes."""

    def read_content(content):
        path = tmp_path / "list.hkl"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_hkl(path)

    return read_content


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("hkl") / "list.hkl"


def F(grid, *hkl):
    return grid.amplitude[tuple(np.subtract(hkl, grid.minimum))]


def is_given(grid, *hkl):
    return grid.given[tuple(np.subtract(hkl, grid.minimum))]


# What is read


def test_a_line_becomes_a_node(read):
    assert F(read("1 2 3 4.5\n"), 1, 2, 3) == 4.5


def test_the_grid_spans_the_reflections(read):
    grid = read("-1 2 3 10\n4 -5 6 20\n")
    assert (grid.minimum, grid.maximum) == ((-1, -5, 3), (4, 2, 6))


def test_a_node_that_is_not_listed_is_not_given(read):
    grid = read("0 0 0 1\n2 0 0 3\n")
    assert not is_given(grid, 1, 0, 0)


def test_a_listed_zero_is_given(read):
    assert is_given(read("0 0 0 1\n1 0 0 0\n"), 1, 0, 0)


def test_listed_zeros_are_counted(read):
    assert read("0 0 0 1\n1 0 0 0\n2 0 0 0.0\n").provenance.zero == 2


def test_a_negative_amplitude_is_kept(read):
    assert F(read("1 2 3 -4.5\n"), 1, 2, 3) == -4.5


def test_negative_amplitudes_are_counted(read):
    assert read("1 2 3 -4.5\n1 2 4 4.5\n").provenance.negative == 1


def test_reflections_are_counted(read):
    assert read("0 0 0 1\n\n# two more\n2 0 0 3\n3 0 0 4\n").provenance.count == 3


def test_duplicates_that_agree_are_counted(read):
    assert read("1 2 3 4\n1 2 4 5\n1 2 3 4.0\n").provenance.duplicates == 1


@pytest.mark.parametrize("mark", ["#", "!"])
def test_a_comment_line_is_skipped(read, mark):
    assert read(f"{mark} h k l F, made by hand\n1 2 3 4\n").provenance.count == 1


@pytest.mark.parametrize("mark", ["#", "!"])
def test_a_comment_after_the_numbers_is_skipped(read, mark):
    assert F(read(f"1 2 3 4 {mark} 5 6\n"), 1, 2, 3) == 4


def test_a_comment_may_hold_other_letters_than_ascii(read):
    assert read("# resolution 1.6 Å\n1 2 3 4\n").provenance.count == 1


def test_blank_lines_are_skipped(read):
    assert read("\n1 2 3 4\n  \t\n\n1 2 4 5\n\n").provenance.count == 2


def test_the_last_line_needs_no_newline(read):
    assert F(read("1 2 3 4\n1 2 4 5"), 1, 2, 4) == 5


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_are_read(read, end):
    assert read(f"1 2 3 4{end}1 2 4 5{end}").provenance.count == 2


def test_a_byte_order_mark_is_skipped(read):
    assert F(read(b"\xef\xbb\xbf1 2 3 4\n"), 1, 2, 3) == 4


def test_columns_may_be_separated_by_tabs(read):
    assert F(read("1\t2\t3\t4\n"), 1, 2, 3) == 4


def test_whole_numbers_may_be_written_as_floats(read):
    assert F(read("1.0 -2.0 3e0 4\n"), 1, -2, 3) == 4


def test_an_exponent_is_read(read):
    assert F(read("1 2 3 4.5E+2\n"), 1, 2, 3) == 450


def test_an_exponent_of_fortran_is_read(read):
    assert F(read("1 2 3 4.5D+02\n-1 2 3 1d0\n"), 1, 2, 3) == 450


def test_a_gzipped_list_is_read_whatever_its_name(read):
    assert F(read(gzip.compress(b"1 2 3 4\n")), 1, 2, 3) == 4


def test_a_gzip_file_of_several_members_is_read(read):
    packed = gzip.compress(b"1 2 3 4\n") + gzip.compress(b"1 2 4 5\n")
    assert read(packed).provenance.count == 2


def test_the_real_lists_are_read():
    grid = read_hkl(DATA / "2erl.hkl")
    assert (grid.provenance.count, grid.minimum, grid.maximum) == (
        13807,
        (-33, -14, -14),
        (33, 14, 14),
    )


# Provenance


def test_the_provenance_hashes_the_bytes_on_disk(tmp_path):
    packed = gzip.compress(b"1 2 3 4\n")
    (tmp_path / "list.hkl.gz").write_bytes(packed)
    provenance = read_hkl(tmp_path / "list.hkl.gz").provenance
    assert (provenance.size, provenance.sha256) == (
        len(packed),
        hashlib.sha256(packed).hexdigest(),
    )


def test_the_provenance_says_that_the_file_was_packed(read):
    assert "gzip" in " ".join(read(gzip.compress(b"1 2 3 4\n")).provenance.notes)


def test_the_provenance_names_the_file_as_the_user_did(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("list.hkl").write_text("1 2 3 4\n")
    assert read_hkl("./list.hkl").provenance.path == "./list.hkl"


def test_the_provenance_names_format_and_unit(read):
    provenance = read("1 2 3 4\n").provenance
    assert (provenance.format, provenance.unit) == ("hkl", "electron")


# Files that cannot be read


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"none\.hkl: there is no such file"):
        read_hkl(tmp_path / "none.hkl")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="this is a folder"):
        read_hkl(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_named_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputFileError, match="not a regular file"):
        read_hkl(tmp_path / "pipe")


def test_a_file_without_read_permission_is_refused(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "list.hkl").write_text("1 2 3 4\n")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputFileError, match=r"cannot be read .*Permission denied"):
        read_hkl(tmp_path / "list.hkl")


def test_a_name_that_cannot_be_a_file_is_refused():
    with pytest.raises(InputFileError, match="cannot be read"):
        read_hkl("a\0b")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "large.hkl"
    with path.open("wb") as file:
        file.truncate(source_file.MAX_BYTES + 1)  # a hole, which takes no room on disk
    with pytest.raises(InputFileError, match="bytes are more than"):
        read_hkl(path)


def test_a_gzip_file_that_unpacks_to_too_much_is_refused(read, monkeypatch):
    monkeypatch.setattr("tiled_sim.io.text_table.MAX_BYTES", 1000)
    with pytest.raises(InputFileError, match="unpacks to more than 1000 bytes"):
        read(gzip.compress(b"1 2 3 4\n" * 1000))


def test_an_empty_file_is_refused(read):
    with pytest.raises(InputFileError, match="the file is empty"):
        read("")


@pytest.mark.parametrize("text", ["\n \n", "# nothing\n! here\n", gzip.compress(b"", mtime=0)])
def test_a_file_without_reflections_is_refused(read, text):
    with pytest.raises(InputFileError, match="no reflections"):
        read(text)


def test_a_truncated_gzip_file_is_refused(read):
    with pytest.raises(InputFileError, match="cut short: copy it again"):
        read(gzip.compress((DATA / "A.mat").read_bytes())[:-9])


def test_a_damaged_gzip_file_is_refused(read):
    packed = bytearray(gzip.compress(b"1 2 3 4\n"))
    packed[-5] ^= 0xFF  # its checksum
    with pytest.raises(InputFileError, match="gzip file is damaged"):
        read(bytes(packed))


def test_a_nul_byte_is_refused_with_its_line(read):
    with pytest.raises(InputFileError, match=r"line 2 holds a NUL byte.*fdump"):
        read(b"1 2 3 4\n1 2\0 3 4\n")


def test_text_that_does_not_decode_is_refused_with_its_line(read):
    with pytest.raises(InputFileError, match="line 3 holds the byte 0xc5"):
        read(b"1 2 3 4\n1 2 4 5\n# 1.6 \xc5\n")


# Lines that are not reflections: the message names the file, the line, the text, the remedy


def refusal(read, text):
    with pytest.raises(InputFileError) as caught:
        read(text)
    return str(caught.value)


def test_the_message_names_the_file(read):
    assert "list.hkl: line 2" in refusal(read, "1 2 3 4\n1 2 3\n")


def test_comments_and_blank_lines_count_as_lines(read):
    assert "line 4 (" in refusal(read, "# h k l F\n\n1 2 3 4\n1 2 x 4\n")


def test_the_message_quotes_the_line(read):
    assert "('1 2 three 4 # wrong')" in refusal(read, "1 2 three 4 # wrong\n")


def test_a_long_line_is_quoted_in_short(read):
    assert len(refusal(read, "1 2 3 " + "x" * 100_000)) < 500


def test_the_first_faulty_line_is_the_one_named(read):
    assert "line 2 " in refusal(read, "1 2 3 4\n1 2 3 nan\n1 2 3 4 5\n1 2\n")


@pytest.mark.parametrize("line", ["1", "1 2 3", "1,2,3,4", "1 2 3 # 4"])
def test_too_few_columns_are_refused(read, line):
    message = refusal(read, f"0 0 1 1\n{line}\n")
    assert re.search(r"has \d columns? where `h k l F` has 4", message)


@pytest.mark.parametrize("line", ["1 2 3 4 0.1", "1 2 3 4 0.1 90"])
def test_more_columns_are_refused_with_the_way_to_cut_them(read, line):
    assert "awk '{print $1, $2, $3, $4}'" in refusal(read, f"{line}\n{line}\n")


def test_one_line_of_more_columns_is_refused(read):
    assert "line 2 ('0 0 2 1 7') has 5 columns" in refusal(read, "0 0 1 1\n0 0 2 1 7\n")


@pytest.mark.parametrize("word", ["x", "1_0", "0x1p3", "1d", "4x5", "١"])
def test_a_word_that_is_not_a_number_is_refused(read, word):
    assert "which is not a number" in refusal(read, f"1 2 3 {word}\n")


@pytest.mark.parametrize("word", ["1.5", "nan", "inf", "1e-3"])
def test_an_index_that_is_not_whole_is_refused(read, word):
    assert f"k = '{word}', which is not a whole number" in refusal(read, f"1 {word} 3 4\n")


@pytest.mark.parametrize("word", ["32768", "-32768", "99999999999999999999", "1e300"])
def test_an_index_beyond_16_bits_is_refused(read, word):
    assert f"l = '{word}', beyond ±32767" in refusal(read, f"1 2 {word} 4\n")


def test_an_index_of_16_bits_is_read(read):
    assert read("32767 -32767 0 4\n").minimum == (32767, -32767, 0)


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-inf", "Infinity"])
def test_an_amplitude_that_is_not_finite_is_refused(read, word):
    assert f"F = '{word}', not finite" in refusal(read, f"1 2 3 {word}\n")


@pytest.mark.parametrize("word", ["1e999", "-1e999", "9" * 400])
def test_an_amplitude_too_large_for_float64_is_refused(read, word):
    assert "too large for float64" in refusal(read, f"1 2 3 {word}\n")


def test_duplicates_that_disagree_are_refused_with_both_lines(read):
    message = refusal(read, "1 2 3 4\n# the other\n1 2 4 7\n1 2 3 5\n")
    assert "lines 1 and 4 give the reflection 1 2 3 two values, F = 4.0 and 5.0" in message


def test_of_three_duplicates_two_that_disagree_are_named(read):
    message = refusal(read, "1 2 3 4\n1 2 3 5\n1 2 3 4\n")
    assert re.search("lines [12] and [12] give .* F = (4.0 and 5.0|5.0 and 4.0)", message)


def test_a_grid_that_is_too_large_is_refused_with_its_extreme_lines(read):
    message = refusal(read, "0 0 0 1\n0 0 -9000 1\n300 300 300 1\n")
    assert "h 0..300, k 0..300, l -9000..300 needs 842679901 nodes" in message
    assert "lines 2 and 3 are the farthest apart, 9300 in l" in message


# Properties


def text_of(listed, row="{} {} {} {!r}\n"):
    return "".join(row.format(*hkl, value) for hkl, value in listed.items())


@given(listed=reflections)
@PROPERTY
def test_random_reflections_survive_the_way_through_text(scratch, listed):
    scratch.write_text(text_of(listed))
    grid = read_hkl(scratch)
    assert {hkl: F(grid, *hkl) for hkl in listed} == listed
    assert grid.given.sum() == len(listed)
    assert grid.amplitude[~grid.given].sum() == 0


@given(listed=reflections, data=st.data())
@PROPERTY
def test_the_grid_does_not_depend_on_order_and_layout(scratch, listed, data):
    scratch.write_text(text_of(listed))
    plain = read_hkl(scratch).sha256
    shuffled = dict(data.draw(st.permutations(list(listed.items()))))
    row = data.draw(st.sampled_from(["\t{}  {} {}.0 {!r} # F\r\n", "\n{} {} {} {!r}\n!\n"]))
    scratch.write_bytes(gzip.compress(text_of(shuffled, row).encode()))
    assert read_hkl(scratch).sha256 == plain


def reads_or_refuses(path, content):
    """Anything but a grid of bounded size or an InputFileError fails the test."""
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_file, "MAX_NODES", 10**6)
        try:
            grid = read_hkl(path)
        except InputFileError:
            return
    assert isinstance(grid, StructureFactors)
    assert grid.amplitude.size <= 10**6
    assert np.isfinite(grid.amplitude).all()


real = (DATA / "sparse.hkl").read_bytes()[:3000]
word = st.one_of(
    st.integers().map(str),
    st.integers(-40000, 40000).map(str),
    st.floats().map(repr),
    st.sampled_from(["", "#", "!", "\r", "\x0b", "\x1c", "\x85", "\xa0", "nan", "1e999", "\0"]),
    st.text(max_size=5),
)


@given(length=st.integers(0, len(real)))
@PROPERTY
def test_a_truncated_list_is_read_or_refused(scratch, length):
    reads_or_refuses(scratch, real[:length])


@given(length=st.integers(0, len(gzip.compress(real))))
@PROPERTY
def test_a_truncated_gzip_list_is_read_or_refused(scratch, length):
    reads_or_refuses(scratch, gzip.compress(real)[:length])


@given(content=st.binary(max_size=500), magic=st.sampled_from([b"", b"\x1f\x8b\x08", b"1 2 3 4\n"]))
@PROPERTY
def test_binary_noise_is_read_or_refused(scratch, content, magic):
    reads_or_refuses(scratch, magic + content)


@given(start=st.integers(0, len(real)), removed=st.integers(0, 20), inserted=word)
@PROPERTY
def test_a_mutated_list_is_read_or_refused(scratch, start, removed, inserted):
    replacement = inserted.encode(errors="surrogatepass")
    reads_or_refuses(scratch, real[:start] + replacement + real[start + removed :])


@given(lines=st.lists(st.lists(word, max_size=6), max_size=6))
@settings(deadline=None, max_examples=200)
def test_lines_of_odd_words_are_read_or_refused(scratch, lines):
    text = "\n".join(" ".join(words) for words in lines)
    reads_or_refuses(scratch, text.encode(errors="surrogatepass"))


@given(corner=st.tuples(*[st.integers(-40000, 40000)] * 3))
@PROPERTY
def test_a_huge_range_is_read_or_refused(scratch, corner):
    reads_or_refuses(scratch, b"0 0 0 1\n%d %d %d 1\n" % corner)


@given(line=st.lists(word, min_size=4, max_size=4).map(" ".join))
@settings(deadline=None, max_examples=200)
def test_a_list_is_read_only_if_python_reads_its_numbers_alike(scratch, line):
    scratch.write_bytes(line.encode(errors="surrogatepass"))
    try:
        grid = read_hkl(scratch)
    except InputFileError:
        return
    columns = re.split("[#!]", line)[0].split()
    numbers = [float(re.sub("[dD]", "e", column)) for column in columns]
    assert (*grid.minimum, grid.amplitude.item()) == tuple(numbers)
    assert math.isfinite(numbers[3])
