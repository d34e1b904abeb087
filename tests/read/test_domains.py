"""Mosaic domains of words and documents: how they are said, and what not together."""

import math
from pathlib import Path

import numpy as np
import pytest

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.io.domains import write_domains
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.read.nanobragg.reader import read_options
from tiled_sim.read.toml.reader import read_toml

LINE = "-default_F 100 -cell 100 -N 5 -detpixels 32"
TOML = """
[beam]
wavelength_A = 1.0
fluence_photons_per_m2 = 1e24
[crystal]
cell_A = [100.0, 100.0, 100.0]
cell_angles_deg = [90.0, 90.0, 90.0]
cells = 5
{crystal}
[detector]
pixels = [32, 32]
pixel_size_mm = 0.2
distance_mm = 100.0
[structure_factors]
default_F = 100.0
"""
DEGREE = math.pi / 180.0
TWO = ListedDomains(np.array([np.eye(3), about_fixed_axes(0.1, 0.2, 0.3)]), [1.0, 3.0], "crystal")
IDENTITY = "1 0 0 0 1 0 0 0 1"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_domains("two.npz", TWO)


def of_words(line, **own):
    return read_options(f"{LINE} {line}".split(), **own)


def of_toml(crystal):
    Path("e.toml").write_text(TOML.format(crystal=crystal))
    return read_toml("e.toml")


def near(domains):
    """The same but for the rounding of degrees."""
    return pytest.approx((domains.spread, *domains.spreads), rel=1e-15), domains.count, domains.seed


SAID = {
    "gaussian": (
        "-mosaic 0.5 -mosaic_domains 7 -mosaic_seed 3",
        {"mosaic_kind": "gaussian"},
        'mosaic_kind = "gaussian"\nmosaic_spread_deg = 0.5\nmosaic_domains = 7\nmosaic_seed = 3',
        Domains(0.5 * DEGREE, 7, 3, "gaussian"),
    ),
    "gaussian of the usual number": (
        "-mosaic 0.5",
        {"mosaic_kind": "gaussian"},
        'mosaic_kind = "gaussian"\nmosaic_spread_deg = 0.5',
        Domains(0.5 * DEGREE, 10, kind="gaussian"),
    ),
    "anisotropic": (
        "-mosaic_domains 4",
        {"mosaic_angles": (0.1, 0.0, 0.3)},
        "mosaic_spread_deg = [0.1, 0.0, 0.3]\nmosaic_domains = 4",
        Domains(0.0, 4, kind="anisotropic", spreads=(0.1 * DEGREE, 0.0, 0.3 * DEGREE)),
    ),
    "anisotropic by name": (
        "",
        {"mosaic_angles": (0.1, 0.0, 0.3), "mosaic_kind": "anisotropic"},
        'mosaic_kind = "anisotropic"\nmosaic_spread_deg = [0.1, 0.0, 0.3]',
        Domains(0.0, 10, kind="anisotropic", spreads=(0.1 * DEGREE, 0.0, 0.3 * DEGREE)),
    ),
    "listed": ("", {"mosaic_file": "two.npz"}, 'mosaic_file = "two.npz"', Domains.of_list(TWO)),
    "nanobragg by name": (
        "-mosaic 0.5 -mosaic_domains 3",
        {"mosaic_kind": "nanobragg"},
        'mosaic_kind = "nanobragg"\nmosaic_spread_deg = 0.5\nmosaic_domains = 3',
        Domains(0.5 * DEGREE, 3),
    ),
}
said = pytest.mark.parametrize(("line", "own", "crystal", "domains"), SAID.values(), ids=SAID)


@said
def test_words_say_the_domains(line, own, crystal, domains):
    found = of_words(line, **own).crystal.domains
    assert (found.kind, found.listed) == (domains.kind, domains.listed)
    spreads, count, seed = near(domains)
    assert (found.spread, *found.spreads) == spreads
    assert (found.count, found.seed) == (count, seed)


@said
def test_a_document_says_the_same_as_the_words(line, own, crystal, domains):
    assert of_toml(crystal).crystal.domains == of_words(line, **own).crystal.domains


def test_the_usual_number_of_gaussian_domains_is_noted():
    for experiment in (
        of_words("-mosaic 0.5", mosaic_kind="gaussian"),
        of_toml('mosaic_kind = "gaussian"\nmosaic_spread_deg = 0.5'),
    ):
        assert "10 mosaic domains, the default with a mosaic spread" in experiment.notes


def test_a_document_may_hold_the_list_itself():
    experiment = of_toml(f"mosaic_rotations = '''\n{IDENTITY}\n{IDENTITY} 2\n'''")
    assert experiment.crystal.domains.listed.weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("line", "own", "fault"),
    [
        ("-mosaic 1", {"mosaic_kind": "listed"}, "mosaic_file goes with mosaic_kind listed"),
        ("", {"mosaic_kind": "anisotropic"}, "mosaic_angles goes with mosaic_kind aniso"),
        (
            "",
            {"mosaic_kind": "gaussian", "mosaic_file": "two.npz"},
            "mosaic_file goes with mosaic_kind listed",
        ),
        ("", {"mosaic_kind": "gaussian", "mosaic_angles": (1, 1, 1)}, "mosaic_angles goes with"),
        ("", {"mosaic_angles": (1, 1, 1), "mosaic_file": "two.npz"}, "mosaic_angles goes with"),
        ("-mosaic 1", {"mosaic_file": "two.npz"}, "-mosaic has no effect on listed"),
        ("-mosaic_seed 1", {"mosaic_file": "two.npz"}, "-mosaic_seed has no effect on listed"),
        ("-mosaic 1", {"mosaic_angles": (1, 1, 1)}, "-mosaic has no effect on anisotropic"),
    ],
)
def test_words_of_another_kind_are_refused_by_name(line, own, fault):
    with pytest.raises(UsageError, match=fault):
        of_words(line, **own)


@pytest.mark.parametrize(
    ("line", "own", "fault"),
    [
        ("", {"mosaic_kind": "gaussian"}, "needs the standard deviation"),
        ("-mosaic -1", {"mosaic_kind": "gaussian"}, r"must not be negative \(-mosaic\)"),
        ("", {"mosaic_angles": (0, 0, 0)}, "not all 0"),
        ("", {"mosaic_angles": (1, 1, -1)}, r"must not be negative \(mosaic_angles\)"),
        ("", {"mosaic_angles": (1, 1, math.nan)}, r"must be finite \(mosaic_angles\)"),
        ("", {"mosaic_kind": "gauss"}, "must be one of nanobragg, gaussian"),
        ("", {"mosaic_file": "two.npz", "c_compat": True}, "the C program knows none such"),
        ("-mosaic 1", {"mosaic_kind": "gaussian", "c_compat": True}, "knows none such"),
    ],
)
def test_what_cannot_be_is_refused(line, own, fault):
    with pytest.raises(ExperimentError, match=fault):
        of_words(line, **own)


@pytest.mark.parametrize(
    ("crystal", "fault"),
    [
        ('mosaic_file = "two.npz"\nmosaic_domains = 2', "mosaic_file and mosaic_domains both say"),
        ('mosaic_file = "two.npz"\nmosaic_kind = "gaussian"', "mosaic_file lists the domains"),
        (f'mosaic_file = "two.npz"\nmosaic_rotations = "{IDENTITY}"', "both say"),
        ('mosaic_kind = "listed"', "needs mosaic_file or mosaic_rotations"),
        ('mosaic_kind = "gaussian"', "needs the standard deviation"),
        ('mosaic_kind = "gaussian"\nmosaic_spread_deg = [1, 1, 1]', "has not three angles"),
        ("mosaic_spread_deg = [1, 1]", "must be a finite number, or 3 in brackets"),
        ('mosaic_spread_deg = "1"', "must be a finite number, or 3 in brackets"),
        ("mosaic_kind = 3", "must be a text in quotes"),
    ],
)
def test_what_a_document_cannot_say_is_refused_by_section(crystal, fault):
    with pytest.raises(ExperimentError, match=rf"e\.toml: \[crystal\] .*{fault}"):
        of_toml(crystal)


@pytest.mark.parametrize(
    ("crystal", "fault"),
    [
        ('mosaic_file = "none.npz"', r"\[crystal\] mosaic_file: none\.npz: there is no such file"),
        ('mosaic_rotations = "1 0 0"', r"\[crystal\] mosaic_rotations: line 1 .*has 3 columns"),
    ],
)
def test_a_list_that_cannot_be_read_is_said_of_its_key(crystal, fault):
    with pytest.raises(InputFileError, match=rf"e\.toml: {fault}"):
        of_toml(crystal)
