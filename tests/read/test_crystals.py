"""Several crystals by words and documents: how they are said, and what not."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tiled_sim.cli.arguments import add_experiment_options, read_request
from tiled_sim.cli.parser import Parser
from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.io.domains import write_domains
from tiled_sim.model.domains import Domains, ListedDomains
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import as_frame_has_it
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.read.toml.reader import read_toml
from tiled_sim.read.toml.writer import write_toml

LINE = "-default_F 100 -cell 70 80 90 90 90 90 -N 5 -detpixels 32"
TOML = """
[beam]
wavelength_A = 1.0
fluence_photons_per_m2 = 1e24
{crystals}
[detector]
pixels = [32, 32]
pixel_size_mm = 0.2
distance_mm = 100.0
[structure_factors]
default_F = 100.0
"""
FIRST = "cell_A = [70.0, 80.0, 90.0]\ncell_angles_deg = [90.0, 90.0, 90.0]\ncells = 5\n"
LIST = ListedDomains(np.array([np.eye(3), about_fixed_axes(0.1, 0.2, 0.3)]), [1.0, 3.0])
TURN = about_fixed_axes(*np.radians([10.0, 20.0, -30.0]))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_domains("two.npz", LIST)


def of_words(line="", **own):
    return Experiment.from_nanobragg(f"{LINE} {line}".split(), **own)


def of_document(crystals):
    Path("e.toml").write_text(TOML.format(crystals=crystals))
    return read_toml("e.toml")


def of_toml(further, first=""):
    return of_document(f"[crystal]\n{FIRST}{first}\n{further}")


def told(words):
    parser = Parser("run", "as users type it")
    add_experiment_options(parser)
    return read_request(*parser.parse_beside_nanobragg(words.split())).experiment


def test_a_twin_of_the_command_line_is_the_first_crystal_turned():
    experiment = told(f"--twin 10 20 -30 0.25 --twin -5 0 0 2 {LINE} -gauss_xtal")
    first, twin, other = experiment.crystals
    assert twin == dataclasses.replace(first.turned(TURN), share=0.25)
    turn = about_fixed_axes(np.radians(-5.0), 0.0, 0.0)
    assert other == dataclasses.replace(first.turned(turn), share=2.0)


def test_a_document_says_the_same():
    experiment = of_toml("[[crystals]]\nmisset_deg = [10, 20, -30]\nshare = 0.25")
    words = of_words(twins=[(10, 20, -30, 0.25)])
    for found, due in zip(experiment.crystals, words.crystals, strict=True):
        np.testing.assert_allclose(found.direct_vectors, due.direct_vectors, atol=1e-12)
        assert (found.cells, found.share) == (due.cells, due.share)


def test_a_further_crystal_is_the_first_but_for_what_it_says():
    first = 'shape = "gauss_star"\nmosaic_spread_deg = 0.5\n'
    first += "[crystal.diffuse]\ngamma_A = 50\nsigma_A = 1"
    said = 'cells = [3, 4, 6]\nshape = "tophat"\nfudge = 2.0\nmosaic_file = "two.npz"\n'
    experiment = of_toml(f"[[crystals]]\nshare = 0.5\n[[crystals]]\n{said}", first)
    one, same, other = experiment.crystals
    assert same == dataclasses.replace(one, share=0.5)
    listed = Domains.of_list(LIST)
    changed = {"cells": (3, 4, 6), "shape": "tophat", "fudge": 2.0, "domains": listed}
    assert other == dataclasses.replace(one, **changed)


def test_a_crystal_of_a_cell_of_its_own_has_nothing_of_the_first():
    own = "[[crystals]]\ncell_A = [50, 60, 70]\ncell_angles_deg = [90, 100, 90]\ncells = 9"
    experiment = of_toml(own, 'shape = "round"\nmosaic_spread_deg = 0.5')
    alone = of_document(own.replace("[[crystals]]", "[crystal]"))
    assert experiment.further_crystals == (alone.crystal,)


def test_crystals_may_stand_in_place_of_the_one():
    listed = of_document(f"[[crystals]]\n{FIRST}\n[[crystals]]\nshare = 0.5")
    assert listed == of_toml("[[crystals]]\nshare = 0.5")


def test_what_is_chosen_follows_the_largest_and_the_smallest_crystal():
    alone = of_document(f"[crystal]\n{FIRST}".replace("cells = 5", "cells = 2000"))
    both = of_toml("[[crystals]]\ncells = 2000")
    assert both.sampling.oversample == alone.sampling.oversample > 1


def test_the_sum_is_noted():
    experiment = of_toml("[[crystals]]\nshare = 0.25")
    (note,) = (note for note in experiment.notes if "2 crystals" in note)
    assert note.endswith("times its share: 1, 0.25")


def made():
    return {
        "words": of_words("-mosaic 1", twins=[(10, 20, -30, 0.25), (0, 0, 1, 3)]),
        "document": of_toml(
            '[[crystals]]\nmosaic_file = "two.npz"\nmisset_deg = [1, 2, 3]\n'
            "[[crystals]]\ncell_A = [50, 60, 70]\ncell_angles_deg = [90, 100, 90]\ncells = 9\n"
            "[crystals.diffuse]\ngamma_A = 50\nsigma_A = 1",
            "share = 0.7",
        ),
    }


@pytest.mark.parametrize("by", ["words", "document"])
def test_a_document_that_is_written_reads_back_as_the_same(by):
    experiment = made()[by]
    Path("again.toml").write_text(write_toml(experiment))
    again = read_toml("again.toml")
    assert again.crystals == experiment.crystals
    assert again.sha256 == experiment.sha256


@pytest.mark.parametrize("by", ["words", "document"])
def test_plain_values_and_arrays_make_the_same_experiment(by):
    experiment = made()[by]
    again = Experiment.from_dict(experiment.to_dict(), experiment.arrays())
    assert again == experiment
    assert again.sha256 == experiment.sha256


@pytest.mark.parametrize(
    ("further", "fault"),
    [
        ("[[crystals]]\nshare = 0", r"\[\[crystals\]\] number 1: crystal.share = 0.0 must be posi"),
        ("[[crystals]]\nshare = -1", "must be positive"),
        ("[[crystals]]\nshare = nan", "share = nan must be a finite number"),
        ('[[crystals]]\nshare = "half"', "must be a finite number"),
        ("[[crystals]]\n[[crystals]]\ncell_A = [1, 2]", "number 2: cell_A = .* must be 3 finite"),
        ("[[crystals]]\ncell_A = [9, 9, 9]\ncell_angles_deg = [90, 90, 90]", "cells is missing"),
        ("[[crystals]]\nshares = 1", "unknown key 'shares'; did you mean share"),
        ("[crystals]\nshare = 1", "crystals = .* must be a list of tables"),
        ("[[crystals]]\n" * 100, "101 crystals in one image.* 100 are allowed"),
    ],
)
def test_what_a_document_cannot_say_is_refused(further, fault):
    with pytest.raises(ExperimentError, match=fault):
        of_toml(further)


@pytest.mark.parametrize("share", ["0", "-1", "nan", "inf"])
def test_a_share_that_cannot_be_is_refused_by_its_option(share):
    with pytest.raises(ExperimentError, match=r"crystal\.share = .* \(the share of twin\)"):
        told(f"--twin 0 0 0 {share} {LINE}")


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_c_program_has_no_twins(share):
    with pytest.raises(ExperimentError, match="more than one crystal in an image cannot be had as"):
        of_words(twins=[(0, 0, 0, share)], c_compat=True)


def test_a_twin_beside_a_document_is_refused():
    of_toml("")
    with pytest.raises(UsageError, match=r"write \[\[crystals\]\] with `misset_deg` and `share`"):
        told("--twin 0 0 0 1 e.toml")


# Changes of a resolved experiment


def test_a_change_of_the_crystal_is_one_of_all():
    experiment = of_words(twins=[(10, 20, -30, 0.25)])
    changed = experiment.with_({"crystal.cells": 7, "crystal.misset_deg": [0, 90, 0]})
    turn = about_fixed_axes(0.0, np.pi / 2, 0.0)
    for before, after in zip(experiment.crystals, changed.crystals, strict=True):
        assert after == dataclasses.replace(before.turned(turn), cells=(7, 7, 7))


def test_vectors_of_one_of_several_crystals_are_not_changed():
    with pytest.raises(ExperimentError, match=r"crystal\.a: how the other crystals .* stand"):
        of_words(twins=[(1, 2, 3, 1)]).with_({"crystal.a_A": [71, 0, 0]})


def test_a_changed_document_may_say_other_crystals():
    of_toml("[[crystals]]\nshare = 0.5")
    changes = {"crystals": [{"share": 2.0}], "crystal.share": 3.0}
    changed = Experiment.from_toml("e.toml", changes=changes)
    assert [crystal.share for crystal in changed.crystals] == [3.0, 2.0]


def test_one_frame_alone_has_its_crystals():
    experiment = of_words(twins=[(10, 20, -30, 0.25)])
    cells = np.array([[2, 3, 4], [7, 8, 9]])
    shots = Listed(orientation=np.stack([np.eye(3)] * 2), cells=cells)
    alone = as_frame_has_it(dataclasses.replace(experiment, exposures=shots), 1)
    assert [crystal.cells for crystal in alone.crystals] == [(7, 8, 9)] * 2
