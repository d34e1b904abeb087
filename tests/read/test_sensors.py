"""Sensors of geometry files: they absorb only if they are asked for."""

import builtins
from dataclasses import astuple

import numpy as np
import pytest

from support.expt import write_expt
from tiled_sim.errors import ExperimentError, InputFileError, MissingExtraError
from tiled_sim.model.detector import Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.toml.writer import write_toml

WORDS = "-default_F 100 -cell 70 80 90 90 90 90 -N 3 -oversample 1 -lambda 1.305096"
#: Of the chips [m].
THICKNESS, DEPTH = 0.32e-3, 1e-3 / 9.1
CHIPS = pytest.approx((THICKNESS, DEPTH, 2))
#: Of a panel that is unlike the others.
OTHER = {"thickness": 0.5, "mu": 4.0, "material": "CdTe"}


@pytest.fixture
def read(tmp_path, data):
    def from_words(words="", ending="expt", **changes):
        file = data / f"geometry/chips16.{ending}"
        if changes:
            file = write_expt(tmp_path / "a.expt", {}, **changes)
        return Experiment.from_nanobragg(f"{WORDS} {words}".split(), geometry=file)

    return from_words


def told(experiment):
    return "\n".join(experiment.notes)


@pytest.mark.parametrize("ending", ["geom", "expt", "nxs"])
def test_nobody_asks_and_nothing_absorbs(read, ending):
    assert read("", ending).detector.sensors == ()


def test_words_that_say_all_make_one_sensor_of_any_format(read):
    words = f"-detector_thick 320 -detector_abs {DEPTH * 1e6!r} -detector_thicksteps 3"
    made = [read(words, ending).detector for ending in ("geom", "expt", "nxs")]
    assert {detector.sensor for detector in made} == {Sensor(320 / 1e6, DEPTH * 1e6 / 1e6, 3)}


@pytest.mark.parametrize(
    ("words", "layers"),
    [
        ("-detector_thicksteps 4", 4),
        ("-detector_thick 320", 2),
        ("-detector_abs 109.89011", 2),
        ("-detector_thick 320 -detector_thicksteps 1", 1),
    ],
)
def test_any_word_of_a_sensor_asks_for_the_files(read, words, layers):
    detector = read(words).detector
    assert detector.sensor.thickness == pytest.approx(THICKNESS, rel=1e-9)
    assert detector.sensor.attenuation_length == pytest.approx(DEPTH, rel=1e-7)
    assert detector.sensor.layers == layers
    assert not detector.has_own_sensors


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("-detector_thick 300", "-detector_thick 300 µm and .* 320 µm"),
        ("-detector_abs 120", r"-detector_abs 120 µm and .* 109\.89\d* µm"),
    ],
)
def test_words_that_contradict_the_file_are_refused_with_both(read, words, both):
    with pytest.raises(ExperimentError, match=both):
        read(words)


@pytest.mark.parametrize("words", ["-detector_thick 0", "-detector_abs inf", "-detector_abs 0"])
def test_words_for_no_sensor_ask_for_none(read, words):
    assert read(words).detector.sensors == ()


def test_what_asks_for_it_is_told(read):
    notes = told(read())
    assert "320 µm of Si, attenuation length 109.8901 µm, absorbs only if" in notes
    assert "-detector_thicksteps LAYERS, or -detector_thick 320 -detector_abs 109.8901" in notes
    assert "absorbs only if" not in told(read("-detector_thicksteps 2"))


def test_panels_whose_sensors_differ_have_their_own(read):
    detector = read("-detector_thicksteps 2", sensors=[{}, OTHER]).detector
    assert detector.sensor is None
    assert astuple(detector.panels[1].sensor)[:3] == pytest.approx((0.5e-3, 0.25e-3, 2))
    assert astuple(detector.panels[0].sensor)[:3] == CHIPS
    assert {panel.sensor for panel in detector.panels[2:]} == {detector.panels[0].sensor}


def test_a_panel_without_a_sensor_among_others_catches_every_photon(read):
    experiment = read("-detector_thicksteps 2", sensors=[{"thickness": 0.0}])
    assert experiment.detector.sensor_of(0) is None
    assert experiment.detector.sensor_of(1) is not None
    assert "catch every photon" in told(experiment)


def test_a_length_that_the_file_lacks_is_taken_from_the_words(read):
    detector = read("-detector_abs 250", sensors=[{"mu": 0.0}] * 16).detector
    assert astuple(detector.sensor)[:3] == pytest.approx((THICKNESS, 250e-6, 2))


def test_a_length_that_nobody_knows_must_be_given(read):
    with pytest.raises(InputFileError, match=r"neither the attenuation length .* give it with"):
        read("-detector_thicksteps 2", sensors=[{"mu": 0.0, "material": ""}])
    with pytest.raises(InputFileError, match="'Kryptonite' is not known, only those of Si, CdTe"):
        read("-detector_thicksteps 2", sensors=[{"mu": 0.0, "material": "Kryptonite"}])


def test_the_length_of_a_material_is_that_of_the_tables(read):
    pytest.importorskip("xraydb")
    experiment = read("-detector_thicksteps 2", "nxs")
    # photoelectric absorption of 89.8 /cm
    assert experiment.detector.sensor.attenuation_length == pytest.approx(111.3e-6, rel=2e-3)
    assert "Si of 2.329 g/cm³ at 9500.006 eV by xraydb" in told(experiment)


def test_without_the_tables_one_sentence_says_what_is_missing(read, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "xraydb":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"attenuation length of Si, unless .*\[models\]"):
        read("-detector_thicksteps 2", "nxs")


@pytest.fixture
def toml(tmp_path):
    def from_text(sensor, **changes):
        expt = write_expt(tmp_path / "a.expt", {}, **changes)
        file = tmp_path / "a.toml"
        file.write_text(
            "[beam]\nfluence_photons_per_m2 = 1e24\n[structure_factors]\ndefault_F = 1.0\n"
            "[crystal]\ncells = 3\ncell_A = [70.0, 80.0, 90.0]\n"
            "cell_angles_deg = [90.0, 90.0, 90.0]\n"
            f"[detector]\ngeometry = '{expt}'\n{sensor}\n"
        )
        return Experiment.from_toml(file)

    return from_text


def test_a_table_of_the_sensor_asks_for_the_files_in_toml(toml, read):
    assert toml("").detector.sensors == ()
    assert astuple(toml("sensor = { layers = 2 }").detector.sensor)[:3] == CHIPS
    assert toml("sensor = {}").detector.sensor.layers == 1
    several = toml("sensor = { layers = 2 }", sensors=[{}, OTHER]).detector
    of_words = read("-detector_thicksteps 2", sensors=[{}, OTHER]).detector
    assert several.sensors == of_words.sensors


@pytest.mark.parametrize(
    ("sensor", "changes", "complaint"),
    [
        ("sensor = { thickness_um = 300 }", {}, r"thickness_um \(300 µm\) and .* 320 µm"),
        ("sensor = {}", {"sensors": [{"mu": 0.0, "material": ""}]}, "attenuation_length_um"),
    ],
)
def test_toml_refuses_what_the_words_do(toml, sensor, changes, complaint):
    with pytest.raises((ExperimentError, InputFileError), match=complaint):
        toml(sensor, **changes)


def test_sensors_of_panels_are_written_and_read_back(tmp_path, read, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = read("-detector_thicksteps 2", sensors=[{}, OTHER])
    (tmp_path / "b.toml").write_text(write_toml(experiment))
    again = Experiment.from_toml(tmp_path / "b.toml")
    assert again == experiment
    assert again.sha256 == experiment.sha256


def test_asking_for_the_files_sensor_is_asking_for_its_numbers(tmp_path, simulate):
    file = write_expt(tmp_path / "one.expt", {}, panels=1)
    images = [
        simulate(Experiment.from_nanobragg(f"{WORDS} {words}".split(), geometry=file)).image
        for words in (
            "-detector_thicksteps 2",
            f"-detector_thick 320 -detector_abs {DEPTH * 1e6!r} -detector_thicksteps 2",
            "",
        )
    ]
    np.testing.assert_allclose(images[0], images[1], rtol=1e-6)
    assert images[0].sum() < 0.99 * images[2].sum()
