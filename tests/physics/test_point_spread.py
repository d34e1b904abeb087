"""The point-spread function: its shape, its sum, and what it does to an image."""

import math

import numpy as np
import pytest

from tiled_sim.physics.point_spread import blur, default_radius, spread_of

CASES = [("gauss", 0.7, 3), ("gauss", 2.3, 6), ("fiber", 0.7, 20), ("fiber", 2.3, 9)]
KINDS = ["gauss", "fiber"]


def disc_of(spread):
    """The whole disc from its quadrant."""
    rows = np.concatenate([spread[:0:-1], spread])
    return np.concatenate([rows[:, :0:-1], rows], axis=1)


def density(kind, width, y, x):
    """Share per area [1/pixel²]."""
    square = y * y + x * x
    if kind == "gauss":
        return math.log(16) / math.pi / width**2 * np.exp(-math.log(16) * square / width**2)
    g = width / 2.0 / math.sqrt(2.0 ** (2.0 / 3.0) - 1.0)
    return g / 2.0 / math.pi * (g * g + square) ** -1.5


def integral(kind, width, y, x, points=200):
    """Share of the pixel at (y, x), by midpoints."""
    offsets = (np.arange(points) + 0.5) / points - 0.5
    return density(kind, width, y + offsets[:, None], x + offsets).mean()


@pytest.mark.parametrize(("kind", "width", "radius"), CASES)
def test_every_photon_is_counted_once(kind, width, radius):
    assert disc_of(spread_of(kind, width, radius)).sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize(("kind", "width", "radius"), CASES)
def test_the_shares_are_the_density_integrated_over_each_pixel(kind, width, radius):
    spread = spread_of(kind, width, radius)
    places = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 2), (3, 0)]
    expected = np.array([integral(kind, width, y, x) for y, x in places])
    found = np.array([spread[y, x] for y, x in places])
    # all but for what was cut off and shared out
    np.testing.assert_allclose(found / found[0], expected / expected[0], rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_width_is_full_at_half_maximum(kind):
    spread = spread_of(kind, 60.0, 200)
    assert spread[0, 30] / spread[0, 0] == pytest.approx(0.5, rel=2e-3)


@pytest.mark.parametrize(("kind", "width", "radius"), CASES)
def test_the_shares_fill_a_disc_and_are_symmetric(kind, width, radius):
    spread = spread_of(kind, width, radius)
    along = np.arange(radius + 1)
    inside = along[:, None] ** 2 + along**2 <= radius**2
    np.testing.assert_allclose(spread, spread.T, rtol=1e-12)
    assert np.all(spread[~inside] == 0.0)
    assert np.all(spread[inside] >= 0.0)


@pytest.mark.parametrize(("kind", "beyond"), [("gauss", 1e-9), ("fiber", 1e-2)])
@pytest.mark.parametrize("width", [0.9, 3.0, 11.0])
def test_the_default_radius_is_the_least_that_leaves_so_little(kind, beyond, width):
    def left(radius):
        if kind == "gauss":
            return math.exp(-math.log(16) * (radius / width) ** 2)
        g = width / 2.0 / math.sqrt(2.0 ** (2.0 / 3.0) - 1.0)
        return g / math.hypot(g, radius)

    radius = default_radius(kind, width)
    assert left(radius) <= beyond < left(radius - 1)


def test_light_reaches_the_next_pixel_however_narrow_it_is():
    assert default_radius("gauss", 1e-3) == 1


# Blurring


@pytest.mark.parametrize(("kind", "width", "radius"), CASES)
def test_a_single_photon_spreads_as_the_disc(kind, width, radius):
    spread = spread_of(kind, width, radius)
    photons = np.zeros((6 * radius + 1, 6 * radius + 1))
    photons[3 * radius, 3 * radius] = 1.0
    blurred = blur(photons, spread)
    middle = slice(radius, 3 * radius + 1)
    np.testing.assert_array_equal(blurred[middle, middle], disc_of(spread))
    assert blurred.sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize(("kind", "width", "radius"), CASES)
def test_blurring_is_the_convolution_with_the_disc(kind, width, radius):
    spread = spread_of(kind, width, radius)
    disc = disc_of(spread)
    photons = np.random.default_rng(1).poisson(5.0, (37 + 2 * radius, 21 + 2 * radius))
    windows = np.lib.stride_tricks.sliding_window_view(photons.astype(float), disc.shape)
    expected = (windows * disc).sum(axis=(2, 3))
    np.testing.assert_allclose(blur(photons.astype(float), spread), expected, rtol=1e-13)


@pytest.mark.parametrize(("kind", "width", "radius"), CASES)
def test_a_blurred_pixel_does_not_depend_on_those_blurred_with_it(kind, width, radius):
    spread = spread_of(kind, width, radius)
    photons = np.random.default_rng(2).poisson(1e4, (90, 80)).astype(float)
    whole = blur(photons, spread)
    slow, fast = slice(3, 31), slice(5, 22)
    part = blur(photons[3 : 31 + 2 * radius, 5 : 22 + 2 * radius], spread)
    assert part.tobytes() == np.ascontiguousarray(whole[slow, fast]).tobytes()
