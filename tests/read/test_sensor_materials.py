"""Sensors by material: what each wavelength of a beam loses in them."""

import builtins

import numpy as np
import pytest

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import ExperimentError, InputFileError, MissingExtraError, UsageError
from tiled_sim.export.sensor import sensor_of
from tiled_sim.io.attenuation import attenuation_in
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare
from tiled_sim.read.toml.writer import write_toml
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

STILL = (
    "-default_F 100 -cell 40 50 60 90 90 90 -misset 5 10 15 -N 3 -distance 60 -detpixels 32 "
    "-pixel 2 -oversample 1 -fluence 1e24"
)
ENERGIES, WEIGHTS = (8000.0, 11000.0, 17000.0), (1.0, 2.0, 0.5)
STILL_ON_CHIPS = "-default_F 1 -cell 70 -N 3 -lambda 1.305096"
WATER = "-water 20 -beamsize 0.1"


def of(more="", **own):
    return Experiment.from_nanobragg(f"{STILL} {more}".split(), **{"sensor": "Si:450um", **own})


@pytest.fixture
def spectrum(tmp_path):
    path = tmp_path / "spectrum.txt"
    lines = zip(ENERGIES, WEIGHTS, strict=True)
    path.write_text("".join(f"{energy} {weight}\n" for energy, weight in lines))
    return path


@pytest.mark.parametrize("more", ["", "-oversample 2 -oversample_thick", WATER])
@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_an_image_is_the_weighted_sum_of_those_of_its_wavelengths(simulate, spectrum, more, kernel):
    whole = simulate(of(more, spectrum=spectrum), kernel=kernel).panel.astype(np.float64)
    parts = [
        weight * simulate(of(f"{more} -energy {energy}"), kernel=kernel).panel.astype(np.float64)
        for energy, weight in zip(ENERGIES, WEIGHTS, strict=True)
    ]
    np.testing.assert_allclose(whole, sum(parts) / sum(WEIGHTS), rtol=3e-7)
    same = of(f"{more} -detector_thick 450 -detector_abs 200", spectrum=spectrum, sensor=None)
    assert np.abs(simulate(same, kernel=kernel).panel / whole - 1).max() > 0.01


def test_one_wavelength_has_the_image_and_hash_of_the_same_length_in_words(simulate):
    by_material = of("-lambda 1")
    length = by_material.detector.sensor.attenuation_length
    assert by_material.detector.sensor.attenuation_table is None
    assert length == pytest.approx(attenuation_in("Si", 1.0).length, rel=1e-15)
    words = f"-lambda 1 -detector_thick 450 -detector_abs {length * 1e6!r}"
    assert by_material.sha256 == of(words, sensor=None).sha256


def test_a_document_says_the_same_and_is_written_as_it_is_read(tmp_path, spectrum):
    path = tmp_path / "e.toml"
    path.write_text(
        "\n".join(
            [
                f"beam.spectrum_file = '{spectrum}'",
                "beam.fluence_photons_per_m2 = 1e24",
                "crystal.cell_A = [40, 50, 60]",
                "crystal.cell_angles_deg = [90, 90, 90]",
                "crystal.cells = 3",
                "detector.distance_mm = 60",
                "detector.pixels = [32, 32]",
                "detector.pixel_size_mm = 2.0",
                "detector.sensor = { material = 'silicon', thickness_um = 450, layers = 2 }",
                "structure_factors.default_F = 100",
            ]
        )
    )
    read = Experiment.from_toml(path)
    assert read.detector.sensor == of(spectrum=spectrum).detector.sensor
    path.write_text(write_toml(read))
    again = Experiment.from_toml(path)
    assert again == read
    assert again.sha256 == read.sha256


def test_shots_of_other_wavelengths_are_within_the_table(tmp_path):
    table = tmp_path / "shots.csv"
    table.write_text("energy_eV\n9000\n9500\n9700\n")
    experiment = of("-energy 9500", shots=table)
    sensor = experiment.detector.sensor
    for energy in (9000.0, 9500.0, 9700.0):
        direct = attenuation_in("Si", 12398.42 / energy).length
        assert sensor.attenuation_at(12398.42 / energy) == pytest.approx(direct, rel=1e-9)


def test_other_wavelengths_are_refused_as_a_change_unless_the_length_is_said():
    experiment = of("-lambda 1")
    with pytest.raises(ExperimentError, match="a sensor of Si absorbs another wavelength as table"):
        experiment.with_({"beam.energy_eV": 9000})
    said = experiment.with_(
        {"beam.energy_eV": 9000, "detector.sensor.attenuation_length_um": 100}
    ).detector.sensor
    assert (said.attenuation_length, said.material, said.attenuation_table) == (1e-4, None, None)


@pytest.mark.parametrize(
    ("sensor", "more", "error", "complaint"),
    [
        ("Si", "", UsageError, "is not MATERIAL:THICKNESS with its unit, such as Si:450um"),
        ("Si:450", "", UsageError, "is not MATERIAL:THICKNESS"),
        ("Si:-450um", "", UsageError, "is not MATERIAL:THICKNESS"),
        ("Si:nanum", "", UsageError, "is not MATERIAL:THICKNESS"),
        ("Xx:1mm", "", InputFileError, "sensor of 'Xx' is not known"),
        ("Si:1mm", "-detector_thick 9", ExperimentError, "sensor and -detector_thick both say"),
        ("Si:1mm", "-detector_abs 9", ExperimentError, "sensor and -detector_abs both say"),
    ],
)
def test_a_sensor_that_makes_no_sense_is_refused(sensor, more, error, complaint):
    with pytest.raises(error, match=complaint):
        of(f"-lambda 1 {more}", sensor=sensor)


@pytest.mark.parametrize(
    ("text", "thickness"), [("cdte:1mm", 1e-3), ("CdTe: 1000 um", 1e-3), ("CdTe:0.1cm", 1e-3)]
)
def test_thicknesses_have_units(text, thickness):
    sensor = of("-lambda 0.5", sensor=text).detector.sensor
    assert (sensor.material, sensor.thickness) == ("CdTe", pytest.approx(thickness, rel=1e-12))


def test_a_file_of_another_sensor_is_contradicted_with_both_numbers(data):
    with pytest.raises(ExperimentError, match=r"450 µm and .* 320 µm, contradict each other"):
        Experiment.from_nanobragg(
            STILL_ON_CHIPS.split(),
            geometry=data / "geometry/chips16.expt",
            sensor="Si:450um",
        )


def test_without_xraydb_the_length_can_still_be_given(monkeypatch):
    imported = builtins.__import__

    def without(name, *rest):
        if name == "xraydb":
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="unless -detector_abs gives it"):
        of("-lambda 1")


def test_a_sidecar_tells_the_quantum_efficiency_and_exports_the_material(spectrum, tmp_path):
    experiment = of(spectrum=spectrum)
    made = create_run(prepare(experiment), tmp_path / "r.zarr")
    compute_batch(str(made.path), made.run_id, "cpu", [(0, 1)])
    (told,) = Run(made.path).sidecar(made.plan[0])["quantum_efficiency"]
    lengths = [attenuation_in("Si", 12398.42 / energy).length for energy in ENERGIES]
    by_hand = np.average(1 - np.exp(-450e-6 / np.array(lengths)), weights=WEIGHTS)
    assert told == pytest.approx(by_hand, rel=1e-9)
    assert sensor_of(experiment).material == "Si"
    assert sensor_of(experiment).notes == ()


def test_shots_whose_light_the_beam_does_not_have_are_absorbed_as_theirs_is(simulate, tmp_path):
    # every shot of one wavelength, and the beam of another: none of the frames has the beam's
    table = tmp_path / "shots.csv"
    table.write_text("energy_eV\n9000\n")
    shots = simulate(of("-lambda 1", shots=table), kernel="reference").panel
    alone = simulate(of("-energy 9000"), kernel="reference").panel
    np.testing.assert_allclose(shots, alone, rtol=1e-6)


def test_the_quantum_efficiency_of_shots_is_that_of_their_light(tmp_path):
    table = tmp_path / "shots.csv"
    table.write_text("energy_eV\n9000\n15000\n")
    made = create_run(prepare(of("-lambda 1", shots=table)), tmp_path / "r.zarr")
    compute_batch(str(made.path), made.run_id, "cpu", [(0, 1)])
    sidecar = Run(made.path).sidecar(made.plan[0])
    first, stop = sidecar["tile"]["frames"]
    lengths = [attenuation_in("Si", 12398.42 / energy).length for energy in (9000.0, 15000.0)]
    by_hand = np.mean(1 - np.exp(-450e-6 / np.array(lengths[first:stop])))
    assert sidecar["quantum_efficiency"] == [pytest.approx(by_hand, rel=1e-6)]
