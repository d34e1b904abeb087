"""The geometry of a scene, of the places that pixels are made of."""

import dataclasses

import numpy as np
import pytest
import torch

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.panels import Panels
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment

FLAT = (
    "-default_F 50 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -pixel 0.5 -distance 50 -detpixels 20 "
    "-detector_rotx 10 -oversample 1"
)
THICK = "-detector_thick 400 -detector_abs 300 -thicksteps 4"


def optics(*words):
    experiment = Experiment.from_nanobragg(" ".join((FLAT, *words)).split())
    scene = Scene.of(experiment, 0)
    return Optics(scene), scene


def pixels(*places):
    slow, fast = torch.tensor(places, dtype=torch.float64).T
    return Pixels(slow, fast, torch.ones_like(slow, dtype=torch.bool))


def every_pixel():
    return pixels(*np.ndindex(20, 20))


def test_places_are_layers_of_subpixels():
    of_scene, _ = optics(THICK, "-oversample 2")
    assert list(of_scene.places(0)) == [
        (layer, subpixel) for layer in range(4) for subpixel in range(4)
    ]


def test_a_subpixel_lies_where_the_axes_of_the_panel_lead():
    of_scene, scene = optics("-oversample 3")
    panel = scene.panels[0]
    position = of_scene.position(pixels((4, 7)), 5)
    along_slow, along_fast = (5e-4 * (4 + 1.5 / 3), 5e-4 * (7 + 2.5 / 3))
    expected = np.array(panel.origin) + along_slow * np.array(panel.slow_axis)
    expected = expected + along_fast * np.array(panel.fast_axis)
    assert [float(part[0]) for part in position] == pytest.approx(expected, rel=1e-14)


def test_directions_are_those_of_the_positions():
    of_scene, _ = optics()
    position = torch.stack(list(of_scene.position(every_pixel(), 0)))
    directions, distance = of_scene.to_subpixel(every_pixel(), 0)
    torch.testing.assert_close(
        torch.stack(list(directions)) * distance, position, rtol=1e-14, atol=0
    )


def test_layers_of_a_sensor_absorb_all_that_it_absorbs():
    of_scene, scene = optics(THICK)
    directions, _ = of_scene.to_subpixel(every_pixel(), 0)
    caught = sum(of_scene.captures(directions, layer)(1.0) for layer in range(4))
    path = 400.0 / 300.0 / directions.dot(scene.panels[0].normal).abs()
    torch.testing.assert_close(caught, 1.0 - torch.exp(-path), rtol=1e-12, atol=0)


def test_without_a_sensor_and_a_limit_and_a_polarization_there_are_no_factors():
    of_scene, scene = optics("-nopolar")
    directions, _ = of_scene.to_subpixel(every_pixel(), 0)
    assert of_scene.captures(directions, 0)(1.0) is None
    assert of_scene.within_resolution(directions) is None
    assert of_scene.polarization(directions, scene.beam.direction) is None


def test_no_pixel_is_brighter_than_the_ceiling():
    of_scene, scene = optics("-N 1")
    photons, _ = ReferenceKernel(scene, None, 50.0).photons(every_pixel())
    assert 0.1 * of_scene.ceiling(50.0) < photons.max() <= of_scene.ceiling(50.0)


def test_the_ceiling_of_point_pixels_is_that_of_the_nearest():
    of_scene, scene = optics("-point_pixel -N 1")
    photons, _ = ReferenceKernel(scene, None, 50.0).photons(every_pixel())
    assert 0.1 * of_scene.ceiling(50.0) < photons.max() <= of_scene.ceiling(50.0)
    detector = dataclasses.replace(scene.detector, point_pixel=False)
    sized = Optics(dataclasses.replace(scene, detector=detector, panels=Panels(detector)))
    assert sized.ceiling(50.0) == pytest.approx(of_scene.ceiling(50.0) * 5e-4**2)
