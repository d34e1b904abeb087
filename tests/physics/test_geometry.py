"""Where pixels are, which way they lie and how large they look."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.physics import geometry
from tiled_sim.physics.vectors import about_fixed_axes, as_tuple

PROPERTY = settings(deadline=None, max_examples=60)
BEAM, SLOW, FAST = (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)
DISTANCE = 0.1

turns = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def rows(vectors):
    return torch.stack(tuple(vectors), dim=-1).numpy()


def flat(slow, fast, *, beam=BEAM, slow_axis=SLOW, fast_axis=FAST, centre=(0.0, 0.0)):
    """Positions on a panel square to the beam, at ``slow`` and ``fast`` from the beam spot [m]."""
    origin = (
        DISTANCE * np.array(beam)
        - centre[0] * np.array(slow_axis)
        - centre[1] * np.array(fast_axis)
    )
    return geometry.flat_position(
        tensor(slow) + centre[0],
        tensor(fast) + centre[1],
        as_tuple(origin),
        slow_axis,
        fast_axis,
    )


def curved(slow, fast, bend=geometry.curved_position, **axes):
    position = flat(slow, fast, **axes)
    return bend(
        position,
        axes.get("beam", BEAM),
        axes.get("slow_axis", SLOW),
        axes.get("fast_axis", FAST),
        DISTANCE,
    )


# Flat panels


def test_a_position_is_the_corner_and_the_way_along_both_axes():
    position = geometry.flat_position(
        tensor([2.0]), tensor([3.0]), (10.0, 20.0, 30.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)
    )
    assert rows(position).tolist() == [[10.0, 18.0, 33.0]]


def test_directions_are_unit_vectors_and_distances_their_lengths():
    unit, distance = geometry.direction(flat([0.03, 0.0], [0.0, 0.04]))
    assert distance.tolist() == pytest.approx([math.hypot(0.1, 0.03), math.hypot(0.1, 0.04)])
    assert unit.length().tolist() == pytest.approx([1.0, 1.0])


def test_the_solid_angle_of_the_nearest_pixel_is_its_size_over_the_distance_squared():
    assert geometry.solid_angle(tensor([0.1]), (2e-4, 2e-4), 0.1).item() == pytest.approx(4e-6)


def test_the_solid_angle_of_a_longer_pixel_is_larger_by_as_much():
    assert geometry.solid_angle(tensor([0.1]), (2e-4, 6e-4), 0.1).item() == pytest.approx(12e-6)


def test_the_solid_angle_falls_with_the_cube_of_the_distance():
    near, far = geometry.solid_angle(tensor([0.1, 0.2]), (2e-4, 2e-4), 0.1).tolist()
    assert near / far == pytest.approx(8.0)


def test_solid_angles_of_a_square_panel_add_up_to_its_own():
    # 4 asin(a² / (a² + d²)) of a square of side 2a at distance d
    half, pixels = 0.15, 300
    size = 2 * half / pixels
    along = (np.arange(pixels) + 0.5) * size - half
    slow, fast = (grid.ravel().tolist() for grid in np.meshgrid(along, along, indexing="ij"))
    _, distance = geometry.direction(flat(slow, fast))
    total = geometry.solid_angle(distance, (size, size), DISTANCE).sum().item()
    expected = 4 * math.asin(half**2 / (half**2 + DISTANCE**2))
    assert total == pytest.approx(expected, rel=1e-5)


def test_a_point_pixel_has_the_inverse_square_of_the_distance():
    assert geometry.point_solid_angle(tensor([0.1, 0.5])).tolist() == pytest.approx([100.0, 4.0])


def test_the_scattering_vector_is_the_change_of_direction_over_the_wavelength():
    diffracted = geometry.Vectors(tensor([0.6]), tensor([0.8]), tensor([0.0]))
    q = geometry.scattering_vector(diffracted, BEAM, 2.0)
    assert rows(q) == pytest.approx(np.array([[-0.2, 0.4, 0.0]]))


def test_the_scattering_vector_is_two_sin_theta_over_the_wavelength_long():
    two_theta = 0.7
    diffracted = geometry.Vectors(
        tensor([math.cos(two_theta)]), tensor([math.sin(two_theta)]), tensor([0.0])
    )
    q = geometry.scattering_vector(diffracted, BEAM, 1.5)
    assert q.length().item() == pytest.approx(2 * math.sin(two_theta / 2) / 1.5)


# Curved detectors

EDGES = [-0.12, -0.05, 0.0, 0.03, 0.11]
GRID = [[slow for slow in EDGES for _ in EDGES], EDGES * len(EDGES)]


@pytest.mark.parametrize("bend", [geometry.curved_position, geometry.curved_position_as_c])
def test_every_pixel_of_a_curved_detector_is_at_the_radius(bend):
    lengths = curved(*GRID, bend=bend).length()
    assert lengths.tolist() == pytest.approx([DISTANCE] * len(GRID[0]))


@PROPERTY
@given(turn=turns, centre=st.tuples(*[st.floats(-0.1, 0.1)] * 2))
def test_every_pixel_of_a_turned_curved_detector_is_at_the_radius(turn, centre):
    rotation = about_fixed_axes(*turn)
    beam, slow_axis, fast_axis = (as_tuple(rotation @ axis) for axis in (BEAM, SLOW, FAST))
    position = curved(*GRID, beam=beam, slow_axis=slow_axis, fast_axis=fast_axis, centre=centre)
    assert position.length().tolist() == pytest.approx([DISTANCE] * len(GRID[0]))


def test_a_curved_detector_touches_the_flat_one_at_the_beam_spot():
    assert rows(curved([0.0], [0.0])) == pytest.approx(rows(flat([0.0], [0.0])))


@pytest.mark.parametrize(("slow", "fast"), [(1e-4, 0.0), (0.0, 1e-4), (-1e-4, 5e-5)])
def test_a_curved_detector_follows_the_flat_one_near_the_beam(slow, fast):
    # they part with the square of the angle, here 1e-3
    assert rows(curved([slow], [fast])) == pytest.approx(rows(flat([slow], [fast])), abs=2e-7)


def test_a_curved_detector_keeps_fast_and_slow():
    along_fast, along_slow = rows(curved([0.0, 0.02], [0.03, 0.0]))
    assert along_fast == pytest.approx(
        DISTANCE * np.array([math.cos(0.3), 0.0, math.sin(0.3)]), abs=1e-12
    )
    assert along_slow == pytest.approx(
        DISTANCE * np.array([math.cos(0.2), -math.sin(0.2), 0.0]), abs=1e-12
    )


@PROPERTY
@given(slow=st.floats(-0.05, 0.05), fast=st.floats(-0.05, 0.05))
def test_a_curved_detector_of_the_other_hand_is_the_mirror_image(slow, fast):
    # ADXV's axes are left-handed
    mirrored = rows(curved([slow], [fast], slow_axis=(0.0, 1.0, 0.0))) * [1.0, -1.0, 1.0]
    assert mirrored == pytest.approx(rows(curved([slow], [fast])), abs=1e-15)


def test_the_c_program_s_curved_detector_swaps_fast_and_slow():
    as_c = rows(curved([0.02], [0.03], bend=geometry.curved_position_as_c))
    swapped = rows(curved([-0.03], [-0.02], bend=geometry.curved_position))
    assert as_c == pytest.approx(swapped, abs=1e-15)
    assert np.abs(as_c - rows(curved([0.02], [0.03]))).max() > 5e-3


@PROPERTY
@given(turn=turns)
def test_a_curved_detector_does_not_depend_on_the_laboratory(turn):
    rotation = about_fixed_axes(*turn)
    beam, slow_axis, fast_axis = (as_tuple(rotation @ axis) for axis in (BEAM, SLOW, FAST))
    turned = curved(*GRID, beam=beam, slow_axis=slow_axis, fast_axis=fast_axis)
    assert rows(turned) == pytest.approx(rows(curved(*GRID)) @ rotation.T, abs=1e-12)
