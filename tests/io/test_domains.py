"""Lists of mosaic domains in files: what is read, and what is refused with file and line."""

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, StoreError
from tiled_sim.io.domains import domains_text, parse_domains, read_domains, write_domains
from tiled_sim.model.domains import ListedDomains
from tiled_sim.physics.vectors import about_fixed_axes

TWO = np.array([np.eye(3), about_fixed_axes(0.01, -0.02, 0.03)])
IDENTITY = "1 0 0 0 1 0 0 0 1"


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        (tmp_path / "list.txt").write_text(text)
        return read_domains(tmp_path / "list.txt")

    return read_text


@pytest.fixture
def read_npz(tmp_path):
    def read_arrays(**arrays):
        with (tmp_path / "list.bin").open("wb") as file:
            np.savez(file, **arrays)
        return read_domains(tmp_path / "list.bin")

    return read_arrays


@pytest.mark.parametrize("name", ["out.npz", "out.txt", "out"])
@pytest.mark.parametrize("axes", ["laboratory", "crystal"])
def test_what_is_written_reads_back_to_the_last_bit(tmp_path, name, axes):
    listed = ListedDomains(TWO, [0.1, 1 / 3], axes)
    write_domains(tmp_path / name, listed)
    assert read_domains(tmp_path / name) == listed


def test_the_text_of_a_document_reads_back_to_the_last_bit():
    listed = ListedDomains(TWO, [0.1, 1 / 3], "crystal")
    assert parse_domains("e.toml", domains_text(listed)) == listed


def test_a_weight_may_be_left_out_and_is_one_then(read):
    assert read(f"{IDENTITY}\n{IDENTITY} 2.5\n").weight.tolist() == [1.0, 2.5]


def test_columns_may_have_names_and_commas(read):
    names = ",".join([*(f"u{n}" for n in "abcdefghi"), "w"])
    assert len(read(f"{names}\n{IDENTITY.replace(' ', ',')},1\n")) == 1


def test_rotations_are_fixed_in_the_laboratory_where_nothing_is_said(read, read_npz):
    assert read(IDENTITY).axes == read_npz(rotations=TWO).axes == "laboratory"


def test_rows_of_nine_numbers_are_taken_from_npz_files_too(read_npz):
    found = read_npz(rotations=TWO.reshape(-1, 9).astype("f4"), weights=np.array([1, 2]))
    np.testing.assert_allclose(found.rotation, TWO, atol=1e-7)
    assert found.weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "file is empty"),
        ("# nothing\n", "holds no domains"),
        ("1 0 0 0 1 0 0 0\n", "line 1 .*has 8 columns.*needs 9"),
        (f"# a comment\n{IDENTITY}\n1 0 0 0 1 0 0 0 -1\n", "line 3 .*is no rotation"),
        (f"{IDENTITY} -2\n", "line 1 .*has a weight"),
        (f"{IDENTITY} nan\n", "not finite"),
        (
            f"axes sample\n{IDENTITY}\n",
            "its axes are 'sample', which must be",
        ),
    ],
)
def test_text_that_is_no_list_is_refused_with_its_line(read, text, fault):
    with pytest.raises(InputFileError, match=rf"list\.txt: .*{fault}"):
        read(text)


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"matrices": TWO}, "the array 'matrices' is not known, only rotations, weights, axes"),
        ({"weights": np.ones(2)}, "no array 'rotations'"),
        ({"rotations": TWO, "weight": np.ones(2)}, "the array 'weight' is not known"),
        ({"rotations": TWO[0]}, r"has the shape \(3, 3\)"),
        ({"rotations": TWO[:0]}, r"has the shape \(0, 3, 3\)"),
        ({"rotations": TWO * 1j}, "complex128, and must be real"),
        ({"rotations": TWO, "weights": np.ones(3)}, r"weights has the shape \(3,\)"),
        ({"rotations": TWO, "weights": np.array([1.0, -1.0])}, "domain 2 has a weight"),
        ({"rotations": TWO * 2.0}, "domain 1 is no rotation"),
        ({"rotations": TWO, "axes": "sample"}, "must be laboratory or crystal"),
        ({"rotations": np.array([None])}, "not an npz file of plain arrays"),
    ],
)
def test_arrays_that_are_no_list_are_refused_by_name(read_npz, arrays, fault):
    with pytest.raises(InputFileError, match=rf"list\.bin\S*: .*{fault}"):
        read_npz(**arrays)


def test_a_damaged_npz_file_is_refused(tmp_path):
    write_domains(tmp_path / "out.npz", ListedDomains(TWO, [1.0, 1.0]))
    content = (tmp_path / "out.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputFileError, match=r"half\.npz: not an npz file"):
        read_domains(tmp_path / "half.npz")


def test_a_file_that_exists_is_not_written_over(tmp_path):
    (tmp_path / "out.txt").write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        write_domains(tmp_path / "out.txt", ListedDomains(TWO, [1.0, 1.0]))
    assert (tmp_path / "out.txt").read_text() == "mine"
