"""Kahn's polarization factor in its limits."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.polarization import polarization_factor

PROPERTY = settings(deadline=None, max_examples=60)
BEAM, AXIS = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)

angles = st.floats(0.0, math.pi)
azimuths = st.floats(-math.pi, math.pi)


def towards(two_theta, azimuth=0.0):
    """Unit vector at 2θ from the beam, at ``azimuth`` from the polarization axis."""
    across = math.sin(two_theta)
    components = math.cos(two_theta), across * math.sin(azimuth), across * math.cos(azimuth)
    return Vectors(*(torch.tensor([value], dtype=torch.float64) for value in components))


def factor(two_theta, azimuth=0.0, kahn=1.0, axis=AXIS):
    return polarization_factor(towards(two_theta, azimuth), BEAM, kahn, axis).item()


@PROPERTY
@given(two_theta=angles, azimuth=azimuths)
def test_unpolarized_light_depends_on_two_theta_alone(two_theta, azimuth):
    expected = (1.0 + math.cos(two_theta) ** 2) / 2.0
    assert factor(two_theta, azimuth, kahn=0.0) == pytest.approx(expected)


@PROPERTY
@given(two_theta=angles)
def test_polarized_light_scatters_as_cos_squared_in_the_plane_of_its_field(two_theta):
    assert factor(two_theta, 0.0) == pytest.approx(math.cos(two_theta) ** 2, abs=1e-12)


@PROPERTY
@given(two_theta=angles)
def test_polarized_light_scatters_alike_across_its_field(two_theta):
    assert factor(two_theta, math.pi / 2) == pytest.approx(1.0)


def test_polarized_light_does_not_scatter_along_its_field():
    assert factor(math.pi / 2, 0.0) == pytest.approx(0.0, abs=1e-15)


@PROPERTY
@given(two_theta=angles, azimuth=azimuths)
def test_polarized_light_scatters_by_the_angle_to_its_field(two_theta, azimuth):
    towards_field = math.sin(two_theta) * math.cos(azimuth)
    assert factor(two_theta, azimuth) == pytest.approx(1.0 - towards_field**2, abs=1e-12)


@PROPERTY
@given(two_theta=angles, azimuth=azimuths)
def test_opposite_polarizations_average_to_none(two_theta, azimuth):
    both = factor(two_theta, azimuth, kahn=0.7) + factor(two_theta, azimuth, kahn=-0.7)
    assert both / 2 == pytest.approx(factor(two_theta, azimuth, kahn=0.0))


def test_the_forward_beam_is_not_attenuated():
    assert factor(0.0, 1.0, kahn=0.9) == pytest.approx(1.0)


def test_an_axis_that_leans_towards_the_beam_is_made_perpendicular():
    leaning = factor(0.7, 0.4, kahn=0.9, axis=(0.6, 0.0, 0.8))
    assert leaning == pytest.approx(factor(0.7, 0.4, kahn=0.9))


def test_the_factor_does_not_depend_on_the_length_of_the_axis():
    long = factor(0.7, 0.4, kahn=0.9, axis=(0.0, 0.0, 5.0))
    assert long == pytest.approx(factor(0.7, 0.4, kahn=0.9))


@PROPERTY
@given(two_theta=angles, azimuth=azimuths, tilt=st.floats(-1.0, 1.0), turn=azimuths)
def test_of_many_directions_each_has_the_factor_that_it_has_alone(two_theta, azimuth, tilt, turn):
    across = math.sin(tilt)
    beams = [BEAM, (math.cos(tilt), across * math.sin(turn), across * math.cos(turn)), AXIS]
    seen = towards(two_theta, azimuth)
    many = tuple(torch.tensor(beams, dtype=torch.float64)[:, None, :].unbind(-1))
    together = polarization_factor(seen, many, 0.7, AXIS)[:, 0].tolist()
    alone = [polarization_factor(seen, beam, 0.7, AXIS).item() for beam in beams]
    assert together == pytest.approx(alone, abs=1e-12)
