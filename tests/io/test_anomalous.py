"""f′ and f″: of Chantler's tables, and of files."""

import pytest
import xraydb

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.anomalous import chantler, of_file


@pytest.fixture
def read(tmp_path):
    """f′ and f″ of a file of this text."""

    def of(text, elements=("Fe",), energy=7112.0):
        path = tmp_path / "f.txt"
        path.write_text(text)
        return of_file(path, elements, energy)

    return of


def test_chantler_at_the_edge_of_selenium_is_what_is_published():
    found = chantler(["Se", "C"], 12658.0)
    assert found.factors["Se"].real == pytest.approx(-8.36, abs=0.01)
    assert found.table == f"Chantler by xraydb {xraydb.__version__}"


@pytest.mark.parametrize(
    ("element", "energy", "why"),
    [("Pu", 1e4, "at all"), ("Fe", 0.5, "from 1.01 to"), ("Fe", 2e6, "from 1.01 to")],
)
def test_what_chantler_does_not_have_is_refused(element, energy, why):
    with pytest.raises(UsageError, match=rf"{element} at .* Chantler's tables.*{why}"):
        chantler([element], energy)


def test_a_file_is_interpolated_between_its_energies(read):
    text = "# edge\nFE 7110 -8.0 1.0\nFe 7114 -6.0 3.0  ! above\nSe 7112 -1 2\n"
    found = read(text, ("Fe", "C"))
    assert found.factors == {"Fe": -7.0 + 2.0j}
    assert found.without == ("C",)
    assert "f.txt, SHA-256 " in found.table


def test_one_energy_stands_for_itself_alone(read):
    assert read("Fe 7112.2 -8 1").factors == {"Fe": -8 + 1j}
    with pytest.raises(InputFileError, match=r"Fe from 7120 to 7120 eV.* have 7112 eV: add a line"):
        read("Fe 7120 -8 1")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("# nothing\n", "holds no lines of"),
        ("Fe 7112 -8", r"line 1 .* has 3 columns, not four: a line reads `element energy"),
        ("7112 -8 1 0", "has '7112' for an element"),
        ("Fe 7112 x 1", "holds something that is not a finite number"),
        ("Fe 7112 nan 1", "holds something that is not a finite number"),
        ("Fe 7.112 -8 1", "has the energy 7.112, which is none of X-rays in eV"),
        ("Fe 7112 -8 -1", "f″ is not negative"),
        ("Fe 7112 -8 1\nFe 7112 -7 1", "line 2 .* gives Fe at 7112 eV a second time"),
        ("Se 7112 -8 1", "it has Se, and the model Fe"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line(read, text, complaint):
    with pytest.raises(InputFileError, match=complaint):
        read(text)
