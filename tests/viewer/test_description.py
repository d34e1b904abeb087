"""What a page is told of frames is what their images were made with."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import frame_of
from tiled_sim.viewer.description import Frames, describe_run
from tiled_sim.viewer.mosaic import Mosaic


def test_a_run_is_told_in_json(panels):
    told = json.loads(json.dumps(describe_run(Mosaic(panels)), allow_nan=False))
    assert [panel["name"] for panel in told["panels"]] == [
        "left",
        "right",
        "turned",
        "top",
        "small",
    ]
    assert told["frames"] == 2
    assert [one["name"] for one in told["quantities"]] == ["image", "counts"]


def test_the_reciprocal_vectors_are_those_that_make_the_image_in_the_middle(still):
    experiment = still("-phi", 3, "-osc", 4, "-phistep", 1)
    told = Frames(experiment).describe(0)
    assert told["phi_deg"] == pytest.approx(5)
    direct = Scene.of(experiment, 0).orientations[2, 0]
    assert np.allclose(np.array(told["A"][0]) @ direct.T, np.eye(3), rtol=0, atol=1e-12)


def test_shots_have_light_and_detector_of_their_own(still):
    experiment = replace(
        still(),
        exposures=Listed(
            np.stack([np.eye(3)] * 3),
            wavelength=[1.0, 1.1, 0.9],
            detector_shift=[[0.0, 0.0, 0.0], [0.001, 0.0, 0.0], [0.0, -0.002, 0.0]],
        ),
    )
    frames = Frames(experiment)
    for number in range(3):
        told, made = frames.describe(number), frame_of(experiment, number)
        assert told["wavelength_A"] == made.beam.wavelength
        assert told["beam"] == list(made.beam.direction)
        moved = np.array(experiment.detector.panels[0].origin) + told["detector_shift_m"]
        assert np.allclose(moved, made.detector.panels[0].origin, rtol=0, atol=1e-15)


def test_every_crystal_has_vectors_of_its_own(still):
    experiment = still()
    assert len(Frames(experiment).describe(0)["A"]) == len(each_alone(experiment)) == 1
