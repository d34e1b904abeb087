"""Run stores for tests: how one is made, and filled."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np

from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.model.readout import Noise
from tiled_sim.model.structure_factors import Provenance, StructureFactors
from tiled_sim.read.inputs import load_inputs
from tiled_sim.store.run_store import RunStore

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "store.md").read_text()
SHAPE = (1, 2, 50, 70)
TILE = (1, 1, 32, 48)
_WORDS = "-default_F 100 -cell 70 80 90 90 90 90 -lambda 1 -N 5 -distance 100 -pixel 0.1"


#: Noise of an experiment of `shots_words`.
SHOTS = Noise(seed=3)


def shots_words():
    """Options of nanoBragg for a small camera, for shots: one panel of 32 × 48 pixels."""
    return [*_WORDS.split(), "-detpixels_s", "32", "-detpixels_f", "48", "-oversample", "1"]


def experiment_of(shape, noise=False):
    """An experiment with an image of this shape; panels stand beside each other along y."""
    frames, panels, slow, fast = shape
    words = [*_WORDS.split(), "-detpixels_s", str(slow), "-detpixels_f", str(fast)]
    made = Experiment.from_nanobragg([*words, "-phi", "5", "-osc", "0.5", "-phisteps", "2"])
    (first,) = made.detector.panels
    x, y, z = first.origin
    several = tuple(
        dataclasses.replace(first, origin=(x, y + 0.01 * number, z), name=f"p{number}")
        for number in range(panels)
    )
    return dataclasses.replace(
        made,
        detector=dataclasses.replace(made.detector, panels=several),
        exposures=dataclasses.replace(made.exposures, count=frames),
        noise=Noise() if noise else None,
    )


def mask_of(values):
    """A mask of these values, uint8 (panel, slow, fast)."""
    return Mask(values.shape, lambda panel, slow, fast: values[panel, slow, fast])


def create(path, shape=SHAPE, tile=TILE, *, noise=False, inputs=None, **options):
    """A store of an experiment of this shape, live everywhere unless ``inputs`` say otherwise."""
    inputs = inputs or Inputs(Mask.live(shape[1:]))
    return create_for(path, experiment_of(shape, noise), tile, inputs=inputs, **options)


def create_for(path, experiment, tile=TILE, *, inputs=None, **options):
    """A store of an experiment, with what its files say unless ``inputs`` are given."""
    inputs = inputs or load_inputs(experiment)
    hashes = {"experiment": experiment.sha256, **inputs.hashes}
    attributes = {"run_id": "a run", "hashes": hashes} | options.pop("attributes", {})
    grid = TileGrid(experiment.shape, tile)
    return RunStore.create(
        path, experiment, grid=grid, inputs=inputs, attributes=attributes, **options
    )


def pixels(tile, seed=0):
    """Pixels of a tile, float32."""
    return np.random.default_rng(seed).random(tile.shape, dtype=np.float32)


def counts_of(tile):
    """Counts of a tile, int32."""
    return (pixels(tile) * 100).astype(np.int32)


def fill(store, image):
    """Write a whole image (frame, panel, slow, fast) tile by tile."""
    for tile in store.grid:
        store.write_tile(tile, image[tile.region])


def sidecar_of(name):
    """The sidecar that the documentation shows, of the tile with this id."""
    document = json.loads(re.search(r"```json\n(.*?)```", DOCUMENTATION, re.S)[1])
    document["tile"]["id"] = name
    return document


def structure_factors():
    """A grid with absent nodes and a negative zero, longer than a chunk."""
    random = np.random.default_rng(1)
    given_nodes = random.random((70, 3, 5)) < 0.5
    amplitude = np.where(given_nodes, random.random((70, 3, 5)) * 100, 0.0)
    amplitude[0, 0, 0] = -0.0
    provenance = Provenance(
        path="p1.hkl", format="hkl", size=12, sha256="ab" * 32, count=7, notes=("a", "b")
    )
    return StructureFactors(amplitude, given_nodes, (-35, 0, -2), provenance)


AMORPHOUS = AmorphousTable(np.array([0.0, 0.1, 0.5]), np.array([2.5, 7.0, 3.0]))
