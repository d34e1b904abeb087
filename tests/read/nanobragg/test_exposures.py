"""Frames of a geometry file beside nanoBragg's words of phi."""

import numpy as np
import pytest

from support.expt import GONIOMETER, SCAN, crystal, write_expt
from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.nanobragg.reader import Command
from tiled_sim.read.nanobragg.stated import DetectorSource

SWEPT = {"crystal": crystal(), "goniometer": GONIOMETER, "scan": SCAN}
#: The axis of GONIOMETER in MOSFLM's lab: setting, out of dxtbx's frame, x left to z back.
SPINDLE = (0.0, -0.6, 0.8)


@pytest.fixture
def read(tmp_path):
    def from_words(words, **models):
        file = write_expt(tmp_path / "a.expt", models or SWEPT)
        return Experiment.from_nanobragg(f"-default_F 1 -N 3 {words}".split(), geometry=file)

    return from_words


def test_the_scan_makes_the_frames(read):
    exposures = read("").exposures
    np.testing.assert_allclose(exposures.spindle, SPINDLE, atol=1e-15)
    assert len(exposures) == 4
    degrees = [np.degrees(exposures[frame].angles).tolist() for frame in range(4)]
    expected = [[10.0, 10.25], [10.5, 10.75], [11.0, 11.25], [11.5, 11.75]]
    np.testing.assert_allclose(degrees, expected, atol=1e-12)


def test_steps_of_a_frame_are_what_the_words_say(read):
    assert read("-phisteps 5").exposures.steps == 5
    assert read("-phistep 0.125").exposures.steps == 4
    with pytest.raises(ExperimentError, match=r"0\.5° and 5 steps of 0\.2°"):
        read("-phistep 0.2 -phisteps 5")


def test_words_that_say_the_same_are_let_through(read):
    words = "-phi 10 -osc 0.5 -phisteps 2 -spindle_axis 0 -0.6 0.8"
    # a vector makes the convention CUSTOM, whose axes but one are MOSFLM's
    assert read(words).exposures == read("-phisteps 2").exposures


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("-phi 11", "-phi 11° and .* 10°"),
        ("-osc 1", "-osc 1° and .* 0.5°"),
        ("-spindle_axis 0 0 1", r"-spindle_axis \(0, 0, 1\) and .* \(0, -0.6, 0.8\)"),
    ],
)
def test_words_that_contradict_the_file_are_refused_with_both(read, words, both):
    with pytest.raises(ExperimentError, match=f"{both}.*leave {words.split()[0]} out"):
        read(words)


def test_a_goniometer_without_a_scan_leaves_phi_to_the_words(read):
    exposures = read("-phi 3 -osc 1", goniometer=GONIOMETER, crystal=crystal()).exposures
    np.testing.assert_allclose(exposures.spindle, SPINDLE, atol=1e-15)
    assert (len(exposures), np.degrees(exposures.start)) == (1, pytest.approx(3.0))


def test_a_list_without_a_goniometer_leaves_all_to_the_words(read):
    exposures = read("-phi 3 -osc 1", crystal=crystal()).exposures
    assert (exposures.spindle, len(exposures)) == ((0.0, 0.0, 1.0), 1)


def test_the_frames_are_told_once(read):
    told = [note for note in read("").notes if "scan" in note]
    assert len(told) == 1
    assert "4 frames of 0.5° from 10° on, in 2 phi steps each" in told[0]
    assert not any("-osc" in note for note in read("").notes)


def test_files_of_one_frame_are_refused_for_a_scan(tmp_path):
    file = write_expt(tmp_path / "a.expt", SWEPT, panels=1)
    words = ["-default_F", "1", "-N", "3", "-intfile", "a.img"]
    command = Command.of(words, detector=DetectorSource(geometry=str(file)))
    with pytest.raises(UsageError, match=r"-intfile: of one frame alone.* has 4"):
        command.outputs  # noqa: B018
