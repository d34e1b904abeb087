"""Absences in a run: kept with its inputs, counted in its sidecars, needing no gemmi again."""

import shutil
import sys

import gemmi
import numpy as np
import pytest
import zarr

import tiled_sim as ts
from tiled_sim.cli.main import main
from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.inputs import read_structure_factors

WORDS = (
    "-default_F 30 -misset 12 34 56 -lambda 1 -N 4 -distance 60 -detpixels 64 -pixel 1 "
    "-oversample 1 -nointerpolate"
)
FACTORS = "inputs/structure_factors"


@pytest.fixture(scope="module")
def mtz(tmp_path_factory):
    """Path of an MTZ of C 2 that gives every allowed reflection to 3 Å but for l = 3."""
    cell, group = gemmi.UnitCell(54, 23, 23, 90, 110, 90), gemmi.SpaceGroup("C 1 2 1")
    hkl = gemmi.make_miller_array(cell, group, 3.0, unique=True)
    hkl = hkl[np.abs(hkl[:, 2]) != 3]
    made = gemmi.Mtz(with_base=True)
    made.spacegroup = group
    made.set_cell_for_all(cell)
    made.add_dataset("made")
    made.add_column("F", "F")
    made.set_data(np.column_stack([hkl, 50 + np.arange(len(hkl)) % 40]).astype(np.float32))
    path = tmp_path_factory.mktemp("mtz") / "c2.mtz"
    made.write_to_file(str(path))
    return path


def compute(run):
    tiles = [(index, 1) for index in range(len(run.plan))]
    compute_batch(str(run.path), run.run_id, "cpu", tiles)


@pytest.fixture(scope="module")
def made(mtz, tmp_path_factory):
    """A run of the MTZ, computed, and not to be touched."""
    experiment = ts.Experiment.from_nanobragg(WORDS.split(), mtz=mtz)
    run = create_run(prepare(experiment), tmp_path_factory.mktemp("made") / "run.zarr")
    compute(run)
    return Run(run.path)


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made.path, tmp_path / "copy.zarr")


def test_a_run_keeps_what_is_absent_with_its_structure_factors(made, mtz):
    factors = made.inputs().factors
    assert factors.absences.space_group == "C 1 2 1"
    assert factors.absent[tuple(np.array((1, 0, 0)) - factors.minimum)]
    assert factors.provenance.cell == (54, 23, 23, 90, 110, 90)
    assert factors.provenance.space_group == "C 1 2 1"
    assert list(made.faults()) == []
    assert factors.sha256 == made.hashes["structure_factors"]


def test_a_run_computes_absences_without_gemmi_and_without_the_file(made, copy, monkeypatch):
    monkeypatch.setitem(sys.modules, "gemmi", None)
    for file in [*copy.glob("traces/f*/p*/*.json"), *copy.glob("0/image/c/*/*/*/*")]:
        file.unlink()
    again = Run(copy)
    assert not again.status().complete
    compute(again)
    assert Run(copy).image.values.tobytes() == made.image.values.tobytes()


def test_a_sidecar_counts_look_ups_of_absences_apart(made):
    (sidecar,) = made.sidecars
    looked = sidecar["structure_factor_lookups"]
    assert min(looked["forbidden"], looked["absent"], looked["in_range"]) > 100
    met = ("in_range", "zero", "absent", "forbidden", "out_of_range")
    assert sum(looked[name] for name in met) == 64 * 64
    assert made.status().lookups.forbidden == looked["forbidden"]


def test_a_run_is_told_with_its_absences(made, capsys):
    assert main(["status", str(made.path)]) == 0
    output = capsys.readouterr().out
    assert "reflections in reach that C 1 2 1 allows" in output
    assert "more are absent by the symmetry of C 1 2 1: F = 0" in output
    assert "absent by symmetry" in output.split("look-ups")[1].splitlines()[0]


def test_a_rule_of_absences_that_was_changed_is_damage(copy):
    group = zarr.open_group(copy, mode="r+", use_consolidated=False)[FACTORS]
    rule = group.attrs["absences"]
    group.attrs["absences"] = {**rule, "translations": [[0, 0, 12]] * len(rule["translations"])}
    inputs = zarr.open_group(copy / "inputs", mode="r", use_consolidated=False)
    with pytest.raises(StoreError, match="structure factors are damaged"):
        read_structure_factors(inputs)


def test_a_run_of_before_has_none(data):
    for name in ("run_format1.zarr", "run_format2.zarr"):
        run = Run(data / name)
        factors = run.inputs().factors
        assert factors.absences is None
        assert not factors.absent.any()
        assert run.status().lookups.forbidden == 0
