"""Shots: from a table, or random orientations, to exposures that are listed."""

import h5py
import numpy as np
import pytest

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.physics.cell import dual
from tiled_sim.physics.orientation import random_rotations
from tiled_sim.physics.vectors import about_axis, about_fixed_axes
from tiled_sim.read.toml.writer import write_toml

BASE = (
    "-default_F 100 -cell 50 60 70 90 90 90 -lambda 1.3 -N 4 -distance 100 "
    "-detpixels 40 -pixel 0.4 -oversample 1"
)
STARS = ",".join(f"{axis}_star_{x}_per_A" for axis in "abc" for x in "xyz")
TURNS = np.array([about_axis((0.0, 0.6, 0.8), angle) for angle in (0.3, -1.1)])


def read(words="", **own):
    return Experiment.from_nanobragg(f"{BASE} {words}".split(), **own)


def table(tmp_path, header, *rows):
    path = tmp_path / "shots.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def columns_of(tmp_path, header, *rows, words=""):
    return read(words, shots=table(tmp_path, header, *rows)).exposures.columns


# Orientations


def test_orientations_come_as_missetting_angles(tmp_path):
    rows = [(10.0, 20.0, 30.0), (0.0, -5.0, 180.0)]
    found = columns_of(tmp_path, "misset_x_deg,misset_y_deg,misset_z_deg", *rows)
    expected = [about_fixed_axes(*np.radians(row)) for row in rows]
    np.testing.assert_allclose(found["orientation"], expected, atol=1e-14)


def test_orientations_come_as_quaternions(tmp_path):
    half = 0.15
    row = (np.cos(half), 0.0, 0.6 * np.sin(half), 0.8 * np.sin(half))
    found = columns_of(tmp_path, "q_w,q_x,q_y,q_z", row)
    np.testing.assert_allclose(found["orientation"], TURNS[:1], atol=1e-14)


def test_orientations_come_as_rotations_row_by_row(tmp_path):
    header = ",".join(f"r_{x}{y}" for x in "xyz" for y in "xyz")
    found = columns_of(tmp_path, header, *TURNS.reshape(-1, 9).round(6))
    np.testing.assert_allclose(found["orientation"], TURNS, atol=1e-5)


def test_orientations_come_as_reciprocal_vectors_with_cells_of_their_own(tmp_path):
    crystal = read().crystal.direct_vectors
    turned = [crystal @ TURNS[0].T, (crystal * [[1.0], [1.01], [1.0]]) @ TURNS[1].T]
    found = columns_of(tmp_path, STARS, *(dual(rows).ravel() for rows in turned))
    stood = found["vectors"] @ found["orientation"].transpose(0, 2, 1)
    np.testing.assert_allclose(stood, turned, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["vectors"][0], crystal, atol=1e-9)
    found = columns_of(tmp_path, STARS, dual(turned[0]).ravel())
    assert list(found) == ["orientation"]


def test_random_orientations_of_rows_are_those_of_their_numbers(tmp_path):
    path = table(tmp_path, "orientation,N", ("random", 3), ("", 3), ("random", 3))
    found = read(shots=path, shots_seed=9).exposures.orientation
    expected = random_rotations(9, np.arange(3))
    np.testing.assert_array_equal(found[[0, 2]], expected[[0, 2]])
    np.testing.assert_array_equal(found[1], np.eye(3))


def test_random_shots_are_the_same_whatever_their_number():
    few, many = (read(random_shots=count, shots_seed=4).exposures for count in (3, 50))
    np.testing.assert_array_equal(few.orientation, many.orientation[:3])
    assert not np.allclose(few.orientation, read(random_shots=3).exposures.orientation)


# What else a row says


def test_a_row_says_fluence_cells_cell_wavelength_beam_and_shift(tmp_path):
    found = columns_of(
        tmp_path,
        "fluence_photons_per_m2,N,cell_scale,energy_eV,beam_x,beam_y,beam_z,shift_z_mm",
        (1e24, 7, 1.01, 12398.42, 3, 0, 4, 0.5),
    )
    assert found["fluence"] == [1e24]
    np.testing.assert_array_equal(found["cells"], [[7, 7, 7]])
    np.testing.assert_allclose(found["vectors"][0], read().crystal.direct_vectors * 1.01)
    np.testing.assert_allclose(found["wavelength"], [1.0], rtol=1e-15)
    np.testing.assert_allclose(found["beam_direction"], [[0.6, 0.0, 0.8]], rtol=1e-15)
    np.testing.assert_allclose(found["detector_shift"], [[0.0, 0.0, 5e-4]], rtol=1e-15)


def test_what_a_table_leaves_out_is_the_experiments(tmp_path):
    listed = read("-phi 10 -osc 2 -phisteps 4", shots=table(tmp_path, "N", (3,), (4,))).exposures
    assert (len(listed), listed.steps) == (2, 4)
    np.testing.assert_allclose(listed.phi, np.radians([[10.0, 10.5, 11.0, 11.5]] * 2))
    np.testing.assert_array_equal(listed.orientation, [np.eye(3)] * 2)


def test_subpixels_and_interpolation_are_those_of_the_crystals_of_the_shots(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "N", (20,), (300,), (5,))
    (tmp_path / "a.hkl").write_text("1 2 3 5\n")
    words = BASE.replace("-oversample 1", "-hkl a.hkl").split()
    few = Experiment.from_nanobragg([*words, "-N", "2"], shots="shots.csv")
    many = Experiment.from_nanobragg([*words, "-N", "300"]).sampling
    assert few.sampling == many
    chosen = ("oversample =", "interpolate =")
    document = [line for line in write_toml(few).splitlines() if not line.startswith(chosen)]
    (tmp_path / "a.toml").write_text("\n".join(document))
    assert Experiment.from_toml("a.toml").sampling == many
    table(tmp_path, "N", (2,), (300,))
    assert Experiment.from_nanobragg(words, shots="shots.csv").sampling.interpolate


def test_subpixels_are_those_of_the_shortest_wavelength_of_the_shots(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path, "wavelength_A", (1.0,), (0.5,), (2.0,))
    words = [*BASE.replace("-oversample 1", "").split(), "-N", "100"]
    shots = Experiment.from_nanobragg(words, shots="shots.csv")
    short = Experiment.from_nanobragg([*words, "-lambda", "0.5"]).sampling.oversample
    assert shots.sampling.oversample == short
    assert short > Experiment.from_nanobragg([*words, "-lambda", "1"]).sampling.oversample
    document = (line for line in write_toml(shots).splitlines() if "oversample =" not in line)
    (tmp_path / "a.toml").write_text("\n".join(document))
    assert Experiment.from_toml("a.toml").sampling.oversample == short


def test_an_oscillation_that_one_step_leaves_out_is_told(tmp_path):
    path = table(tmp_path, "oscillation_deg", (1,), (2,))
    (note,) = (one for one in read(shots=path).notes if "counts for nothing" in one)
    assert "-phisteps N" in note
    assert not any("counts for nothing" in one for one in read("-phisteps 2", shots=path).notes)


def test_each_shot_has_its_spectrum(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spectrum"], file["spectra"] = [1, 0, 1], [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]]
    found = read("-dispersion 1 -dispsteps 3", shots=tmp_path / "a.h5").exposures
    np.testing.assert_array_equal(found.spectrum, [1, 0, 1])
    with pytest.raises(ExperimentError, match="3 weights in a row, and the beam 1 sources"):
        read(shots=tmp_path / "a.h5")


SASE = Bandwidth(0.005, shape="sase", channels=20, duration=2e-15, seed=5)


def test_each_shot_has_a_sase_pulse_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = read(random_shots=3, spectrum=SASE)
    listed = experiment.exposures
    for shot in range(3):
        due = SASE.channels_at(experiment.beam.wavelength, shot)[1]
        np.testing.assert_array_equal(listed.spectra[listed.spectrum[shot]], due)
    (tmp_path / "a.toml").write_text(write_toml(experiment))
    assert Experiment.from_toml("a.toml").sha256 == experiment.sha256


def test_pulses_of_several_directions_are_refused():
    with pytest.raises(UsageError, match="shots have pulses of one direction alone"):
        read("-divergence 1 -divsteps 4", random_shots=3, spectrum=SASE)


def test_rows_that_say_the_same_are_told(tmp_path):
    path = table(tmp_path, "N", (3,), (4,), (3,))
    notes = read(shots=path).notes
    assert any(
        f"1 of 3 shots are the same as one before them: {path}, line 4 says what {path}, line 2"
        in note
        for note in notes
    )


def test_shots_without_light_are_told(tmp_path):
    path = table(tmp_path, "fluence_photons_per_m2", (1e20,), (0,), (0,))
    notes = read("-fluence 0", shots=path).notes
    assert "the fluence of 2 of 3 frames is 0: they are empty" in notes
    assert not any("the image is empty" in note for note in notes)


@pytest.mark.parametrize(("energies", "told"), [(None, True), (2, False)])
def test_anomalous_scattering_at_another_wavelength_than_the_shots_is_told(
    tmp_path, data, energies, told
):
    words = "-N 4 -distance 100 -detpixels 40 -pixel 0.4 -oversample 1 -energy 9500"
    path = table(tmp_path, "energy_eV", (9500,), (9700,))
    model = {"model": data / "2erl.pdb", "anomalous": "chantler", "F_energies": energies}
    notes = Experiment.from_nanobragg(words.split(), shots=path, **model).notes
    (note,) = [note for note in notes if "f′ and f″ of all frames" in note] or [""]
    assert ("--F-energies N" in note) is told


# Documents


def test_a_document_of_shots_reads_back_as_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path, "orientation,N", ("random", 3), ("random", 4))
    for words, own in (
        ("", {"shots": path.name, "shots_seed": 3}),
        ("-phi 10 -osc 2 -phisteps 4", {"random_shots": 5}),
    ):
        experiment = read(words, **own)
        (tmp_path / "a.toml").write_text(write_toml(experiment))
        again = Experiment.from_toml("a.toml")
        assert isinstance(again.exposures, Listed)
        assert again.sha256 == experiment.sha256


def test_a_document_whose_table_has_changed_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = table(tmp_path, "N", (3,))
    (tmp_path / "a.toml").write_text(write_toml(read(shots=path.name)))
    table(tmp_path, "N", (4,))
    with pytest.raises(InputFileError, match="it is another table"):
        Experiment.from_toml("a.toml")


# What cannot be


@pytest.mark.parametrize(
    ("header", "row", "complaint"),
    [
        ("q_w,q_x,q_y", (1, 0, 0), "the column q_z is missing beside q_w"),
        ("q_w,q_x,q_y,q_z", (2, 0, 0, 0), "line 2: the quaternion .* is of length 1"),
        ("misset_x_deg,q_w", (1, 0), "misset_x and q_w both say the orientation"),
        ("N,Na,Nb,Nc", (1, 2, 3, 4), "N and Na, Nb, Nc both say the cells"),
        ("N", (1.5,), "line 2: numbers of cells must be whole"),
        ("cell_scale", (-1,), "line 2: cell_scale is a factor"),
        ("spectrum", (0,), "names rows of `spectra`, which only a table in HDF5 can hold"),
        ("N", (1e30,), "line 2: numbers of cells must be whole, from 1 to 100000000"),
        ("energy_eV", (-9000,), "line 2: energy must be positive"),
        ("energy_eV", (9.5,), "line 2: energy must be that of light of 0.001 to 100 Å; check its"),
        ("fluence_photons_per_m2", (-1,), "line 2: fluence must not be negative"),
        (STARS, np.diag([0.2, 0.166, 0.143]).ravel(), "line 2: a.* of the cell 5 6.0241 6.99301 Å"),
        ("beam_x,beam_y,beam_z", (0, 0, 0), "line 2: the beam's direction has no length"),
    ],
)
def test_what_a_row_cannot_say_is_refused_with_its_line(tmp_path, header, row, complaint):
    with pytest.raises(InputFileError, match=complaint):
        read(shots=table(tmp_path, header, row))


def test_a_detector_that_a_shot_moves_behind_the_sample_is_refused(tmp_path):
    # the beam of MOSFLM's frame travels along x
    path = table(tmp_path, "shift_x_mm", (0.0,), (-500.0,))
    with pytest.raises(ExperimentError, match="turns its back to the sample"):
        read(shots=path)


@pytest.mark.parametrize(
    ("words", "own", "complaint"),
    [
        ("", {"random_shots": 0}, "random_shots=0 must be a number from 1"),
        ("", {"shots_seed": 3}, "shots_seed=3 has no effect without"),
        ("", {"random_shots": 2, "shots": "a.csv"}, "both say what the shots are"),
        ("-intfile a.img", {"random_shots": 2}, "-intfile: of one frame alone"),
    ],
)
def test_what_does_not_go_together_is_refused(words, own, complaint):
    with pytest.raises(UsageError, match=complaint):
        read(words, **own)


def test_c_has_no_shots():
    with pytest.raises(ExperimentError, match="a list of exposures cannot be had as C has it"):
        read(random_shots=2, c_compat=True)


# Cells that vary


def lengths_of(listed):
    return np.linalg.norm(listed.vectors, axis=2)


def test_cells_vary_by_their_spread_in_length_and_not_in_angle():
    spread = (0.002, 0.0, 0.01)
    listed = read(random_shots=4000, shots_cell_spread=spread).exposures
    relative = lengths_of(listed) / (50.0, 60.0, 70.0) - 1.0
    np.testing.assert_allclose(relative.mean(axis=0), 0.0, atol=4 * 0.01 / np.sqrt(4000))
    np.testing.assert_allclose(relative.std(axis=0), spread, rtol=0.05)
    assert abs(np.corrcoef(relative[:, 0], relative[:, 2])[0, 1]) < 4 / np.sqrt(4000)
    directions = listed.vectors / lengths_of(listed)[:, :, None]
    np.testing.assert_allclose(directions, np.broadcast_to(directions[0], directions.shape))


def test_the_first_cells_of_many_are_those_of_few():
    few, many = (
        read(random_shots=count, shots_cell_spread=(0.01, 0.01, 0.01)).exposures for count in (2, 9)
    )
    np.testing.assert_array_equal(few.vectors, many.vectors[:2])


def test_cells_of_a_table_vary_where_it_does_not_say_them(tmp_path):
    spread = (0.01, 0.01, 0.01)
    path = table(tmp_path, "misset_x_deg,misset_y_deg,misset_z_deg", (1, 2, 3), (4, 5, 6))
    listed = read(shots=path, shots_cell_spread=spread).exposures
    assert not np.array_equal(*lengths_of(listed))
    path = table(tmp_path, "cell_scale", (1.01,))
    with pytest.raises(InputFileError, match=r"shots\.csv: it says the cell of each shot"):
        read(shots=path, shots_cell_spread=spread)


@pytest.mark.parametrize("spread", [(-0.001, 0, 0), (0, 0.03, 0), (0, 0, float("nan"))])
def test_spreads_that_cannot_be_are_refused(spread):
    with pytest.raises(UsageError, match=r"from 0 to 0\.02"):
        read(random_shots=2, shots_cell_spread=spread)


def test_a_spread_without_shots_is_refused():
    with pytest.raises(UsageError, match="has no effect without"):
        read(shots_cell_spread=(0.001, 0.001, 0.001))


def test_the_spread_of_cells_is_written_as_toml_and_read_again(tmp_path):
    experiment = read(random_shots=3, shots_seed=5, shots_cell_spread=(0.002, 0.0, 0.01))
    path = tmp_path / "e.toml"
    path.write_text(write_toml(experiment))
    assert Experiment.from_toml(path).sha256 == experiment.sha256
