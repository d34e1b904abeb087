"""Space groups: their names, and the nodes that they forbid."""

import sys

import gemmi
import numpy as np
import pytest

from tiled_sim.errors import UsageError
from tiled_sim.io.space_group import (
    absences_of,
    find_space_group,
    misfit,
    of_space_group,
    rotations_of,
)
from tiled_sim.model.structure_factors import Provenance, StructureFactors

LOW, SHAPE = (-6, -4, -6), (13, 11, 13)
NODES = np.argwhere(np.ones(SHAPE, dtype=bool)) + LOW


def listed(*reflections):
    """A list of ``h, k, l, F`` on a grid of -3..3."""
    amplitude, given = np.zeros((7, 7, 7)), np.zeros((7, 7, 7), dtype=bool)
    for h, k, l, F in reflections:
        amplitude[h + 3, k + 3, l + 3], given[h + 3, k + 3, l + 3] = F, True
    provenance = Provenance("a.hkl", "hkl", 1, "0" * 64, len(reflections))
    return StructureFactors(amplitude, given, (-3, -3, -3), provenance)


@pytest.mark.parametrize("which", range(4))
def test_the_nodes_of_every_group_are_forbidden_as_gemmi_says(which):
    # a node in seven of a quarter of all settings each
    some = NODES[which::7]
    for group in list(gemmi.spacegroup_table())[which::4]:
        operations = group.operations()
        expected = [operations.is_systematically_absent(hkl) for hkl in some.tolist()]
        absences = absences_of(group)
        found = np.zeros(len(some), bool) if absences is None else absences.forbid(some)
        assert found.tolist() == expected, group.xhm()


@pytest.mark.parametrize("name", ["C 1 2 1", "P 21 21 21", "R 3 2:H", "I 41/a m d:2", "F d -3 m:1"])
def test_a_grid_is_forbidden_node_by_node(name):
    absences = absences_of(gemmi.SpaceGroup(name))
    found = absences.on_grid(LOW, SHAPE)
    assert 0 < np.count_nonzero(found) < found.size
    assert found.ravel().tolist() == absences.forbid(NODES).tolist()


@pytest.mark.parametrize("name", ["P 1", "P 1 2 1", "P 4 3 2", "P m m m", "R 3 2:R"])
def test_a_group_without_centring_screws_and_glides_forbids_nothing(name):
    assert absences_of(gemmi.SpaceGroup(name)) is None


def test_only_operations_that_extinguish_something_are_kept():
    absences = absences_of(gemmi.SpaceGroup("P 1 21 1"))
    assert absences.rotations == (((-1, 0, 0), (0, 1, 0), (0, 0, -1)),)
    assert absences.translations == ((0, 12, 0),)


def test_rotations_are_those_of_the_point_group():
    assert len(rotations_of(gemmi.SpaceGroup("F 4 3 2"))) == 24
    assert len(rotations_of(gemmi.SpaceGroup("C 1 2/c 1"))) == 4


@pytest.mark.parametrize(
    ("name", "angles", "found"),
    [
        ("C2", None, "C 1 2 1"),
        ("P 21 21 21", None, "P 21 21 21"),
        ("p212121", None, "P 21 21 21"),
        ("R 3", None, "R 3:H"),
        ("R 3", (90.0, 120.0), "R 3:H"),
        ("R 3", (75.0, 75.0), "R 3:R"),
        ("H 3 2", (90.0, 120.0), "R 3 2:H"),
    ],
)
def test_a_group_is_found_by_the_names_that_people_use(name, angles, found):
    assert find_space_group(name, angles).xhm() == found


@pytest.mark.parametrize("name", ["C7", "", "P 21 21 23"])
def test_a_name_of_no_group_is_refused(name):
    with pytest.raises(UsageError, match=f"there is no space group '{name}': write it as in"):
        find_space_group(name)


def test_without_gemmi_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gemmi", None)
    with pytest.raises(
        UsageError, match=r"a space group needs gemmi.*pip install 'tiled_sim\[mtz\]'"
    ):
        find_space_group("C2")


# Of a list


def test_what_is_absent_is_0_and_what_is_missing_has_the_default():
    factors = of_space_group(listed((2, 0, 0, 7.0), (1, 1, 0, 8.0)), gemmi.SpaceGroup("C 1 2 1"))
    filled = factors.filled(5.0)
    at = {hkl: filled[tuple(np.array(hkl) + 3)] for hkl in [(2, 0, 0), (1, 0, 0), (1, 1, 1)]}
    assert at == {(2, 0, 0): 7.0, (1, 0, 0): 0.0, (1, 1, 1): 5.0}
    assert factors.absent[4, 3, 3]
    assert not factors.absent[4, 4, 4]


def test_what_is_listed_keeps_its_f_against_the_group_and_it_is_noted():
    factors = of_space_group(listed((1, 0, 0, 7.0), (0, 1, 0, 0.0)), gemmi.SpaceGroup("C 1 2 1"))
    assert factors.filled(5.0)[4, 3, 3] == 7.0
    assert not factors.absent[4, 3, 3]
    assert factors.provenance.notes == (
        "1 reflections have F and are absent by the symmetry of C 1 2 1: they keep their F",
    )


def test_the_hash_tells_absences_from_gaps_and_stays_where_there_are_none():
    plain = listed((2, 0, 0, 7.0))
    assert of_space_group(plain, gemmi.SpaceGroup("P 1 2 1")).sha256 == plain.sha256
    hashes = {of_space_group(plain, gemmi.SpaceGroup(name)).sha256 for name in ("C2", "I2", "P21")}
    assert len(hashes | {plain.sha256}) == 4


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("P 1", (40, 50, 60, 75, 85, 95)),
        ("C 1 2 1", (53.91, 23.1, 23.1, 90, 110.4, 90)),
        ("P 41 21 2", (40.1, 40.0, 60, 90.2, 90, 90)),
        ("P 61", (40, 40, 60, 90, 90, 120)),
        ("R 3:R", (40, 40, 40, 75, 75, 75)),
        ("F d -3 m:1", (40, 40, 40, 90, 90, 90)),
    ],
)
def test_a_cell_of_the_symmetry_of_its_group_is_none_but_fit(name, cell):
    assert misfit(find_space_group(name), cell) == ""


@pytest.mark.parametrize(
    ("name", "cell", "turned"),
    [
        ("P 43 21 2", (53.91, 23.1, 23.1, 90, 110.4, 90), "53.91 23.1 23.1 90 69.6 90"),
        ("P 41", (40, 41, 60, 90, 90, 90), "41 40 60 90 90 90"),
        ("P 1 1 21", (40, 50, 60, 90, 100, 90), "40 50 60 90 80 90"),
        ("R 3:H", (40, 40, 40, 75, 75, 75), "Å, °"),
    ],
)
def test_a_cell_that_its_group_turns_into_another_is_told_with_both(name, cell, turned):
    told = misfit(find_space_group(name), cell)
    assert f"{name} is no space group of the cell {cell[0]} " in told
    assert turned in told
