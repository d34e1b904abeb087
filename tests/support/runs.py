"""Runs on disk: what is done of them, what is left over, whether they are whole."""

from tiled_sim.cli.main import main
from tiled_sim.run.run import Run
from tiled_sim.store.control import FINISHED, Control

#: Options of nanoBragg that make the experiment of the fixture ``job``, but for ``-hkl``.
JOB = (
    "-cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
    "-distance 100 -detpixels 192 -pixel 0.15 -oversample 1"
)
#: Pixels of a side of its tiles, and how many they are.
SIDE, TILES = 32, 36
#: Each process finds there what lies in its own working directory.
HERE = "/proc/self/cwd/run.zarr"


def sidecars(path):
    """When the sidecar of every finished tile was written."""
    return {file: file.stat().st_mtime_ns for file in path.glob("traces/f*/p*/*.json")}


def leftovers(path):
    """What interrupted writes left behind."""
    return [file for file in path.rglob("*") if file.suffix in (".tmp", ".partial")]


def assert_whole(path, undisturbed, before=None):
    """The run is complete, sound and tidy, and what was committed before is as it was."""
    run = Run(path)
    assert list(run.faults()) == []
    assert run.image.values.tobytes() == undisturbed
    assert leftovers(path) == []
    assert Control(path).driver().state == FINISHED
    after = sidecars(path)
    assert len(after) == TILES
    assert {file: after[file] for file in before or {}} == (before or {})


def resume(path, address, capsys):
    """Complete a run as its user would; the sidecars that were there before."""
    before = sidecars(path)
    assert 0 < len(before) < TILES
    assert main(["resume", str(path), "--cluster", address, "--no-progress"]) == 0
    assert "Traceback" not in capsys.readouterr().err
    return before


def block(run, tile):
    """Put a folder where the shard of a tile belongs, so that writing it fails; the folder."""
    obstacle = run.path.joinpath("0/image/c", *map(str, run.plan.grid.place_of(tile.index)))
    obstacle.mkdir(parents=True)
    return obstacle
