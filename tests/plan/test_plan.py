"""The plan: which tiles, by which kernel, at what cost."""

import dataclasses
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import UsageError
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.grid import BLOCK, TileGrid
from tiled_sim.model.memory import Memory
from tiled_sim.model.settings import BY_REFERENCE, Settings
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.planning import make_plan
from tiled_sim.plan.workers import Workers
from tiled_sim.read.inputs import load_inputs
from tiled_sim.read.nanobragg.reader import read_options

PROPERTY = settings(deadline=None, max_examples=60)

LINE = (
    "-default_F 1 -cell 100 -N 5 -detpixels_x 300 -detpixels_y 200 -oversample 2 -osc 1 -phisteps 2"
)

sides = st.integers(1, 12).map(lambda n: n * BLOCK)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 150), st.integers(1, 150))
grids = st.builds(TileGrid, shapes, st.tuples(st.integers(1, 3), st.integers(1, 3), sides, sides))
first_evaluations = st.none() | st.builds(FirstEvaluation, *[st.integers(0, 99)] * 4)


@pytest.fixture(scope="module")
def experiment():
    """Of 3 frames, 200 × 300 (slow × fast) pixels and 8 steps."""
    read = read_options(LINE.split())
    return dataclasses.replace(read, exposures=dataclasses.replace(read.exposures, count=3))


def plan_of(experiment, **options):
    return make_plan(experiment, load_inputs(experiment), BY_REFERENCE, **options)


# What is refused


@pytest.mark.parametrize("pixel", [(200, 0), (0, 300), (-1, 0), (0, -1)])
def test_a_pixel_outside_the_panel_cannot_be_traced(experiment, pixel):
    with pytest.raises(UsageError, match=r"outside the 200 x 300 \(slow x fast\) pixels"):
        plan_of(experiment, trace_pixels=(pixel,))


@pytest.mark.parametrize("pixel", [(0, 0), (199, 299)])
def test_a_corner_of_the_panel_can_be_traced(experiment, pixel):
    assert plan_of(experiment, trace_pixels=(pixel,)).trace_pixels == (pixel,)


# Of an experiment


def test_the_plan_has_the_shape_and_steps_of_the_experiment(experiment):
    plan = plan_of(experiment)
    assert (plan.grid.shape, plan.evaluations_per_pixel) == ((3, 1, 200, 300), 8)


def test_tiles_are_as_asked_for(experiment):
    assert plan_of(experiment, tile=(64, 512)).grid.tile == (1, 1, 64, 304)


def test_a_plan_tells_what_it_is_predicted_to_take_and_for_how_many_workers(experiment):
    plan = plan_of(experiment, workers=Workers(3))
    assert plan.workers == 3
    assert 0 < plan.seconds < 60


# Written down


@PROPERTY
@given(
    grid=grids,
    first=st.lists(first_evaluations, max_size=3).map(tuple),
    trace=st.booleans(),
    kernel=st.sampled_from(["reference", "compiled"]),
    seconds=st.floats(0, 1e9) | st.just(math.inf),
)
def test_a_plan_written_down_and_read_back_is_the_same(grid, first, trace, kernel, seconds):
    plan = Plan(
        grid,
        Settings(kernel, "float64", 0.0, "as asked"),
        9,
        first,
        ((0, 0), (grid.shape[2] - 1, 0)) if trace else (),
        Memory(10**8, 14),
        seconds,
        3,
    )
    read_back = Plan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert read_back.to_dict() == plan.to_dict()
    assert read_back == plan
    assert read_back.sha256 == plan.sha256


GRID = TileGrid((2, 1, 100, 120), (1, 1, 32, 48))
PLAN = Plan(GRID, BY_REFERENCE, 8, (FirstEvaluation(1, 2, 3, 4),), trace_pixels=((5, 6),))


@pytest.mark.parametrize(
    "change",
    [
        {"grid": TileGrid((2, 1, 100, 121), (1, 1, 32, 48))},
        {"grid": TileGrid((2, 1, 100, 120), (1, 1, 48, 32))},
        {"evaluations_per_pixel": 9},
        {"first_evaluations": (FirstEvaluation(1, 2, 3, 5),)},
        {"first_evaluations": ()},
        {"trace_pixels": ((5, 7),)},
        {"settings": Settings("compiled", "float64", 0.0)},
        {"settings": Settings("reference", "float64", 1e-9)},
    ],
)
def test_the_hash_depends_on_all_that_decides_the_tiles(change):
    assert dataclasses.replace(PLAN, **change).sha256 != PLAN.sha256


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": 1.0},
        {"workers": 7},
        {"memory": Memory(1, 2)},
        {"settings": dataclasses.replace(BY_REFERENCE, reason="for another reason")},
    ],
)
def test_the_hash_does_not_depend_on_what_is_only_predicted_or_told(change):
    assert dataclasses.replace(PLAN, **change).sha256 == PLAN.sha256


def test_the_first_evaluation_of_a_panel_is_found():
    assert PLAN.first_evaluation(0) == FirstEvaluation(1, 2, 3, 4)


def test_a_run_that_needs_none_has_no_first_evaluation():
    assert dataclasses.replace(PLAN, first_evaluations=()).first_evaluation(0) is None
