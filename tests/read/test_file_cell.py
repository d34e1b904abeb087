"""Cells of files: taken where nothing else is said, refused where they contradict the crystal."""

import gemmi
import numpy as np
import pytest

import tiled_sim as ts
from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.physics.cell import lengths_and_angles
from tiled_sim.read.inputs import load_inputs
from tiled_sim.read.toml.writer import write_toml

CELL = (40.0, 50.0, 60.0, 90.0, 100.0, 90.0)
#: C makes a cell of 67.8°, 72.4°, 113.0° of it.
TRICLINIC = (40.0, 50.0, 60.0, 65.0, 70.0, 110.0)
REST = "-lambda 1 -N 5 -distance 100 -detpixels 16 -pixel 4 -oversample 1"
BEYOND = r"f\.mtz is of the cell 40 50 60 90 100 90 \(Å, °\), the crystal has"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write ``f.mtz`` of a cell into the working directory."""
    monkeypatch.chdir(tmp_path)

    def made(cell=CELL, group="P 1"):
        mtz = gemmi.Mtz(with_base=True)
        mtz.spacegroup = gemmi.SpaceGroup(group)
        mtz.set_cell_for_all(gemmi.UnitCell(*cell))
        mtz.add_dataset("made")
        mtz.add_column("F", "F")
        mtz.set_data(np.array([[1, 2, 3, 10], [2, 0, 0, 20]], dtype=np.float32))
        mtz.write_to_file("f.mtz")

    return made


def of(line, **own):
    return ts.Experiment.from_nanobragg(f"{line} {REST}".split(), mtz="f.mtz", **own)


def cell_of(experiment):
    lengths, angles = lengths_and_angles(experiment.crystal.direct_vectors)
    return (*lengths.tolist(), *np.degrees(angles).tolist())


def document(crystal, factors="mtz = 'f.mtz'"):
    """A document in the working directory, whose crystal and source of F are these lines."""
    lines = [
        "beam.wavelength_A = 1.0",
        "beam.fluence_photons_per_m2 = 1e24",
        "detector.distance_mm = 100.0",
        "detector.pixels = [16, 16]",
        "detector.pixel_size_mm = 4.0",
        "crystal.cells = 5",
        *(f"crystal.{line}" for line in crystal),
        *(f"structure_factors.{line}" for line in factors.split("\n")),
    ]
    with open("e.toml", "w") as file:
        file.write("\n".join(lines))
    return ts.Experiment.from_toml("e.toml")


# The file's own cell


@pytest.mark.parametrize("cell", [CELL, TRICLINIC])
def test_without_a_cell_that_of_the_file_is_taken_as_if_it_were_said(write, cell):
    write(cell)
    turned = "-misset 10 20 30"
    said = of(f"-cell {' '.join(map(str, cell))} {turned}")
    taken = of(turned)
    assert taken.sha256 == said.sha256
    assert f"-cell {' '.join(f'{x:g}' for x in cell)} is that of f.mtz" in taken.notes
    assert load_inputs(taken).factors.provenance.cell == cell


def test_a_document_without_a_cell_takes_that_of_the_file_exactly(write):
    write(TRICLINIC)
    experiment = document(["misset_deg = [10, 20, 30]"])
    assert cell_of(experiment) == pytest.approx(TRICLINIC, rel=1e-12)
    said = document(
        [
            f"cell_A = {list(TRICLINIC[:3])}",
            f"cell_angles_deg = {list(TRICLINIC[3:])}",
            "misset_deg = [10, 20, 30]",
        ]
    )
    assert experiment.sha256 == said.sha256
    assert any("the cell is that of " in note for note in experiment.notes)


def test_a_file_whose_cell_is_to_be_ignored_gives_none(write):
    write()
    with pytest.raises(ExperimentError, match="no crystal: give -cell"):
        of("", ignore_file_cell=True)
    with pytest.raises(ExperimentError, match="no crystal: give cell_A"):
        document([], "mtz = 'f.mtz'\nignore_file_cell = true")


def test_a_file_without_a_cell_gives_none_and_contradicts_nothing(write):
    write((1, 1, 1, 90, 90, 90))
    with pytest.raises(ExperimentError, match="no crystal"):
        of("")
    assert load_inputs(of("-cell 40")).factors.provenance.cell is None


# Another one


@pytest.mark.parametrize(
    ("cell", "wrong"),
    [
        ("60 50 40 90 100 90", "a, c differ"),
        ("120 150 180 90 90 90", "a, b, c, beta differ"),
        ("40.21 50 60 90 100 90", "a differs"),
        ("40 50 60 90 100.51 90", "beta differs"),
        ("40 50 60 90 80 90", "beta differs"),
    ],
)
def test_a_cell_that_is_not_the_file_s_is_refused_with_both(write, cell, wrong):
    write()
    with pytest.raises(ExperimentError, match=rf"{BEYOND} {cell}: {wrong} by more than 0\.5 % or"):
        load_inputs(of(f"-cell {cell}"))
    assert load_inputs(of(f"-cell {cell}", ignore_file_cell=True)).factors is not None


@pytest.mark.parametrize("cell", ["40.19 50 60 90 100 90", "40 49.8 60.2 90 99.6 90.3"])
def test_a_cell_that_is_nearly_the_file_s_is_taken(write, cell):
    write()
    assert load_inputs(of(f"-cell {cell}")).factors is not None


def test_a_triclinic_cell_is_the_file_s_whether_it_is_made_as_c_makes_it_or_exactly(write):
    write(TRICLINIC)
    as_c = of(f"-cell {' '.join(map(str, TRICLINIC))}")
    assert cell_of(as_c) != pytest.approx(TRICLINIC, abs=2.0)
    assert load_inputs(as_c).factors is not None
    assert load_inputs(document([])).factors is not None


def test_a_matrix_of_another_cell_is_refused(write):
    write()
    with open("A.mat", "w") as file:
        file.write("0.025 0 0\n0 0.02 0\n0 0 0.0142857\n")
    with pytest.raises(ExperimentError, match=rf"{BEYOND} 40 50 70.0001 90 90 90: c, beta differ"):
        load_inputs(of("-mat A.mat"))


def test_a_document_of_another_cell_is_refused_unless_it_says_that_it_may(write):
    write()
    other = ["cell_A = [70, 80, 90]", "cell_angles_deg = [90, 90, 90]"]
    with pytest.raises(ExperimentError, match=f"{BEYOND} 70 80 90 90 90 90"):
        load_inputs(document(other))
    assert (
        load_inputs(document(other, "mtz = 'f.mtz'\nignore_file_cell = true")).factors is not None
    )


def test_a_change_to_a_file_of_another_cell_is_refused(write):
    write()
    plain = ts.Experiment.from_nanobragg(f"-cell 70 -default_F 1 {REST}".split())
    with pytest.raises(ExperimentError, match=f"{BEYOND} 70 70 70 90 90 90"):
        load_inputs(plain.with_({"structure_factors.mtz": "f.mtz"}))


def test_what_config_writes_of_an_ignored_cell_runs_the_same(write, tmp_path):
    write()
    experiment = of("-cell 70", ignore_file_cell=True)
    (tmp_path / "config.toml").write_text(write_toml(experiment))
    again = ts.Experiment.from_toml("config.toml")
    assert again.sha256 == experiment.sha256
    assert load_inputs(again).factors is not None


def test_the_angles_of_the_crystal_tell_the_axes_of_a_rhombohedral_group(tmp_path):
    lines = "\n".join(f"{h} {k} {l} 5" for h in range(4) for k in range(4) for l in range(4))
    (tmp_path / "a.hkl").write_text(lines)
    words = f"-hkl {tmp_path / 'a.hkl'} {REST} -cell 60 60 60"
    names = [
        load_inputs(
            ts.Experiment.from_nanobragg(f"{words} {angles}".split(), space_group="R 3")
        ).factors.provenance.space_group
        for angles in ("75 75 75", "90 90 120")
    ]
    assert names == ["R 3:R", "R 3:H"]


def test_a_space_group_that_the_cell_of_the_crystal_cannot_have_is_refused(tmp_path):
    (tmp_path / "a.hkl").write_text("1 2 3 5\n")
    words = f"-hkl {tmp_path / 'a.hkl'} {REST} -cell 50 60 70".split()
    with pytest.raises(UsageError, match=r"P 41 is no space group .* 50 60 70 .* space_group"):
        load_inputs(ts.Experiment.from_nanobragg(words, space_group="P 41"))
