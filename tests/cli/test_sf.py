"""``tiled-sim sf``, and models in runs, as users meet them."""

import json
import os

import gemmi
import numpy as np
import pytest

from support.models import atom
from tiled_sim.cli.main import main
from tiled_sim.instruments.verification import verify
from tiled_sim.io.fdump import read_fdump
from tiled_sim.io.hkl import read_hkl
from tiled_sim.io.mtz import read_mtz
from tiled_sim.model.experiment import Experiment
from tiled_sim.plan.prepare import prepare
from tiled_sim.read.inputs import load_inputs
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

STILL = "-lambda 1 -N 5 -distance 100 -detpixels 64 -pixel 1 -oversample 1"


@pytest.fixture
def tell(capsys, tmp_path, monkeypatch):
    """Run a command line in an empty folder; its exit code, output and complaint."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([word for part in words for word in str(part).split()])
        output, complaint = capsys.readouterr()
        assert "Traceback" not in output + complaint
        return code, output, complaint

    return run


@pytest.mark.parametrize("more", ["", "--anomalous chantler -energy 6000"])
def test_a_list_an_fdump_and_an_mtz_give_the_same_f_to_the_bit(tell, data, more):
    for name in ("f.hkl", "Fdump.bin", "f.mtz"):
        code, output, _ = tell("sf", data / "2erl.pdb", "--dmin 3 --out", name, more)
        assert (code, output.splitlines()[0]) == (0, name)
    listed, dumped, packed = read_hkl("f.hkl"), read_fdump("Fdump.bin"), read_mtz("f.mtz")
    for other in (dumped, packed):
        assert other.minimum == listed.minimum
        assert (other.amplitude == listed.amplitude).all()
        assert (other.given == listed.given).all()
    plus, *minus = [
        column for column in gemmi.read_mtz_file("f.mtz").columns if column.type in "FG"
    ]
    hkl = gemmi.read_mtz_file("f.mtz").make_miller_array()
    for column, sign in zip((plus, *minus), (1, -1), strict=False):
        node = tuple((sign * hkl - listed.minimum).T)
        assert (listed.amplitude[node] == column.array).all()
    mates = listed.amplitude - listed.amplitude[::-1, ::-1, ::-1]
    assert bool(minus) == bool(more) == bool(np.abs(mates).max() > 1)


def test_the_resolution_is_that_of_the_file_if_none_is_said(tell, data):
    code, output, _ = tell("sf", data / "2erl.pdb", "--json --out f.mtz")
    found = json.loads(output)
    assert code == 0
    assert found["structure_factors"]["computed"]["dmin"] == 1.0
    assert found["format"] == "mtz"
    assert found["structure_factors"]["space_group"] == "C 1 2 1"


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ("--out taken.hkl", 4, "taken.hkl: it exists already"),
        ("--out f.cif", 2, "told by the ending of its name: .hkl, a list"),
        ("--out no/f.hkl", 4, "no/f.hkl: it cannot be written"),
        ("--out f.hkl -lambda 1", 2, "have no effect on F without f′ and f″"),
        ("--out f.hkl --anomalous chantler", 2, "are those of a wavelength: give -lambda"),
        ("--out f.hkl -distance 100", 2, "-distance is none of -lambda and -energy"),
        ("--out f.hkl --anomalous no.txt -lambda 1", 3, "no.txt: there is no such file"),
        ("--out f.hkl --dmin 0", 2, "must lie between 0.2 and 100"),
        ("--out f.hkl --dmin x", 2, "'x' is not a number"),
        ("", 2, "--out"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(tell, data, words, code, complaint):
    with open("taken.hkl", "w") as file:
        file.write("1 2 3 4\n")
    before = sorted(os.listdir())
    said = words if "--dmin" in words else f"--dmin 3 {words}"
    found, _, told = tell("sf", data / "2erl.pdb", said)
    assert (found, complaint in told) == (code, True)
    assert sorted(os.listdir()) == before
    assert read_hkl("taken.hkl").provenance.count == 1


def test_a_bad_model_answers_in_one_line_with_the_code_of_bad_input(tell, tmp_path):
    (tmp_path / "m.pdb").write_text(atom(1, "C", (1.0, 2.0, float("nan"))))
    for words in ("sf m.pdb --dmin 3 --out f.hkl", f"plan --model m.pdb {STILL}"):
        code, _, complaint = tell(words)
        assert (code, complaint.count("\n")) == (3, 1)
        assert "m.pdb: line 1: z of C ASP A 1 is 'nan'" in complaint


def test_plan_and_probe_take_a_model_as_submit_does(tell, data):
    model = data / "2erl.pdb"
    code, output, _ = tell("plan --json --model", model, "--solvent 0 0", STILL)
    found = json.loads(output)["structure_factors"]
    assert (code, found["coverage"]["missing"], found["computed"]["solvent_k"]) == (0, 0, 0.0)
    code, output, _ = tell("probe --json --model", model, STILL, "--reflection 1 1 1")
    probed = json.loads(output)
    code, output, _ = tell(
        "probe --model", model, "--hkl", data / "2erl.hkl", "--model-dmin 1.6 --reflection 1 1 1"
    )
    assert code == 0
    assert probed["used"]["source"]["path"] == str(model)
    assert "disagree at" in output
    assert "the largest difference is 0.05" in output


def test_options_of_a_model_beside_a_document_are_refused(tell, tmp_path):
    (tmp_path / "e.toml").write_text("")
    for verb in ("plan", "probe"):
        code, _, complaint = tell(verb, "e.toml --model-dmin 3")
        assert (code, "`model_dmin_A`" in complaint) == (2, True)
    code, _, complaint = tell("plan e.toml --model m.pdb")
    assert (code, "`model` in" in complaint) == (2, True)


def test_a_run_keeps_f_of_its_model_and_how_they_came_about(data, tmp_path):
    experiment = Experiment.from_nanobragg(
        STILL.split(), model=data / "2erl.pdb", anomalous="chantler", model_dmin=3.0
    )
    made = create_run(prepare(experiment), tmp_path / "r.zarr")
    kept, loaded = Run(made.path).inputs().factors, load_inputs(experiment).factors
    assert Run(made.path).experiment == experiment
    assert kept.provenance == loaded.provenance
    assert kept.sha256 == loaded.sha256
    said = Run(made.path).attributes["structure_factors"]["computed"]
    assert said["energy"] == pytest.approx(12398.42)
    # what the run says at its top is held against what stands with the array
    told = [fault for fault in verify(made).faults if "structure factors" in fault.what]
    assert told == []
