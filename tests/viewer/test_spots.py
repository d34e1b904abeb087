"""Spots are predicted where images have them, without one."""

import numpy as np
import pandas
import pytest

from support.viewing import computed_run
from tiled_sim.export.spots import spots_table
from tiled_sim.model.experiment import Experiment
from tiled_sim.viewer.mosaic import Mosaic
from tiled_sim.viewer.spots import Spots

WORDS = (
    "-cell 40 50 60 80 95 100 -lambda 1 -distance 100 -detpixels 160 -pixel 0.6 -oversample 1 "
    "-default_F 100 -N 15 -fluence 1e28"
)
NODE = ["crystal", "panel", "h", "k", "l"]


def experiment_of(words, **own):
    return Experiment.from_nanobragg(f"{WORDS} {words}".split(), **own)


def predicted(run, frame=0):
    """A row a spot, with what the image has of it."""
    mosaic = Mosaic(run)
    spots = Spots(run, mosaic.pixels)
    told = spots.of_frame(frame)
    count, finest = told.pop("count"), told.pop("finest_A")
    assert finest is None
    table = pandas.DataFrame(told)
    assert len(table) == count
    panels = range(len(run.experiment.detector.panels))
    has = pandas.DataFrame(spots.photons(frame, panels)).set_index("spot").add_suffix("_found")
    return table.join(has, how="left")


def exact(run, frame=0):
    """The reflections that an export tells, by the reference kernel."""
    table = spots_table(run, frame)
    if "crystal" not in table:
        table["crystal"] = 1
    return table


@pytest.mark.parametrize(
    ("words", "own", "within"),
    [
        ("", {}, 2.0),
        ("-round_xtal -osc 3 -phisteps 10", {}, 2.0),
        ("-N 5 -gauss_xtal", {"random_shots": 2}, 2.0),
        ("-N 5 -tophat_spots", {"random_shots": 2}, 2.0),
        ("-mosaic 0.5 -mosaic_domains 8 -dispersion 2 -dispsteps 3", {}, 3.0),
        ("-divergence 6 -divsteps 3", {}, 3.0),
        ("-curved_det", {}, 2.0),
        ("-curved_det", {"c_compat": True}, 2.0),
        ("-detector_rotx 20 -detector_roty 10 -oversample 2", {}, 2.0),
        ("", {"twins": [(10, 20, 30, 0.5)]}, 2.0),
    ],
)
def test_all_bright_reflections_of_the_image_are_predicted(tmp_path, words, own, within):
    run = computed_run(experiment_of(words, **own), tmp_path / "a.zarr")
    reflections = exact(run)
    inside = reflections[reflections.slow.between(3, 157) & reflections.fast.between(3, 157)]
    bright = inside[inside.photons > 0.02 * inside.photons.max()]
    joined = bright.merge(predicted(run), on=NODE, how="left", suffixes=("", "_predicted"))
    assert len(joined) > 3
    away = np.hypot(joined.slow_predicted - joined.slow, joined.fast_predicted - joined.fast)
    assert away.max() < within  # of a node that is not predicted it is NaN
    assert not away.isna().any()


def test_spots_of_panels_that_stand_anyhow_lie_on_the_right_ones(panels):
    reflections = exact(panels, 1)
    bright = reflections[reflections.photons > 0.05 * reflections.photons.max()]
    found = predicted(panels, 1)
    joined = bright.merge(found, on=NODE, how="left", suffixes=("", "_predicted"))
    away = np.hypot(joined.slow_predicted - joined.slow, joined.fast_predicted - joined.fast)
    assert set(joined.panel) >= {0, 1, 2}
    assert (away < 5.0).mean() > 0.9  # those at edges are seen in part
    high, wide = np.array([one.pixels for one in panels.experiment.detector.panels])[found.panel].T
    inside = found.slow.between(0, high) & found.fast.between(0, wide)
    nodes = found[["h", "k", "l"]].apply(tuple, axis=1)
    assert not inside.all()
    assert set(nodes[inside]).isdisjoint(nodes[~inside])


def test_photons_are_those_above_the_background(tmp_path):
    words = "-N 6 -gauss_xtal -water 0.02"
    run = computed_run(experiment_of(words, random_shots=1), tmp_path / "a.zarr")
    found = predicted(run)
    joined = exact(run).merge(found, on=NODE, suffixes=("", "_predicted"))
    inside = joined[joined.slow.between(10, 150) & joined.fast.between(10, 150)]
    bright = inside[inside.photons > 0.3 * inside.photons.max()]
    assert len(bright) > 3
    off = np.abs(bright.photons_found / bright.photons - 1.0)
    assert (off < 0.1).mean() > 0.95  # near the beam what is around is far from even


def test_what_is_not_computed_has_spots_but_no_photons(tmp_path):
    run = computed_run(experiment_of(""), tmp_path / "a.zarr", tiles=[])
    found = predicted(run)
    assert len(found) > 10
    assert found.photons_found.isna().all()


def test_forbidden_and_missing_reflections_are_no_spots(still, tmp_path):
    run = computed_run(still(), tmp_path / "a.zarr", tiles=[])
    factors = run.inputs().factors
    for node in predicted(run)[["h", "k", "l"]].to_numpy():
        at = tuple(node - np.array(factors.minimum))
        assert factors.given[at]
        assert factors.grids[0][at] > 0.0


def test_more_steps_than_can_be_looked_at_are_drawn_from(tmp_path, monkeypatch):
    words = "-mosaic 0.5 -mosaic_domains 50 -dispersion 2 -dispsteps 9"
    run = computed_run(experiment_of(words), tmp_path / "a.zarr", tiles=[])
    every = predicted(run)
    monkeypatch.setattr("tiled_sim.viewer.prediction._MOST_PAIRS", 40 * len(every))
    some = predicted(run)
    joined = some.merge(every, on=NODE)
    assert 0.7 * len(every) < len(joined) < len(every)
    away = np.hypot(joined.slow_x - joined.slow_y, joined.fast_x - joined.fast_y)
    assert away.median() < 1.0


def test_where_nodes_are_too_many_those_of_low_resolution_are_predicted(tmp_path, monkeypatch):
    run = computed_run(experiment_of(""), tmp_path / "a.zarr", tiles=[])
    every = predicted(run)
    monkeypatch.setattr("tiled_sim.viewer.prediction._MOST_NODES", 500)
    told = Spots(run, Mosaic(run).pixels).of_frame(0)
    reciprocal = np.linalg.inv(run.experiment.crystal.direct_vectors).T
    nodes = every[["h", "k", "l"]].to_numpy()
    due = np.linalg.norm(nodes @ reciprocal, axis=1) <= 1.0 / told["finest_A"]
    found = set(zip(told["h"], told["k"], told["l"], strict=True))
    assert found == set(map(tuple, nodes[due].tolist()))
    assert 20 < len(found) < 500


def test_spots_that_reach_in_from_beyond_an_edge_have_photons(tmp_path):
    # they are wider than the boxes in which they are summed; next to the edge one stands 1 pixel
    # beyond it, then 15
    for side, beyond in ((398, True), (370, False)):
        words = f"-N 2 -distance 1000 -pixel 0.1 -detpixels {side}"
        run = computed_run(experiment_of(words), tmp_path / f"{side}.zarr")
        found = predicted(run)
        outside = ~(found.slow.between(0, side) & found.fast.between(0, side))
        assert outside.any() == beyond
        assert (found.photons_found >= 0.0).all()


def test_a_box_is_summed_though_pixels_around_it_are_not_computed(tmp_path):
    experiment = experiment_of("-N 6 -gauss_xtal -water 0.02")
    every = predicted(computed_run(experiment, tmp_path / "a.zarr", tile=(32, 32)))
    half = computed_run(experiment, tmp_path / "b.zarr", tile=(32, 32), tiles=range(10))
    some = predicted(half)
    # rows to 63 are done; boxes of 2 pixels have a rim of 2
    done = some.slow < 62.0
    assert some.photons_found.notna().equals(done)
    whole = some.slow < 60.0
    assert some[whole].photons_found.equals(every[whole].photons_found)
    cut = done & ~whole
    assert cut.sum() > 3
    assert np.isfinite(some[cut].background_found.astype(float)).all()
