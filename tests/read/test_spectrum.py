"""A spectrum from a file: its mean is the wavelength, its weights are shares of the fluence."""

import json

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.read.nanobragg.reader import Command, read_options
from tiled_sim.read.toml.reader import read_toml, write_toml

LINE = "-default_F 100 -cell 100 -N 5 -distance 100 -detpixels 32 -pixel 0.2 -oversample 1"
TOML = """
[beam]
{beam}
fluence_photons_per_m2 = 1e24
[crystal]
cell_A = [100.0, 100.0, 100.0]
cell_angles_deg = [90.0, 90.0, 90.0]
cells = [5, 5, 5]
[detector]
pixels = [32, 32]
pixel_size_mm = 0.2
distance_mm = 100.0
[structure_factors]
default_F = 100.0
"""
ENERGIES, WEIGHTS = np.array([9500.0, 9510.0, 9520.0]), np.array([0.5, 1.5, 0.5])
MEAN = float(np.average(HC_EV_ANGSTROM / ENERGIES, weights=WEIGHTS))


@pytest.fixture
def spectrum(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.txt").write_text("9500 0.5\n9510 1.5\n9520 0.5\n")
    return "e.txt"


def read(line="", spectrum="e.txt", **keywords):
    return read_options(f"{LINE} {line}".split(), spectrum=spectrum, **keywords)


def of_toml(folder, beam, top=""):
    (folder / "x.toml").write_text(top + TOML.format(beam=beam))
    return read_toml("x.toml")


def test_every_line_is_a_wavelength_of_the_beam_s_direction(spectrum):
    beam = read().beam
    assert beam.spectrum.wavelength.tolist() == (HC_EV_ANGSTROM / ENERGIES).tolist()
    assert beam.spectrum.weight.tolist() == WEIGHTS.tolist()
    assert beam.spectrum.incident.tolist() == [[1.0, 0.0, 0.0]] * 3
    assert beam.wavelength == pytest.approx(MEAN, rel=1e-15)


def test_what_was_read_is_noted(spectrum):
    assert any("spectrum in energies [eV]: 3 of 1.302355 to" in note for note in read().notes)


def test_weights_are_shares_of_the_fluence(spectrum, simulate):
    image = simulate(read()).panel.astype(float)
    alone = []
    for energy in ENERGIES:
        one = read_options(f"{LINE} -energy {energy}".split())
        alone.append(simulate(one).panel.astype(float))
    expected = np.average(alone, axis=0, weights=WEIGHTS)
    np.testing.assert_allclose(image, expected, rtol=1e-6, atol=1e-12 * expected.max())


def test_scaling_all_weights_changes_nothing(spectrum, tmp_path, simulate):
    (tmp_path / "f.txt").write_text("9500 500\n9510 1500\n9520 500\n")
    assert simulate(read()).image.tobytes() == simulate(read(spectrum="f.txt")).image.tobytes()


def test_lines_of_weight_0_are_left_out_and_counted(tmp_path, spectrum):
    (tmp_path / "z.txt").write_text("9400 0\n9500 0.5\n9510 1.5\n9520 0.5\n9600 0\n")
    experiment = read(spectrum="z.txt")
    assert experiment.beam == read().beam
    assert any("2 of weight 0 are left out" in note for note in experiment.notes)


def test_a_matrix_and_the_header_of_an_image_take_the_mean(spectrum, data):
    command = Command.of(f"{LINE} -mat {data / 'A.mat'}".split(), spectrum=spectrum)
    alone = read_options(f"{LINE} -mat {data / 'A.mat'} -lambda {MEAN!r}".split())
    assert command.experiment(ignore_file_cell=True).crystal.a == pytest.approx(alone.crystal.a)
    assert command.camera.wavelength == pytest.approx(MEAN)


@pytest.mark.parametrize("line", ["-lambda 1.3037", "-energy 9510", "-lambda 1.30383"])
def test_a_wavelength_beside_it_may_agree(spectrum, line):
    assert read(line).beam.wavelength == read().beam.wavelength


@pytest.mark.parametrize("line", ["-lambda 1.3", "-lambda 1.30386", "-energy 9500"])
def test_one_that_does_not_is_refused_with_both(spectrum, line):
    option, value = line.split()
    with pytest.raises(ExperimentError, match=rf"{option} {value} .*mean by weight is 1.303725 Å"):
        read(line)


def test_a_wavelength_that_cannot_be_is_refused_before_that(spectrum):
    with pytest.raises(ExperimentError, match="-lambda 0 Å must be positive"):
        read("-lambda 0")


@pytest.mark.parametrize("line", ["-dispersion 1", "-dispsteps 3"])
def test_other_ways_to_say_the_wavelengths_are_refused(spectrum, line):
    with pytest.raises(ExperimentError, match=f"spectrum and {line.split()[0]} both say"):
        read(line)


def test_it_goes_with_a_divergence(spectrum):
    beam = read("-hdivrange 2 -hdivsteps 2").beam
    assert len(beam.spectrum) == 6
    first = np.unique(beam.spectrum.incident[:3], axis=0)
    assert len(first) == 1
    assert beam.spectrum.weight.tolist() == [*WEIGHTS, *WEIGHTS]


def test_it_cannot_be_had_as_the_c_program_has_it(spectrum, tmp_path):
    with pytest.raises(UsageError, match="spectrum cannot be had as C has it"):
        read(c_compat=True)
    with pytest.raises(ExperimentError, match="spectrum_file cannot be had as C has it"):
        of_toml(tmp_path, 'spectrum_file = "e.txt"', top="c_compat = true\n")


# TOML


def test_a_document_names_it(spectrum, tmp_path):
    beam = of_toml(tmp_path, 'spectrum_file = "e.txt"').beam
    assert beam.wavelength == pytest.approx(MEAN)
    assert beam.spectrum.weight.tolist() == WEIGHTS.tolist()


@pytest.mark.parametrize(
    ("beside", "fault"),
    [
        ("wavelength_A = 1.3", r"wavelength_A \(1.3 Å, .*mean by weight is 1.303725 Å"),
        ("energy_keV = 9.5", r"energy_keV \(1.30509\d* Å"),
        ("wavelength_A = 0.0", "wavelength_A must be positive"),
        (
            "dispersion_percent = 0.1\ndispersion_steps = 3",
            "spectrum_file and dispersion_percent .*both say what",
        ),
    ],
)
def test_what_contradicts_it_in_a_document_is_refused(spectrum, tmp_path, beside, fault):
    with pytest.raises(ExperimentError, match=fault):
        of_toml(tmp_path, f'spectrum_file = "e.txt"\n{beside}')


def test_a_missing_file_is_said_with_its_key(spectrum, tmp_path):
    with pytest.raises(InputFileError, match=r"x.toml: \[beam\] spectrum_file: .*nowhere.txt"):
        of_toml(tmp_path, 'spectrum_file = "nowhere.txt"')


def test_a_source_list_that_is_a_spectrum_is_refused_with_the_key_to_use(spectrum, tmp_path):
    with pytest.raises(InputFileError, match=r"spectrum_file in \[beam\]"):
        of_toml(tmp_path, 'wavelength_A = 1.0\nsource_file = "e.txt"')


def test_light_along_minus_z_is_noted_where_nothing_can_contradict_it(spectrum, tmp_path):
    beam = 'spectrum_file = "e.txt"\ndirection = {}'
    reversed_ = of_toml(tmp_path, beam.format("[0.0, 0.0, -1.0]"))
    assert any("dxtbx's `direction` is the other way" in note for note in reversed_.notes)
    along = of_toml(tmp_path, beam.format("[0.0, 0.0, 1.0]"))
    assert not any("dxtbx" in note for note in along.notes)


# Many


@pytest.fixture
def many(tmp_path):
    """A list of more sources than a document lists one by one."""
    generator = np.random.default_rng(5)
    rows = np.column_stack(
        [
            np.full(3000, -10.0),
            generator.normal(0.0, 0.01, (3000, 2)),
            generator.random(3000),
            1e-10 * generator.uniform(0.99, 1.01, 3000),
        ]
    )
    np.savetxt(tmp_path / "many.txt", rows, fmt="%.17g")
    return read_options([*LINE.split(), "-sourcefile", str(tmp_path / "many.txt")])


def test_many_sources_are_written_and_read_back_to_the_bit(many, tmp_path):
    (tmp_path / "many.toml").write_text(write_toml(many))
    back = read_toml(tmp_path / "many.toml")
    assert (back.sha256, back.beam) == (many.sha256, many.beam)


def test_many_sources_are_lines_of_one_text(many):
    text = write_toml(many)
    assert "sources = '''\n# x y z wavelength_A weight\n" in text
    assert "incident" not in text


def test_a_document_holds_the_hash_of_many_sources_and_not_the_sources(many):
    assert len(json.dumps(many.to_dict())) < 4000
    assert Experiment.from_dict(many.to_dict(), many.arrays()) == many


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("0 0 1 1.0\n", r"x.toml: \[beam\] sources: line 1 .*has 4 columns"),
        ("0 0 1 1.0 1\n0 0 one 1.0 1\n", "line 2 .*has 'one' for z"),
        ("0 0 2 1.0 1\n", r"must be a unit vector"),
        ("0 0 1 -1.0 1\n", r"wavelength = -1.0 Å must be positive"),
        ("# nothing\n", "it holds no sources"),
    ],
)
def test_a_faulty_line_of_such_a_text_is_refused(tmp_path, monkeypatch, lines, fault):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ExperimentError, InputFileError), match=fault):
        of_toml(tmp_path, f"wavelength_A = 1.0\nsources = '''\n{lines}'''")
