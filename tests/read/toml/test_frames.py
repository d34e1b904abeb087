"""What a TOML file takes of an experiment list: crystal and frames."""

import numpy as np
import pytest

from support.expt import GONIOMETER, SCAN, crystal, write_expt
from tiled_sim.errors import ExperimentError
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.read.toml.writer import write_toml

SWEPT = {"crystal": crystal(), "goniometer": GONIOMETER, "scan": SCAN}
#: Vectors of MOSFLM's lab in that of a TOML file: z along the beam, y up.
FROM_MOSFLM = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


@pytest.fixture
def read(tmp_path):
    def from_text(frames="", in_crystal="", **models):
        expt = write_expt(tmp_path / "a.expt", models or SWEPT)
        file = tmp_path / "a.toml"
        file.write_text(
            f"[beam]\nfluence_photons_per_m2 = 1e24\n[crystal]\ncells = 3\n{in_crystal}\n"
            f"[structure_factors]\ndefault_F = 1.0\n[detector]\ngeometry = '{expt}'\n"
            f"[frames]\n{frames}\n"
        )
        return Experiment.from_toml(file)

    return from_text


def test_crystal_and_frames_are_those_of_the_words_in_another_lab(read, tmp_path):
    by_toml = read("steps = 2")
    words = ["-default_F", "1", "-N", "3"]
    by_words = Experiment.from_nanobragg(words, geometry=tmp_path / "a.expt")
    np.testing.assert_allclose(
        by_toml.crystal.direct_vectors,
        by_words.crystal.direct_vectors @ FROM_MOSFLM.T,
        atol=1e-12,
    )
    spindle = FROM_MOSFLM @ np.array(by_words.exposures.spindle)
    np.testing.assert_allclose(by_toml.exposures.spindle, spindle, atol=1e-15)
    assert len(by_toml.exposures) == len(by_words.exposures) == 4
    for frame in range(4):
        assert by_toml.exposures[frame].angles == by_words.exposures[frame].angles


def test_another_crystal_goes_before_the_files(read):
    other = read(in_crystal="cell_A = [50.0, 50.0, 50.0]\ncell_angles_deg = [90.0, 90.0, 90.0]")
    np.testing.assert_allclose(np.linalg.norm(other.crystal.direct_vectors, axis=1), 50.0)


def test_misset_turns_the_files_crystal_in_the_lab(read):
    turned = read(in_crystal="misset_deg = [1.0, 2.0, 3.0]").crystal.direct_vectors
    expected = read().crystal.direct_vectors @ about_fixed_axes(*np.radians([1, 2, 3])).T
    np.testing.assert_allclose(turned, expected, atol=1e-12)


def test_keys_that_say_the_same_are_let_through(read):
    assert read("start_deg = 10.0\noscillation_deg = 0.5\ncount = 4").exposures == read().exposures


@pytest.mark.parametrize(
    ("key", "both"),
    [
        ("start_deg = 11.0", r"start_deg \(11°\) and .* 10°"),
        ("oscillation_deg = 1.0", r"oscillation_deg \(1°\) and .* 0.5°"),
        ("count = 3", r"count \(3\) and .* 4"),
        ("spindle = [1.0, 0.0, 0.0]", r"spindle \(\(1, 0, 0\)\) and .* \(-0.8, -0.6, 0\)"),
    ],
)
def test_keys_that_contradict_the_file_are_refused_with_both(read, key, both):
    with pytest.raises(ExperimentError, match=rf"\[frames\] {both}"):
        read(key)


def test_what_is_written_reads_back_as_the_same(read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = read("steps = 3")
    again = tmp_path / "again.toml"
    again.write_text(write_toml(experiment))
    assert Experiment.from_toml(again) == experiment


def test_the_crystal_is_told_with_its_cell(read):
    (told,) = (note for note in read().notes if "the crystal is that" in note)
    assert "file, 60.2827 70.1427 80.2309 Å" in told
