"""Exposures that are listed: stills, each of the crystal in an orientation of its own."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

from support.stores import experiment_of
from tiled_sim.errors import ExperimentError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Exposure, Listed
from tiled_sim.physics.vectors import about_axis

TURNS = np.stack([about_axis((0.0, 0.6, 0.8), angle) for angle in (0.0, 0.4, -1.1)])


@pytest.fixture(scope="module")
def experiment():
    return dataclasses.replace(experiment_of((1, 1, 50, 70)), exposures=Listed(TURNS))


def with_turns(experiment, turns):
    return dataclasses.replace(experiment, exposures=Listed(turns))


def test_a_frame_is_one_step_of_its_orientation():
    listed = Listed(TURNS)
    assert (len(listed), listed.steps) == (3, 1)
    for number, exposure in enumerate(listed):
        assert exposure.angles == (0.0,)
        np.testing.assert_array_equal(exposure.rotations, [TURNS[number]])


def test_an_orientation_comes_before_the_spindle_turns():
    exposure = Exposure((0.2,), (1.0, 0.0, 0.0), tuple(map(tuple, TURNS[1])))
    turned = about_axis((1.0, 0.0, 0.0), 0.2) @ TURNS[1]
    np.testing.assert_allclose(exposure.rotations, [turned], rtol=0, atol=1e-15)


def test_there_is_no_frame_beyond_the_last():
    with pytest.raises(IndexError, match="frame 3 of 3"):
        Listed(TURNS)[3]


def test_each_orientation_is_a_frame(experiment):
    assert experiment.shape == (3, 1, 50, 70)
    assert experiment.steps == experiment.sampling.oversample**2


@pytest.mark.parametrize(
    ("turns", "complaint"),
    [
        (TURNS[0], r"shape \(3, 3\)"),
        (np.empty((0, 3, 3)), "at least 1"),
        (TURNS * 1.01, "frame 0, .* is no rotation"),
        (np.stack([TURNS[0], np.diag([1.0, 1.0, -1.0])]), "frame 1, .* is no rotation"),
        (np.stack([TURNS[0], np.full((3, 3), np.nan)]), "frame 1, .* is no rotation"),
    ],
)
def test_what_is_no_list_of_rotations_is_refused(turns, complaint):
    with pytest.raises(ExperimentError, match=complaint):
        Listed(turns)


def test_the_orientations_cannot_be_written_to(experiment):
    for listed in (experiment.exposures, pickle.loads(pickle.dumps(experiment.exposures))):
        with pytest.raises(ValueError, match="read-only"):
            listed.orientation[0, 0, 0] = 2.0


def test_the_document_has_the_hash_and_never_the_array(experiment):
    document = experiment.to_dict()
    assert document["exposures"] == {
        "orientation": {"sha256": experiment.exposures.hashes["orientation"], "count": 3}
    }
    assert Experiment.from_dict(json.loads(json.dumps(document)), experiment.arrays()) == experiment


def test_other_arrays_than_the_documents_are_refused(experiment):
    arrays = {**experiment.arrays(), "frames/orientation": TURNS[::-1]}
    with pytest.raises(ExperimentError, match=r"exposures\.orientation"):
        Experiment.from_dict(experiment.to_dict(), arrays)


def test_the_hash_is_that_of_the_orientations(experiment):
    assert with_turns(experiment, TURNS.copy()).sha256 == experiment.sha256
    assert copy.deepcopy(experiment).sha256 == experiment.sha256
    other = TURNS.copy()
    other[2] = about_axis((0.0, 0.6, 0.8), -1.1000001)
    assert with_turns(experiment, other).sha256 != experiment.sha256
    assert with_turns(experiment, TURNS[::-1]).sha256 != experiment.sha256
    assert experiment_of((1, 1, 50, 70)).sha256 != experiment.sha256


def test_the_hash_of_a_list_is_known():
    known = "1332df685c45a61a0ac008a6a653295b8c5655361c1d34b6304b22ec40235fb8"
    assert Listed(np.eye(3)[None]).hashes == {"orientation": known}


def test_frames_that_are_listed_are_changed_by_no_key(experiment):
    with pytest.raises(ExperimentError, match=r"frames\.count cannot be changed: .* listed"):
        experiment.with_({"frames.count": 2})
    assert experiment.with_({"beam.fluence_photons_per_m2": 1e20}).exposures == experiment.exposures


def test_c_has_no_list_of_orientations(experiment):
    with pytest.raises(ExperimentError, match="a list of exposures cannot be had as C has it"):
        dataclasses.replace(experiment, c_compat=True)


def test_an_array_that_nobody_can_write_to_is_kept_and_others_are_copied():
    ours = np.array(TURNS)
    copied = Listed(ours)
    assert not np.shares_memory(copied.orientation, ours)
    ours[0] = 0.0
    assert copied.orientation[0].any()
    frozen = np.array(TURNS)
    frozen.setflags(write=False)
    assert Listed(frozen).orientation is frozen
    assert not np.shares_memory(Listed(frozen[:1]).orientation, frozen)


def test_numbers_too_large_for_a_rotation_are_refused_without_a_warning(recwarn):
    with pytest.raises(ExperimentError, match="is no rotation"):
        Listed(np.full((1, 3, 3), 1e200))
    assert not recwarn
