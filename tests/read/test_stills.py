"""All experiments of a list as frames of one run."""

import numpy as np
import pytest

from support.expt import DIRECT, FROM_DXTBX, GONIOMETER, SCAN, crystal, write_expt
from tiled_sim.cli.main import main
from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import frame_of
from tiled_sim.physics.vectors import about_axis, about_fixed_axes
from tiled_sim.read.toml.writer import write_toml

TURNS = [about_axis((0.0, 0.6, 0.8), angle) for angle in (0.0, 0.4, -1.1)]
STILLS = [{"crystal": crystal(DIRECT @ turn.T)} for turn in TURNS]
WORDS = "-default_F 100 -N 3 -oversample 1"


@pytest.fixture
def stills(tmp_path):
    return write_expt(tmp_path / "stills.expt", *STILLS)


def read(path, words="", experiment="all"):
    return Experiment.from_nanobragg(
        f"{WORDS} {words}".split(), geometry=path, experiment=experiment
    )


def standing(experiment, frame):
    """Rows a, b, c of a frame's first step."""
    return experiment.crystal.direct_vectors @ experiment.exposures[frame].rotations[0].T


def test_every_frame_has_the_crystal_of_its_experiment(stills):
    experiment = read(stills)
    assert isinstance(experiment.exposures, Listed)
    assert experiment.shape[:2] == (3, 16)
    mosflm = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]) @ FROM_DXTBX
    for frame, turn in enumerate(TURNS):
        expected = DIRECT @ (mosflm @ turn).T
        np.testing.assert_allclose(standing(experiment, frame), expected, atol=1e-12)
        one = read(stills, experiment=frame)
        np.testing.assert_allclose(standing(one, 0), expected, atol=1e-12)


def test_a_frame_is_the_image_of_its_experiment(tmp_path, simulate):
    path, shape = write_expt(tmp_path / "one.expt", *STILLS, panels=1), "-gauss_xtal"
    for kernel in ({}, {"kernel": "spots", "negligible": 1e-9}):
        image = simulate(read(path, f"-misset 1 2 3 {shape}"), **kernel).image
        assert not np.array_equal(image[0], image[1])
        for frame in range(3):
            alone = simulate(read(path, f"-misset 1 2 3 {shape}", frame), **kernel).image[0]
            np.testing.assert_allclose(image[frame], alone, rtol=1e-4, atol=1e-6 * alone.max())


def test_misset_turns_every_frame_in_the_lab(stills):
    turn = about_fixed_axes(*np.radians([10.0, 20.0, 30.0]))
    plain, turned = read(stills), read(stills, "-misset 10 20 30")
    for frame in range(3):
        np.testing.assert_allclose(
            standing(turned, frame), standing(plain, frame) @ turn.T, atol=1e-12
        )


def test_a_still_stands_as_its_goniometer_holds_it(tmp_path):
    still = {**SCAN, "image_range": [3, 3], "oscillation": [40.0, 0.0]}
    held = {"goniometer": {"rotation_axis": [0.0, 1.0, 0.0]}, "scan": still}
    path = write_expt(tmp_path / "a.expt", STILLS[0], {**STILLS[0], **held})
    experiment = read(path)
    mosflm = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]) @ FROM_DXTBX
    expected = DIRECT @ (mosflm @ about_axis((0.0, 1.0, 0.0), np.radians(40.0))).T
    np.testing.assert_allclose(standing(experiment, 1), expected, atol=1e-12)


def test_every_still_has_its_own_cell_and_wavelength(tmp_path, simulate):
    strained = {"crystal": crystal((DIRECT * [1.001, 0.999, 1.002]) @ TURNS[1].T)}
    path = write_expt(
        tmp_path / "a.expt", STILLS[0], {**with_other("beam", wavelength=1.31), **strained}
    )
    experiment = read(path)
    alone = [read(path, experiment=frame) for frame in range(2)]
    for frame in range(2):
        of_frame = frame_of(experiment, frame)
        assert of_frame.beam.wavelength == pytest.approx(alone[frame].beam.wavelength, rel=1e-12)
        stood = of_frame.crystal.direct_vectors @ experiment.exposures[frame].rotations[0].T
        np.testing.assert_allclose(stood, standing(alone[frame], 0), atol=1e-12)
    path = tmp_path / "written.toml"
    path.write_text(write_toml(experiment))
    assert Experiment.from_toml(path).sha256 == experiment.sha256


def test_one_of_several_is_told_with_what_takes_others(stills):
    notes = read(stills, experiment=None).notes
    assert any("experiment 0 of 3" in note and "--experiment all" in note for note in notes)


def with_other(kind, **changes):
    """A second experiment whose model of a kind is another."""
    bases = {
        "beam": {
            "direction": [0.0, 0.0, 1.0],
            "wavelength": 1.305096,
            "polarization_normal": [0.0, 1.0, 0.0],
            "polarization_fraction": 0.999,
        },
        "scan": {**SCAN, "image_range": [1, 1]},
    }
    return {**STILLS[1], kind: {**bases[kind], **changes}}


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (with_other("beam", direction=[0.0, 0.1, 1.0]), "its beam along"),
        (with_other("scan"), "is a scan of 1 images of 0.5°"),
        (with_other("scan", oscillation=[0.0, 0.0], image_range=[1, 2]), "has 2 images"),
        ({}, "has no crystal"),
        ({"crystal": crystal(DIRECT * 1.06)}, "has the cell .* and experiment 0"),
        ({"crystal": crystal(DIRECT[[1, 2, 0]])}, "has the cell"),
    ],
)
def test_what_differs_otherwise_is_refused_by_name(tmp_path, other, what):
    path = write_expt(tmp_path / "a.expt", STILLS[0], other)
    with pytest.raises(InputFileError, match=rf"experiment 1 .*{what}.*name one with experiment N"):
        read(path)


def test_equal_beams_that_are_listed_twice_are_one(tmp_path):
    path = write_expt(tmp_path / "a.expt", STILLS[0], with_other("beam"))
    assert len(read(path).exposures) == 2


@pytest.mark.parametrize("words", ["-cell 60 70 80 90 90 90", "-phi 3", "-osc 1"])
def test_words_that_say_crystal_or_phi_are_refused(stills, words):
    with pytest.raises(UsageError, match=f"{words.split()[0]} beside experiment all"):
        read(stills, words)


def test_only_a_list_has_all(data):
    with pytest.raises(UsageError, match=r"experiment all .* only a DIALS experiment list"):
        read(data / "geometry/chips16.geom")


@pytest.fixture
def toml(tmp_path, stills):
    def from_text(more=""):
        file = tmp_path / "a.toml"
        file.write_text(
            "[beam]\nfluence_photons_per_m2 = 1e24\n[structure_factors]\ndefault_F = 1.0\n"
            f"[detector]\ngeometry = '{stills}'\nexperiment = 'all'\n[crystal]\ncells = 3\n{more}"
        )
        return Experiment.from_toml(file)

    return from_text


def test_toml_takes_all_of_a_list_too(toml):
    experiment = toml("misset_deg = [10.0, 20.0, 30.0]\n")
    misset = about_fixed_axes(*np.radians([10.0, 20.0, 30.0]))
    for frame, turn in enumerate(TURNS):
        expected = DIRECT @ (misset @ FROM_DXTBX @ turn).T
        np.testing.assert_allclose(standing(experiment, frame), expected, atol=1e-12)


@pytest.mark.parametrize(
    "more",
    [
        "[frames]\ncount = 2\n",
        "a_A = [50.0, 0.0, 0.0]\nb_A = [0.0, 50.0, 0.0]\nc_A = [0.0, 0.0, 50.0]\n",
    ],
)
def test_keys_that_say_crystal_or_frames_are_refused(toml, more):
    with pytest.raises(ExperimentError, match='beside experiment = "all"'):
        toml(more)


def test_what_is_written_reads_back_as_the_same(tmp_path, stills, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = read(stills)
    (tmp_path / "b.toml").write_text(write_toml(experiment))
    assert Experiment.from_toml(tmp_path / "b.toml") == experiment


@pytest.mark.parametrize(
    ("frames", "complaint"),
    [
        ("orientation = [[1.0, 0.0]]", "list of nine finite numbers"),
        ("orientation = []", "list of nine finite numbers"),
        ("orientation = 3", "list of nine finite numbers"),
        ("orientation = [[1,0,0,0,1,0,0,0,2]]", "frame 0, .* is no rotation"),
        ("orientation = [[1,0,0,0,1,0,0,0,1]]\ncount = 1", "orientation and count both say"),
    ],
)
def test_orientations_that_cannot_be_are_refused(tmp_path, frames, complaint):
    file = tmp_path / "a.toml"
    file.write_text(
        "[beam]\nwavelength_A = 1.0\nfluence_photons_per_m2 = 1e24\n"
        "[structure_factors]\ndefault_F = 1.0\n[detector]\ndistance_mm = 100.0\npixels = [8, 8]\n"
        "pixel_size_mm = 0.1\n[crystal]\ncells = 3\ncell_A = [50.0, 50.0, 50.0]\n"
        f"cell_angles_deg = [90.0, 90.0, 90.0]\n[frames]\n{frames}\n"
    )
    with pytest.raises(ExperimentError, match=complaint):
        Experiment.from_toml(file)


def test_orientations_beside_a_goniometer_are_refused(tmp_path):
    path = write_expt(tmp_path / "a.expt", {**STILLS[0], "goniometer": GONIOMETER})
    file = tmp_path / "a.toml"
    file.write_text(
        "[beam]\nfluence_photons_per_m2 = 1e24\n[structure_factors]\ndefault_F = 1.0\n"
        f"[detector]\ngeometry = '{path}'\n[crystal]\ncells = 3\n"
        "[frames]\norientation = [[1,0,0,0,1,0,0,0,1]]\n"
    )
    with pytest.raises(ExperimentError, match="both say what the frames are"):
        Experiment.from_toml(file)


def test_the_command_line_takes_all_or_a_number(stills, capsys):
    words = ["--geometry", str(stills), *WORDS.split()]
    assert main(["config", *words, "--experiment", "all"]) == 0
    assert "orientation = [" in capsys.readouterr().out
    assert main(["config", *words, "--experiment", "some"]) == 2
    assert "'some' is neither a whole number from 0 nor all" in capsys.readouterr().err
