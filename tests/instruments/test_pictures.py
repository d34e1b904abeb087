"""Pictures: a PNG that others can read, of the right shape, that tells what is not computed."""

import dataclasses
import shutil
import sys

import numpy as np
import pytest

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.errors import StoreError, UsageError
from tiled_sim.instruments.pictures import (
    brightest_of_blocks,
    dead_blocks,
    resolution,
    write_picture,
)
from tiled_sim.instruments.scale import add_scale, show
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run

Image = pytest.importorskip("PIL.Image")
pyplot = pytest.importorskip("matplotlib.pyplot")

NOT_COMPUTED = (0x9D, 0xB8, 0xD6)
GAP = (0xC9, 0xC9, 0xC9)


def made(experiment, path, tiles=None):
    """A run with some of its tiles done, or all."""
    run = create_run(prepare(experiment, tile=(32, 32)), path)
    for index in range(len(run.plan)) if tiles is None else tiles:
        compute_batch(str(run.path), run.run_id, "cpu", [(index, 1)])
    return Run(run.path)


@pytest.fixture(scope="module")
def finished(still, tmp_path_factory):
    return made(still(), tmp_path_factory.mktemp("finished") / "run.zarr")


@pytest.fixture(scope="module")
def half(still, tmp_path_factory):
    """A run of which the upper third is done."""
    return made(still(), tmp_path_factory.mktemp("half") / "half.zarr", tiles=[0, 1, 2])


def drawn(run, path, **options):
    """The picture of a run: uint8 (row, column, 3)."""
    write_picture(run, path, **options)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


@pytest.fixture(scope="module")
def of_finished(finished, tmp_path_factory):
    return drawn(finished, tmp_path_factory.mktemp("picture") / "run.png")


@pytest.fixture(scope="module")
def of_half(half, tmp_path_factory):
    return drawn(half, tmp_path_factory.mktemp("picture") / "half.png")


def not_computed(pixels):
    """Whether a pixel has the colour of what is not computed."""
    return np.abs(pixels.astype(int) - NOT_COMPUTED).sum(axis=2) < 6


def extent(found):
    """Height and width of the rectangle around what was found."""
    rows, columns = np.nonzero(found)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


def test_a_picture_has_a_useful_size(of_finished):
    assert min(of_finished.shape[:2]) > 800


def test_a_picture_shows_more_than_one_brightness(of_finished):
    assert len(np.unique(of_finished.astype(int) @ (65536, 256, 1))) > 100


def test_a_scale_of_less_than_a_power_of_ten_has_numbers_as_people_write_them():
    figure, axes = pyplot.subplots()
    image = np.linspace(201.5, 202.0, 10_000, dtype=np.float32).reshape(100, 100)
    add_scale(axes, show(axes, image, (0, 1, 1, 0)), counts=False)
    figure.canvas.draw()
    bar = figure.axes[1]
    ticks = [tick.get_text() for tick in bar.get_yticklabels()]
    assert "201.8" in ticks
    assert 3 <= len(ticks) <= 10
    assert [tick.get_text() for tick in bar.get_yticklabels(minor=True)] == []
    pyplot.close(figure)


def test_a_finished_run_has_nothing_in_the_colour_of_what_is_not_computed(of_finished):
    assert not_computed(of_finished).mean() < 1e-4


def test_what_is_not_computed_has_a_colour_of_its_own(of_half):
    height, width = extent(not_computed(of_half))
    assert not_computed(of_half).mean() > 0.2
    assert height / width == pytest.approx(2 / 3, rel=0.05)  # two thirds of a square


def test_row_zero_is_at_the_top(of_half):
    upper, lower = np.array_split(not_computed(of_half), 2)
    assert upper.mean() < lower.mean()


def test_masked_pixels_differ_from_zeros_and_from_what_is_not_computed(still, tmp_path):
    run = made(still("-roi", 48, 95, 0, 95), tmp_path / "run.zarr", tiles=range(6))
    assert (run.image.values[0, 0, :64, :48] == 0).all()
    pixels = drawn(run, tmp_path / "run.png").astype(int)
    masked = np.abs(pixels - GAP).sum(axis=2) < 6
    width, height = masked.sum(axis=1).max(), masked.sum(axis=0).max()
    assert height / width == pytest.approx(2.0, rel=0.05)  # the left half, done or not
    waiting = not_computed(pixels)
    assert not (waiting & masked).any()
    assert waiting.sum() == pytest.approx(height * width / 3, rel=0.1)


def test_a_block_of_masked_and_live_pixels_is_live(still, tmp_path):
    run = made(still("-roi", 33, 95, 0, 94), tmp_path / "run.zarr", tiles=[])
    dead = dead_blocks(run, 0, 4)
    assert dead.shape == (24, 24)
    assert dead[:, :8].all()
    assert not dead[:, 8:].any()


@pytest.mark.parametrize(("slow", "fast"), [(64, 160), (160, 64)])
def test_an_oblong_detector_is_oblong_in_its_picture(still, tmp_path, slow, fast):
    experiment = still("-detpixels_s", slow, "-detpixels_f", fast)
    pixels = drawn(made(experiment, tmp_path / "run.zarr", tiles=[]), tmp_path / "run.png")
    height, width = extent(not_computed(pixels))
    assert height / width == pytest.approx(slow / fast, rel=0.03)


@pytest.fixture(scope="module")
def many(still, tmp_path_factory):
    """A run of two frames of two panels."""
    experiment = still("-osc", 5, "-phisteps", 1, "-phi", 1, "-detpixels", 32)
    (panel,) = experiment.detector.panels
    x, y, z = panel.origin
    experiment = dataclasses.replace(
        experiment,
        exposures=dataclasses.replace(experiment.exposures, count=2),
        detector=dataclasses.replace(
            experiment.detector,
            panels=(panel, dataclasses.replace(panel, origin=(x, y, z - 0.03))),
        ),
    )
    return made(experiment, tmp_path_factory.mktemp("many") / "run.zarr")


def test_another_frame_has_another_picture(many, tmp_path):
    first, second = (drawn(many, tmp_path / f"{n}.png", frame=n, panel=1) for n in (0, 1))
    assert first.shape != second.shape or (first != second).any()


# What a pixel of a picture stands for


def test_a_small_image_is_drawn_as_it_is(finished):
    reduced, factor = brightest_of_blocks(finished, 0, 0)
    assert factor == 1
    np.testing.assert_array_equal(reduced, finished.image.values[0, 0])


@pytest.mark.parametrize("frame", [0, 1])
@pytest.mark.parametrize("panel", [0, 1])
def test_the_image_drawn_is_that_of_the_frame_and_panel(many, frame, panel):
    reduced, _ = brightest_of_blocks(many, frame, panel)
    np.testing.assert_array_equal(reduced, many.image.values[frame, panel])


def test_a_large_image_is_reduced_to_the_brightest_pixel_of_each_block(still, tmp_path):
    experiment = still("-detpixels_s", 1410, "-detpixels_f", 67, "-pixel", 0.02)
    run = create_run(prepare(experiment, tile=(704, 80)), tmp_path / "run.zarr")
    compute_batch(str(run.path), run.run_id, "cpu", [(1, 1)])
    run = Run(run.path)
    reduced, factor = brightest_of_blocks(run, 0, 0)
    image = run.image.values[0, 0]
    assert factor == 2
    assert reduced.shape == (705, 34)
    np.testing.assert_array_equal(
        np.isnan(reduced).all(axis=1), [*[True] * 352, *[False] * 352, True]
    )
    for row, column in [(352, 0), (500, 17), (703, 32), (703, 33)]:
        block = image[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert reduced[row, column] == block.max()


def test_the_resolution_is_that_of_braggs_law(finished):
    slow, fast, d = resolution(finished, 0, points=3)
    assert (slow.tolist(), fast.tolist()) == ([0.0, 47.5, 95.0], [0.0, 47.5, 95.0])
    # MOSFLM's beam passes half a detector and one pixel from the corner: 49 pixels of 0.3 mm
    from_beam = np.hypot(49 - 0.5, 49 - 0.5) * 0.3
    expected = 1.0 / (2 * np.sin(np.arctan(from_beam / 100) / 2))
    assert d[0, 0] == pytest.approx(expected, rel=1e-9)


# What is refused


def test_a_picture_that_exists_is_not_overwritten(finished, tmp_path):
    path = tmp_path / "run.png"
    path.write_text("mine")
    with pytest.raises(StoreError, match=r"run\.png exists already"):
        write_picture(finished, path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("option", ["frame", "panel"])
@pytest.mark.parametrize("number", [-1, 1])
def test_a_frame_or_panel_that_the_run_has_not_is_refused(finished, tmp_path, option, number):
    with pytest.raises(UsageError, match=rf"{option}={number}: the run has {option}s 0 to 0"):
        write_picture(finished, tmp_path / "run.png", **{option: number})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/run.png", "run.nonsense"])
def test_a_picture_that_cannot_be_written_is_said_so(finished, tmp_path, name):
    with pytest.raises(StoreError, match=f"cannot write the picture .*{name}"):
        write_picture(finished, tmp_path / name)


def test_damage_is_said_in_place_of_a_traceback(finished, tmp_path):
    copy = shutil.copytree(finished.path, tmp_path / "copy.zarr")
    (copy / "0/image/c/0/0/1/1").write_bytes(b"damage")
    with pytest.raises(StoreError, match="tiled-sim verify"):
        write_picture(Run(copy), tmp_path / "run.png")


def test_without_matplotlib_it_is_told_how_to_install_it(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    with pytest.raises(UsageError, match=r"pip install 'tiled_sim\[view\]'"):
        write_picture(finished, tmp_path / "run.png")
