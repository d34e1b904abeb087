"""Lists of sources: order, directions, wavelengths, and the cut corners."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.io.sources import SourceList
from tiled_sim.physics.vectors import about_fixed_axes
from tiled_sim.read.sources import listed_sources, swept_sources
from tiled_sim.read.stepping import SINGLE, Steps

PROPERTY = settings(deadline=None, max_examples=50)
BEAM, POLARIZATION = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
THREE, FOUR = Steps(2e-3, 1e-3, 3), Steps(3e-3, 1e-3, 4)


def sources(horizontal=SINGLE, vertical=SINGLE, dispersion=SINGLE, elliptical=False):
    return swept_sources(
        BEAM, POLARIZATION, 2.0, horizontal, vertical, dispersion, elliptical=elliptical
    )


def deviations(made):
    """(horizontal, vertical) angle of each source [mrad], as the trace of its axis."""
    return [
        (
            round(1e3 * math.asin(-s.incident[2]), 4) + 0.0,
            round(1e3 * math.asin(s.incident[1]), 4) + 0.0,
        )
        for s in made
    ]


def test_nothing_swept_is_one_source_on_the_beam():
    (source,) = sources()
    assert (source.incident, source.wavelength, source.weight) == ((1.0, 0.0, 0.0), 2.0, 1.0)


def test_horizontal_divergence_stays_in_the_plane_of_beam_and_polarization():
    assert [vertical for _, vertical in deviations(sources(THREE))] == [0.0, 0.0, 0.0]


def test_horizontal_divergence_turns_about_beam_cross_polarization():
    # beam X, polarization Z: across is -Y, which turns X towards +Z
    assert [source.incident[2] for source in sources(THREE)] == pytest.approx(
        [-1e-3, 0.0, 1e-3], rel=1e-6
    )


def test_vertical_divergence_turns_about_the_polarization():
    assert [source.incident[1] for source in sources(vertical=THREE)] == pytest.approx(
        [-1e-3, 0.0, 1e-3], rel=1e-6
    )


def test_wavelengths_spread_about_the_central_one():
    made = sources(dispersion=Steps(0.02, 0.01, 3))
    assert [source.wavelength for source in made] == pytest.approx([1.98, 2.0, 2.02])


def test_wavelengths_run_fastest_then_vertical_then_horizontal():
    made = sources(Steps(2e-3, 2e-3, 2), Steps(4e-3, 4e-3, 2), Steps(0.02, 0.02, 2))
    order = [
        (*angles, round(s.wavelength, 6)) for angles, s in zip(deviations(made), made, strict=True)
    ]
    assert order == [
        (horizontal, vertical, wavelength)
        for horizontal in (1.0, -1.0)
        for vertical in (-2.0, 2.0)
        for wavelength in (1.98, 2.02)
    ]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [(THREE, 5), (FOUR, 12), (Steps(1e-3, 1e-3, 2), 4), (Steps(4e-3, 1e-3, 5), 13)],
)
def test_an_elliptical_divergence_leaves_out_the_corners(steps, kept):
    assert len(sources(steps, steps, elliptical=True)) == kept


@pytest.mark.parametrize("steps", [THREE, FOUR])
def test_a_rectangular_divergence_keeps_the_corners(steps):
    assert len(sources(steps, steps)) == steps.count**2


@pytest.mark.parametrize(("horizontal", "vertical"), [(FOUR, SINGLE), (SINGLE, FOUR)])
def test_one_line_of_directions_is_not_cut(horizontal, vertical):
    assert len(sources(horizontal, vertical, elliptical=True)) == 4


@PROPERTY
@given(
    turn=st.tuples(*[st.floats(-math.pi, math.pi)] * 3),
    horizontal=st.integers(1, 4),
    vertical=st.integers(1, 4),
)
def test_directions_turn_with_the_beam(turn, horizontal, vertical):
    rotation = about_fixed_axes(*turn)
    steps = [SINGLE if n == 1 else Steps(0.01, 0.01 / (n - 1), n) for n in (horizontal, vertical)]
    turned = swept_sources(
        rotation @ BEAM, rotation @ POLARIZATION, 2.0, *steps, SINGLE, elliptical=False
    )
    expected = np.array([source.incident for source in sources(*steps)]) @ rotation.T
    assert np.array([source.incident for source in turned]) == pytest.approx(expected, abs=1e-12)


# Listed sources


def listed(*columns):
    columns = [*columns, *[math.nan] * (5 - len(columns))]
    row = np.array([columns])
    (source,) = listed_sources(SourceList(row[:, :3], row[:, 3], row[:, 4]), BEAM, 2.0)
    return source


def test_light_travels_from_a_source_to_the_sample():
    assert listed(-3.0, 0.0, -4.0).incident == pytest.approx((0.6, 0.0, 0.8))


def test_the_distance_of_a_source_does_not_count():
    assert listed(-30.0, 1.0, -40.0).incident == pytest.approx(listed(-3.0, 0.1, -4.0).incident)


def test_a_source_without_a_position_stands_upstream():
    assert listed().incident == (1.0, 0.0, 0.0)


def test_a_coordinate_left_out_is_that_of_ten_metres_upstream():
    # 10 m along -X
    assert listed(-10.0, 10.0).incident == pytest.approx((math.sqrt(0.5), -math.sqrt(0.5), 0.0))


def test_a_source_without_a_weight_weighs_one():
    assert listed(-1.0, 0.0, 0.0).weight == 1.0


def test_a_source_has_its_weight():
    assert listed(-1.0, 0.0, 0.0, 2.5).weight == 2.5


def test_a_source_without_a_wavelength_has_the_beam_s():
    assert listed(-1.0, 0.0, 0.0, 1.0).wavelength == 2.0


def test_the_wavelength_of_a_source_is_in_metres():
    assert listed(-1.0, 0.0, 0.0, 1.0, 1.5e-10).wavelength == pytest.approx(1.5)


def test_sources_keep_the_order_of_the_list():
    weights = np.array([3.0, 1.0, 2.0])
    listed = SourceList(np.tile([-1.0, 0.0, 0.0], (3, 1)), weights, np.full(3, math.nan))
    assert [source.weight for source in listed_sources(listed, BEAM, 2.0)] == [3.0, 1.0, 2.0]
