"""A spectrum by numbers, in words and in TOML; lines in channels; spectra over listed sources."""

import dataclasses

import h5py
import numpy as np
import pytest
import torch

from tiled_sim.errors import ExperimentError, TiledSimError, UsageError
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.bandwidth import Bandwidth, SpectrumFile, bandwidth_in
from tiled_sim.model.beam import Source, Spectrum
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.spectrum import spectrum_of_shot
from tiled_sim.read.nanobragg.reader import read_options
from tiled_sim.read.toml.reader import read_toml, write_toml

LINE = "-default_F 100 -cell 100 -N 5 -distance 100 -detpixels 32 -pixel 0.2 -oversample 1"
TOML = """
[beam]
{beam}
fluence_photons_per_m2 = 1e24
{spectrum}
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
WAVELENGTH = HC_EV_ANGSTROM / 9500.0
GAUSSIAN = Bandwidth(0.002, channels=5)
PULSE = Bandwidth(20.0, True, "sase", 40, 10e-15, 3)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.txt").write_text("9500 0.5\n9510 1.5\n9520 0.5\n")
    (tmp_path / "s.txt").write_text("-10 0 0 3\n-10 0.01 0 1\n")
    (tmp_path / "own.txt").write_text("-10 0 0 3 1.2e-10\n-10 0.01 0 1\n")
    return tmp_path


def read(line="-energy 9500", spectrum=None, **keywords):
    return read_options(f"{LINE} {line}".split(), spectrum=spectrum, **keywords)


def of_toml(folder, beam, spectrum="", top=""):
    (folder / "x.toml").write_text(top + TOML.format(beam=beam, spectrum=spectrum))
    return read_toml("x.toml")


def noted(experiment, words):
    return any(words in note for note in experiment.notes)


def photons(experiment):
    """Of the reference kernel, float64, pixel by pixel."""
    kernel = ReferenceKernel(Scene.of(experiment, 0), None, 100.0)
    slow, fast = torch.meshgrid(*[torch.arange(32, dtype=torch.float64)] * 2, indexing="ij")
    live = torch.ones(32 * 32, dtype=torch.bool)
    return kernel.photons(Pixels(slow.reshape(-1), fast.reshape(-1), live, 0))[0].numpy()


# By numbers


def test_channels_stand_about_the_energy_that_is_said():
    beam = read(spectrum=GAUSSIAN).beam
    energies = HC_EV_ANGSTROM / beam.spectrum.wavelength
    assert energies == pytest.approx(9500.0 + 11.4 * np.arange(-2, 3), rel=1e-12)
    assert beam.wavelength == WAVELENGTH
    assert beam.spectrum.weight.sum() == pytest.approx(1.0)


def test_a_sase_spectrum_is_that_of_the_shot():
    spectrum = read(spectrum=PULSE).beam.spectrum
    energies, weights = spectrum_of_shot(3, 0, HC_EV_ANGSTROM / WAVELENGTH, 20.0, 10e-15, 40)
    assert spectrum.weight.tolist() == weights.tolist()
    assert spectrum.wavelength.tolist() == (HC_EV_ANGSTROM / energies).tolist()


def test_what_was_made_is_noted():
    experiment = read(spectrum=PULSE)
    assert noted(experiment, "sase spectrum of FWHM 20 eV in 40 channels of 1.5 eV about 9500 eV")
    assert noted(experiment, "its pulse lasts 10 fs, its spikes are 0.182 eV wide")


@pytest.mark.parametrize(
    ("text", "bandwidth"),
    [
        ('shape = "gaussian"\nbandwidth_percent = 0.2\nchannels = 5', GAUSSIAN),
        ('shape = "tophat"\nbandwidth_eV = 30', Bandwidth(30.0, True, "tophat")),
        (
            'shape = "sase"\nbandwidth_eV = 20\nchannels = 40\nduration_fs = 10\nseed = 3',
            PULSE,
        ),
    ],
)
def test_a_document_says_the_same(folder, text, bandwidth):
    made = of_toml(folder, "energy_eV = 9500", f"[beam.spectrum]\n{text}").beam.spectrum
    expected = read(spectrum=bandwidth).beam.spectrum
    assert made.wavelength.tolist() == expected.wavelength.tolist()
    assert made.weight.tolist() == expected.weight.tolist()


def test_a_resolved_document_reads_back_to_the_bit(folder):
    made = read(spectrum=PULSE)
    (folder / "y.toml").write_text(write_toml(made))
    assert read_toml("y.toml").sha256 == made.sha256


def test_one_channel_is_one_wavelength_and_has_its_hash():
    one = read(spectrum=Bandwidth(0.01, channels=1)).beam
    assert one.spectrum.wavelength == pytest.approx([WAVELENGTH], rel=1e-15)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("0.3%", (0.003, False)),
        ("28eV", (28.0, True)),
        ("0.03 keV", (30.0, True)),
        ("28", None),
        ("nan%", None),
        ("%", None),
        ("1_0%", None),
        ("3 Å", None),
    ],
)
def test_a_width_says_its_unit(text, width):
    found = bandwidth_in(text)
    assert found == width if width is None else found == pytest.approx(width)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"fwhm": 0.0}, "0 %, must be positive"),
        ({"fwhm": float("nan")}, "must be finite"),
        ({"fwhm": 0.01, "shape": "box"}, "must be one of gaussian, tophat, sase"),
        ({"fwhm": 0.01, "channels": 0}, "channels of the bandwidth = 0 must be at least 1"),
        ({"fwhm": 0.01, "channels": 10**7}, "more than the 1000000"),
        ({"fwhm": 0.01, "duration": 1e-14}, "give the shape sase, not gaussian"),
        ({"fwhm": 0.01, "seed": 5}, "give the shape sase, not gaussian, or leave the seed out"),
        ({"fwhm": 0.01, "shape": "sase"}, "needs the duration of its pulse"),
        ({"fwhm": 0.01, "shape": "sase", "duration": -1.0}, "must be positive"),
        ({"fwhm": 0.01, "shape": "sase", "duration": 10.0}, "check its unit"),
    ],
)
def test_a_bandwidth_that_cannot_be_is_refused(fields, fault):
    with pytest.raises(ExperimentError, match=fault):
        Bandwidth(**fields)


@pytest.mark.parametrize(
    ("bandwidth", "fault"),
    [
        (Bandwidth(2.0), "reaches from -19000 to 38000 eV"),
        (Bandwidth(0.1, True, "sase", 9, 1e-15), "is less than the 1.825 eV that a pulse of 1 fs"),
        (Bandwidth(0.01, False, "sase", 9, 1e-10), "more spikes than can be summed"),
    ],
)
def test_one_that_the_wavelength_does_not_allow_is_refused(bandwidth, fault):
    with pytest.raises(ExperimentError, match=fault):
        read(spectrum=bandwidth)


@pytest.mark.parametrize(
    ("beam", "spectrum", "fault"),
    [
        ("energy_eV = 9500", 'shape = "gaussian"', "needs bandwidth_percent or bandwidth_eV"),
        ("energy_eV = 9500", "bandwidth_percent = 1", r"\[beam\] spectrum: shape is missing"),
        ("energy_eV = 9500", "channels = 5", "has no spectrum to sum in channels"),
        (
            "energy_eV = 9500",
            'shape = "gaussian"\nbandwidth_percent = 1\nbandwidth_eV = 3',
            "bandwidth_percent and bandwidth_eV both say the bandwidth",
        ),
        (
            'spectrum_file = "e.txt"',
            'shape = "gaussian"\nbandwidth_percent = 1',
            "spectrum_file and shape and bandwidth_percent in .* both say",
        ),
        (
            "energy_eV = 9500\ndispersion_percent = 1\ndispersion_steps = 3",
            'shape = "gaussian"\nbandwidth_percent = 1',
            "spectrum and dispersion_percent and dispersion_steps both say",
        ),
        ('spectrum_file = "e.txt"', "channels = 0", "channels of the spectrum = 0"),
    ],
)
def test_what_does_not_fit_in_a_document_is_refused(folder, beam, spectrum, fault):
    with pytest.raises(ExperimentError, match=fault):
        of_toml(folder, beam, f"[beam.spectrum]\n{spectrum}")


def test_it_cannot_be_had_as_the_c_program_has_it(folder):
    with pytest.raises(UsageError, match="cannot be had as C has it"):
        read(spectrum=GAUSSIAN, c_compat=True)
    with pytest.raises(ExperimentError, match="spectrum cannot be had as C has it"):
        of_toml(
            folder, "energy_eV = 9500", "[beam.spectrum]\nchannels = 3", top="c_compat = true\n"
        )


def test_beside_a_dispersion_it_is_refused():
    with pytest.raises(ExperimentError, match="and -dispersion both say what the wavelengths"):
        read("-energy 9500 -dispersion 1", spectrum=GAUSSIAN)


# Lines in channels


def test_by_default_every_line_counts():
    assert len(read("", spectrum="e.txt").beam.spectrum) == 3


def test_lines_are_summed_in_channels_and_the_mean_stays(folder):
    generator = np.random.default_rng(2)
    lines = np.column_stack([generator.uniform(9400, 9600, 400), generator.random(400)])
    np.savetxt("many.txt", lines, fmt="%.17g")
    whole, summed = (read("", spectrum=SpectrumFile("many.txt", n)) for n in (None, 10))
    assert len(summed.beam.spectrum) == 10
    assert summed.beam.wavelength == pytest.approx(whole.beam.wavelength, rel=1e-14)
    assert summed.beam.spectrum.weight.sum() == pytest.approx(lines[:, 1].sum(), rel=1e-14)
    assert noted(summed, "spectrum of 400 lines summed in 10 channels of 19.9")
    of_document = of_toml(folder, 'spectrum_file = "many.txt"', "[beam.spectrum]\nchannels = 10")
    assert of_document.beam.spectrum.weight.tolist() == summed.beam.spectrum.weight.tolist()


def test_the_error_of_the_sum_that_is_told_is_that_of_the_wavelengths(folder):
    (folder / "two.txt").write_text("1.0 1\n1.001 3\n")
    summed = read("", spectrum=SpectrumFile("two.txt", 1))
    mean = 1.00075
    assert summed.beam.wavelength == pytest.approx(mean, rel=1e-14)
    rms = np.sqrt((0.00075**2 + 3 * 0.00025**2) / 4) / mean
    assert noted(summed, f"moved by {0.00075 / mean:.2g} of theirs at most, {rms:.2g} rms")


def test_a_file_of_hdf5_names_its_dataset(folder):
    with h5py.File("e.h5", "w") as file:
        for name, factor in (("a", 1.0), ("b", 2.0)):
            file[f"{name}/energy"] = [9500.0, 9510.0]
            file[f"{name}/weights"] = [1.0, factor]
    assert read("", spectrum="e.h5:b").beam.spectrum.weight.tolist() == [1.0, 2.0]
    beam = of_toml(folder, 'spectrum_file = "e.h5:b"').beam
    assert beam.spectrum.weight.tolist() == [1.0, 2.0]
    with pytest.raises(TiledSimError, match="2 spectra fit"):
        read("", spectrum="e.h5")


# Over listed sources


def rows(experiment):
    return [
        (round(1e3 * source.incident[1], 6), source.wavelength, source.weight)
        for source in experiment.beam.spectrum
    ]


def test_every_listed_source_has_every_wavelength_and_weights_multiply():
    made = rows(read("-sourcefile s.txt", spectrum="e.txt"))
    wavelengths = [HC_EV_ANGSTROM / energy for energy in (9500.0, 9510.0, 9520.0)]
    shares = (0.5, 1.5, 0.5)
    expected = [
        (angle, wavelength, weight * share)
        for angle, weight in ((0.0, 3.0), (-1.0, 1.0))
        for wavelength, share in zip(wavelengths, shares, strict=True)
    ]
    assert made == pytest.approx(np.array(expected), abs=1e-6)


def test_a_shape_spreads_about_the_wavelength_of_each_source():
    made = read("-sourcefile own.txt -energy 9500", spectrum=Bandwidth(0.001, channels=3))
    wavelengths = made.beam.spectrum.wavelength.reshape(2, 3)
    assert wavelengths[:, 1] == pytest.approx([1.2, WAVELENGTH], rel=1e-12)
    assert wavelengths[0] / 1.2 == pytest.approx(wavelengths[1] / WAVELENGTH, rel=1e-12)


def test_a_dispersion_spreads_about_the_wavelength_of_each_source():
    made = read("-sourcefile own.txt -lambda 1.5 -dispersion 1 -dispsteps 3")
    wavelengths = made.beam.spectrum.wavelength.reshape(2, 3)
    assert wavelengths[0] == pytest.approx([1.194, 1.2, 1.206], rel=1e-12)
    assert wavelengths[1] == pytest.approx([1.4925, 1.5, 1.5075], rel=1e-12)


def test_wavelengths_of_a_file_and_of_its_sources_contradict_each_other():
    with pytest.raises(ExperimentError, match=r"-sourcefile own\.txt and spectrum both say"):
        read("-sourcefile own.txt", spectrum="e.txt")


def test_a_divergence_turns_every_listed_source_as_it_turns_the_beam():
    made = read("-sourcefile s.txt -vdivrange 2 -vdivsteps 3 -energy 9500")
    assert len(made.beam.spectrum) == 6
    angles = [angle for angle, _, _ in rows(made)]
    on_the_beam = [angle for angle, _, _ in rows(read("-vdivrange 2 -vdivsteps 3"))]
    assert angles[:3] == pytest.approx(on_the_beam, abs=1e-6)
    assert np.array(angles[3:]) == pytest.approx(np.array(on_the_beam) - 1.0, abs=1e-5)
    assert made.beam.spectrum.weight.tolist() == [3.0] * 3 + [1.0] * 3
    assert noted(made, "6 sources: each of the 2 that -sourcefile s.txt lists in 3 directions")


def test_sources_that_are_listed_alone_keep_their_bits():
    alone = read("-sourcefile own.txt -lambda 1.5").beam.spectrum
    listed = [-np.array(row) / np.linalg.norm(row) for row in ((-10, 0, 0), (-10, 0.01, 0))]
    assert alone.incident == pytest.approx(np.array(listed), rel=1e-15)
    assert alone.wavelength.tolist() == [1.2, 1.5]


def test_a_document_combines_them_as_well(folder):
    listed = "sources = [{ weight = 3.0 }, { weight = 1.0, incident = [0.0, 0.001, 1.0] }]"
    shape = '[beam.spectrum]\nshape = "tophat"\nbandwidth_percent = 0.1\nchannels = 2'
    divergence = "divergence_mrad = [1, 1]\ndivergence_steps = 2"
    made = of_toml(folder, f"energy_eV = 9500\n{listed}\n{divergence}", shape).beam.spectrum
    assert len(made) == 2 * 4 * 2
    assert made.weight.tolist() == [1.5] * 8 + [0.5] * 8
    with pytest.raises(ExperimentError, match="sources and spectrum_file both say what the wave"):
        of_toml(folder, 'spectrum_file = "e.txt"\nsources = [{ wavelength_A = 1.0 }]')


def test_more_than_can_be_summed_are_refused_before_they_are_made():
    with pytest.raises(ExperimentError, match="make 2000000 sources"):
        read("-sourcefile s.txt -energy 9500", spectrum=Bandwidth(0.01, channels=10**6))


# Sums


@pytest.mark.parametrize("spectrum", [GAUSSIAN, Bandwidth(30.0, True, "sase", 7, 10e-15), "e.txt"])
@pytest.mark.parametrize("more", ["", "-polar 0.9 -hdivrange 5 -hdivsteps 2"])
def test_a_sum_over_a_spectrum_is_that_of_its_wavelengths_one_by_one(spectrum, more):
    line = ("-energy 9500 " if isinstance(spectrum, Bandwidth) else "") + more
    whole = read(line, spectrum=spectrum)
    total = np.zeros(32 * 32)
    sources = whole.beam.spectrum
    for source in sources:
        alone = read("-lambda 1 " + more.partition("-hdiv")[0])
        one = Spectrum.of([Source(source.incident, source.wavelength)])
        changes = {"direction": source.incident, "wavelength": source.wavelength, "spectrum": one}
        total += source.weight * photons(with_beam(alone, changes))
    expected = total / sources.weight.sum()
    assert np.abs(photons(whole) / expected - 1.0).max() < 1e-12


def with_beam(experiment, changes):
    beam = dataclasses.replace(experiment.beam, **changes)
    return dataclasses.replace(experiment, beam=beam)


def test_python_takes_a_bandwidth_where_it_takes_a_file():
    made = Experiment.from_nanobragg(f"{LINE} -energy 9500".split(), spectrum=GAUSSIAN)
    assert made.beam.spectrum == read(spectrum=GAUSSIAN).beam.spectrum
