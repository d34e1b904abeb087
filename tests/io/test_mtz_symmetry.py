"""The space group of an MTZ: its name, its operators, and what they say of each other."""

import gemmi
import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.mtz import read_mtz

C_UNIQUE = (40, 50, 60, 90, 90, 100)


@pytest.fixture
def written(tmp_path):
    """Write an MTZ of a group, with words of its header replaced by others; its path."""

    def write(group, cell, *replaced):
        mtz = gemmi.Mtz(with_base=True)
        mtz.spacegroup = gemmi.SpaceGroup(group)
        mtz.set_cell_for_all(gemmi.UnitCell(*cell))
        mtz.add_dataset("made")
        mtz.add_column("F", "F")
        mtz.set_data(np.array([[2, 1, 3, 10]], dtype=np.float32))
        path = tmp_path / "made.mtz"
        mtz.write_to_file(str(path))
        content = path.read_bytes()
        for old, new in replaced:
            assert content.count(old) == 1
            content = content.replace(old, new.ljust(len(old)))
        path.write_bytes(content)
        return path

    return write


def nodes(factors):
    return {tuple(node) for node in (np.argwhere(factors.given) + factors.minimum).tolist()}


@pytest.mark.parametrize("group", ["P 1 1 21", "C 1 2 1", "I 41 2 2", "P 21/c", "F d -3 m:2"])
def test_a_name_and_its_own_operators_agree(written, group):
    factors = read_mtz(written(group, (40, 40, 40, 90, 90, 90)))
    assert factors.provenance.space_group == gemmi.SpaceGroup(group).xhm()


@pytest.mark.parametrize(
    ("cell", "found", "name", "mate"),
    [
        ((80, 80, 120, 90, 90, 120), "R 3:H", b"'H 3'", (-3, 2, 3)),
        ((60, 60, 60, 75, 75, 75), "R 3:R", b"'R 3'", (3, 2, 1)),
    ],
)
def test_a_rhombohedral_name_without_axes_has_those_of_its_cell(written, cell, found, name, mate):
    factors = read_mtz(written(found, cell, (name, b"'R 3'")))
    assert factors.provenance.space_group == found
    assert mate in nodes(factors)


def test_a_name_against_the_operators_is_refused_with_both(written):
    path = written("P 1 1 21", C_UNIQUE, (b"'P 1 1 21'", b"'P 21'"))
    message = (
        r"made.mtz: its space group is P 1 21 1 by the name 'P 21', and P 1 1 21 by its operators "
        r"\(X,Y,Z; -X,-Y,Z\+1/2\): set the right one, by SYMMETRY of CCP4's cad"
    )
    with pytest.raises(InputFileError, match=message):
        read_mtz(path)


def test_a_screw_that_the_name_does_not_have_is_refused(written):
    path = written("P 1 21 1", (40, 50, 60, 90, 100, 90), (b"'P 1 21 1'", b"'P 1 2 1'"))
    message = r"P 1 2 1 by the name .* and P 1 21 1 by its operators"
    with pytest.raises(InputFileError, match=message):
        read_mtz(path)


def test_an_unknown_name_stands_back_behind_the_operators(written):
    path = written("P 1 1 21", C_UNIQUE, (b"'P 1 1 21'", b"'odd'"))
    factors = read_mtz(path)
    assert factors.provenance.space_group == "P 1 1 21"
    assert (-2, -1, 3) in nodes(factors)


def test_neither_name_nor_operators_is_refused(written):
    odd = (b"-X,Y+1/2,-Z", b"-X,Y+1/8,-Z")
    path = written("P 1 21 1", C_UNIQUE, (b"'P 1 21 1'", b"'odd'"), odd)
    with pytest.raises(InputFileError, match=r"its space group 'odd' is unknown.*SYMMETRY of CCP4"):
        read_mtz(path)


def test_an_operator_that_is_none_is_refused(written):
    path = written("P 1 21 1", C_UNIQUE, (b"-X,Y+1/2,-Z", b"-X,Y+1/2"))
    with pytest.raises(InputFileError, match=r"made.mtz: gemmi cannot read it .*two commas"):
        read_mtz(path)


def test_a_header_that_is_cut_short_is_refused(written):
    path = written("P 21 21 21", (40, 50, 60, 90, 90, 90))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"END     ")])
    with pytest.raises(InputFileError, match="its header has no end: it is cut short"):
        read_mtz(path)


def test_a_group_of_another_cell_is_refused(written):
    with pytest.raises(InputFileError, match=r"made\.mtz: P 41 is no space group of .* 40 50"):
        read_mtz(written("P 41", (40, 50, 60, 90, 90, 90)))
