"""Spectra in HDF5: which datasets are one, in which units, and what is asked where several fit."""

import h5py
import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.spectrum_file import read_spectrum
from tiled_sim.physics.constants import HC_EV_ANGSTROM

ENERGY, WEIGHT = np.array([9500.0, 9510.0, 9520.0]), np.array([0.5, 1.5, 0.5])


@pytest.fixture
def made(tmp_path):
    """Write datasets, each a value or (value, unit), by their paths."""

    def write(**datasets):
        path = tmp_path / "s.h5"
        with h5py.File(path, "w") as file:
            for name, value in datasets.items():
                value, unit = value if isinstance(value, tuple) else (value, None)
                node = file.create_dataset(name.replace("__", "/"), data=value)
                if unit is not None:
                    node.attrs["units"] = unit
        return path

    return write


def refused(path, read=read_spectrum):
    with pytest.raises((InputFileError, UsageError)) as caught:
        read(path)
    return str(caught.value)


def is_the_spectrum(table):
    return (
        np.allclose(table.wavelength, HC_EV_ANGSTROM / ENERGY, rtol=1e-14, atol=0)
        and table.weight.tolist() == WEIGHT.tolist()
    )


@pytest.mark.parametrize(
    "datasets",
    [
        {"energy": ENERGY, "weights": WEIGHT},
        {"shot__photon_energies": ENERGY, "shot__flux": WEIGHT},
        {"energy": (ENERGY / 1e3, "keV"), "intensity": WEIGHT},
        {"x": (ENERGY, "eV"), "spectrum": WEIGHT},
        {"wavelength": HC_EV_ANGSTROM / ENERGY, "weights": WEIGHT},
        {"wavelengths": (HC_EV_ANGSTROM / ENERGY / 10, "nm"), "counts": WEIGHT},
        {"spectrum": np.column_stack([ENERGY, WEIGHT])},
        {"energy": ENERGY, "weights": WEIGHT[None, :]},
        {"energy": ENERGY, "weights": WEIGHT, "other__image": np.ones((4, 4, 4))},
        {
            "entry__beam__incident_wavelength": (1.3, "angstrom"),
            "entry__beam__incident_wavelength_1Dspectrum": (HC_EV_ANGSTROM / ENERGY, "angstrom"),
            "entry__beam__incident_wavelength_1Dspectrum_weights": WEIGHT,
        },
        {
            # what says whose its weights are goes before what may be a spectrum
            "b__incident_energy": (ENERGY, "eV"),
            "b__incident_energy_weights": WEIGHT,
            "c__energy": np.ones(4) * 9000,
            "c__counts": np.ones(4),
        },
    ],
)
def test_a_spectrum_is_found_by_its_names_and_units(made, datasets):
    assert is_the_spectrum(read_spectrum(made(**datasets)))


def test_energies_and_wavelengths_are_told_apart(made):
    assert read_spectrum(made(energy=ENERGY, weights=WEIGHT)).in_energies
    assert not read_spectrum(made(wavelength=HC_EV_ANGSTROM / ENERGY, weights=WEIGHT)).in_energies


@pytest.mark.parametrize("name", ["a", "a/weights", "a/energy", "a/energy,a/weights", "/a/weights"])
def test_of_several_one_is_named(made, name):
    path = made(a__energy=ENERGY, a__weights=WEIGHT, b__energy=ENERGY, b__weights=WEIGHT * 2)
    assert is_the_spectrum(read_spectrum(f"{path}:{name}"))


def test_any_two_datasets_can_be_named(made):
    path = made(first=ENERGY, second=WEIGHT)
    assert is_the_spectrum(read_spectrum(f"{path}:first,second"))
    assert "name the two of them, " in refused(path).replace("Name", "name")


def test_weights_of_any_name_are_found_beside_the_only_energies(made):
    path = made(energy=ENERGY, mean=WEIGHT, noise=WEIGHT * 3)
    assert is_the_spectrum(read_spectrum(f"{path}:mean"))


def test_several_that_fit_are_listed_with_how_to_name_one(made):
    told = refused(made(a__energy=ENERGY, a__weights=WEIGHT, b__energy=ENERGY, b__weights=WEIGHT))
    assert "2 spectra fit (/a/weights over /a/energy; /b/weights over /b/energy)" in told
    assert "s.h5:/a/energy,/a/weights" in told


@pytest.mark.parametrize(
    ("datasets", "key", "fault"),
    [
        ({"image": np.ones((3, 3))}, "", "no spectrum is found there"),
        ({"energy": ENERGY, "weights": WEIGHT[:2]}, "", "no spectrum is found there"),
        ({"energy": ENERGY, "weights": WEIGHT[:2]}, ":energy,weights", "has 2 weights for 3"),
        ({"energy": ENERGY, "weights": WEIGHT}, ":nowhere", "it has no 'nowhere'"),
        ({"a__energy": ENERGY, "a__weights": WEIGHT}, ":a,a/energy", "must be a dataset"),
        ({"energy": (ENERGY, "J"), "weights": WEIGHT}, "", "has units 'J'"),
        ({"energy": ENERGY / 1e3, "weights": WEIGHT}, "", "over 9.5 to 9.52, without a unit"),
        ({"energy": (ENERGY, "keV"), "weights": WEIGHT}, "", r"over 9.5e\+06 to .* eV"),
        ({"energy": ENERGY, "weights": -WEIGHT}, "", "at 0 .from 0. has the weight -0.5"),
        ({"energy": ENERGY, "weights": 0 * WEIGHT}, "", "weights that are all 0"),
        ({"energy": ENERGY, "weights": WEIGHT * np.nan}, "", "must hold finite numbers"),
        ({"energy": ENERGY, "weights": np.ones((5, 3))}, "", "holds the spectra of 5 shots"),
        ({"energy": np.array([b"a", b"b"]), "weights": WEIGHT[:2]}, ":energy,weights", "numbers"),
    ],
)
def test_what_is_no_spectrum_is_refused_in_a_sentence(made, datasets, key, fault):
    path = made(**datasets)
    with pytest.raises(InputFileError, match=fault) as caught:
        read_spectrum(f"{path}{key}")
    assert "s.h5" in str(caught.value)


def test_a_damaged_file_is_refused(made, tmp_path):
    whole = made(energy=ENERGY, weights=WEIGHT).read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    assert "cut short, damaged or of another" in refused(tmp_path / "cut.h5")


def test_only_hdf5_has_datasets(tmp_path):
    (tmp_path / "e.txt").write_text("9500 1\n9510 1\n")
    assert "only npz and HDF5 files have keys" in refused(f"{tmp_path / 'e.txt'}:weights")


def test_groups_that_hold_each_other_are_looked_at_once(made):
    path = made(a__energy=ENERGY, a__weights=WEIGHT)
    with h5py.File(path, "a") as file:
        file["a/up"] = file["/"]
    assert is_the_spectrum(read_spectrum(path))


def test_groups_may_be_as_deep_as_they_like(made):
    path = made(energy=ENERGY, weights=WEIGHT)
    with h5py.File(path, "a") as file:
        group = file
        for _ in range(1200):
            group = group.create_group("g")
    assert is_the_spectrum(read_spectrum(path))
