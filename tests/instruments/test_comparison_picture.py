"""The picture of a comparison: what a pixel of it stands for, and what is refused."""

import sys

import numpy as np
import pytest

from tiled_sim.errors import StoreError, UsageError
from tiled_sim.instruments.comparison_picture import reduced, write_comparison_picture
from tiled_sim.instruments.image import Image

Png = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

PIXELS = np.random.default_rng(0).exponential(10.0, (40, 60))


def image(pixels, name="a.npz"):
    source = {"path": name, "format": "npz", "shape": list(pixels.shape)}
    return Image(source, pixels, np.isfinite(pixels))


def drawn(a, b, path):
    write_comparison_picture(image(a), image(b, "b.npz"), path)
    with Png.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def test_what_is_furthest_from_zero_is_kept_of_a_block():
    pixels = np.array([[1.0, -3.0, 0.5], [2.0, np.nan, np.nan]])
    assert reduced(pixels, 2).tolist() == [[-3.0, 0.5]]


def test_a_block_of_dead_pixels_is_dead():
    pixels = np.array([[1.0, 2.0, np.nan, np.nan], [1.0, 3.0, np.nan, np.nan]])
    np.testing.assert_array_equal(reduced(pixels, 2), [[3.0, np.nan]])


@pytest.mark.parametrize("other", [PIXELS, PIXELS * 1.01, PIXELS * 126_000, np.zeros_like(PIXELS)])
def test_any_pair_is_drawn(tmp_path, other):
    pixels = drawn(PIXELS, other, tmp_path / "out.png")
    assert min(pixels.shape[:2]) > 800
    assert len(np.unique(pixels @ (65536, 256, 1))) > 100


def test_images_without_a_positive_pixel_are_drawn(tmp_path):
    drawn(-PIXELS, np.zeros_like(PIXELS), tmp_path / "out.png")


def test_a_ratio_above_one_is_red_and_below_one_blue(tmp_path):
    other = PIXELS.copy()
    other[:, :30] *= 1.2
    other[:, 30:] *= 0.8
    pixels = drawn(PIXELS, other, tmp_path / "out.png")
    lower_left = pixels[pixels.shape[0] * 6 // 10 : pixels.shape[0] * 8 // 10]
    width = pixels.shape[1]
    left, right = (
        lower_left[:, width * 9 // 100 :][:, : width // 10],
        lower_left[:, width * 3 // 10 :],
    )
    right = right[:, : width // 20]
    assert (left[..., 0] - left[..., 2]).mean() > 50
    assert (right[..., 2] - right[..., 0]).mean() > 50


def test_a_large_image_is_drawn_by_its_extremes(tmp_path):
    large = np.zeros((1700, 20))
    large[850, 10] = 5.0
    assert reduced(large, 3).max() == 5.0
    drawn(large, large, tmp_path / "out.png")


def test_a_picture_that_exists_is_not_overwritten(tmp_path):
    (tmp_path / "out.png").write_text("mine")
    with pytest.raises(StoreError, match=r"out\.png exists already"):
        drawn(PIXELS, PIXELS, tmp_path / "out.png")
    assert (tmp_path / "out.png").read_text() == "mine"


@pytest.mark.parametrize("name", ["missing/out.png", "out.nonsense"])
def test_a_picture_that_cannot_be_written_is_said_so(tmp_path, name):
    with pytest.raises(StoreError, match=f"cannot write the picture .*{name}"):
        drawn(PIXELS, PIXELS, tmp_path / name)


def test_without_matplotlib_it_is_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    with pytest.raises(UsageError, match=r"pip install 'tiled_sim\[view\]'"):
        drawn(PIXELS, PIXELS, tmp_path / "out.png")
