"""Models as sources of F: in commands, documents and changes, with their cells."""

import dataclasses

import gemmi
import numpy as np
import pytest

from support.models import atom, cryst1
from tiled_sim.errors import ExperimentError, InputFileError, MissingExtraError, UsageError
from tiled_sim.io import model_factors
from tiled_sim.io.model_factors import ModelFactors
from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.energies import factor_wavelengths
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.physics.cell import lengths_and_angles
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.plan.reach import table_of
from tiled_sim.read.inputs import load_inputs, read_structure_factors
from tiled_sim.read.toml.writer import write_toml

import torch  # isort: skip

CELL = (21.0, 24.0, 27.0, 90.0, 105.0, 90.0)
REST = "-lambda 1.5 -N 5 -distance 100 -detpixels 32 -pixel 3 -oversample 1 -nointerpolate"
MATRIX_CELL = "-cell 21 24 27 90 105 90"


@pytest.fixture(autouse=True)
def pdb(tmp_path, monkeypatch):
    """``m.pdb`` in the working directory: iron and three light atoms in P 21."""
    monkeypatch.chdir(tmp_path)
    atoms = (("FE", (3, 4, 5)), ("S", (8, 9, 3)), ("O", (12, 5, 17)), ("C", (1, 20, 9)))
    lines = (atom(number, *one) for number, one in enumerate(atoms, start=1))
    (tmp_path / "m.pdb").write_text("\n".join([cryst1(CELL, "P 21"), *lines]))
    return tmp_path / "m.pdb"


def of(more="", **own):
    return Experiment.from_nanobragg(f"{REST} {more}".split(), **{"model": "m.pdb", **own})


def document(*lines):
    """A document in the working directory; the lines are of the source of F."""
    text = [
        "beam.wavelength_A = 1.5",
        "beam.fluence_photons_per_m2 = 1e24",
        "detector.distance_mm = 100.0",
        "detector.pixels = [32, 32]",
        "detector.pixel_size_mm = 3.0",
        "crystal.cells = 5",
        "sampling.oversample = 1",
        "sampling.interpolate = false",
        *(f"structure_factors.{line}" for line in lines),
    ]
    with open("e.toml", "w") as file:
        file.write("\n".join(text))
    return Experiment.from_toml("e.toml")


def test_without_a_cell_that_of_the_model_is_taken():
    experiment = of("-misset 10 20 30")
    lengths, angles = lengths_and_angles(experiment.crystal.direct_vectors)
    assert (*lengths, *np.degrees(angles)) == pytest.approx(CELL, rel=1e-9)
    assert "-cell 21 24 27 90 105 90 is that of m.pdb" in experiment.notes
    assert experiment.sha256 == of(f"{MATRIX_CELL} -misset 10 20 30").sha256


def test_another_cell_is_refused_unless_the_models_is_ignored():
    with pytest.raises(ExperimentError, match=r"m\.pdb is of the cell 21 24 27.*: a differs"):
        load_inputs(of("-cell 22 24 27 90 105 90"))
    load_inputs(of("-cell 22 24 27 90 105 90", ignore_file_cell=True))


def test_f_are_calculated_as_far_as_the_detector_reaches_and_no_further():
    experiment = of()
    dmin = experiment.structure_factors.calculation.dmin
    factors = load_inputs(experiment).factors
    nodes = np.argwhere(factors.given) + factors.minimum
    cell = gemmi.UnitCell(*CELL)
    d = cell.calculate_d_array(nodes.astype(np.int32))
    assert factors.provenance.computed.dmin == dmin
    assert dmin <= d.min() < 1.05 * dmin


def test_f_prime_is_that_of_the_beams_wavelength_wherever_it_is_changed():
    experiment = of(anomalous="chantler", model_dmin=3.0)
    at_edge = experiment.with_({"beam.energy_eV": 7112.0})
    for one, energy in ((experiment, HC_EV_ANGSTROM / 1.5), (at_edge, 7112.0)):
        assert load_inputs(one).factors.provenance.computed.energy == pytest.approx(energy)
    assert load_inputs(at_edge).hashes != load_inputs(experiment).hashes


def test_a_command_and_a_document_say_the_same(tmp_path):
    (tmp_path / "f.txt").write_text("Fe 8000 -1 3\nFe 9000 0 2.5\n")
    said = document(
        "model = 'm.pdb'",
        "model_dmin_A = 2.5",
        "anomalous = 'f.txt'",
        "solvent_k = 0.4",
        "solvent_B = 50",
    ).structure_factors
    own = {"model_dmin": 2.5, "anomalous": "f.txt", "solvent": (0.4, 50)}
    assert said == of(**own).structure_factors
    assert said == Reflections(
        "m.pdb", "model", calculation=Calculation(2.5, "file", "f.txt", 0.4, 50.0)
    )
    table = read_structure_factors(said, wavelength=1.5).provenance.computed.anomalous
    assert table.startswith("f.txt, SHA-256 ")


def test_what_of_a_model_decides_the_image_is_hashed():
    plain = of().sha256
    assert plain == of(model_dmin=of().structure_factors.calculation.dmin).sha256
    for own in ({"model_dmin": 2.5}, {"anomalous": "chantler"}, {"solvent": (0, 0)}):
        assert of(**own).sha256 != plain


@pytest.mark.parametrize(
    ("own", "error", "complaint"),
    [
        ({"model_dmin": -1.0}, ExperimentError, "model_dmin = -1 Å must lie between 0.2 and 100"),
        ({"model_dmin": 0.01}, ExperimentError, "model_dmin = 0.01 Å must lie between"),
        ({"solvent": (35.0, 46.0)}, ExperimentError, "solvent_k = 35 must lie between 0 and 2"),
        ({"solvent": (0.35, -1.0)}, ExperimentError, "solvent_B = -1 must lie between 0 and 1000"),
        ({"mtz": "f.mtz"}, UsageError, "two sources of structure factors: mtz='f.mtz' and model="),
        ({"model": None, "model_dmin": 2.0}, UsageError, "name it, model=FILE, or leave them out"),
        ({"space_group": "P 21"}, ExperimentError, "m.pdb names its own: leave it out"),
    ],
)
def test_what_contradicts_a_model_is_refused(own, error, complaint):
    with pytest.raises(error, match=complaint):
        of("-default_F 1", **own)


def test_a_documents_keys_of_a_model_without_one_are_refused():
    with pytest.raises(ExperimentError, match=r"e\.toml: \[structure_factors\].*name the model"):
        document("hkl = 'a.hkl'", "model_dmin_A = 2.5")


def test_another_model_is_calculated_as_the_one_before_it_and_a_list_is_not():
    experiment = of(anomalous="chantler", model_dmin=3.0)
    other = experiment.with_({"structure_factors.model": "n.pdb"}).structure_factors
    assert (other.path, other.calculation) == (
        "n.pdb",
        experiment.structure_factors.calculation,
    )
    listed = experiment.with_({"structure_factors.hkl": "a.hkl"}).structure_factors
    assert listed == Reflections("a.hkl", "hkl")
    with pytest.raises(ExperimentError, match="solvent_k is of a model, and F is to be read"):
        experiment.with_({"structure_factors.hkl": "a", "structure_factors.solvent_k": 0.1})


def test_a_detector_that_comes_to_reach_further_is_a_note_and_dmin_can_be_made_anew():
    changes = {"beam.wavelength_A": 0.75}
    stays = of().with_(changes)
    assert stays.structure_factors == of().structure_factors
    assert any("model_dmin_A = None works it out anew" in note for note in stays.notes)
    anew = of().with_({**changes, "structure_factors.model_dmin_A": None})
    assert anew.structure_factors.calculation.dmin < stays.structure_factors.calculation.dmin
    assert not any("anew" in note and "stays" in note for note in anew.notes)


def test_without_a_beam_f_prime_has_no_wavelength():
    source = Reflections("m.pdb", "model", calculation=Calculation(3.0, "chantler"))
    with pytest.raises(UsageError, match="are those of a wavelength: give -lambda"):
        read_structure_factors(source)


def test_a_model_that_says_no_resolution_needs_one_without_a_detector():
    source = Reflections("m.pdb", "model", calculation=Calculation())
    with pytest.raises(UsageError, match="does not say to what resolution"):
        read_structure_factors(source)


@pytest.mark.parametrize(("module", "own"), [("gemmi", {}), ("xraydb", {"anomalous": "chantler"})])
def test_a_missing_library_is_told_with_the_command_that_installs_it(monkeypatch, module, own):
    experiment = of(**own)
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tiled_sim\[models\]'"):
        load_inputs(experiment)


def test_the_expensive_sums_are_not_made_to_read_a_document(monkeypatch):
    monkeypatch.setattr(ModelFactors, "base", property(lambda _: pytest.fail("summed")))
    assert of().structure_factors.calculation.dmin > 0


# Several energies

LIGHT = Bandwidth(40.0, True, channels=5)


def at_edge(**own):
    line = REST.replace("-lambda 1.5", "-energy 7112").split()
    own = {"model": "m.pdb", "model_dmin": 3.0, "anomalous": "chantler", **own}
    return Experiment.from_nanobragg(line, spectrum=LIGHT, **own)


def test_each_energy_has_the_f_of_a_beam_of_that_energy():
    experiment = at_edge(F_energies=0)
    factors = load_inputs(experiment).factors
    energies = factors.provenance.computed.energies
    assert energies == pytest.approx([7064.0, 7088.0, 7112.0, 7136.0, 7160.0])
    alone = at_edge().structure_factors
    for grid, wavelength in zip(factors.grids, factor_wavelengths(experiment), strict=True):
        of_one = read_structure_factors(alone, wavelength=wavelength)
        np.testing.assert_array_equal(grid, of_one.amplitude)
    assert factors.provenance.computed.energy == energies[2]
    np.testing.assert_array_equal(factors.amplitude, factors.grids[2])
    of_iron = factors.provenance.computed.elements_at["Fe"]
    assert of_iron[2] == factors.provenance.computed.elements["Fe"]
    assert of_iron[4][1] > 3.0 > of_iron[0][1]


def test_the_content_of_every_energy_is_hashed():
    factors = load_inputs(at_edge(F_energies=0)).factors
    changed = factors.at_energies.copy()
    changed[4, 1, 1, 1] += 1.0
    assert dataclasses.replace(factors, at_energies=changed).sha256 != factors.sha256
    assert load_inputs(at_edge()).factors.sha256 != factors.sha256


def test_grids_of_all_energies_together_have_a_limit(monkeypatch):
    monkeypatch.setattr(model_factors, "_MOST_NODES_OF_ALL", 10_000)
    load_inputs(at_edge(F_energies=2))
    with pytest.raises(InputFileError, match=r"m\.pdb: F at 5 energies.*ask for fewer"):
        load_inputs(at_edge(F_energies=0))


def test_inputs_of_another_number_of_energies_are_refused():
    with pytest.raises(ExperimentError, match=r"F of 1 energies were loaded.* asks for 5"):
        table_of(at_edge(F_energies=0), load_inputs(at_edge()).factors, torch.device("cpu"))


def test_a_document_says_the_number_and_with_changes_it(tmp_path):
    said = document("model = 'm.pdb'", "model_dmin_A = 3", "anomalous = 'chantler'", "energies = 4")
    assert said.structure_factors.calculation.energies == 4
    (tmp_path / "again.toml").write_text(write_toml(said))
    assert Experiment.from_toml(tmp_path / "again.toml") == said
    assert said.with_({"structure_factors.energies": 0}).structure_factors == (
        of(model_dmin=3.0, anomalous="chantler", F_energies=0).structure_factors
    )
