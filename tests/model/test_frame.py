"""What one frame is made with."""

import dataclasses

import numpy as np
import pytest

from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import extreme_frames, frame_of
from tiled_sim.physics.vectors import about_axis

BASE = (
    "-default_F 100 -cell 50 60 70 80 90 100 -lambda 1.3 -N 4 -distance 100 -misset 10 20 30 "
    "-detpixels 48 -pixel 0.4 -oversample 1 -dispersion 2 -dispsteps 3"
)
TURNS = np.array([np.eye(3), about_axis((0.0, 0.6, 0.8), 0.3)])


def of_words(words="", **columns):
    experiment = Experiment.from_nanobragg(f"{BASE} {words}".split())
    if not columns:
        return experiment
    return dataclasses.replace(experiment, exposures=Listed(TURNS, **columns))


def test_parts_that_no_exposure_changes_are_the_experiments():
    for experiment in (of_words(), dataclasses.replace(of_words(), exposures=Listed(TURNS))):
        frame = frame_of(experiment, 0)
        assert frame.beam is experiment.beam
        assert frame.crystal is experiment.crystal
        assert frame.detector is experiment.detector


@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_a_frame_has_the_image_of_an_experiment_of_its_values(simulate, kernel):
    shots = of_words(
        fluence=[1e24, 3e24],
        cells=[[4, 4, 4], [5, 6, 7]],
        wavelength=[1.3, 1.31],
        detector_shift=[[0.0, 0.0, 0.0], [0.002, 0.0, 0.0]],
    )
    image = simulate(shots, kernel=kernel).image[1]
    alone = of_words("-fluence 3e24 -Na 5 -Nb 6 -Nc 7 -lambda 1.31 -distance 102")
    (panel,) = alone.detector.panels
    same_panel = dataclasses.replace(panel, origin=frame_of(shots, 1).detector.panels[0].origin)
    np.testing.assert_allclose(panel.origin[0], same_panel.origin[0], rtol=1e-12)
    alone = dataclasses.replace(
        alone,
        exposures=Listed(TURNS[1:]),
        detector=dataclasses.replace(alone.detector, panels=(same_panel,)),
    )
    np.testing.assert_allclose(image, simulate(alone, kernel=kernel).image[0], rtol=2e-5)


def test_a_frame_has_the_weights_of_its_spectrum():
    weights = np.array([[1.0, 0.0, 3.0], [0.5, 0.5, 0.0]])
    experiment = of_words(spectrum=[1, 0], spectra=weights)
    for number, row in enumerate((1, 0)):
        np.testing.assert_array_equal(
            frame_of(experiment, number).beam.spectrum.weight, weights[row]
        )


def test_all_sources_turn_with_the_beam():
    direction = np.array([0.8, 0.6, 0.0])
    experiment = of_words(beam_direction=[[1.0, 0.0, 0.0], direction])
    beam = frame_of(experiment, 1).beam
    assert beam.direction == tuple(direction)
    np.testing.assert_allclose(beam.spectrum.incident, [direction] * 3, atol=1e-15)


def test_the_frames_that_differ_most_are_found():
    shifts = [[0.0, 0.0, 0.001], [0.0, 0.0, 0.0]]
    assert extreme_frames(Listed(TURNS)) == [0]
    assert extreme_frames(Listed(TURNS, detector_shift=shifts)) == [0, 1]


@pytest.mark.parametrize("kernel", ["reference", "compiled", "spots"])
def test_frames_have_the_same_bytes_alone_in_groups_and_by_other_tilings(simulate, kernel):
    several = {
        "fluence": [1e24, 3e24, 2e24],
        "cells": [[4, 4, 4], [5, 6, 7], [4, 5, 4]],
        "wavelength": [1.3, 1.31, 1.29],
        "detector_shift": [[0.0, 0.0, 0.0], [0.002, 0.0, 0.0], [0.0, 0.001, 0.0]],
        "beam_direction": [[1.0, 0.0, 0.0], [0.9999, 0.01414178, 0.0], [1.0, 0.0, 0.0]],
        "spectrum": [1, 0, 1],
        "spectra": [[1.0, 0.0, 3.0], [0.5, 0.5, 0.1]],
    }
    turns = np.stack([*TURNS, about_axis((1.0, 0.0, 0.0), 1.0)])
    direction = np.array(several["beam_direction"])
    several["beam_direction"] = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    experiment = of_words("-gauss_xtal")

    def image(frames, tile):
        columns = {
            name: values if name == "spectra" else np.asarray(values)[frames]
            for name, values in several.items()
        }
        listed = Listed(turns[frames], **columns)
        shots = dataclasses.replace(experiment, exposures=listed)
        return simulate(shots, kernel=kernel, negligible=1e-9, tile=tile).image

    every = image([0, 1, 2], (48, 48))
    assert not np.allclose(every[0], every[1])
    np.testing.assert_array_equal(every, image([0, 1, 2], (16, 32)))
    for frame in range(3):
        np.testing.assert_array_equal(every[frame], image([frame], (48, 48))[0])
