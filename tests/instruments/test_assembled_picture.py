"""The picture of all panels: which pixels are where, in the PNG itself."""

import shutil

import numpy as np
import pytest

from support.panels import NAMES, centre_of, panels_run
from tiled_sim.errors import StoreError, UsageError
from tiled_sim.instruments.assembled_picture import (
    DEAD,
    LIT,
    NOTHING,
    WAITING,
    draw_assembled,
    reduced,
)
from tiled_sim.instruments.pictures import write_picture
from tiled_sim.instruments.rings import ring, rings_shown
from tiled_sim.model.assembly import Assembly
from tiled_sim.run.run import Run

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

GAP, NOT_COMPUTED = (0xC9, 0xC9, 0xC9), (0x9D, 0xB8, 0xD6)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return panels_run(tmp_path_factory.mktemp("panels") / "run.zarr")


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """A run of which all panels but the one at the top are done."""
    return panels_run(tmp_path_factory.mktemp("part") / "run.zarr", panels=(0, 1, 2, 4))


def drawn(run, path, **options):
    write_picture(run, path, **options)
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def assembly_of(run):
    return Assembly.of(run.experiment.detector, run.experiment.beam.direction)


def is_(picture, colour):
    return np.abs(picture - colour).sum(axis=2) < 6


class Axes:
    """Where places are in the PNG of a run, whose size is that of the figure it was saved from."""

    def __init__(self, picture, run, **options):
        figure = draw_assembled(run, 0, **{"counts": False, "names": False, **options})
        figure.set_dpi(160)
        figure.draw_without_rendering()
        self._height = picture.shape[0]
        self._place = figure.axes[0].transData.transform

    def at(self, x, y):
        """Row and column of the picture of a place [mm]."""
        column, up = self._place((x, y))
        return int(self._height - up), int(column)


@pytest.fixture(scope="module")
def picture(run, tmp_path_factory):
    return drawn(run, tmp_path_factory.mktemp("picture") / "run.png")


def test_gaps_and_masked_pixels_are_grey_and_panels_are_not(picture, run):
    axes = Axes(picture, run)
    grey = is_(picture, GAP)
    for x, y in ((1.6, 5), (-14.5, 1.0), (15, -8), (14, 20)):
        assert grey[axes.at(x, y)], (x, y)
    x, y, _ = centre_of(run, 0, 1, 30)  # outside the region of interest
    assert grey[axes.at(x, y)]
    for panel in range(5):
        for slow, fast in ((6, 5), (12, 30), (18, 11)):
            x, y, _ = centre_of(run, panel, slow, fast)
            assert not grey[axes.at(x, y)], (panel, slow, fast)


@pytest.mark.parametrize("frame", [0, 1])
@pytest.mark.parametrize("panel", [0, 1, 3])
def test_the_brightest_pixel_of_a_panel_is_bright_where_it_is_seen(run, tmp_path, frame, panel):
    picture = drawn(run, tmp_path / "run.png", frame=frame)
    image = np.where(run.mask[panel].values == 0, run.image[frame, panel].values, 0)
    slow, fast = np.unravel_index(image.argmax(), image.shape)
    x, y, _ = centre_of(run, panel, slow, fast)
    row, column = Axes(picture, run).at(x, y)
    around = picture[row - 2 : row + 3, column - 2 : column + 3].sum(axis=2)
    assert around.max() > 330
    nearby = picture[row - 40 : row + 40, column - 40 : column + 40]
    assert np.median(nearby[~is_(nearby, GAP)].sum(axis=1)) < around.max() / 2


def test_what_is_not_computed_is_told_from_gaps(part, tmp_path):
    picture = drawn(part, tmp_path / "part.png")
    waiting = is_(picture, NOT_COMPUTED)
    axes = Axes(picture, part)
    x, y, _ = centre_of(part, 3, 10, 20)
    assert waiting[axes.at(x, y)]
    assert waiting[: axes.at(0, 13)[0]].sum() == waiting.sum() > 1000  # at the top and nowhere else
    assert not is_(picture, GAP)[axes.at(x, y)]


def test_names_are_written_on_demand_on_each_panel_and_nowhere_else(run, picture, tmp_path):
    named = drawn(run, tmp_path / "named.png", names=True)
    changed = (named != picture).any(axis=2)
    axes = Axes(picture, run)
    for panel, name in enumerate(NAMES):
        slow, fast = run.experiment.detector.panels[panel].pixels
        x, y, _ = centre_of(run, panel, (slow - 1) / 2, (fast - 1) / 2)
        row, column = axes.at(x, y)
        around = slice(row - 15, row + 16), slice(column - 8 * len(name), column + 8 * len(name))
        assert changed[around].sum() > 50, name
        changed[around] = False
    assert changed.sum() == 0


def test_counts_are_drawn_in_place_of_photons(run, picture, tmp_path):
    counts = drawn(run, tmp_path / "counts.png", counts=True)
    assert counts.shape != picture.shape or (counts != picture).mean() > 0.05


def test_a_panel_alone_is_drawn_along_its_own_axes(run, tmp_path):
    top, bottom = (
        drawn(run, tmp_path / f"{panel}.png", panel=panel) for panel in (NAMES.index("top"), 4)
    )
    assert top.shape[0] < bottom.shape[0]  # 20 x 48 pixels, and 64 x 32
    assert is_(top, GAP).mean() < 1e-3  # there are no gaps, but for greys of letters


def test_names_of_a_single_panel_are_refused(run, tmp_path):
    with pytest.raises(UsageError, match="panel_names is for the picture of several panels"):
        write_picture(run, tmp_path / "run.png", panel=2, names=True)


def test_damage_is_told(run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "copy.zarr")
    next((copy / "0/image/c/0/3").rglob("0")).rename(tmp_path / "away")
    shard = next(path for path in (copy / "0/image/c/0/1").rglob("*") if path.is_file())
    shard.write_bytes(b"damage")
    with pytest.raises(StoreError, match="tiled-sim verify"):
        write_picture(Run(copy), tmp_path / "run.png")
    assert not (tmp_path / "run.png").exists()


# What a pixel of the picture stands for


def test_a_small_detector_is_drawn_as_it_is_assembled_where_nothing_is_hidden(run):
    found = reduced(run, assembly_of(run), 0, counts=False)
    assembled = run.assembled()[0].values
    assert found.factor == 1
    columns = np.flatnonzero(run.assembled().x.values > 3.3)  # the panel on the left, and the top
    rows = np.flatnonzero(run.assembled().y.values < 13)
    part = np.ix_(rows, columns)
    np.testing.assert_array_equal(found.values[part], assembled[part])


def test_no_bright_pixel_is_lost_of_tilted_and_turned_panels(run):
    found = reduced(run, assembly_of(run), 1, counts=False)
    for panel in range(5):
        image = np.where(run.mask[panel].values == 0, run.image[1, panel].values, 0)
        for value in np.sort(image.ravel())[-20:]:
            assert (found.values == value).any() or panel in (2, 4)  # which hide each other in part


def test_cells_are_told_apart_by_what_is_in_them(part):
    found = reduced(part, assembly_of(part), 0, counts=False)
    lit = np.isfinite(found.values)
    np.testing.assert_array_equal(found.state == LIT, lit)
    for state in (NOTHING, DEAD, WAITING):
        assert (found.state == state).sum() > 300
    assert not lit[found.state < LIT].any()


# Rings


@pytest.mark.parametrize("d", [6.0, 10.0])
def test_a_ring_runs_where_the_resolution_is_its_own(run, d):
    assembly, experiment = assembly_of(run), run.experiment
    lines = ring(experiment.detector, assembly, experiment.beam.wavelength, d, 720)
    assert len(lines) >= 2
    for row, column in np.concatenate(lines)[::7]:
        y, x = (edge * 1e3 for edge in assembly.corner)
        place = np.array([x - column * assembly.cell * 1e3, y - row * assembly.cell * 1e3])
        # on one of the panels that are seen there
        deviations = []
        for one in experiment.detector.panels:
            axes = np.array([one.slow_axis, one.fast_axis])[:, :2] * 1e3
            slow, fast = np.linalg.solve(axes.T, place - 1e3 * np.array(one.origin)[:2])
            size = one.pixel_size[0] * one.pixels[0], one.pixel_size[1] * one.pixels[1]
            if -1e-6 <= slow <= size[0] + 1e-6 and -1e-6 <= fast <= size[1] + 1e-6:
                at = np.array(one.origin) + slow * np.array(one.slow_axis)
                at = at + fast * np.array(one.fast_axis)
                angle = np.arctan2(np.hypot(at[0], at[1]), at[2])
                deviations.append(abs(0.5 / np.sin(angle / 2) - d))
        assert min(deviations) < 1e-6


def test_a_few_rings_are_shown_and_none_that_crosses_no_panel(run):
    experiment = run.experiment
    shown = rings_shown(experiment.detector, assembly_of(run), experiment.beam.wavelength, 360)
    assert 2 <= len(shown) <= 8
    assert all(lines for lines in shown.values())
