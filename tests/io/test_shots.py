"""Tables of shots by the names of their columns."""

import h5py
import numpy as np
import pandas
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.shots import read_shots

ROWS = {"fluence_photons_per_um2": [1.0, 2.5], "energy_keV": [9.5, 12.0], "N": [3, 4]}


def csv(path, text):
    path.write_text(text)
    return path


@pytest.fixture(params=["csv", "parquet", "h5"])
def table(request, tmp_path):
    """The same rows in each format."""
    path, frame = tmp_path / f"shots.{request.param}", pandas.DataFrame(ROWS)
    if request.param == "csv":
        frame.to_csv(path, index=False)
    elif request.param == "parquet":
        frame.to_parquet(path)
    else:
        with h5py.File(path, "w") as file:
            for name, values in ROWS.items():
                file[f"shots/{name}"] = values
    return path


def test_a_table_of_any_format_comes_in_the_units_inside(table):
    shots = read_shots(table)
    assert len(shots) == 2
    np.testing.assert_allclose(shots.columns["fluence"], [1e12, 2.5e12], rtol=1e-15)
    np.testing.assert_allclose(shots.columns["energy"], [9500.0, 12000.0], rtol=1e-15)
    np.testing.assert_array_equal(shots.columns["N"], [3.0, 4.0])


def test_rows_ask_for_random_orientations_by_a_word(tmp_path):
    shots = read_shots(csv(tmp_path / "a.csv", "orientation, q_w\nrandom, 1\n , 1\n"))
    np.testing.assert_array_equal(shots.random, [True, False])


def test_spectra_stand_in_hdf5_beside_the_columns(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["N"], file["spectra"] = [3, 4], [[1.0, 2.0, 3.0], [0.0, 0.0, 1.0]]
    np.testing.assert_array_equal(read_shots(tmp_path / "a.h5").spectra[1], [0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a CSV table of shots"),
        ("N\n", "1 to 10000000; this one has 0"),
        ("N\n3\nthree\n", r"line 3: N is 'three', no number"),
        ("N,fluence_photons_per_m2\n3,1\n4,\n", "line 3: fluence_photons_per_m2 is missing"),
        ("N\n3\n\nfour\n", r"line 4: N is 'four'"),
        ("N\n3\nnan\n", "line 3: N is missing, or no finite number"),
        ("N,energy_eV\n3,9000\n3,9000,1\n", "line 3: 3 values, and the first line has 2 names"),
        ("N,energy_eV\n3,9000,1,1\n3,9000\n", "line 2: 4 values, and the first line has 2 names"),
        ("N,N\n3,3\n", "the column N is there twice"),
        (",N\n0,3\n", "column 1 has values and no name"),
        ("N;energy_eV\n3;9000\n", "is one column: commas separate the names"),
        ("N energy_eV\n3 9000\n", "is one column: commas separate the names"),
        ("n\n3\n", "'n' is not known; did you mean N"),
        ("N\n3\ninf\n", "line 3: N is missing, or no finite number"),
        ("fluence\n3\n", "the column fluence needs its unit: fluence_photons_per_m2 or"),
        ("fluence_photons_per_m3\n3\n", "'fluence_photons_per_m3' is not known; did you mean"),
        ("energy_eV,energy_keV\n9000,9\n", "energy_keV says energy once more"),
        ("orientation\nany\n", "line 2: orientation must be `random`"),
    ],
)
def test_a_table_that_is_none_is_answered_with_file_and_line(tmp_path, text, complaint):
    path = csv(tmp_path / "a.csv", text)
    with pytest.raises(InputFileError, match=complaint) as caught:
        read_shots(path)
    assert str(path) in str(caught.value)


def test_lines_and_columns_without_a_value_are_none(tmp_path):
    text = "\ufefforientation,N,\r\nrandom,3,\r\n\r\n,4,\r\n,,\r\n"
    shots = read_shots(csv(tmp_path / "a.csv", text))
    np.testing.assert_array_equal(shots.columns["N"], [3.0, 4.0])
    np.testing.assert_array_equal(shots.random, [True, False])
    assert shots.place(1).endswith("line 4")


def test_a_random_row_says_no_orientation_of_its_own(tmp_path):
    names = "orientation,misset_x_deg,misset_y_deg,misset_z_deg\n"
    shots = read_shots(csv(tmp_path / "a.csv", f"{names}random,,,\n,90,0,0\nrandom,0,0,0\n"))
    np.testing.assert_allclose(np.degrees(shots.columns["misset_x"]), [0.0, 90.0, 0.0])
    with pytest.raises(InputFileError, match="line 3: `random` and misset_y_deg both say"):
        read_shots(csv(tmp_path / "a.csv", f"{names},1,2,3\nrandom,0,2,0\n"))


def test_values_that_are_lists_are_refused_by_their_row(tmp_path):
    pandas.DataFrame({"N": [[1, 2], [3]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputFileError, match=r"a\.parquet, row 0: N is '\[1 2\]', no number"):
        read_shots(tmp_path / "a.parquet")


def test_columns_of_different_lengths_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["N"], file["spectrum"] = [3, 4], [0, 0, 1]
    with pytest.raises(InputFileError, match="column spectrum has 3 rows, and N 2"):
        read_shots(tmp_path / "a.h5")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputFileError, match=r"gone\.csv: there is no such file"):
        read_shots(tmp_path / "gone.csv")
