"""MOSFLM matrices held against wavelength and cell."""

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.model.experiment import Experiment

COMMON = "-default_F 100 -N 5 -distance 100 -detpixels 64 -pixel 0.4 -oversample 1"
#: Of a cell of 70 80 90 Å at 1 Å, as MOSFLM writes it.
MOSFLM = (
    " 0.01428571 0 0\n 0 0.0125 0\n 0 0 0.01111111\n 0.000 0.000 0.000\n 1 0 0\n 0 1 0\n 0 0 1\n"
    " {} {} {} 90.0 90.0 {}\n 0.000 0.000 0.000\n"
)
RIGHT = MOSFLM.format(70.0, 80.0, 90.0, 90.0)


@pytest.fixture
def crystal(tmp_path, monkeypatch):
    """The crystal of a matrix and more options."""
    monkeypatch.chdir(tmp_path)

    def read(text, options="", **own):
        (tmp_path / "A.mat").write_text(text)
        return Experiment.from_nanobragg(f"{COMMON} -mat A.mat {options}".split(), **own)

    return read


def edges(experiment):
    return np.linalg.norm(experiment.crystal.direct_vectors, axis=1)


def test_a_file_written_at_the_wavelength_of_the_experiment_is_read(crystal):
    assert edges(crystal(RIGHT, "-lambda 1")) == pytest.approx([70, 80, 90], rel=1e-6)


def test_another_wavelength_than_the_file_s_is_refused_with_both(crystal):
    with pytest.raises(InputFileError) as caught:
        crystal(RIGHT, "-lambda 0.5")
    for part in (
        "A.mat: its eighth line gives the cell 70 80 90 Å 90 90 90°",
        "written at the wavelength 1 Å",
        "at the 0.5 Å of this experiment it gives 35 40 45 Å",
        "-lambda 1)",
        "ignore_file_cell=True",
    ):
        assert part in str(caught.value)


def test_the_wavelength_that_is_not_given_is_held_against_the_file_too(crystal):
    text = RIGHT.replace("0.01428571", "0.02857143").replace("0.0125", "0.025")
    with pytest.raises(InputFileError, match="written at the wavelength 2 Å; at the 1 Å"):
        crystal(text.replace("0.01111111", "0.02222222"))


def test_a_matrix_in_reciprocal_ångströms_is_told_by_its_wavelength_of_1(crystal):
    with pytest.raises(InputFileError, match=r"\(or it is in 1/Å, without a wavelength\)"):
        crystal(RIGHT, "-lambda 0.9768")


def test_rounding_of_the_wavelength_is_no_contradiction(crystal):
    assert edges(crystal(RIGHT, "-lambda 1.0005")) == pytest.approx([70, 80, 90], rel=1e-3)


def test_an_eighth_line_that_contradicts_its_own_matrix_is_refused_with_both(crystal):
    with pytest.raises(InputFileError, match=r"cell 70 70 90 Å .* and its matrix, .* 66\.9"):
        crystal(MOSFLM.format(70.0, 70.0, 90.0, 90.0), "-lambda 1")
    with pytest.raises(InputFileError, match=r"90 90 95°, and its matrix"):
        crystal(MOSFLM.format(70.0, 80.0, 90.0, 95.0), "-lambda 1")


def test_another_cell_than_the_file_s_is_refused_with_both(crystal):
    with pytest.raises(
        InputFileError, match=r"eighth line gives the cell 70 80 90 Å .* and -cell is 71 80 90 Å"
    ):
        crystal(RIGHT, "-lambda 1 -cell 71 80 90 90 90 90")


def test_beside_the_cell_of_the_file_any_wavelength_is_taken(crystal):
    experiment = crystal(RIGHT, "-lambda 0.5 -cell 70 80 90 90 90 90")
    assert edges(experiment) == pytest.approx([70, 80, 90])


@pytest.mark.parametrize(
    ("options", "expected"),
    [("-lambda 0.5", [35, 40, 45]), ("-lambda 0.5 -cell 71 80 90 90 90 90", [71, 80, 90])],
)
def test_the_cell_of_the_file_is_ignored_if_that_is_asked_for(crystal, options, expected):
    experiment = crystal(RIGHT, options, ignore_file_cell=True)
    assert edges(experiment) == pytest.approx(expected, rel=1e-6)


def test_the_c_program_s_way_asks_nothing_of_the_file_s_cell(crystal):
    assert edges(crystal(RIGHT, "-lambda 0.5", c_compat=True)) == pytest.approx(
        [35, 40, 45], rel=1e-6
    )


def test_a_cell_beside_a_matrix_of_another_is_told(crystal):
    (note,) = (
        note
        for note in crystal("0.01 0 0 0 0.01 0 0 0 0.01", "-cell 70 80 90").notes
        if "A.mat" in note
    )
    assert "gives the cell 100 100 100 Å" in note
    assert "-cell, 70 80 90 Å" in note


@pytest.mark.parametrize(
    ("text", "wavelength", "likeness"),
    [
        ("70 0 0 0 80 0 0 0 90", "1", r"real-space matrix \(a, b, c of 70 80 90 Å\)"),
        ("0.0143 0 0 0 0.0125 0 0 0 0.0111", "0.02", r"in 1/Å .* multiply its numbers by 0.02"),
        ("1 0 0 0 0.6 -0.8 0 0.8 0.6", "1", r"a rotation \(U\) without the cell"),
        ("1e-12 0 0 0 1e-12 0 0 0 2e-12", "1", "were in metres"),
        ("0.9 0 0 0 1.1 0 0 0 1e-9", "1", "correct the matrix, or the wavelength"),
    ],
)
def test_a_matrix_of_an_impossible_cell_is_refused_with_what_it_looks_like(
    crystal, text, wavelength, likeness
):
    with pytest.raises(
        InputFileError, match=rf"which no crystal has \(2 to 5000 Å\): .*{likeness}"
    ):
        crystal(text, f"-lambda {wavelength}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("0.01 0.01 0 0 0 0 0 0 0.01", r"columns a\* and b\* are parallel"),
        ("0.01 0 0.01 0 0.01 0.01 0 0 0", r"lie in one plane"),
        ("0.01 0 0 0 0.01 0 0 0 0", r"column c\* is zero"),
        ("0.01 0 0 0 0.01 0 0 0 -0.01", r"left-handed"),
    ],
)
def test_vectors_that_make_no_crystal_are_refused_with_the_reason(crystal, text, fault):
    for c_compat in (False, True):
        with pytest.raises(InputFileError, match=rf"A\.mat: its .*{fault}"):
            crystal(text, c_compat=c_compat)


def test_a_matrix_of_a_document_is_held_against_its_wavelength(tmp_path):
    document = """
        [beam]
        wavelength_A = 0.5
        fluence_photons_per_m2 = 1e24
        [crystal]
        matrix = "A.mat"
        cells = 5
        [detector]
        pixels = [64, 64]
        pixel_size_mm = [0.4, 0.4]
        distance_mm = 100
        [structure_factors]
        default_F = 100
    """
    (tmp_path / "A.mat").write_text(RIGHT)
    path = tmp_path / "experiment.toml"
    path.write_text(document)
    with pytest.raises(InputFileError, match=r"written at the wavelength 1 Å"):
        Experiment.from_toml(path)
    path.write_text(document + "        ignore_file_cell = true\n")
    assert edges(Experiment.from_toml(path)) == pytest.approx([35, 40, 45], rel=1e-6)
