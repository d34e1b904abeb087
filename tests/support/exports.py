"""Runs to export, quickly made: whole in every way but that nobody computed their pixels."""

import dataclasses

import numpy as np

from support.corners import FOLDER, corners_of
from support.stores import sidecar_of
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.readout import Noise
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.physics.vectors import about_axes
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.run_store import RunStore

_CRYSTAL = "-cell 70 80 90 90 90 90 -N 5 -default_F 100"
#: One panel, tilted in all ways.
TILTED = (
    f"{_CRYSTAL} -lambda 1.3 -distance 150 -detpixels_x 60 -detpixels_y 40 -pixel 0.2 -twotheta 20 "
    "-detector_rotx 3 -detector_roty 5 -detector_rotz 7"
)
#: A rotation about an axis that is none of the lab's.
TURNING = "-phi 10 -osc 0.5 -phisteps 2 -spindle_axis 0.1 0.2 1"


def experiment_of(words, *, frames=1, noise=None, **source):
    """An experiment of words, with so many frames, with noise if it is given."""
    made = Experiment.from_nanobragg(words.split(), **source)
    exposures = dataclasses.replace(made.exposures, count=frames)
    return dataclasses.replace(made, exposures=exposures, noise=noise)


def chips(frames=2, noise=None, file="chips16.nxs"):
    """The detector of 16 panels in two groups, of a file, turning the crystal."""
    words = f"{_CRYSTAL} {TURNING}"
    noise = Noise() if noise is None else noise
    return experiment_of(words, frames=frames, noise=noise, geometry=str(FOLDER / file))


def shots(frames):
    """Stills, each of the crystal in an orientation of its own."""
    made = experiment_of(TILTED)
    axes = np.random.default_rng(1).normal(size=(frames, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    listed = Listed(about_axes(axes, np.arange(1.0, frames + 1.0)))
    return dataclasses.replace(made, exposures=listed)


def filled_run(path, experiment, *, tile=None, undone=()):
    """A run whose tiles are done but for some, by their numbers; pixels that are none are 0."""
    run = create_run(prepare(experiment, BY_REFERENCE, tile=tile, require_coverage=0), path)
    store = RunStore.open(run.path, "r+")
    for done in run.plan:
        if done.index in undone:
            continue
        random = np.random.default_rng(done.index)
        image = random.gamma(0.7, 3.0, done.shape).astype(np.float32)
        image[_beyond(experiment, done)] = 0
        store.write_tile(done, image)
        document = sidecar_of(run.plan.id_of(done))
        document |= {"run_id": run.run_id, "hashes": run.hashes}
        document["tile"]["index"] = done.index
        for name, ends in zip(("frames", "panels", "slow", "fast"), done.ranges, strict=True):
            document["tile"][name] = list(ends)
        if experiment.noise is None:
            document["counts"] = None
        else:
            store.write_counts(done, random.poisson(image).astype(np.int32))
        store.write_sidecar(document)
    return Run(run.path)


def _beyond(experiment, tile):
    """Pixels of a tile that its panels do not have."""
    beyond = np.ones(tile.shape, dtype=bool)
    for row, panel in enumerate(experiment.detector.panels[slice(*tile.panels)]):
        slow, fast = (
            size - start
            for size, start in zip(panel.pixels, (tile.slow[0], tile.fast[0]), strict=True)
        )
        beyond[:, row, : max(slow, 0), : max(fast, 0)] = False
    return beyond


def nexus_corners(experiment):
    """First, fast and slow outer corner of every panel in NeXus' frame [mm], (panel, 3, 3)."""
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    return np.array([frame.coordinates(corners_of(one)) for one in experiment.detector.panels])
