"""Shots for an experiment that has some."""

import dataclasses

import h5py
import numpy as np
import pytest

from support.stores import shots_words
from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import frame_of
from tiled_sim.physics.orientation import random_rotations
from tiled_sim.read.more_shots import with_more_shots
from tiled_sim.read.shots import Shots


def read(*words, **own):
    return Experiment.from_nanobragg([*shots_words(), *words], **own)


def table(tmp_path, text, name="shots.csv"):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ((), {"shots_seed": 7}),
        (("-osc", "1", "-phisteps", "2", "-phi", "5"), {}),
        ((), {"shots_cell_spread": (0.002, 0.0, 0.01)}),
        ((), {"spectrum": Bandwidth(0.002, False, "sase", 5, 1e-14, 4)}),
    ],
)
def test_random_shots_that_are_added_are_those_that_would_have_followed(words, own):
    few, all_of_them = read(*words, random_shots=3, **own), read(*words, random_shots=5, **own)
    more = with_more_shots(few, Shots(random=2))
    assert more.sha256 == all_of_them.sha256
    assert more.exposures.source == all_of_them.exposures.source


def test_another_seed_draws_others_and_no_list_says_how_all_were_made():
    more = with_more_shots(read(random_shots=3), Shots(random=2, seed=8))
    expected = random_rotations(8, np.arange(3, 5))
    np.testing.assert_array_equal(more.exposures.orientation[3:], expected)
    assert more.exposures.source is None


def test_random_rows_of_a_table_follow_their_number_in_the_run(tmp_path):
    more = with_more_shots(
        read(random_shots=3), Shots(table(tmp_path, "orientation\nrandom\nrandom\n"))
    )
    expected = random_rotations(1, np.arange(5))
    np.testing.assert_array_equal(more.exposures.orientation, expected)


def test_a_column_that_the_added_shots_leave_out_is_the_experiments(tmp_path):
    first = table(tmp_path, "orientation,fluence_photons_per_m2,N\nrandom,1e25,3\n")
    experiment = read(shots=first)
    more = with_more_shots(experiment, Shots(random=2)).exposures
    np.testing.assert_array_equal(more.fluence, [1e25, *[experiment.beam.fluence] * 2])
    np.testing.assert_array_equal(more.cells, [[3, 3, 3], [5, 5, 5], [5, 5, 5]])


def test_a_column_that_the_added_shots_begin_leaves_those_before_as_they_were(tmp_path):
    experiment = read(random_shots=2)
    columns = "orientation,fluence_photons_per_m2,Na,Nb,Nc,wavelength_A,cell_scale"
    columns = f"{columns},beam_x,beam_y,beam_z,shift_x_mm,shift_y_mm,shift_z_mm"
    row = "random,1e25,3,4,5,1.1,1.01,1,0.01,0,1,2,3"
    more = with_more_shots(experiment, Shots(table(tmp_path, f"{columns}\n{row}\n")))
    assert len(more.exposures.columns) == 7
    for frame in range(2):
        assert frame_of(more, frame) == frame_of(experiment, frame)
    assert frame_of(more, 2).beam.fluence == 1e25


def test_spectra_of_added_shots_come_after_those_that_are_there(tmp_path):
    def stored(name, weights, numbers):
        with h5py.File(tmp_path / name, "w") as file:
            file["spectra"] = weights
            file["spectrum"] = numbers
        return str(tmp_path / name)

    spectrum = Bandwidth(0.002, channels=3)
    experiment = read(shots=stored("a.h5", [[1, 0, 0], [0, 1, 0]], [1, 0, 1]), spectrum=spectrum)
    more = with_more_shots(experiment, Shots(stored("b.h5", [[0, 0, 1]], [0, 0]))).exposures
    np.testing.assert_array_equal(more.spectra, [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(more.spectrum, [1, 0, 1, 2, 2])
    plain = with_more_shots(experiment, Shots(random=1)).exposures
    np.testing.assert_array_equal(plain.spectra[2], experiment.beam.spectrum.weight)
    np.testing.assert_array_equal(plain.spectrum, [1, 0, 1, 2])


def test_turns_that_every_shot_has_alike_are_those_of_the_added(tmp_path):
    first = table(tmp_path, "orientation,start_deg\nrandom,1\nrandom,2\n")
    experiment = read("-osc", "1", "-phisteps", "2", shots=first)
    second = table(tmp_path, "orientation,start_deg\nrandom,3\n", "more.csv")
    more = with_more_shots(experiment, Shots(second)).exposures
    np.testing.assert_allclose(np.degrees(more.start), [1, 2, 3])
    np.testing.assert_allclose(np.degrees(more.oscillation), 1)
    with pytest.raises(UsageError, match="each shot of the run has a start of its own"):
        with_more_shots(experiment, Shots(random=2))


def test_shots_of_stills_do_not_begin_to_turn(tmp_path):
    turning = Shots(table(tmp_path, "orientation,oscillation_deg\nrandom,1\n"))
    with pytest.raises(UsageError, match=r"do not turn.*column oscillation"):
        with_more_shots(read(random_shots=2), turning)


def test_shots_that_cannot_be_are_refused_with_those_before():
    experiment = read(random_shots=2)
    listed = Listed(experiment.exposures.orientation, spectrum=[0, 0], spectra=[[1.0]])
    with pytest.raises(ExperimentError, match="2 weights in a row"):
        with_more_shots(
            dataclasses.replace(
                experiment,
                exposures=dataclasses.replace(listed, spectrum=[0, 0], spectra=[[1.0, 2.0]]),
            ),
            Shots(random=1),
        )
