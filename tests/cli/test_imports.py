"""What verbs that should be quick need not import."""

import subprocess
import sys

import pytest

from tiled_sim.cli.main import main
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run

SLOW = ("torch", "dask", "distributed", "xarray", "pandas", "matplotlib")
_PROGRAM = """
import sys
from tiled_sim.cli.main import main
code = main(sys.argv[1:])
print("imported", *(name for name in {slow} if name in sys.modules), code, file=sys.stderr)
"""
CRYSTAL = "-default_F 10 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -distance 100 -detpixels 96"


@pytest.fixture(scope="module")
def path(still, tmp_path_factory):
    """A run that has computed nothing."""
    return create_run(prepare(still()), tmp_path_factory.mktemp("run") / "run.zarr").path


def imported_by(*words, of=SLOW):
    """Those of some modules that a verb imports, and its exit code."""
    program = _PROGRAM.format(slow=of)
    words = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, timeout=100).stderr.splitlines()[
        -1
    ]


@pytest.mark.parametrize(("verb", "code"), [("status", 5), ("watch", 5), ("cancel", 0)])
def test_who_looks_at_a_run_needs_neither_torch_nor_dask(path, verb, code):
    assert imported_by(verb, path) == f"imported {code}"


def test_to_verify_a_sound_run_needs_neither_torch_nor_dask(tmp_path):
    run = str(tmp_path / "run.zarr")
    assert main(["submit", "--out", run, "--kernel", "reference", *CRYSTAL.split()]) == 0
    assert imported_by("verify", run) == "imported 0"


def test_a_configuration_needs_neither_torch_nor_dask_nor_zarr():
    assert imported_by("config", *CRYSTAL.split(), of=(*SLOW, "zarr")) == "imported 0"


def test_what_a_list_holds_is_told_without_torch_dask_and_zarr(in_data):
    words = ["--hkl", "p1.hkl", "--reflection", "1", "2", "3"]
    assert imported_by("probe", *words, of=(*SLOW, "zarr")) == "imported 0"


def test_what_a_command_reaches_of_its_list_is_told_without_torch_and_dask(in_data):
    assert imported_by("probe", "-hkl", "p1.hkl", *CRYSTAL.split()) == "imported 0"


def test_what_a_pixel_looks_up_is_computed_by_torch(in_data):
    words = ["--pixel", "10", "10", "-hkl", "p1.hkl", *CRYSTAL.split()]
    assert imported_by("probe", *words) == "imported torch 0"
