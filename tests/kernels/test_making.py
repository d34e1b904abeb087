"""The kernels that a panel in a frame is the sum of."""

import dataclasses

import numpy as np
import pytest
import torch

from tiled_sim.kernels.making import KernelMaker
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.read.inputs import load_inputs

CPU = torch.device("cpu")


def maker(experiment, kernel="reference", **changes):
    settings = dataclasses.replace(BY_REFERENCE, kernel=kernel, **changes)
    return KernelMaker(experiment, settings, None, load_inputs(experiment).amorphous, CPU)


@pytest.mark.parametrize("kernel", ["reference", "compiled", "spots"])
def test_the_crystal_s_kernel_is_the_one_that_was_chosen(still, kernel):
    (made,) = maker(still("-gauss_xtal"), kernel, negligible=1e-6).kernels(0)
    assert made.name == kernel


def test_the_background_comes_after_the_crystal(still):
    made = maker(still("-water", 30)).kernels(0)
    assert [kernel.name for kernel in made] == ["reference", "amorphous"]


def test_without_its_table_a_background_is_refused(still):
    experiment = still("-water", 30)
    with pytest.raises(AssertionError, match="was not loaded"):
        KernelMaker(experiment, BY_REFERENCE, None, None, CPU).kernels(0)


def test_the_precision_decides_how_far_a_trace_may_be(still):
    errors = [
        maker(still(), "compiled", precision=precision).kernels(0)[0].trace_error
        for precision in ("float64", "mixed")
    ]
    assert errors[0] < errors[1]
    assert maker(still()).kernels(0)[0].trace_error is None


def test_kernels_are_of_their_frame_and_share_the_panels(still):
    experiment = still("-phi", 1, "-osc", 2, "-phisteps", 2)
    rotated = dataclasses.replace(
        experiment, exposures=dataclasses.replace(experiment.exposures, count=3)
    )
    made = maker(rotated)
    scenes = [made.kernels(frame)[0].scene for frame in (0, 2)]
    assert scenes[0].panels is scenes[1].panels
    assert scenes[0].panels[0] == experiment.detector.panels[0]
    assert np.degrees(scenes[1].angles) == pytest.approx(np.degrees(scenes[0].angles) + 4.0)
