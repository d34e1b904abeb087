"""Tiles of the assembled detector hold what the run does."""

import numpy as np
import pytest

from support.panels import panels_run
from support.viewing import compute, computed_run
from tiled_sim.run.run import Run
from tiled_sim.store.pyramid import halve
from tiled_sim.viewer.mosaic import GAP, LIT, MASKED, SIDE, WAITING, Mosaic, Place


def whole(mosaic, quantity, frame, level):
    """Values and states of all tiles of a level, put together."""
    rows, columns = mosaic.shape(level)
    values, state = np.zeros((rows, columns)), np.full((rows, columns), 99)
    for place in mosaic.places(quantity, frame):
        if place.level == level:
            tile = mosaic.tile(place)
            at = np.s_[
                place.row * SIDE : (place.row + 1) * SIDE,
                place.column * SIDE : (place.column + 1) * SIDE,
            ]
            values[at], state[at] = tile.values, tile.state
    return values, state


@pytest.mark.parametrize("quantity", ["image", "counts"])
def test_the_finest_level_is_the_assembled_image(panels, quantity):
    values, state = whole(Mosaic(panels), quantity, 1, 0)
    expected = panels.assembled(counts=quantity == "counts").values[1]
    assert (np.isnan(expected) == (state != LIT)).all()
    assert (values[state == LIT] == expected[state == LIT]).all()
    assert (state == LIT).sum() > 20_000


def test_masked_pixels_and_gaps_and_what_is_not_computed_are_told_apart(tmp_path):
    part = panels_run(tmp_path / "part.zarr", panels=(0, 1, 2, 4))
    mosaic = Mosaic(part)
    _, state = whole(mosaic, "image", 0, 0)
    seen = {one.panel: one for one in mosaic.assembly.seen(*map(range, mosaic.assembly.shape))}
    of_left, of_top = seen[0], seen[3]
    dead = of_left.slow < 3
    assert set(state[of_left.row[dead], of_left.column[dead]]) == {MASKED}
    assert set(state[of_top.row, of_top.column]) == {WAITING}
    assert GAP in state


def test_a_coarser_level_of_a_finished_run_is_the_runs_own(wide):
    values, state = whole(Mosaic(wide), "image", 0, 1)
    expected = np.stack(list(_level(wide, 1)))
    assert (state == LIT).all()
    assert (values == expected).all()


def _level(run, number):
    import zarr

    return zarr.open_group(run.path, mode="r")[f"{number}/image"][0, 0]


@pytest.mark.parametrize("quantity", ["image", "counts"])
def test_a_coarser_level_of_small_panels_is_of_their_own_means(whole_panels, quantity, monkeypatch):
    monkeypatch.setattr("tiled_sim.viewer.mosaic._SMALL", 128)
    mosaic = Mosaic(whole_panels)
    assert mosaic.pixels.has_whole_panels
    values, state = whole(mosaic, quantity, 0, 1)
    seen = next(
        one
        for one in mosaic.assembly.coarser(2).seen(*map(range, mosaic.shape(1)))
        if one.panel == 1
    )
    counts = quantity == "counts"
    pixels = whole_panels.store.array(counts=counts)[0, 1].astype(np.float32)
    expected = halve(pixels)[seen.slow // 2, seen.fast // 2]
    at = seen.row, seen.column
    assert set(state[at]) == {LIT}
    assert (values[at] == expected).all()


def test_without_levels_of_the_run_a_coarser_one_is_the_mean_of_the_finer(still, tmp_path):
    run = computed_run(still("-detpixels", 600, "-pixel", 0.05), tmp_path / "a.zarr", tiles=[0, 1])
    mosaic = Mosaic(run)
    fine, state = whole(mosaic, "image", 0, 0)
    values, coarse = whole(mosaic, "image", 0, 1)
    expected = halve(np.where(state == LIT, fine, np.nan).astype(np.float32))
    assert ((coarse == WAITING) == np.isnan(expected)).all()
    assert (values[coarse == LIT] == expected[coarse == LIT]).all()
    assert {LIT, WAITING} == set(coarse.flat)


def test_what_is_computed_meanwhile_is_seen(still, tmp_path, monkeypatch):
    monkeypatch.setattr("tiled_sim.viewer.done._FRESH", 0.0)
    run = computed_run(still("-detpixels", 600, "-pixel", 0.05), tmp_path / "a.zarr", tiles=[0])
    mosaic = Mosaic(run)
    place = Place("image", 0, 1, 0, 0)
    before = (mosaic.tile(place).state == LIT).sum()
    compute(run, [1])
    after = mosaic.tile(place)
    assert (after.state == LIT).sum() > before > 0


def test_a_level_of_dead_pixels_alone_is_masked(still, tmp_path):
    experiment = still("-detpixels", 600, "-pixel", 0.05, "-roi", 0, 599, 0, 199)
    mosaic = Mosaic(computed_run(experiment, tmp_path / "a.zarr"))
    _, state = whole(mosaic, "image", 0, 1)
    assert set(state[:100].flat) == {LIT}
    assert set(state[100:].flat) == {MASKED}


@pytest.mark.parametrize(
    "place",
    [
        Place("counts", 0, 0, 0, 0),
        Place("image", 1, 0, 0, 0),
        Place("image", 0, 2, 0, 0),
        Place("image", 0, 0, 3, 0),
        Place("image", 0, 1, 0, 2),
    ],
)
def test_a_tile_that_is_not_there_is_refused(wide, place):
    with pytest.raises(ValueError, match=r"of|only"):
        Mosaic(wide).tile(place)


def test_a_run_of_format_1_is_shown(data):
    run = Run(data / "run_format1.zarr")
    values, state = whole(Mosaic(run), "image", 0, 0)
    assert (values[state == LIT] == run.assembled().values[0][state == LIT]).all()
    assert (state == LIT).any()
