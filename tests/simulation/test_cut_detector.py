"""A flat detector cut into panels: the photons of the uncut one."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from tiled_sim.kernels import blocks
from tiled_sim.kernels.darkness import dark_panels
from tiled_sim.kernels.making import KernelMaker
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.model.settings import BY_REFERENCE, Settings
from tiled_sim.plan.planning import make_plan
from tiled_sim.plan.reach import table_of
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


# Panels that no reflection reaches, and tiles without a live pixel

#: Reflections end some 11 mm from the beam; the panels are 30 mm wide.
FEW = (
    "-hkl few.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -distance 100 -pixel 0.6 "
    "-detpixels 150 -oversample 1"
)
THIRDS = ((0, 50, 100, 150), (0, 50, 100, 150))


def few(words):
    return cut(Experiment.from_nanobragg(f"{FEW} {words}".split()), *THIRDS)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [("compiled", "-N 5"), ("spots", "-N 3 -gauss_xtal")],
)
def test_a_panel_out_of_reach_is_dark_and_nothing_is_evaluated_there(in_data, kernel, words):
    experiment = few(words)
    (reference,) = results(experiment, "reference")
    lit = reference.image[0].any(axis=(1, 2))
    assert 1 <= lit.sum() <= 5
    (found,) = results(experiment, kernel)
    np.testing.assert_allclose(
        found.image, reference.image, rtol=1e-5, atol=1e-4 * reference.image.max()
    )
    assert not found.image[0, ~lit].any()
    assert found.evaluations.planned == reference.evaluations.planned
    assert found.evaluations.done <= lit.sum() / 9 * found.evaluations.planned


@pytest.mark.parametrize("words", ["-N 5", "-N 5 -interpolate", "-N 5 -round_xtal -dispersion 5"])
def test_no_panel_that_reflections_reach_is_taken_for_dark(in_data, words):
    experiment = few(words)
    inputs = load_inputs(experiment)
    table = table_of(experiment, inputs.factors, torch.device("cpu"))
    dark = dark_panels(Scene.of(experiment, 0), table)
    (reference,) = results(experiment, "reference")
    assert dark
    assert not reference.image[0, sorted(dark)].any()


def test_a_panel_that_one_of_several_crystals_reaches_is_not_dark(in_data):
    experiment = few("-N 5 -gauss_xtal")
    smaller = Experiment.from_nanobragg(
        f"{FEW} -N 5 -gauss_xtal".replace("-cell 70 80 90", "-cell 35 40 45").split()
    )
    both = dataclasses.replace(experiment, further_crystals=(smaller.crystal,))

    def dark(one):
        device = torch.device("cpu")
        table = table_of(one, load_inputs(one).factors, device)
        settings = dataclasses.replace(BY_REFERENCE, kernel="compiled")
        return KernelMaker(one, settings, table, None, device).dark_panels

    alone = [dark(one) for one in each_alone(both)]
    assert dark(both) == alone[0] & alone[1] < alone[0]


def test_where_a_default_F_is_everywhere_no_panel_is_dark(in_data):
    experiment = few("-N 5 -default_F 1")
    table = table_of(experiment, load_inputs(experiment).factors, torch.device("cpu"))
    assert dark_panels(Scene.of(experiment, 0), table) == frozenset()


@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_no_kernel_is_made_for_a_tile_without_a_live_pixel(monkeypatch, kernel):
    experiment = flat(SQUARE)
    mask = Mask((1, 96, 144), lambda _, slow, fast: np.ones((96, 144), np.uint8)[slow, fast])
    plan = make_plan(experiment, load_inputs(experiment), Settings(kernel))
    simulator = Simulator(experiment, Inputs(mask), plan, torch.device("cpu"))
    monkeypatch.setattr(KernelMaker, "kernels", lambda *_: pytest.fail("a kernel is made"))
    for tile in plan:
        result = simulator.simulate_tile(tile)
        assert not result.image.any()
        assert result.evaluations.planned == 0
