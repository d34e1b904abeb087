"""Comparisons: what makes two images the same, and every way of not being so."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tiled_sim.errors import InputFileError
from tiled_sim.instruments.comparison import PEAKS, RADIUS, Thresholds, compare_images

PROPERTY = settings(deadline=None, max_examples=60)
SIDES = st.tuples(st.integers(1, 14), st.integers(1, 14))
REAL = arrays(np.float64, SIDES, elements=st.floats(-1e6, 1e6))
WHOLE = arrays(np.int32, SIDES, elements=st.integers(-3, 3))


def spots(places, side=64, width=1.0, height=1000.0):
    """Gaussian spots at (slow, fast) places, the first the brightest."""
    slow, fast = np.mgrid[:side, :side]
    image = np.zeros((side, side))
    for number, (at_slow, at_fast) in enumerate(places):
        squared = (slow - at_slow) ** 2 + (fast - at_fast) ** 2
        image += height / (1 + number) * np.exp(-squared / (2 * width**2))
    return image


PLACES = [(12.0, 14.0), (40.0, 30.0), (25.0, 50.0), (50.0, 8.0)]
IMAGE = spots(PLACES)


def failed(found, **thresholds):
    return {check.name for check in found.checks(Thresholds(**thresholds)) if not check.passed}


# The same


@PROPERTY
@given(image=st.one_of(REAL, WHOLE))
def test_any_image_is_the_same_as_its_copy(image):
    assert failed(compare_images(image, image.copy())) == set()


def test_an_image_is_the_same_as_itself():
    assert failed(compare_images(IMAGE, IMAGE)) == set()


@PROPERTY
@given(image=st.one_of(REAL, WHOLE))
def test_an_image_departs_in_nothing_from_itself(image):
    found = compare_images(image, image)
    assert found.sum_ratio == 1.0 or found.sum_a == 0.0
    assert found.rmse == found.largest_difference == 0.0
    assert found.relative_errors.largest == 0.0 or found.relative_errors.pixels == 0
    assert (found.peaks.ratio == 1.0).all()
    assert (found.peaks.at_a == found.peaks.at_b).all()
    if image.min() < image.max():
        assert found.correlation == pytest.approx(1.0, abs=1e-9)


@PROPERTY
@given(image=REAL)
def test_swapping_the_images_inverts_the_ratios(image):
    other = np.roll(image, 1, axis=0) * 1.25 + 1.0
    there, back = compare_images(image, other), compare_images(other, image)
    assert (back.sum_a, back.sum_b) == (there.sum_b, there.sum_a)
    assert back.rmse == pytest.approx(there.rmse)
    assert len(back.peaks.ratio) == len(there.peaks.ratio)
    ratios = there.peaks.ratio[(there.peaks.value_a > 0) & (there.peaks.value_b > 0)]
    turned = back.peaks.ratio[(back.peaks.value_a > 0) & (back.peaks.value_b > 0)]
    np.testing.assert_allclose(np.sort(1.0 / turned), np.sort(ratios), rtol=1e-12)


@PROPERTY
@given(image=REAL, seed=st.integers(0, 99))
def test_what_dead_pixels_hold_does_not_matter(image, seed):
    live = np.random.default_rng(seed).random(image.shape) < 0.7
    assume(live.any())
    spoilt = np.where(live, image, np.nan)
    assert json.dumps(compare_images(spoilt, image, live).to_dict()) == json.dumps(
        compare_images(image, np.where(live, image, 1e9), live).to_dict()
    )


@PROPERTY
@given(a=st.one_of(REAL, WHOLE), b=st.data())
def test_any_two_finite_images_have_a_comparison_that_is_json(a, b):
    other = b.draw(arrays(np.float64, a.shape, elements=st.floats(-1e6, 1e6)))
    found = compare_images(a, other)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["pixels"] == a.size
    assert len(document["peaks"]["pairs"]) == document["peaks"]["count"]


# Not the same


@pytest.mark.parametrize("factor", [1.03, 0.97, 126_000.0])
def test_a_scaled_copy_fails_though_it_correlates(factor):
    found = compare_images(IMAGE, IMAGE * factor)
    assert found.correlation == pytest.approx(1.0, abs=1e-12)
    assert failed(found) == {"sum ratio", "worst peak"}
    assert found.sum_ratio == pytest.approx(factor)


@pytest.mark.parametrize("step", [(1, 0), (0, -1), (2, 1), (-2, -2)])
def test_a_shifted_copy_has_the_displacement(step):
    found = compare_images(IMAGE, np.roll(IMAGE, step, axis=(0, 1)))
    np.testing.assert_allclose(found.peaks.displacement, np.hypot(*step), atol=1e-9)
    assert "peak displacement" in failed(found)
    np.testing.assert_allclose(found.peaks.ratio, 1.0)


@pytest.mark.parametrize("step", [0.1, 0.25, 0.4])
def test_a_displacement_by_part_of_a_pixel_is_measured(step):
    moved = spots([(slow + step, fast) for slow, fast in PLACES])
    found = compare_images(IMAGE, moved)
    np.testing.assert_allclose(found.peaks.displacement, step, rtol=0.15)


def test_one_wrong_spot_of_many_fails():
    wrong = IMAGE.copy()
    wrong[46:55, 4:13] *= 0.95
    assert failed(compare_images(IMAGE, wrong)) == {"worst peak"}


def test_a_spot_that_only_b_has_fails():
    extra = IMAGE + spots([(50.0, 50.0)], height=5.0)
    found = compare_images(IMAGE, extra)
    assert failed(found) == {"worst peak", "peak displacement"}
    assert found.peaks.worst > 1e3


def test_a_spot_that_only_a_has_fails():
    missing = IMAGE + spots([(50.0, 50.0)], height=5.0)
    found = compare_images(missing, IMAGE)
    assert failed(found) == {"worst peak", "peak displacement"}
    assert found.peaks.worst == pytest.approx(1.0, abs=1e-3)


def test_noise_is_seen_by_the_correlation():
    noise = np.random.default_rng(1).normal(0.0, 30.0, IMAGE.shape)
    assert "correlation" in failed(compare_images(IMAGE, IMAGE + noise))


def test_thresholds_are_those_given():
    found = compare_images(IMAGE, IMAGE * 1.03)
    assert failed(found, sum_ratio=(1.02, 1.04), peak_tolerance=0.04) == set()


# What cannot be formed passes nothing


@pytest.mark.parametrize("value", [0.0, 7.0, -2.0])
def test_equal_images_are_the_same_though_they_are_flat(value):
    image = np.full((9, 9), value)
    found = compare_images(image, image)
    assert found.equal
    assert failed(found) == set()
    assert len(found.peaks.ratio) == 0


@pytest.mark.parametrize("value", [7.0, -2.0])
def test_flat_images_that_differ_are_not_passed(value):
    image = np.full((9, 9), value)
    found = compare_images(image, image * 1.001)
    assert not found.equal
    assert {"correlation", "worst peak", "peak displacement"} <= failed(found)


def test_images_that_are_equal_where_both_live_are_equal():
    other = IMAGE.copy()
    other[3, 4] = 1e9
    live = np.ones(IMAGE.shape, bool)
    live[3, 4] = False
    assert compare_images(IMAGE, other, live).equal
    assert not compare_images(IMAGE, other).equal


def test_an_image_against_nothing_is_not_passed():
    found = compare_images(IMAGE, np.zeros_like(IMAGE))
    assert len(failed(found)) == 4
    assert (found.peaks.ratio == 0.0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("letter", ["A", "B"])
def test_live_pixels_that_are_not_finite_are_refused_with_their_number(value, letter):
    bad = IMAGE.copy()
    bad[3, 4:6] = value
    pair = (bad, IMAGE) if letter == "A" else (IMAGE, bad)
    with pytest.raises(InputFileError, match=f"image {letter}: 2 of the 4096 pixels.*mask=FILE"):
        compare_images(*pair)


# Peaks


def test_fewer_spots_than_peaks_are_all_taken():
    found = compare_images(IMAGE, IMAGE)
    assert found.peaks.at_a.tolist() == [[int(a), int(b)] for a, b in PLACES]


def test_no_more_peaks_than_wanted_are_taken():
    image = np.random.default_rng(2).random((200, 200))
    peaks = compare_images(image, image).peaks
    assert len(peaks.ratio) == PEAKS
    assert peaks.value_a[0] == image.max()
    assert (np.diff(peaks.value_a) <= 0).all()


def test_of_two_maxima_within_reach_the_brighter_is_a_peak():
    image = np.zeros((20, 20))
    image[10, 10], image[10, 10 + RADIUS], image[10, 13 + RADIUS] = 5.0, 3.0, 4.0
    assert compare_images(image, image).peaks.at_a.tolist() == [[10, 10], [10, 13 + RADIUS]]


def test_of_equal_pixels_the_first_is_the_peak():
    image = np.zeros((20, 20), np.int32)
    image[5:7, 5:7] = 65_535
    assert compare_images(image, image).peaks.at_a.tolist() == [[5, 5]]


def test_a_peak_at_the_corner_is_one():
    image = np.zeros((9, 9))
    image[0, 0] = 1.0
    assert failed(compare_images(image, image)) == set()


def test_positions_are_told_from_the_origin():
    found = compare_images(IMAGE, IMAGE * 2, origin=(100, 200))
    assert found.peaks.at_a[0].tolist() == [112, 214]
    assert found.largest_difference_at == (112, 214)


def test_dust_is_no_peak():
    dust = IMAGE.copy()
    dust[60, 60] = 5e-7 * IMAGE.max()
    assert len(compare_images(IMAGE, dust).peaks.ratio) == len(PLACES)


# Numbers


def test_sums_errors_and_rmse_are_those_of_the_definition():
    a = np.array([[100.0, 50.0], [10.0, 0.01]])
    b = np.array([[101.0, 50.0], [9.0, 0.02]])
    found = compare_images(a, b)
    assert found.sum_ratio == pytest.approx(160.02 / 160.01)
    assert found.rmse == pytest.approx(np.sqrt((1 + 1 + 1e-4) / 4))
    assert found.relative_errors.pixels == 3  # 0.01 is fainter than 1e-3 of 100
    assert found.relative_errors.largest == pytest.approx(0.1)
    assert found.relative_errors.quantiles[0] == pytest.approx(0.01)
    assert found.correlation == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_large_numbers_do_not_overflow():
    found = compare_images(IMAGE * 1e200, IMAGE * 1e200)
    assert failed(found) == set()
