"""Patterns of a list that look like a centred lattice."""

import gemmi
import numpy as np
import pytest

from tiled_sim.io.centring import centring_notes
from tiled_sim.io.hkl import read_hkl
from tiled_sim.model.structure_factors import Provenance, StructureFactors

NODES = np.argwhere(np.ones((9, 9, 9), dtype=bool)) - 4


def grid(keep, F=5.0):
    """A list of the nodes of -4..4 that are kept."""
    given = np.array([keep(hkl) for hkl in NODES.tolist()]).reshape(9, 9, 9)
    provenance = Provenance("a.hkl", "hkl", 1, "0" * 64, int(given.sum()))
    return StructureFactors(np.where(given, F, 0.0), given, (-4, -4, -4), provenance)


@pytest.mark.parametrize("lattice", ["A", "B", "C", "I", "F", "R"])
def test_the_lattice_of_a_list_is_known_by_what_it_lacks(lattice):
    name = {"R": "R 3:H", "B": "B 1 2 1", "A": "A 1 2 1", "C": "C 1 2 1"}.get(lattice)
    operations = gemmi.SpaceGroup(name or f"{lattice} 2 2 2").operations()
    (note,) = centring_notes(grid(lambda hkl: not operations.is_systematically_absent(hkl)))
    assert f"as where the lattice is {lattice}-centred" in note
    assert "--space-group NAME" in note


def test_a_list_of_a_protein_is_known_to_be_centred(data):
    (note,) = centring_notes(read_hkl(data / "2erl.hkl"))
    assert note.startswith("no reflection with h + k odd has F, as where the lattice is C-centred")


def test_a_single_reflection_against_the_pattern_is_enough_for_none():
    assert not centring_notes(grid(lambda hkl: sum(hkl) % 2 == 0 or hkl == [1, 0, 0]))


def test_reflections_of_f_0_are_as_good_as_missing():
    factors = grid(lambda hkl: True)
    odd = np.sum(NODES, axis=1).reshape(9, 9, 9) % 2 == 1
    factors.amplitude[odd] = 0.0
    assert "h + k + l odd" in centring_notes(factors)[0]


def test_of_a_few_reflections_nothing_is_said():
    assert not centring_notes(grid(lambda hkl: hkl[1] == hkl[2] == 0 and hkl[0] % 2 == 0))
