"""The amorphous background that options and TOML ask for."""

import hashlib

import pytest

from tiled_sim.errors import CoverageError, ExperimentError, InputFileError
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.inputs import load_amorphous
from tiled_sim.simulation.images import simulate as simulate_image

BASE = ["-default_F", "1", "-cell", "70", "-N", "5", "-oversample", "1"]


@pytest.fixture
def read(in_data):
    def run(line, **how):
        return Experiment.from_nanobragg([*BASE, *line.split()], **how)

    return run


def test_a_droplet_without_a_table_is_water(read):
    background = read("-water 5").background
    assert background.path is None
    assert background.thickness == pytest.approx(5e-6)
    assert background.area == pytest.approx(25e-12)
    assert (background.density, background.molar_mass) == (1.0, 18.015)


@pytest.mark.parametrize(
    ("option", "abscissa"), [("-stol", "stol"), ("-4stol", "4stol"), ("-Q", "Q")]
)
def test_a_droplet_with_a_table_is_of_its_material(read, data, option, abscissa):
    background = read(f"-water 5 {option} droplet.stol -density 0.9 -MW 20").background
    assert background.path == "droplet.stol"
    assert background.abscissa == abscissa
    assert background.sha256 == hashlib.sha256((data / "droplet.stol").read_bytes()).hexdigest()
    assert (background.density, background.molar_mass) == (0.9, 20.0)


def test_a_first_column_of_q_reaches_less_far(read):
    by_stol, by_q = (
        load_amorphous(read(f"-water 5 {option} droplet.stol")) for option in ("-stol", "-Q")
    )
    assert by_stol.stol[-1] == pytest.approx(0.8)
    assert by_q.stol[-1] == pytest.approx(0.8 / 12.566370614359172)


def test_what_is_taken_from_water_is_noted(read):
    notes = read("-water 5 -stol droplet.stol -density 2").notes
    assert any("droplet.stol has water's mass, 18.015 g/mol" in note for note in notes)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("-stol droplet.stol", "-stol has no effect without -water"),
        ("-density 2 -MW 20", "-density -MW have no effect without -water"),
        ("-water -5", "-5 µm must not be negative"),
        ("-water 5 -stol droplet.stol -Q droplet.stol", "-stol and -Q both give the table"),
        ("-water 5 -MW 0", "molar_mass = 0.0 g/mol must be positive"),
        ("-water 5 -density 0", "density = 0.0 g/cm³ must be positive"),
        ("-water 200", "droplet of -water 200 µm is larger than the beam"),
    ],
)
def test_a_background_that_cannot_be_is_refused(read, line, fault):
    with pytest.raises(ExperimentError, match=fault):
        read(line)


@pytest.mark.parametrize(("clip", "width"), [(True, 1e-4), (False, 2e-4)])
def test_of_a_droplet_larger_than_the_beam_what_is_said_counts(read, clip, width):
    background = read("-water 200", clip_to_beam=clip).background
    assert background.thickness == pytest.approx(2e-4)
    assert background.area == pytest.approx(width**2)


def test_a_table_without_a_droplet_is_ignored_as_in_c(read):
    assert read("-stol droplet.stol", c_compat=True).background is None


def test_a_table_that_is_not_there_is_refused(read):
    with pytest.raises(InputFileError, match=r"none\.stol"):
        read("-water 5 -stol none.stol")


def test_a_table_that_changes_before_the_run_is_refused(read, tmp_path, monkeypatch):
    table = tmp_path / "some.stol"
    table.write_text("0 1\n1 2\n")
    experiment = read(f"-water 5 -stol {table}")
    table.write_text("0 1\n1 3\n")
    with pytest.raises(InputFileError, match="has changed since the experiment was read"):
        load_amorphous(experiment)


def test_a_table_that_ends_before_the_detector_is_refused_with_both_numbers(read):
    experiment = read("-water 5 -4stol droplet.stol -distance 50")
    with pytest.raises(CoverageError, match=r"droplet\.stol ends at sin θ/λ = 0\.2/Å.*reaches"):
        simulate_image(experiment)
