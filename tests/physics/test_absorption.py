"""Absorption by Lambert and Beer."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics.absorption import absorbed

PROPERTY = settings(deadline=None, max_examples=60)
depths = st.floats(1e-6, 1e-2)
cosines = st.floats(0.05, 1.0)


def share(front, back, length, cosine=1.0):
    return absorbed(front, back, length, torch.tensor(cosine, dtype=torch.float64)).item()


def test_a_sensor_as_thick_as_its_attenuation_length_lets_1_of_e_through():
    assert share(0.0, 5e-4, 5e-4) == pytest.approx(1.0 - math.exp(-1.0), rel=1e-14)


@PROPERTY
@given(depths, depths, cosines, st.integers(1, 20))
def test_layers_absorb_together_what_the_sensor_absorbs(thickness, length, cosine, layers):
    fronts = [thickness / layers * layer for layer in range(layers + 1)]
    together = sum(share(front, back, length, cosine) for front, back in itertools.pairwise(fronts))
    assert together == pytest.approx(share(0.0, thickness, length, cosine), rel=1e-9, abs=1e-15)


@PROPERTY
@given(depths, depths, cosines)
def test_an_oblique_ray_meets_a_thicker_sensor(thickness, length, cosine):
    oblique = share(0.0, thickness, length, cosine)
    assert oblique == pytest.approx(share(0.0, thickness / cosine, length), rel=1e-12)
