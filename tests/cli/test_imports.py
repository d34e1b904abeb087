"""What verbs that should be quick need not import."""

import subprocess
import sys

import pytest

from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run

SLOW = ("torch", "dask", "distributed", "xarray", "matplotlib")
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


def imported_by(*words):
    program = _PROGRAM.format(slow=SLOW)
    words = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, timeout=100).stderr.splitlines()[
        -1
    ]


def test_the_status_of_a_run_needs_neither_torch_nor_dask(path):
    assert imported_by("status", path) == "imported 5"


def test_a_configuration_needs_neither_torch_nor_dask():
    assert imported_by("config", *CRYSTAL.split()) == "imported 0"
