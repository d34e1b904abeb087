"""Displacements of atoms: how they are said, in words, in TOML and by changes; what cannot be."""

import dataclasses

import pytest

from tiled_sim.cli.arguments import add_reading_options, own_reading
from tiled_sim.cli.parser import Parser
from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.experiment import Experiment
from tiled_sim.read.toml.reader import read_toml, write_toml

OPTIONS = "-default_F 100 -cell 100 -N 5 -distance 100 -detpixels 32 -pixel 0.2 -oversample 1"
LINE = OPTIONS.split()
DIFFUSE = Diffuse((50.0, 50.0, 50.0), (0.3, 0.4, 0.5), 2)


def with_diffuse(diffuse=DIFFUSE, **keywords):
    return Experiment.from_nanobragg(LINE, diffuse=diffuse, **keywords)


def asked(line):
    parser = Parser("config", "")
    add_reading_options(parser)
    return own_reading(parser.parse(line.split()))["diffuse"]


@pytest.mark.parametrize(
    ("line", "diffuse"),
    [
        ("", None),
        ("--diffuse-gamma 50 --diffuse-sigma 0.3,0.4,0.5 --diffuse-reach 2", DIFFUSE),
        ("--diffuse-gamma 50 --diffuse-sigma 0.3", Diffuse((50.0,) * 3, (0.3,) * 3)),
    ],
)
def test_options_say_it(line, diffuse):
    assert asked(line) == diffuse


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("--diffuse-gamma 50", "give both"),
        ("--diffuse-reach 2", "give both"),
        ("--diffuse-gamma 50,60 --diffuse-sigma 1", "'50,60' is not a number or three"),
        ("--diffuse-gamma nan --diffuse-sigma 1", "'nan' is not a number or three"),
        ("--diffuse-gamma 50 --diffuse-sigma 0,1,1", "must be positive"),
    ],
)
def test_options_that_do_not_say_it_whole_are_refused(line, fault):
    with pytest.raises((UsageError, ExperimentError), match=fault):
        asked(line)


def test_a_document_says_it_and_reads_back(tmp_path):
    experiment = with_diffuse()
    path = tmp_path / "e.toml"
    path.write_text(write_toml(experiment))
    assert read_toml(path).sha256 == experiment.sha256
    text = path.read_text()
    said = next(line for line in text.splitlines() if line.startswith("diffuse = "))
    path.write_text(text.replace(said, "diffuse = { gamma_nm = 5, sigma_A = 0.3 }"))
    assert read_toml(path).crystal.diffuse == Diffuse((50.0,) * 3, (0.3,) * 3)


def test_a_stored_document_has_it():
    experiment = with_diffuse()
    assert Experiment.from_dict(experiment.to_dict(), experiment.arrays()) == experiment


def test_without_it_the_hash_is_what_it_was():
    assert with_diffuse(None).sha256 == Experiment.from_nanobragg(LINE).sha256
    assert with_diffuse().sha256 != Experiment.from_nanobragg(LINE).sha256


def test_it_can_be_changed_and_made():
    changed = with_diffuse().with_({"crystal.diffuse.gamma_A": 80})
    assert changed.crystal.diffuse == dataclasses.replace(DIFFUSE, gamma=(80.0,) * 3)
    made = Experiment.from_nanobragg(LINE).with_(
        {"crystal.diffuse.gamma_A": [1, 2, 3], "crystal.diffuse.sigma_A": 0.3}
    )
    assert made.crystal.diffuse == Diffuse((1.0, 2.0, 3.0), (0.3,) * 3)
    with pytest.raises(ExperimentError, match="to make one give its sigma too"):
        Experiment.from_nanobragg(LINE).with_({"crystal.diffuse.gamma_A": 5})


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"gamma": (0.0, 1.0, 1.0)}, "gamma = .* must be positive"),
        ({"sigma": (1.0, -1.0, 1.0)}, "sigma = .* must be positive"),
        ({"gamma": (1e7, 1.0, 1.0)}, "check its unit"),
        ({"sigma": (float("inf"), 1.0, 1.0)}, "must be finite"),
        ({"gamma": (1.0, 1.0)}, "must be three numbers"),
        ({"reach": -1}, "between 0 and 10"),
        ({"reach": 11}, "between 0 and 10"),
    ],
)
def test_what_cannot_be_is_refused(fields, fault):
    given = {"gamma": (50.0,) * 3, "sigma": (0.3,) * 3} | fields
    with pytest.raises(ExperimentError, match=fault):
        Diffuse(**given)


def test_as_c_has_it_there_is_none():
    with pytest.raises(ExperimentError, match="diffuse scattering cannot be had as C has it"):
        with_diffuse(c_compat=True)


def test_one_number_where_three_are_due_is_refused():
    with pytest.raises(ExperimentError, match=r"gamma = 50 must be three numbers"):
        Diffuse(50, 0.3)
