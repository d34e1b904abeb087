"""Conventions and pivots: where they put the detector, whatever its tilt."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import ExperimentError
from tiled_sim.physics import geometry
from tiled_sim.physics.vectors import about_axis, about_fixed_axes, as_tuple
from tiled_sim.read.conventions import (
    BEAM,
    CONVENTIONS,
    SAMPLE,
    Placement,
    beam_spot,
    place,
    with_axes,
)

PROPERTY = settings(deadline=None, max_examples=60)
PIXELS, PIXEL_SIZE = (120, 160), 2e-4  # slow, fast
SIZE_SLOW, SIZE_FAST = 0.024, 0.032

names = st.sampled_from(sorted(CONVENTIONS))
pivots = st.sampled_from([BEAM, SAMPLE])
#: Tilts that leave the detector in the beam's way.
tilts = st.tuples(*[st.floats(-0.4, 0.4)] * 3)
swings = st.floats(-0.4, 0.4)
lengths = st.floats(-0.05, 0.05)
distances = st.floats(0.02, 1.0)


def placement(name="mosflm", pivot=BEAM, **details):
    return Placement(CONVENTIONS[name], pivot, PIXELS, PIXEL_SIZE, **details)


def spot_of(placed):
    return beam_spot(placed.origin, placed.fast, placed.slow, placed.normal, placed.beam)


def asked_of(name, X, Y):
    """(fast, slow) that a beam centre X, Y means."""
    return {
        "mosflm": (Y + PIXEL_SIZE / 2, X + PIXEL_SIZE / 2),
        "denzo": (Y, X),
        "adxv": (X, SIZE_SLOW - Y),
    }.get(name, (X, Y))


def centred(name, X, Y):
    """The options of a convention that set its beam centre [m]."""
    if name in ("xds", "dials"):
        return {"ORGX": X / PIXEL_SIZE + 0.5, "ORGY": Y / PIXEL_SIZE + 0.5}
    return {"Xbeam": X, "Ybeam": Y}


# Every convention


@pytest.mark.parametrize(
    ("name", "pivot"),
    [
        ("mosflm", BEAM),
        ("denzo", BEAM),
        ("adxv", BEAM),
        ("xds", SAMPLE),
        ("dials", SAMPLE),
        ("custom", BEAM),
        ("custom", SAMPLE),
    ],
)
@PROPERTY
@given(X=lengths, Y=lengths, distance=distances)
def test_the_beam_falls_where_the_beam_centre_was_asked(name, pivot, X, Y, distance):
    placed = place(placement(name, pivot, distance=distance, **centred(name, X, Y)))
    assert spot_of(placed) == pytest.approx(asked_of(name, X, Y), abs=1e-12)


@PROPERTY
@given(name=names, X=lengths, Y=lengths, tilt=tilts, swing=swings)
def test_the_beam_pivot_keeps_the_beam_spot(name, X, Y, tilt, swing):
    placed = place(placement(name, BEAM, Xbeam=X, Ybeam=Y, rotations=tilt, twotheta=swing))
    assert spot_of(placed) == pytest.approx(asked_of(name, X, Y), abs=1e-12)


@PROPERTY
@given(name=names, tilt=tilts, distance=distances)
def test_the_beam_pivot_keeps_the_distance_along_the_beam(name, tilt, distance):
    placed = place(placement(name, BEAM, rotations=tilt, distance=distance))
    fast, slow = spot_of(placed)
    spot = placed.origin + fast * placed.fast + slow * placed.slow
    assert spot == pytest.approx(distance * placed.beam, abs=1e-12)
    assert placed.distance == pytest.approx(distance)


@PROPERTY
@given(name=names, tilt=tilts, swing=swings, close=distances)
def test_the_sample_pivot_keeps_the_close_distance(name, tilt, swing, close):
    placed = place(placement(name, SAMPLE, rotations=tilt, twotheta=swing, close_distance=close))
    assert placed.origin @ placed.normal == pytest.approx(close)


@PROPERTY
@given(name=names, tilt=tilts, swing=swings, X=lengths, Y=lengths)
def test_the_sample_pivot_keeps_the_nearest_point(name, tilt, swing, X, Y):
    details = {"ORGX": X / PIXEL_SIZE + 0.5, "ORGY": Y / PIXEL_SIZE + 0.5}
    placed = place(placement(name, SAMPLE, rotations=tilt, twotheta=swing, **details))
    assert (-placed.origin @ placed.fast, -placed.origin @ placed.slow) == pytest.approx(
        (X, Y), abs=1e-12
    )


@PROPERTY
@given(name=names, pivot=pivots, tilt=tilts, swing=swings)
def test_axes_stay_orthonormal(name, pivot, tilt, swing):
    placed = place(placement(name, pivot, rotations=tilt, twotheta=swing))
    axes = np.array([placed.fast, placed.slow, placed.normal])
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)


@PROPERTY
@given(name=names, tilt=tilts, swing=swings)
def test_axes_are_turned_about_the_laboratory_and_then_about_two_theta(name, tilt, swing):
    convention = CONVENTIONS[name]
    turn = about_axis(convention.twotheta_axis, swing) @ about_fixed_axes(*tilt)
    placed = place(placement(name, BEAM, rotations=tilt, twotheta=swing))
    assert placed.fast == pytest.approx(turn @ convention.fast, abs=1e-12)
    assert placed.slow == pytest.approx(turn @ convention.slow, abs=1e-12)
    assert placed.normal == pytest.approx(turn @ convention.normal, abs=1e-12)


@PROPERTY
@given(name=names, tilt=tilts, swing=swings)
def test_the_sample_pivot_turns_the_origin_with_the_axes(name, tilt, swing):
    flat = place(placement(name, SAMPLE))
    turn = about_axis(CONVENTIONS[name].twotheta_axis, swing) @ about_fixed_axes(*tilt)
    turned = place(placement(name, SAMPLE, rotations=tilt, twotheta=swing, close_distance=0.1))
    assert turned.origin == pytest.approx(turn @ flat.origin, abs=1e-12)
    assert turned.origin_before_rotation == pytest.approx(flat.origin, abs=1e-12)


@PROPERTY
@given(name=names, pivot=pivots, tilt=tilts, swing=swings)
def test_every_pixel_has_a_distance_and_a_solid_angle(name, pivot, tilt, swing):
    placed = place(placement(name, pivot, rotations=tilt, twotheta=swing))
    slow, fast = (
        torch.tensor(grid.ravel() + 0.5, dtype=torch.float64) * PIXEL_SIZE
        for grid in np.meshgrid(range(0, PIXELS[0], 17), range(0, PIXELS[1], 17), indexing="ij")
    )
    position = geometry.flat_position(
        slow, fast, as_tuple(placed.origin), as_tuple(placed.slow), as_tuple(placed.fast)
    )
    _, distance = geometry.direction(position)
    omega = geometry.solid_angle(distance, (PIXEL_SIZE,) * 2, float(placed.origin @ placed.normal))
    assert bool((distance > 0).all())
    assert bool((omega > 0).all())


@PROPERTY
@given(name=names, pivot=pivots, tilt=tilts)
def test_an_origin_of_ones_own_is_that_of_the_unturned_panel(name, pivot, tilt):
    usual = place(placement(name, pivot, rotations=(0.0, 0.0, 0.0)))
    details = {"rotations": tilt, "origin": as_tuple(usual.origin)}
    placed = place(placement(name, pivot, **details))
    assert placed.origin_before_rotation == pytest.approx(usual.origin, abs=1e-12)


# Single conventions


@pytest.mark.parametrize("name", CONVENTIONS)
def test_all_conventions_but_adxv_are_right_handed(name):
    convention = CONVENTIONS[name]
    hand = np.cross(convention.fast, convention.slow) @ np.array(convention.normal)
    assert hand == (-1.0 if name == "adxv" else 1.0)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_the_detector_of_a_convention_is_square_to_its_beam(name):
    assert CONVENTIONS[name].beam == CONVENTIONS[name].normal


@pytest.mark.parametrize("name", CONVENTIONS)
def test_polarization_lies_along_the_spindle_and_across_the_beam(name):
    convention = CONVENTIONS[name]
    assert convention.polarization_axis == convention.spindle
    assert np.dot(convention.polarization_axis, convention.beam) == 0.0


@pytest.mark.parametrize(
    ("name", "pivot"),
    [
        ("mosflm", BEAM),
        ("denzo", BEAM),
        ("adxv", BEAM),
        ("xds", SAMPLE),
        ("dials", SAMPLE),
        ("custom", None),
    ],
)
def test_named_conventions_force_their_pivot(name, pivot):
    assert CONVENTIONS[name].pivot == pivot


@pytest.mark.parametrize(
    ("name", "spot"),
    [
        # the middle, and what the names make of it: half a pixel here and there
        ("mosflm", (SIZE_FAST / 2 + PIXEL_SIZE, SIZE_SLOW / 2 + PIXEL_SIZE)),
        ("denzo", (SIZE_FAST / 2 + PIXEL_SIZE / 2, SIZE_SLOW / 2 + PIXEL_SIZE / 2)),
        ("adxv", (SIZE_FAST / 2 + PIXEL_SIZE / 2, SIZE_SLOW / 2 + PIXEL_SIZE / 2)),
        ("xds", (SIZE_FAST / 2, SIZE_SLOW / 2)),
        ("dials", (SIZE_FAST / 2, SIZE_SLOW / 2)),
        ("custom", (SIZE_FAST / 2, SIZE_SLOW / 2)),
    ],
)
def test_the_default_beam_centre_is_about_the_middle(name, spot):
    pivot = CONVENTIONS[name].pivot or BEAM
    assert spot_of(place(placement(name, pivot))) == pytest.approx(spot)


def test_mosflm_with_its_beam_in_the_middle_is_where_it_is_in_print():
    placed = place(
        Placement(CONVENTIONS["mosflm"], BEAM, (1024, 1024), 1e-4, Xbeam=0.0512, Ybeam=0.0512)
    )
    assert placed.origin == pytest.approx([0.1, 0.05125, -0.05125])


def test_close_distance_wins_over_distance():
    placed = place(placement(distance=0.3, close_distance=0.2))
    assert placed.distance == pytest.approx(0.2)


def test_the_distance_along_the_beam_of_a_tilted_panel_is_longer_than_its_close_distance():
    placed = place(placement(rotations=(0.0, 0.0, math.pi / 3), close_distance=0.1))
    assert placed.distance == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["custom", "mosflm"])
def test_a_panel_in_line_with_the_beam_is_refused(name):
    with pytest.raises(ExperimentError, match="parallel to the beam"):
        place(placement(name, rotations=(0.0, 0.0, math.pi / 2)))


@pytest.mark.parametrize(
    ("axis", "called"),
    [
        ("beam", "beam"),
        ("fast", "fast"),
        ("slow", "slow"),
        ("twotheta_axis", "two-theta"),
        ("polarization_axis", "polarization"),
        ("spindle", "spindle"),
    ],
)
def test_an_axis_without_length_is_refused_by_name(axis, called):
    convention = with_axes(CONVENTIONS["custom"], **{axis: (0.0, 0.0, 0.0)})
    with pytest.raises(ExperimentError, match=f"the {called} vector has no length"):
        place(dataclasses.replace(placement(), convention=convention))


@pytest.mark.parametrize("length", [0.5, 3.0])
def test_axes_of_any_length_are_made_unit_vectors(length):
    axes = {
        axis: tuple(length * component for component in getattr(CONVENTIONS["custom"], axis))
        for axis in ("beam", "fast", "slow", "normal", "polarization_axis", "spindle")
    }
    long = dataclasses.replace(placement(), convention=with_axes(CONVENTIONS["custom"], **axes))
    usual = place(dataclasses.replace(placement(), convention=CONVENTIONS["custom"]))
    placed = place(long)
    for axis in ("origin", "beam", "fast", "slow", "normal", "polarization_axis", "spindle"):
        assert getattr(placed, axis) == pytest.approx(getattr(usual, axis))


def test_a_normal_that_is_not_a_unit_vector_is_made_from_the_axes_and_noted():
    convention = with_axes(CONVENTIONS["custom"], normal=(0.0, 5.0, 0.0))
    placed = place(dataclasses.replace(placement(), convention=convention))
    assert placed.normal == pytest.approx([1.0, 0.0, 0.0])
    assert any("normal is fast x slow" in note for note in placed.notes)


def test_a_normal_that_is_a_unit_vector_is_kept():
    convention = with_axes(CONVENTIONS["custom"], normal=(0.8, 0.6, 0.0))
    placed = place(dataclasses.replace(placement(), convention=convention))
    assert placed.normal.tolist() == [0.8, 0.6, 0.0]
    assert placed.notes == ()


def test_axes_that_are_not_given_stay_those_of_the_convention():
    changed = with_axes(CONVENTIONS["custom"], fast=None, slow=(1.0, 0.0, 0.0))
    assert changed == dataclasses.replace(CONVENTIONS["custom"], slow=(1.0, 0.0, 0.0))


@pytest.mark.parametrize("beam", [(0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)])
def test_a_beam_that_passes_the_panel_by_has_no_spot(beam):
    placed = place(placement())
    assert beam_spot(placed.origin, placed.fast, placed.slow, placed.normal, np.array(beam)) is None
