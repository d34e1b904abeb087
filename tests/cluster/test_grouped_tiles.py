"""Runs of many small panels and frames: a tile is a task of several images."""

import dataclasses
import math

import numpy as np
import pytest

import tiled_sim as ts
from tiled_sim.cluster.listener import Silent
from tiled_sim.cluster.page.registry import Registry
from tiled_sim.cluster.page.thumbnail import PRECISION, decode
from tiled_sim.cluster.submit import compute_missing, submit
from tiled_sim.model.readout import Noise
from tiled_sim.run.run import Run

FRAMES, PANELS = 3, 12
TRACED = (20, 30)


class Witness(Silent):
    """Remembers what it is told."""

    def __init__(self):
        self.done = []

    def tile_done(self, record):
        self.done.append(record["id"])


@pytest.fixture(scope="module")
def experiment(still):
    """Three frames of twelve panels, two of which are smaller than the others."""
    one = still("-phi", 0, "-osc", 1, "-phisteps", 2, "-detpixels", 48, "-fluence", 1e30)
    (panel,) = one.detector.panels
    x, y, z = panel.origin
    sizes = [(48, 48)] * 10 + [(32, 48), (20, 16)]
    panels = tuple(
        dataclasses.replace(
            panel, origin=(x, y - 0.015 * (n % 4 - 2), z - 0.015 * (n // 4 - 1)), pixels=size
        )
        for n, size in enumerate(sizes)
    )
    return dataclasses.replace(
        one,
        detector=dataclasses.replace(one.detector, panels=panels),
        exposures=dataclasses.replace(one.exposures, count=FRAMES, oscillation=0.02),
        noise=Noise(seed=3, saturation=10**6),
    )


@pytest.fixture(scope="module")
def witness():
    return Witness()


@pytest.fixture(scope="module")
def run(experiment, address, witness, tmp_path_factory):
    """The finished run, in tiles by what they cost."""
    path = tmp_path_factory.mktemp("grouped") / "run.zarr"
    return submit(
        experiment,
        path,
        cluster=address,
        kernel="reference",
        trace_pixels=[TRACED],
        require_coverage=0.0,
        listener=witness,
    )


def test_a_tile_holds_several_images(run, witness):
    frames, panels, slow, fast = run.plan.grid.tile
    assert frames * panels > 1
    assert (slow, fast) == (48, 48)
    assert len(run.plan) < FRAMES * PANELS / 2
    assert sorted(witness.done) == [run.plan.id_of(tile) for tile in run.plan]


def test_the_image_is_that_of_one_process_to_the_byte(run, experiment):
    assert run.image.values.tobytes() == ts.simulate(experiment).values.tobytes()


def test_image_and_counts_are_those_of_tiles_of_one_image_to_the_byte(
    run, experiment, address, tmp_path
):
    single = submit(
        experiment,
        tmp_path / "run.zarr",
        cluster=address,
        kernel="reference",
        tile=32,
        require_coverage=0.0,
    )
    assert single.plan.grid.tile == (1, 1, 32, 32)
    assert run.image.values.tobytes() == single.image.values.tobytes()
    assert run.counts.values.tobytes() == single.counts.values.tobytes()


def test_lazily_several_images_are_a_chunk(run, experiment):
    lazy = ts.lazy_image(experiment, kernel="reference")
    assert math.prod(lazy.data.numblocks) < FRAMES * PANELS
    computed = lazy.compute(scheduler="threads")
    assert computed.values.tobytes() == run.image.values.tobytes()


def test_a_pixel_is_traced_on_every_panel_that_has_it_and_in_every_frame(run):
    traced = [
        (trace["frame"], trace["panel"])
        for sidecar in run.sidecars
        for trace in sidecar["traces"]
        if trace["reason"] == "requested" and trace["pixel"] == list(TRACED)
    ]
    having = [
        (frame, panel)
        for frame in range(FRAMES)
        for panel in range(PANELS)
        if run.mask.values[(panel, *TRACED)] == 0
    ]
    assert len(having) == FRAMES * (PANELS - 1)
    assert sorted(traced) == having


def test_the_brightest_pixel_of_a_tile_is_looked_for_in_all_its_images(run):
    image = run.image.values
    for tile, sidecar in zip(run.plan, run.sidecars, strict=True):
        assert image[tuple(sidecar["image"]["max_at"])] == image[tile.region].max()


def test_resume_computes_the_one_tile_that_is_lost(run, address):
    before = run.image.values.tobytes()
    lost = run.plan.grid.holding(1, 7, 0, 0)
    (run.path / "traces" / f"{run.plan.id_of(lost)}.json").unlink()
    again = Witness()
    made = compute_missing(Run(run.path), cluster=address, listener=again)
    assert again.done == [run.plan.id_of(lost)]
    assert made.image.values.tobytes() == before


def test_the_preview_of_every_image_is_that_image(run):
    from tiled_sim.cluster.page import registration

    class Client:
        id = "driver"

    registry = Registry()
    registry.tell_run(registration._description(Client, run, [], attempts=3))
    for frame, panel in np.ndindex(FRAMES, PANELS):
        found = decode(registry.previews.get(run.run_id, frame, panel).codes)
        np.testing.assert_allclose(found, run.image.values[frame, panel], rtol=PRECISION)
