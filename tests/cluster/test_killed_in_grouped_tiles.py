"""Kill -9 of everything in the middle of a run whose tiles span panels and frames."""

import dataclasses
import os
import signal

import pytest

import tiled_sim as ts
from support.processes import SLOWLY, eventually, process
from support.runs import leftovers, sidecars
from tiled_sim.cli.main import main
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

FRAMES, PANELS = 240, 3


@pytest.fixture(scope="module")
def experiment(still):
    """Many frames of three small panels of different sizes."""
    one = still("-phi", 0, "-osc", 1, "-phisteps", 30, "-detpixels", 32, "-fluence", 1e28)
    (panel,) = one.detector.panels
    x, y, z = panel.origin
    panels = tuple(
        dataclasses.replace(panel, origin=(x, y - 0.012 * n, z), pixels=pixels)
        for n, pixels in enumerate([(32, 32), (32, 20), (16, 32)])
    )
    return dataclasses.replace(
        one,
        detector=dataclasses.replace(one.detector, panels=panels),
        exposures=dataclasses.replace(
            one.exposures, count=FRAMES, oscillation=0.02, steps=30, step=0.02 / 30
        ),
    )


@pytest.fixture
def path(experiment, tmp_path):
    """The run of it, nothing computed yet."""
    made = create_run(prepare(experiment, require_coverage=0.0), tmp_path / "run.zarr")
    frames, panels, _, _ = made.plan.grid.tile
    assert frames > 1
    assert panels == PANELS
    assert len(made.plan) >= 4
    return made.path


def test_a_killed_run_of_grouped_tiles_completes_with_the_same_bytes(path, experiment, capsys):
    words = ("tiled_sim", "resume", path, "--cluster", "local:2", "--no-progress")
    with process(*words, environment=SLOWLY) as command:
        eventually(lambda: command.poll() is not None or sidecars(path))
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
    before = sidecars(path)
    assert 0 < len(before) < len(Run(path).plan)
    # what a crash may leave: a shard without its sidecar, and half of another
    (missing, *_) = Run(path).missing()
    shard = path.joinpath("0/image/c", *map(str, Run(path).plan.grid.place_of(missing.index)))
    shard.parent.mkdir(parents=True, exist_ok=True)
    shard.write_bytes(b"half a shard")
    shard.with_name("0.0123.partial").write_bytes(b"half")
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert {file: sidecars(path)[file] for file in before} == before
    assert list(Run(path).faults()) == []
    assert leftovers(path) == []
    assert Run(path).image.values.tobytes() == ts.simulate(experiment).values.tobytes()


@pytest.mark.parametrize("damage", ["lost", "cut", "garbled"])
def test_a_damaged_shard_of_several_images_is_computed_again_by_resume(path, experiment, damage):
    assert main(["resume", str(path), "--no-progress"]) == 0
    tile = Run(path).plan[1]
    shard = path.joinpath("0/image/c", *map(str, Run(path).plan.grid.place_of(tile.index)))
    content = shard.read_bytes()
    if damage == "lost":
        shard.unlink()
    elif damage == "cut":
        shard.write_bytes(content[:-100])
    else:  # its index is sound, and its chunks are not
        shard.write_bytes(b"\x00" * 200 + content[200:])
    assert main(["resume", str(path), "--no-progress"]) == 0
    assert main(["verify", str(path)]) == 0
    assert Run(path).image.values.tobytes() == ts.simulate(experiment).values.tobytes()
