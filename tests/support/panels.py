"""A run of several panels, tilted, turned and gapped, and where its pixels are seen."""

from pathlib import Path

import numpy as np

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

TOML = Path(__file__).parents[1] / "data" / "panels.toml"
NAMES = ("left", "right", "turned", "top", "small")


def panels_run(path, *, panels=range(5), changes=None):
    """A run of ``tests/data/panels.toml`` of which the tiles of some panels are done."""
    experiment = Experiment.from_toml(TOML, changes=changes)
    run = create_run(prepare(experiment, BY_REFERENCE, tile=(32, 32), require_coverage=0), path)
    for tile in run.plan:
        if not set(panels).isdisjoint(range(*tile.panels)):
            compute_batch(str(run.path), run.run_id, "cpu", [(tile.index, 1)])
    return Run(run.path)


def centre_of(run, panel, slow, fast):
    """x, y, z of a pixel's centre, of a run whose lab has z along the beam and y up [mm]."""
    one = run.experiment.detector.panels[panel]
    return 1e3 * (
        np.array(one.origin)
        + (slow + 0.5) * one.pixel_size[0] * np.array(one.slow_axis)
        + (fast + 0.5) * one.pixel_size[1] * np.array(one.fast_axis)
    )
