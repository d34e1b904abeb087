"""Tables of amorphous scattering."""

import gzip
import math

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.stol import read_stol


@pytest.fixture
def read(tmp_path):
    def run(text, points_per_stol=1.0):
        path = tmp_path / "some.stol"
        path.write_text(text)
        return read_stol(path, points_per_stol)[0]

    return run


def test_comments_blank_lines_and_gnuplot_s_letters_are_skipped(data):
    table, _ = read_stol(data / "droplet.stol")
    assert table.stol.tolist() == [0.0, 0.05, 0.1, 0.2, 0.4, 0.8]
    assert table.F.tolist() == [2.0, 3.0, 6.5, 8.0, 4.0, 2.0]


def test_a_first_column_of_q_is_divided_by_4_pi(read):
    table = read("0 1\n6.283185307179586 2\n", 4 * math.pi)
    assert table.stol == pytest.approx([0.0, 0.5])


def test_a_gzipped_table_is_the_same(data, tmp_path):
    packed = tmp_path / "droplet.stol.gz"
    packed.write_bytes(gzip.compress((data / "droplet.stol").read_bytes()))
    table, sha256 = read_stol(packed)
    plain, plain_sha256 = read_stol(data / "droplet.stol")
    assert table.sha256 == plain.sha256
    assert sha256 != plain_sha256


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("0 1\n", "it holds 1 line "),
        ("0 1\n0.1\n", r"line 2 \('0.1'\) has 1 column where `stol F` has 2"),
        ("0 1\n0.1 2 3\n", r"line 2 \('0.1 2 3'\) has 3 columns"),
        ("0 1\n0.1 2 u\n", "line 2 .* has 3 columns"),
        ("0 1\n0.1 two\n", "line 2 .* has 'two' for F, which is not a number"),
        ("0 1\n0.1 nan\n", "line 2 .* has F = 'nan', not finite"),
        ("0 1\n0.1 -2\n", "line 2 .* has a negative number"),
        ("-0.1 1\n0.1 2\n", "line 1 .* has a negative number"),
        ("0 1\n0.2 2\n0.1 3\n", "line 3 .* goes back from 0.2"),
        ("0 1\n0 2\n", "line 2 .* goes back from 0"),
    ],
)
def test_a_table_that_is_none_is_refused_with_file_and_line(read, text, fault):
    with pytest.raises(InputFileError, match=rf"some\.stol: {fault}"):
        read(text)


def test_what_is_not_text_is_refused(tmp_path):
    path = tmp_path / "binary.stol"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputFileError, match="UTF-16 text"):
        read_stol(path)


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"none\.stol: there is no such file"):
        read_stol(tmp_path / "none.stol")


def test_the_table_of_water_has_water_s_forward_scattering_and_peak():
    table, _ = read_stol(None)
    # 10 electrons times the root of the compressibility limit, 0.0643
    assert table.F[0] == pytest.approx(2.536, abs=0.01)
    peak = 4 * math.pi * table.stol[np.argmax(table.F)]
    assert 1.9 < peak < 2.3
    assert 7.0 < table.F.max() < 8.5


@pytest.mark.parametrize("name", ["air", "ice", "nanoice", "unity", "water"])
def test_tables_that_people_have_are_read(shared, name):
    table, _ = read_stol(shared / "data" / "stol" / f"{name}.stol")
    assert len(table.F) >= 4


def test_a_table_that_goes_back_is_found_among_those_that_people_have(shared):
    with pytest.raises(InputFileError, match=r"line 7 .* goes back from 0\.2"):
        read_stol(shared / "data" / "stol" / "shortwater.stol")


def test_the_table_of_water_resembles_a_measured_one(shared):
    ours, _ = read_stol(None)
    theirs, _ = read_stol(shared / "data" / "stol" / "water.stol")
    # theirs holds Compton scattering, which grows with the angle
    stol = np.linspace(0.0, 0.25, 50)
    ratio = np.interp(stol, ours.stol, ours.F) / np.interp(stol, theirs.stol, theirs.F)
    assert abs(ratio - 1.0).max() < 0.25
