"""Experiments in TOML: written and read back to the bit, the short ways, and every complaint."""

import contextlib
import dataclasses
import json
import shutil
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.experiments import MASK, MASK_SHA256, TABLE, TABLE_SHA256, experiments
from tiled_sim.errors import ExperimentError, InputFileError, TiledSimError
from tiled_sim.model import units
from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import DeadPixels, Detector, MaskFile, Panel, Region, Sensor
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.cell import dual, lengths_and_angles
from tiled_sim.physics.vectors import about_fixed_axes, as_tuple
from tiled_sim.read.toml.keys import SECTIONS as SECTIONS_OF_KEYS
from tiled_sim.read.toml.keys import known
from tiled_sim.read.toml.reader import read_toml, write_toml

DATA = Path(__file__).parents[2] / "data"
EXAMPLES = Path(__file__).parents[3] / "examples"

SECTIONS = {
    "beam": "wavelength_A = 1.0\nfluence_photons_per_m2 = 1e24",
    "crystal": "cell_A = [70, 80, 90]\ncell_angles_deg = [85, 95, 105]\ncells = 5",
    "detector": "pixels = [10, 12]\npixel_size_mm = 0.1\ndistance_mm = 100",
    "sampling": "oversample = 1\ninterpolate = false",
    "frames": "",
    "structure_factors": "default_F = 1",
}
PANEL = """
[[detector.panels]]
origin_mm = [-1, -2, 100]
fast_axis = [1, 0, 0]
slow_axis = [0, 1, 0]
"""


def document(**sections):
    """TOML whose sections are the smallest that do, with those that are named replaced."""
    texts = SECTIONS | sections
    return "\n".join(f"[{name}]\n{text}\n" for name, text in texts.items())


def also(section, text):
    """The smallest section that does, and more."""
    return {section: f"{SECTIONS[section]}\n{text}"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds the small input files."""
    for name in ("A.mat", "sources.txt", "mask.img"):
        shutil.copy(DATA / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(folder):
    """Read TOML text as the file e.toml of the working directory."""

    def read_text(text):
        Path("e.toml").write_text(text)
        return Experiment.from_toml("e.toml")

    return read_text


def read_back(experiment):
    Path("e.toml").write_text(write_toml(experiment))
    return read_toml("e.toml")


# Written and read back


@pytest.mark.parametrize(
    "options",
    [
        "-default_F 100 -cell 100 100 100 90 90 90 -N 5",
        "-hkl ./p1.hkl -mat A.mat -lambda 1.1 -Na 5 -Nb 6 -Nc 7 -misset 1 2 3 -dmin 2",
        "-hkl p1.hkl -cell 70 80 90 75 85 95 -N 5 -mosaic 0.5 -mosaic_domains 7 -mosaic_seed 3",
        "-default_F 1 -cell 70 80 90 90 90 90 -mask mask.img -roi 3 20 40 90 -N 4",
        "-default_F 1 -cell 70 80 90 90 90 90 -N 4 -sourcefile sources.txt -polar 0.9",
        "-default_F 1 -cell 70 80 90 90 90 90 -N 4 -divergence 0.3 -divsteps 3 -dispersion 1",
        "-default_F 1 -cell 70 80 90 90 90 90 -N 4 -curved_det -nopolar -gauss_xtal -fudge 0.9",
        "-default_F 1 -cell 70 80 90 90 90 90 -N 4 -xds -point_pixel -ORGX 100 -ORGY 120 "
        "-detector_rotx 3 -detector_roty 5 -twotheta 12 -phi 3 -osc 0.7 -phisteps 9",
    ],
)
@pytest.mark.parametrize("c_compat", [False, True])
def test_a_nanobragg_command_reads_back_as_the_same_experiment(folder, options, c_compat):
    experiment = Experiment.from_nanobragg(options.split(), c_compat=c_compat)
    again = read_back(experiment)
    assert again == experiment
    assert again.sha256 == experiment.sha256


def test_an_fdump_reads_back_as_an_fdump(folder):
    source = Reflections("some/Fdump.bin", "fdump", 3.0)
    experiment = dataclasses.replace(fullest(), structure_factors=source)
    assert read_back(experiment).structure_factors == source


def fullest():
    """An experiment none of whose fields has its default."""
    tilt = about_fixed_axes(0.1, 0.2, 0.3)
    panel = Panel(
        origin=(-0.01, 0.02, 0.1),
        fast_axis=as_tuple(tilt[0]),
        slow_axis=as_tuple(tilt[1]),
        normal=as_tuple(tilt[2]),
        pixels=(128, 128),
        pixel_size=(7.5e-5, 7.5e-5),
        region=Region(1, 100, 2, 99),
        mask=MaskFile(MASK, MASK_SHA256),
        name='the "left" one\\ \x7f\n',
        group=("detector", "left half"),
        sensor=Sensor(3.2e-4, 1.1e-4, 2, "CdTe", ((0.95, 1.2e-4), (1.0, 1.1e-4))),
    )
    return Experiment(
        beam=Beam(
            direction=as_tuple(tilt[2]),
            wavelength=0.97,
            fluence=1.3e24,
            polarization=0.9,
            polarization_axis=as_tuple(tilt[0]),
            spectrum=Spectrum.of(
                [Source(as_tuple(tilt[2]), 0.96, 0.3), Source((0.0, 0.6, 0.8), 0.98, 1.7)]
            ),
        ),
        crystal=crystal(np.diag([70.0, 80.0, 90.0]) + 1.0),
        detector=Detector(
            (panel, dataclasses.replace(panel, name="right")),
            0.31,
            True,
            Sensor(4.5e-4, 5e-4, 3, "Si", ((0.9, 6e-4), (1.1, 4e-4))),
            as_tuple(tilt[0]),
            DeadPixels("5f" * 32, "a.expt", None, 0.1, 1.3, 2),
        ),
        sampling=Sampling(3, True, 1.9, True, True, True),
        exposures=Rotation(as_tuple(tilt[1]), 0.3, 0.01, 4, 0.05, 6),
        structure_factors=Reflections(str(DATA / "a.mtz"), "mtz", 7.5, "F-obs", True, F000=9.5),
        background=Background(TABLE, TABLE_SHA256, "4stol", 1e-4, 2.5e-9, 0.92, 18.0),
        noise=Noise(5, 0.02, 0.03, 6, 3.0, 1.8, 40.0, 65535, PointSpread("gauss", 7e-5, 4)),
        allow_upstream=True,
        further_crystals=(crystal(np.diag([50.0, 60.0, 70.0]), share=0.3),),
    )


def crystal(direct, reciprocal=None, **fields):
    vectors = (*direct, *(dual(direct) if reciprocal is None else reciprocal))
    others = {
        "cells": (3, 4, 5),
        "shape": "round",
        "fudge": 0.7,
        "domains": Domains(0.01, 3, 42),
        "diffuse": Diffuse((40.0, 50.0, 60.0), (0.2, 0.3, 0.4), 3),
        "share": 0.7,
    }
    return Crystal(*(as_tuple(vector) for vector in vectors), **(others | fields))


def fields_of(instance):
    """(dataclass, field, value) of every field of an experiment, those of its parts included."""
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        yield type(instance), field, value
        for part in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(part):
                yield from fields_of(part)


def test_every_field_can_be_given(folder):
    experiment = fullest()
    met = set()
    for model, field, value in fields_of(experiment):
        met.add(model)
        # nothing of a sensor or a background is as in C, an MTZ names its own space group and is
        # not calculated, dead pixels are of a file or a name, and mosaic domains of one kind
        of_others = field.name in ("notes", "c_compat", "space_group", "model", "calculation")
        if not of_others and (model is not Domains or field.name in ("spread", "count", "seed")):
            shows = value is not field.default if model is Spectrum else value != field.default
            assert shows, f"{model.__name__}.{field.name} shows nothing"
    assert len(met) == 18
    assert read_back(experiment) == experiment


DOMAINS = {
    "gaussian": Domains(0.01, 3, 42, "gaussian"),
    "anisotropic": Domains(0.0, 3, -42, "anisotropic", (0.01, 0.0, 0.03)),
    "listed": Domains.of_list(
        ListedDomains([np.eye(3), about_fixed_axes(0.1, 0.2, 0.3)], [0.1, 0.7], "crystal")
    ),
}


@pytest.mark.parametrize("domains", DOMAINS.values(), ids=DOMAINS)
def test_mosaic_domains_of_every_kind_read_back(folder, domains):
    crystal = dataclasses.replace(fullest().crystal, domains=domains)
    again = read_back(dataclasses.replace(fullest(), crystal=crystal))
    assert again.crystal == crystal


@pytest.mark.parametrize(
    "calculation",
    [
        Calculation(1.5, "file", str(DATA / "f.txt"), 0.4, 50.0),
        Calculation(2.5, "chantler", solvent_k=0.0),
    ],
)
def test_a_model_and_how_f_is_calculated_of_it_can_be_given(folder, calculation):
    source = Reflections(str(DATA / "a.pdb"), "model", 7.5, calculation=calculation)
    experiment = dataclasses.replace(fullest(), structure_factors=source)
    assert read_back(experiment) == experiment


def test_every_field_with_a_unit_is_one_of_the_model():
    for model, of_fields in units.FIELD_UNITS.items():
        assert of_fields.keys() <= {field.name for field in dataclasses.fields(model)}


@pytest.mark.parametrize("section", SECTIONS_OF_KEYS, ids=lambda section: section.title)
def test_no_two_quantities_share_a_key(section):
    assert len(section.units) == len(section.keys)
    keys = [key for name, unit_ in section.units.items() for key in units.spellings(name, unit_)]
    assert len(keys) == len(set(keys))


@settings(deadline=None, max_examples=80)
@given(experiments)
def test_any_experiment_reads_back_the_same_to_the_bit(experiment):
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        again = read_back(experiment)
    assert again == experiment
    assert again.sha256 == experiment.sha256


def test_the_text_says_lengths_and_angles_in_the_users_units_too():
    text = write_toml(fullest())
    assert "origin_m = [-0.01, 0.02, 0.1]  # -10 20 100 mm" in text
    assert "start_rad = 0.3  # 17.18873°" in text


def test_notes_become_comments_of_one_line():
    experiment = dataclasses.replace(fullest(), notes=("first", "two\nlines"))
    assert write_toml(experiment).startswith("# first\n# two lines\n")


def test_a_path_that_is_no_unicode_text_is_refused():
    source = Reflections("\udcff.hkl", "hkl")
    with pytest.raises(ExperimentError, match="Unicode"):
        write_toml(dataclasses.replace(fullest(), structure_factors=source))


@pytest.mark.parametrize("size", ["0.2", "[0.2, 0.1]", "[0.1, 0.1]"])
def test_pixels_may_be_longer_one_way_than_the_other(read, size):
    sizes = SECTIONS["detector"].replace("pixel_size_mm = 0.1", f"pixel_size_mm = {size}")
    experiment = read(document(detector=sizes))
    expected = json.loads(size) if "[" in size else [float(size)] * 2
    assert experiment.detector.panels[0].pixel_size == tuple(side / 1000 for side in expected)
    assert read_back(experiment) == experiment


def test_panels_may_differ_in_number_and_size_of_pixels(read):
    one = PANEL + "pixels = [10, 12]\npixel_size_mm = 0.1"
    other = PANEL + 'pixels = [5, 20]\npixel_size_mm = [0.2, 0.1]\ngroup = ["front", "left"]'
    first, second = read(document(detector=one + other)).detector.panels
    assert (first.pixels, first.pixel_size, first.group) == ((10, 12), (1e-4, 1e-4), ())
    assert (second.pixels, second.pixel_size) == ((5, 20), (2e-4, 1e-4))
    assert second.group == ("front", "left")


def test_the_beam_centre_counts_in_pixels_of_either_side(read):
    sizes = SECTIONS["detector"].replace("= 0.1", "= [0.2, 0.1]")
    (panel,) = read(document(detector=sizes + "\nbeam_center_px = [3, 4]")).detector.panels
    assert panel.origin == pytest.approx((-4e-4, -6e-4, 0.1))


# Short ways to say the same


@pytest.mark.parametrize(
    ("section", "one", "other"),
    [
        ("frames", "start_deg = 90", "start_rad = 1.5707963267948966"),
        ("frames", "start_deg = 90", "start_mrad = 1570.7963267948966"),
        ("detector", "curvature_radius_mm = 125", "curvature_radius_m = 0.125"),
        ("detector", "curvature_radius_cm = 12.5", "curvature_radius_um = 125e3"),
        ("sampling", "dmin_A = 2.5", "dmin_nm = 0.25"),
        ("crystal", "mosaic_spread_deg = 0.5", "mosaic_spread_rad = 0.008726646259971648"),
    ],
)
def test_units_of_one_kind_say_the_same(read, section, one, other):
    first, second = (read(document(**also(section, text))) for text in (one, other))
    assert flat(first.to_dict()) == pytest.approx(flat(second.to_dict()), rel=1e-15)


def flat(value):
    """All numbers in plain JSON values."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in flat(part)]
    return [value] if isinstance(value, int | float) else []


def test_a_cell_is_kept_exactly(read):
    lengths, angles = lengths_and_angles(read(document()).crystal.direct_vectors)
    np.testing.assert_allclose(lengths, [70, 80, 90], rtol=1e-13)
    np.testing.assert_allclose(np.degrees(angles), [85, 95, 105], rtol=1e-13)


def test_a_cell_lies_with_a_star_along_x_and_b_star_in_the_xy_plane(read):
    a_star, b_star, _ = read(document()).crystal.reciprocal_vectors
    assert a_star[0] > 0
    assert a_star[1:].tolist() == [0, 0]
    assert b_star[1] > 0
    assert b_star[2] == 0


def test_misset_turns_a_cell_about_x_then_y_then_z(read):
    still = read(document()).crystal.reciprocal_vectors
    turned = read(document(**also("crystal", "misset_deg = [12, 34, 56]"))).crystal
    rotation = about_fixed_axes(*np.radians([12, 34, 56]))
    np.testing.assert_allclose(turned.reciprocal_vectors, still @ rotation.T, atol=1e-16)
    np.testing.assert_allclose(turned.direct_vectors, dual(turned.reciprocal_vectors))


def test_a_matrix_is_oriented_as_by_nanobragg(read):
    options = "-default_F 1 -mat A.mat -lambda 1.2 -N 5 -misset 10 20 30"
    text = 'matrix = "A.mat"\nmisset_deg = [10, 20, 30]\ncells = 5'
    beam = SECTIONS["beam"].replace("1.0", "1.2")
    crystal = read(document(beam=beam, crystal=text)).crystal
    assert crystal == Experiment.from_nanobragg(options.split()).crystal


@pytest.mark.parametrize("given_as", ["direct", "reciprocal"])
def test_vectors_that_are_not_given_are_the_dual_of_the_others(read, given_as):
    texts = {
        "direct": "a_A = [70, 0, 0]\nb_A = [5, 80, 0]\nc_A = [0, 0, 90]\ncells = 5",
        "reciprocal": "a_star_per_A = [0.01, 0, 0]\nb_star_per_nm = [0, 0.2, 0]\n"
        "c_star_per_A = [0, 0, 0.03]\ncells = 5",
    }
    crystal = read(document(crystal=texts[given_as])).crystal
    unity = crystal.direct_vectors @ crystal.reciprocal_vectors.T
    np.testing.assert_allclose(unity, np.eye(3), atol=1e-15)


def test_one_number_of_cells_is_that_of_all_three_directions(read):
    assert read(document()).crystal.cells == (5, 5, 5)


def test_a_mosaic_spread_without_a_number_of_domains_makes_ten(read):
    experiment = read(document(**also("crystal", "mosaic_spread_deg = 1")))
    assert experiment.crystal.domains.count == 10
    assert any("10 mosaic domains" in note for note in experiment.notes)


def test_an_energy_stands_for_its_wavelength(read):
    text = "energy_keV = 12.39842\nfluence_photons_per_m2 = 1"
    assert read(document(beam=text)).beam.wavelength == pytest.approx(1.0, rel=1e-15)


def test_flux_exposure_and_beam_size_make_the_fluence(read):
    text = "wavelength_A = 1\nflux_photons_per_s = 1e12\nexposure_ms = 500\nbeam_size_um = 10"
    assert read(document(beam=text)).beam.fluence == pytest.approx(5e21, rel=1e-15)


def test_without_sources_there_is_one_along_the_beam(read):
    beam = read(document(**also("beam", "direction = [0, 3, 4]"))).beam
    assert beam.direction == pytest.approx((0, 0.6, 0.8))
    assert list(beam.spectrum) == [Source(beam.direction, 1.0, 1.0)]


def test_a_source_takes_direction_and_wavelength_of_the_beam_unless_it_says(read):
    listed = "[[beam.sources]]\nenergy_eV = 12000\n[[beam.sources]]\nweight = 3"
    first, second = read(document(**also("beam", listed))).beam.spectrum
    assert first == Source((0.0, 0.0, 1.0), 12398.42 / 12000, 1.0)
    assert second == Source((0.0, 0.0, 1.0), 1.0, 3.0)


#: The beam of nanoBragg without a convention, MOSFLM's.
MOSFLM = "direction = [1, 0, 0]\n"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ('source_file = "sources.txt"', "-sourcefile sources.txt"),
        ("dispersion_percent = 2\ndispersion_steps = 5", "-dispersion 2 -dispsteps 5"),
        ("divergence_mrad = [0.3, 0.3]\ndivergence_steps = 4", "-divergence 0.3 -divsteps 4"),
        (
            'divergence_mrad = [0.3, 0.1]\ndivergence_steps = [4, 3]\ndivergence_shape = "square"',
            "-hdivrange 0.3 -hdivsteps 4 -vdivrange 0.1 -vdivsteps 3 -square_div",
        ),
        ("divergence_mrad = [0, 0.1]\ndivergence_steps = 3", "-vdivrange 0.1 -vdivsteps 3"),
    ],
)
def test_sources_are_those_of_the_same_nanobragg_options(read, text, options):
    tokens = f"-default_F 1 -cell 70 80 90 90 90 90 -lambda 1 {options}".split()
    beam = read(document(**also("beam", MOSFLM + text))).beam
    assert beam.spectrum == Experiment.from_nanobragg(tokens).beam.spectrum
    assert len(beam.spectrum) > 1


def test_polarization_is_kahns_0_unless_said(read):
    assert read(document()).beam.polarization == 0.0


def test_polarization_can_be_off(read):
    assert read(document(**also("beam", 'polarization = "off"'))).beam.polarization is None


def test_a_polarization_axis_along_the_beam_is_noted(read):
    text = "polarization = 0.9\npolarization_axis = [0, 0, 1]"
    assert any("no defined plane" in note for note in read(document(**also("beam", text))).notes)


def test_a_single_panel_stands_across_the_beam_with_the_beam_in_its_middle(read):
    (panel,) = read(document()).detector.panels
    assert (panel.fast_axis, panel.slow_axis, panel.normal) == ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert panel.origin == pytest.approx((-0.0006, -0.0005, 0.1))


def test_a_single_panel_turns_with_the_beam(read):
    experiment = read(document(**also("beam", "direction = [1, 2, -3]")))
    (panel,) = experiment.detector.panels
    beam, fast, slow = (np.array(v) for v in (experiment.beam.direction, *axes(panel)))
    np.testing.assert_allclose(panel.normal, beam, atol=1e-15)
    np.testing.assert_allclose(np.cross(fast, slow), beam, atol=1e-15)
    np.testing.assert_allclose(panel.close_distance, 0.1)


def axes(panel):
    return panel.fast_axis, panel.slow_axis


def test_a_beam_along_x_has_the_axes_of_mosflm(read):
    experiment = read(document(**also("beam", "direction = [1, 0, 0]")))
    (panel,) = experiment.detector.panels
    assert axes(panel) == ((0, 0, 1), (0, -1, 0))
    assert experiment.beam.polarization_axis == experiment.exposures.spindle == (0, 0, 1)


def test_the_beam_center_counts_pixels_from_the_corner_slow_first(read):
    (panel,) = read(document(**also("detector", "beam_center_px = [2, 3.5]"))).detector.panels
    assert panel.origin == pytest.approx((-0.00035, -0.0002, 0.1))


def test_a_normal_that_is_not_given_points_away_from_the_sample(read):
    flipped = PANEL.replace("slow_axis = [0, 1, 0]", "slow_axis = [0, -1, 0]")
    sizes = "pixels = [10, 12]\npixel_size_mm = 0.1"
    (panel,) = read(document(detector=sizes + flipped)).detector.panels
    assert panel.normal == (0, 0, 1)


def test_what_all_panels_share_may_stand_once(read):
    sizes = "pixels = [10, 12]\npixel_size_mm = 0.1"
    panels = read(document(detector=sizes + PANEL + PANEL)).detector.panels
    assert [panel.pixels for panel in panels] == [(10, 12)] * 2
    assert [panel.name for panel in panels] == ["0", "1"]


def test_a_region_is_half_open_and_whole_along_an_axis_that_it_does_not_name(read):
    (panel,) = read(document(**also("detector", "region = { fast = [3, 7] }"))).detector.panels
    assert panel.region == Region(0, 10, 3, 7)


def test_a_mask_is_kept_by_its_path_and_hash(read):
    sizes = 'pixels = [128, 128]\npixel_size_mm = 0.1\ndistance_mm = 100\nmask = "mask.img"'
    (panel,) = read(document(detector=sizes)).detector.panels
    assert panel.mask == MaskFile("mask.img", MASK_SHA256)


def test_oversampling_that_is_not_said_is_nanobraggs(read):
    options = "-default_F 1 -cell 70 80 90 90 90 90 -N 20 -lambda 1 -distance 100 -pixel 0.1"
    crystal = "cell_A = [70, 80, 90]\ncell_angles_deg = [90, 90, 90]\ncells = 20"
    experiment = read(document(crystal=crystal, sampling=""))
    expected = Experiment.from_nanobragg(options.split()).sampling.oversample
    assert experiment.sampling.oversample == expected == 6
    assert any("oversample 6" in note for note in experiment.notes)


@pytest.mark.parametrize(("cells", "chosen"), [("[9, 2, 9]", True), ("[9, 3, 9]", False)])
def test_interpolation_that_is_not_said_follows_the_cells(read, cells, chosen):
    crystal = SECTIONS["crystal"].replace("cells = 5", f"cells = {cells}")
    factors = 'hkl = "a.hkl"'
    experiment = read(document(crystal=crystal, sampling="", structure_factors=factors))
    assert experiment.sampling.interpolate is chosen


def test_there_is_no_interpolation_without_a_file(read):
    crystal = SECTIONS["crystal"].replace("cells = 5", "cells = 1")
    assert not read(document(crystal=crystal, sampling="")).sampling.interpolate


def test_steps_divide_the_oscillation(read):
    exposures = read(document(frames="oscillation_deg = 0.5\nsteps = 5")).exposures
    assert exposures.step == exposures.oscillation / 5


def test_steps_of_which_the_size_is_said_make_the_oscillation(read):
    exposures = read(document(frames="step_deg = 0.1\nsteps = 5\ncount = 3")).exposures
    assert exposures.oscillation == 5 * exposures.step


@pytest.mark.parametrize(
    ("section", "text", "fault"),
    [
        (
            "beam",
            "sources = [{ wavelength_A = 1.2 }]",
            r"\[beam\] beam.wavelength = 1 Å and its so",
        ),
        ("beam", "sources = [{ incident = [1, 0, 5] }]", r"\[beam\] beam.direction = .*does not"),
        ("frames", "oscillation_deg = 1\nstep_deg = 0.5\nsteps = 10", r"\[frames\] .*contradict"),
    ],
)
def test_values_that_contradict_each_other_are_refused(read, section, text, fault):
    with pytest.raises(ExperimentError, match=fault):
        read(document(**also(section, text)))


def test_under_c_compat_weights_that_differ_are_noted_as_ignored(read):
    listed = "[[beam.sources]]\n[[beam.sources]]\nweight = 3"
    experiment = read("c_compat = true\n" + document(**also("beam", listed)))
    assert any("weights" in note for note in experiment.notes)


# Where files lie


def test_a_path_counts_from_the_folder_of_the_toml_file(read, folder):
    (folder / "below").mkdir()
    (folder / "below" / "e.toml").write_text(document(structure_factors='hkl = "../a.hkl"'))
    assert read_toml("below/e.toml").structure_factors.path == "below/../a.hkl"


def test_a_path_under_the_working_directory_is_kept_relative_to_it(read, folder):
    (folder / "e.toml").write_text(document(structure_factors='hkl = "a.hkl"'))
    assert read_toml(folder / "e.toml").structure_factors.path == "a.hkl"


def test_an_absolute_path_stays_so(read):
    source = read(document(structure_factors="fdump = '/some/Fdump.bin'")).structure_factors
    assert source == Reflections("/some/Fdump.bin", "fdump")


def test_an_mtz_is_named_with_or_without_its_column(read):
    named = "mtz = '/some/a.mtz'"
    source = read(document(structure_factors=named)).structure_factors
    assert source == Reflections("/some/a.mtz", "mtz")
    source = read(document(structure_factors=named + "\nmtz_column = 'F-obs'")).structure_factors
    assert source == Reflections("/some/a.mtz", "mtz", column="F-obs")


def test_a_list_is_read_with_its_space_group_and_written_with_it(read):
    experiment = read(document(structure_factors="hkl = '/some/a.hkl'\nspace_group = 'C2'"))
    assert experiment.structure_factors == Reflections("/some/a.hkl", "hkl", space_group="C2")
    assert read_back(experiment) == experiment


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mtz = '/a.mtz'\nspace_group = 'C2'", r"'C2' .* and /a.mtz names its own: leave it out"),
        ("default_F = 1\nspace_group = 'C2'", r"and there is none: leave it out"),
        ("hkl = '/a.hkl'\nspace_group = 'C9'", r"there is no space group 'C9'"),
    ],
)
def test_a_space_group_without_effect_or_meaning_is_refused(read, source, message):
    with pytest.raises(TiledSimError, match=message):
        read(document(structure_factors=source))


def test_a_column_without_an_mtz_is_refused(read):
    with pytest.raises(ExperimentError, match=r"'FP' names a column of an MTZ.*format hkl"):
        read(document(structure_factors="hkl = 'a.hkl'\nmtz_column = 'FP'"))


def test_the_hash_does_not_depend_on_where_files_lie(read, folder, monkeypatch):
    text = document(structure_factors='hkl = "a.hkl"')
    here = read(text)
    monkeypatch.chdir("/")
    there = read_toml(folder / "e.toml")
    assert there.structure_factors.path != here.structure_factors.path
    assert there.sha256 == here.sha256


# Complaints


@pytest.mark.parametrize(
    ("section", "text", "words"),
    [
        ("beam", "wavelenght_A = 1", ["[beam]", "'wavelenght_A'", "wavelength_A"]),
        ("beam", "polarisation = 0", ["polarisation", "did you mean polarization"]),
        ("frames", "start = 3", ["start_rad or start_mrad or start_deg"]),
        ("frames", "start_degrees = 3", ["start_deg"]),
        ("sampling", "xyzzy = 3", ["'xyzzy'", "known are oversample, interpolate"]),
        ("detector", "region = { slo = [0, 1] }", ["region", "'slo'", "slow"]),
        ("beam", "[[beam.sources]]\n[[beam.sources]]\nweigth = 1", ["number 2", "weight"]),
    ],
)
def test_an_unknown_key_names_file_section_and_the_nearest(read, section, text, words):
    with pytest.raises(ExperimentError) as caught:
        read(document(**also(section, text)))
    for word in ["e.toml", *words]:
        assert word in str(caught.value)


def test_an_unknown_section_names_the_nearest(read):
    with pytest.raises(ExperimentError, match=r"e\.toml: unknown .*'crystl'; did you mean crystal"):
        read(document() + "[crystl]\n")


SOURCES = "[[beam.sources]]"


@pytest.mark.parametrize(
    ("section", "text", "keys"),
    [
        ("beam", "energy_eV = 12000", ["wavelength_A", "energy_eV"]),
        ("beam", "wavelength_nm = 0.1", ["wavelength_A", "wavelength_nm"]),
        ("beam", "flux_photons_per_s = 1", ["fluence_photons_per_m2", "flux_photons_per_s"]),
        ("beam", "source_file = 'a'\n" + SOURCES, ["source_file", "sources"]),
        ("crystal", "matrix = 'A.mat'", ["cell_A", "matrix"]),
        ("crystal", "a_A = [1, 0, 0]", ["cell_A", "a_A"]),
        ("detector", PANEL, ["distance_mm", "panels"]),
        ("detector", "beam_center_px = [1, 1]" + PANEL, ["beam_center_px", "panels"]),
        ("structure_factors", "hkl = 'a'\nfdump = 'b'", ["hkl", "fdump"]),
        ("structure_factors", "fdump = 'a'\nmtz = 'b'", ["fdump", "mtz"]),
    ],
)
def test_saying_a_thing_twice_names_both_keys(read, section, text, keys):
    with pytest.raises(ExperimentError) as caught:
        read(document(**also(section, text)))
    for word in ["e.toml", f"[{section}]", *keys]:
        assert word in str(caught.value)


def test_misset_beside_resolved_vectors_names_both(read):
    text = "a_A = [70, 0, 0]\nb_A = [0, 80, 0]\nc_A = [0, 0, 90]\ncells = 5\nmisset_deg = [1, 2, 3]"
    with pytest.raises(ExperimentError, match=r"a_A .* and misset_deg both say"):
        read(document(crystal=text))


def test_a_pixel_size_for_all_panels_and_for_one_is_refused(read):
    sizes = "pixels = [10, 12]\npixel_size_mm = 0.1"
    with pytest.raises(ExperimentError, match=r"number 1: pixel_size_um .* in \[detector\]"):
        read(document(detector=sizes + PANEL + "pixel_size_um = 100"))


@pytest.mark.parametrize(
    ("section", "text", "key"),
    [
        ("beam", "direction = 'z'", "direction"),
        ("beam", "direction = [0, 0]", "direction"),
        ("beam", "direction = [0, 0, 0]", "direction"),
        ("beam", "polarization = 'on'", "polarization"),
        ("beam", "polarization = nan", "polarization"),
        ("beam", "sources = 3", "sources"),
        ("beam", "sources = []", "sources"),
        ("beam", "sources = [3]", "sources"),
        ("beam", "source_file = 3", "source_file"),
        ("crystal", "fudge = true", "fudge"),
        ("crystal", "fudge = inf", "fudge"),
        ("crystal", "fudge = 0", "fudge"),
        ("crystal", "mosaic_domains = 2.0", "mosaic_domains"),
        ("crystal", "mosaic_seed = 0x1" + "0" * 16, "mosaic_seed"),
        ("crystal", "shape = 'ball'", "shape"),
        ("crystal", "misset_deg = [1, 2, 'x']", "misset_deg"),
        ("detector", "point_pixel = 1", "point_pixel"),
        ("detector", "beam_center_px = 3", "beam_center_px"),
        ("detector", "region = 3", "region"),
        ("detector", "region = { slow = [5, 5] }", "region"),
        ("detector", "region = { slow = [0, 11] }", "region"),
        ("detector", "mask_sha256 = 'a'", "mask_sha256"),
        ("detector", "slow_axis = [1, 0, 0]", "slow_axis"),
        ("frames", "steps = 0", "steps"),
        ("frames", "steps = 10", "oscillation_deg"),
        ("frames", "start_deg = 1979-05-27", "start_deg"),
        ("structure_factors", "hkl = ''", "hkl"),
        ("structure_factors", "hkl = 1", "hkl"),
    ],
)
def test_a_value_that_cannot_be_names_file_section_and_key(read, section, text, key):
    with pytest.raises(ExperimentError) as caught:
        read(document(**also(section, text)))
    for word in ["e.toml", section, key]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("section", "text", "key"),
    [
        ("beam", "fluence_photons_per_m2 = 1", "wavelength_A or energy_eV"),
        ("beam", "wavelength_A = 1", "fluence_photons_per_m2"),
        ("beam", "wavelength_A = 1\nflux_photons_per_s = 1", "exposure_s"),
        ("beam", "energy_eV = 0\nfluence_photons_per_m2 = 1", "energy_eV"),
        ("crystal", "cells = 5", "cell_A"),
        ("crystal", "cell_A = [1, 1, 1]\ncells = 5", "cell_angles_deg"),
        ("crystal", "cell_A = [70, 80, 90]\ncell_angles_deg = [90, 90, 90]", "cells"),
        (
            "crystal",
            "cell_A = [9, 9, 9]\ncell_angles_deg = [20, 20, 90]\ncells = 5",
            "no such cell",
        ),
        (
            "crystal",
            "cell_A = [9, 9, -9]\ncell_angles_deg = [90, 90, 90]\ncells = 5",
            "no such cell",
        ),
        ("crystal", "a_A = [1, 0, 0]\nb_A = [0, 1, 0]\ncells = 5", "c_A"),
        ("crystal", "a_A = [1, 0, 0]\nb_A = [1, 0, 0]\nc_A = [0, 0, 1]\ncells = 5", "no cell"),
        ("crystal", "a_A = [0, 9, 0]\nb_A = [9, 0, 0]\nc_A = [0, 0, 9]\ncells = 5", "right-handed"),
        ("detector", "pixels = [1, 1]\npixel_size_mm = 1", "distance_m"),
        ("detector", "pixels = [1, 1]\npixel_size_mm = 1\ndistance_mm = 0", "distance_mm"),
        ("structure_factors", "", "hkl, fdump, mtz or model"),
    ],
)
def test_what_is_missing_or_impossible_is_named(read, section, text, key):
    with pytest.raises(ExperimentError) as caught:
        read(document(**{section: text}))
    for word in ["e.toml", f"[{section}]", key]:
        assert word in str(caught.value)


def test_a_missing_section_asks_for_its_first_key(read):
    with pytest.raises(ExperimentError, match=r"\[beam\] the wavelength is missing"):
        read("")


@pytest.mark.parametrize(
    "text",
    [
        "dispersion_percent = 1\ndispersion_steps = 1",
        "dispersion_percent = -1\ndispersion_steps = 3",
        "divergence_mrad = [1, 1]\ndivergence_steps = [3, 1]",
    ],
)
def test_a_sweep_needs_a_range_and_two_steps(read, text):
    with pytest.raises(ExperimentError, match=r"at least 2|negative"):
        read(document(**also("beam", text)))


def test_more_sources_than_anyone_can_sum_are_refused(read):
    text = "divergence_mrad = [1, 1]\ndivergence_steps = 10000"
    with pytest.raises(ExperimentError, match=r"10000 x 10000 directions .* make 100000000"):
        read(document(**also("beam", text)))


def test_divergence_without_a_plane_is_refused(read):
    text = "polarization_axis = [0, 0, 1]\ndivergence_mrad = [1, 1]\ndivergence_steps = 3"
    with pytest.raises(ExperimentError, match="polarization_axis"):
        read(document(**also("beam", text)))


@pytest.mark.parametrize(
    ("section", "text", "key"),
    [
        ("beam", "source_file = 'none.txt'", "source_file"),
        ("crystal", "matrix = 'none.mat'\ncells = 5", "matrix"),
        ("detector", "mask = 'none.img'", "mask"),
    ],
)
def test_a_file_that_is_missing_is_named_with_its_key(read, section, text, key):
    texts = {section: text} if section == "crystal" else also(section, text)
    with pytest.raises(InputFileError, match=rf"e\.toml: \[{section}\] {key}: .*none"):
        read(document(**texts))


def test_a_mask_of_another_format_is_read_by_its_rule_and_an_odd_one_is_a_note(read):
    mask = np.zeros((128, 128), bool)
    mask[:60] = True
    np.savez("masks.npz", mask=mask, all=mask | True)
    sizes = "pixels = [128, 128]\npixel_size_mm = 0.1\ndistance_mm = 100\nmask = "
    odd = read(document(detector=f"{sizes}'masks.npz'"))
    assert any("masks.npz: 8704 of 16384 pixels are dead" in note for note in odd.notes)
    other = read(document(detector=f"{sizes}'masks.npz:all'"))
    assert other.detector.panels[0].mask.path == "masks.npz:all"
    assert other.sha256 != odd.sha256


def test_a_mask_of_another_size_is_refused(read):
    with pytest.raises(ExperimentError, match=r"\(128, 128\) pixels, the panel \(10, 12\)"):
        read(document(**also("detector", "mask = 'mask.img'")))


def test_a_mask_that_is_not_the_one_meant_is_refused(read):
    sizes = "pixels = [128, 128]\npixel_size_mm = 0.1\ndistance_mm = 100\nmask = 'mask.img'"
    with pytest.raises(ExperimentError, match="not the one meant"):
        read(document(detector=f"{sizes}\nmask_sha256 = 'abc'"))


def test_invalid_toml_names_file_and_line(read):
    with pytest.raises(InputFileError, match=r"e\.toml: not valid TOML.*line 2"):
        read("c_compat = true\n[beam\n")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = " + b"[" * 100_000])
def test_what_is_no_toml_at_all_is_refused(folder, content):
    Path("e.toml").write_bytes(content)
    with pytest.raises(InputFileError, match=r"e\.toml"):
        read_toml("e.toml")


@pytest.mark.parametrize("path", ["none.toml", ".", "a\0b"])
def test_a_toml_file_that_cannot_be_read_is_named(folder, path):
    with pytest.raises(InputFileError, match="cannot read the experiment"):
        read_toml(path)


def test_numbers_that_overflow_are_refused(read):
    cell = SECTIONS["crystal"].replace("70", "1e200").replace("80", "1e200")
    with pytest.raises(ExperimentError, match="too large or too small"):
        read(document(crystal=cell))


@st.composite
def wild_documents(draw):
    """Any values under known keys: most of them nonsense."""
    number = st.integers(-3, 300) | st.floats() | st.integers()
    value = (
        number
        | st.booleans()
        | st.sampled_from(["off", "square", "A.mat", "mask.img", ""])
        | st.lists(number, min_size=2, max_size=3)
    )
    tables = {name: known(name) for name in ("beam", "crystal", "detector", "sampling", "frames")}
    lines = []
    for section, table in tables.items():
        lines.append(f"[{section}]")
        base = dict(line.split(" = ", 1) for line in SECTIONS[section].splitlines())
        keys = [key for name, unit_ in table.items() for key in units.spellings(name, unit_)]
        for key in draw(st.lists(st.sampled_from(keys), max_size=3)):
            base[key] = toml_value(draw(value))
        lines += [f"{key} = {text}" for key, text in base.items()]
    return "\n".join([*lines, "[structure_factors]", "default_F = 1"])


def toml_value(value):
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value).replace("Infinity", "inf").replace("NaN", "nan")


@settings(deadline=None, max_examples=200)
@given(wild_documents())
def test_any_document_is_read_or_refused_in_words(text):
    tomllib.loads(text)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("e.toml").write_text(text)
        with contextlib.suppress(TiledSimError):
            assert read_back(read_toml("e.toml"))


# The example


def test_the_example_is_what_its_nanobragg_command_says():
    options = (
        "-hkl 2erl.hkl -cell 53.91 23.1 23.1 90 110.4 90 -misset 12 34 56 -lambda 0.9768 "
        "-flux 1e18 -beamsize 1 -exposure 1 -Na 14 -Nb 33 -Nc 33 -xds -distance 231.27466 "
        "-pixel 0.172 -detpixels_s 2527 -detpixels_f 2463 -ORGX 1266.44 -ORGY 1244.15 "
        "-phi 1 -osc 0.1 -phisteps 10 -oversample 1 -nointerpolate"
    )
    expected = Experiment.from_nanobragg(options.split())
    exposures = dataclasses.replace(expected.exposures, spindle=(-1.0, 0.0, 0.0))
    # what is up in a picture of all panels, a document need not say
    detector = dataclasses.replace(expected.detector, up=None)
    expected = dataclasses.replace(expected, exposures=exposures, detector=detector)
    example = read_toml(EXAMPLES / "2erl.toml")
    assert flat(example.to_dict()) == pytest.approx(flat(expected.to_dict()), rel=1e-9, abs=1e-12)
    assert Path(example.structure_factors.path).name == "2erl.hkl"


def test_the_structure_factors_of_the_example_lie_beside_it():
    source = read_toml(EXAMPLES / "2erl.toml").structure_factors
    assert Path(source.path).is_file()


# Noise


def test_without_a_section_photons_are_not_counted(read):
    assert read(document()).noise is None


def test_an_empty_section_is_plain_poisson_noise(read):
    assert read(document(noise="")).noise == Noise()


def test_noise_has_its_units_in_its_keys(read):
    text = (
        "seed = 5\nflicker = 0.02\ncalibration = 0.03\ncalibration_seed = 6\nreadout_ADU = 3\n"
        "gain_ADU_per_photon = 1.8\noffset_ADU = 40\nsaturation_ADU = 65535\n"
        'point_spread = { kind = "gauss", fwhm_um = 75, radius_px = 4 }'
    )
    spread = PointSpread("gauss", 75e-6, 4)
    assert read(document(noise=text)).noise == Noise(
        5, 0.02, 0.03, 6, 3.0, 1.8, 40.0, 65535, spread
    )


def test_a_point_spread_without_a_radius_has_the_default(read):
    text = 'point_spread = { kind = "gauss", fwhm_um = 70 }'
    assert read(document(noise=text)).noise.point_spread == PointSpread("gauss", 7e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gain_ADU_per_photon = -1", r"\[noise\] noise.gain = -1.0 ADU/photon must be positive"),
        ("readout = 3", "readout needs its unit in the key: readout_ADU"),
        ("sed = 3", r"\[noise\] unknown key 'sed'; did you mean seed"),
        ("point_spread = 3", r"\[noise\] point_spread: 3 must be a table"),
        ('point_spread = { kind = "gauss" }', "point_spread: fwhm_m or .* is missing"),
        ("point_spread = { fwhm_um = 3 }", "point_spread: kind is missing"),
        ('point_spread = { kind = "x", fwhm_um = 3 }', "kind = 'x' must be one of gauss, fiber"),
        ('point_spread = { kind = "gauss", fwhm_m = 1 }', "reaches over .* check the unit"),
    ],
)
def test_noise_that_cannot_be_is_refused_with_its_key(read, text, message):
    with pytest.raises(ExperimentError, match=message):
        read(document(noise=text))


# Sensor and background


def test_a_sensor_has_its_units_in_its_keys(read):
    sizes = SECTIONS["detector"]
    text = sizes + "\nsensor = { thickness_um = 450, attenuation_length_mm = 0.5, layers = 3 }"
    assert read(document(detector=text)).detector.sensor == Sensor(450 / 1e6, 0.5 / 1e3, 3)


def test_a_background_without_a_table_is_water(read):
    found = read(document(background="thickness_um = 5\narea_um2 = 20")).background
    assert found.path is None
    assert (found.thickness, found.area) == (5 / 1e6, 20 / 1e12)
    assert (found.density, found.molar_mass) == (1.0, 18.015)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("thickness_um = 5", "area"),
        ("thickness_um = 5\narea_um2 = 20\nabscissa = 'q'", "must be one of stol, 4stol, Q"),
        ("thickness_um = 5\narea_um2 = 20\nabscissa = 'Q'", "of no table"),
        ("thickness_um = -5\narea_um2 = 20", "thickness = -5e-06 m must be positive"),
        ("thickness_um = 5\narea_um2 = 20\ntable = 'none.stol'", "none.stol"),
        ("thickness_um = 5\narea_um2 = 20\ntable_sha256 = 'abc'", "not the one meant"),
    ],
)
def test_a_background_that_cannot_be_is_refused_with_its_section(read, text, message):
    with pytest.raises((ExperimentError, InputFileError), match=rf"\[background\].*{message}"):
        read(document(background=text))


def test_a_sensor_cannot_be_had_as_c_has_it(read):
    text = SECTIONS["detector"] + "\nsensor = { thickness_um = 450, attenuation_length_um = 500 }"
    with pytest.raises(ExperimentError, match="cannot be had as C has it"):
        read("c_compat = true\n" + document(detector=text))


def test_a_byte_order_mark_is_passed_over(read, folder):
    plain = read(document())
    Path("b.toml").write_bytes(b"\xef\xbb\xbf" + document().encode())
    assert Experiment.from_toml("b.toml") == plain


def test_missetting_angles_of_a_matrix_file_are_told(read, folder):
    lines = ["0.02 0 0", "0 0.02 0", "0 0 0.02", "0 1 0", "1 0 0", "0 1 0", "0 0 1"]
    Path("m.mat").write_text("\n".join([*lines, "50 50 50 90 90 90", ""]))
    found = read(document(crystal='matrix = "m.mat"\ncells = 5'))
    assert any("missetting angles 0 1 0°" in note for note in found.notes)


def test_angles_of_a_cell_in_radians_are_refused_with_the_key_for_them(read):
    text = "cell_A = [50, 60, 70]\ncell_angles_deg = [1.5708, 1.5708, 1.5708]\ncells = 5"
    with pytest.raises(ExperimentError, match=r"in radians, write 90 90 90 .*cell_angles_rad"):
        read(document(crystal=text))
