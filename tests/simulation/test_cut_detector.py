"""A flat detector cut into panels: the photons of the uncut one."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from tiled_sim.kernels import blocks
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import Settings
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.images import simulate
from tiled_sim.simulation.simulator import Simulator

LINE = (
    "-default_F 10 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -distance 100 -pixel 0.2 "
    "-detpixels_x 144 -detpixels_y 96"
)
SQUARE = "-N 5 -oversample 2 -mosaic 0.5 -mosaic_domains 3"
GAUSS = "-N 20 -gauss_xtal -oversample 1 -phistep 0.1 -osc 0.4"
#: Whole blocks of 16 pixels, and panels of other sizes, whose blocks are others.
CUTS = {
    "at blocks": ((0, 48, 96), (0, 48, 96, 144)),
    "within blocks": ((0, 45, 96), (0, 37, 90, 144)),
}
FLOAT64 = [("reference", SQUARE), ("compiled", SQUARE), ("compiled", GAUSS), ("spots", GAUSS)]


def flat(words):
    return Experiment.from_nanobragg(f"{LINE} {words}".split())


def cut(experiment, rows, columns):
    """The experiment with its only panel in pieces, which end at some rows and columns."""
    (panel,) = experiment.detector.panels
    slow, fast = (
        side * np.array(axis)
        for side, axis in zip(panel.pixel_size, (panel.slow_axis, panel.fast_axis), strict=True)
    )
    panels = tuple(
        dataclasses.replace(
            panel,
            origin=tuple((np.array(panel.origin) + top * slow + left * fast).tolist()),
            pixels=(bottom - top, right - left),
        )
        for top, bottom in itertools.pairwise(rows)
        for left, right in itertools.pairwise(columns)
    )
    return dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, panels=panels)
    )


def joined(images, rows, columns):
    """One image of those of the pieces, (slow, fast)."""
    whole = np.zeros((rows[-1], columns[-1]), np.float32)
    pieces = iter(images)
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            whole[top:bottom, left:right] = next(pieces)[: bottom - top, : right - left]
    return whole


@pytest.mark.parametrize("where", CUTS)
@pytest.mark.parametrize(("kernel", "words"), FLOAT64)
def test_a_cut_detector_has_the_bytes_of_the_uncut_one(kernel, words, where):
    experiment, places = flat(words), CUTS[where]
    uncut = simulate(experiment, kernel=kernel).values[0, 0]
    assert uncut.any()
    pieces = simulate(cut(experiment, *places), kernel=kernel).values[0]
    assert joined(pieces, *places).tobytes() == uncut.tobytes()


@pytest.mark.parametrize("where", CUTS)
def test_a_cut_detector_is_the_uncut_one_within_the_error_of_mixed_precision(where):
    experiment, places = flat(SQUARE), CUTS[where]
    uncut = simulate(experiment, kernel="compiled", precision="mixed").values[0, 0]
    pieces = simulate(cut(experiment, *places), kernel="compiled", precision="mixed").values[0]
    np.testing.assert_allclose(joined(pieces, *places), uncut, rtol=3e-5, atol=1e-6 * uncut.max())


def results(experiment, kernel):
    """Of the tiles of an experiment, in this process."""
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, Settings(kernel))
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    return [simulator.simulate_tile(tile) for tile in plan]


@pytest.mark.parametrize(("kernel", "words"), FLOAT64)
def test_bytes_do_not_depend_on_how_many_images_are_laid_out_together(monkeypatch, kernel, words):
    experiment = cut(flat(words), *CUTS["within blocks"])
    exposures = dataclasses.replace(experiment.exposures, count=2)
    experiment = dataclasses.replace(experiment, exposures=exposures)
    together = [result.image.tobytes() for result in results(experiment, kernel)]
    # the largest panel has 51 × 54 pixels
    for images in (1, 2, 5):
        monkeypatch.setattr(blocks, "PIXELS_LAID_OUT", images * 51 * 54)
        assert [result.image.tobytes() for result in results(experiment, kernel)] == together
