"""The plan: every pixel in one tile, at no cost by pixel."""

import dataclasses
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import UsageError
from tiled_sim.kernels.scene import FirstEvaluation
from tiled_sim.model.readout import Noise
from tiled_sim.plan.plan import BLOCK, DEFAULT_TILE, TilePlan
from tiled_sim.read.nanobragg.reader import read_options

PROPERTY = settings(deadline=None, max_examples=60)

LINE = (
    "-default_F 1 -cell 100 -N 5 -detpixels_x 300 -detpixels_y 200 -oversample 2 -osc 1 -phisteps 2"
)

sides = st.integers(1, 12).map(lambda n: n * BLOCK)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 150), st.integers(1, 150))
plans = st.builds(TilePlan, shapes, st.tuples(sides, sides), st.integers(1, 1000))
first_evaluations = st.none() | st.builds(FirstEvaluation, *[st.integers(0, 99)] * 4)


@pytest.fixture(scope="module")
def experiment():
    """Of 3 frames, 200 × 300 (slow × fast) pixels and 8 steps."""
    read = read_options(LINE.split())
    return dataclasses.replace(read, exposures=dataclasses.replace(read.exposures, count=3))


# Cover


@PROPERTY
@given(plan=plans)
def test_every_pixel_is_in_exactly_one_tile(plan):
    tiles_of = np.zeros(plan.shape, int)
    for tile in plan:
        tiles_of[tile.frame, tile.panel, slice(*tile.slow), slice(*tile.fast)] += 1
    assert (tiles_of == 1).all()


@PROPERTY
@given(plan=plans)
def test_tiles_are_numbered_in_order(plan):
    assert [tile.index for tile in plan] == list(range(len(plan)))


@PROPERTY
@given(plan=plans)
def test_no_two_tiles_have_the_same_place(plan):
    places = {(tile.frame, tile.panel, tile.row, tile.column) for tile in plan}
    assert len(places) == len(plan)


@PROPERTY
@given(plan=plans)
def test_tiles_begin_on_the_grid_of_blocks(plan):
    for tile in plan:
        assert tile.slow[0] == tile.row * plan.tile[0]
        assert tile.fast[0] == tile.column * plan.tile[1]
        assert tile.slow[0] % BLOCK == tile.fast[0] % BLOCK == 0


@PROPERTY
@given(plan=plans)
def test_only_the_last_tiles_are_smaller(plan):
    rows, columns = plan.grid
    for tile in plan:
        assert tile.shape[0] == plan.tile[0] or tile.row == rows - 1
        assert tile.shape[1] == plan.tile[1] or tile.column == columns - 1


@PROPERTY
@given(plan=plans, slow=st.integers(0, 149), fast=st.integers(0, 149))
def test_a_tile_holds_its_pixels_and_no_other(plan, slow, fast):
    holding = [tile for tile in plan if tile.holds(slow, fast)]
    on_the_panel = slow < plan.shape[2] and fast < plan.shape[3]
    assert len(holding) == (plan.shape[0] * plan.shape[1] if on_the_panel else 0)


@pytest.mark.parametrize("index", [-1, 12, 1000])
def test_a_tile_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError, match=f"tile {index} of 12"):
        TilePlan((3, 1, 32, 32), (16, 16), 1)[index]


# What is refused


@pytest.mark.parametrize("side", [0, -16, 1, 15, 17, 100])
def test_a_side_that_is_not_a_multiple_of_the_block_is_refused(side):
    with pytest.raises(UsageError, match=f"--tile: {side} pixels along fast is not a multiple"):
        TilePlan((1, 1, 100, 100), (16, side), 1)


@pytest.mark.parametrize("pixel", [(200, 0), (0, 300), (-1, 0), (0, -1)])
def test_a_pixel_outside_the_panel_cannot_be_traced(experiment, pixel):
    with pytest.raises(UsageError, match=r"outside the 200 x 300 \(slow x fast\) pixels"):
        TilePlan.of(experiment, trace_pixels=(pixel,))


@pytest.mark.parametrize("pixel", [(0, 0), (199, 299)])
def test_a_corner_of_the_panel_can_be_traced(experiment, pixel):
    assert TilePlan.of(experiment, trace_pixels=(pixel,)).trace_pixels == (pixel,)


# Of an experiment


def test_the_plan_has_the_shape_and_steps_of_the_experiment(experiment):
    plan = TilePlan.of(experiment)
    assert (plan.shape, plan.steps) == ((3, 1, 200, 300), 8)


@pytest.mark.parametrize(
    ("tile", "clipped"),
    [(DEFAULT_TILE, (208, 304)), ((64, 512), (64, 304)), ((208, 304), (208, 304))],
)
def test_a_tile_larger_than_the_panel_is_clipped_to_whole_blocks(experiment, tile, clipped):
    assert TilePlan.of(experiment, tile).tile == clipped


def test_a_larger_tile_that_is_not_a_multiple_of_the_block_is_clipped_all_the_same(experiment):
    assert TilePlan.of(experiment, (1000, 1000)).tile == (208, 304)


def test_evaluations_are_pixels_times_steps(experiment):
    assert TilePlan.of(experiment).evaluations == 3 * 200 * 300 * 8


# Written down


@PROPERTY
@given(
    plan=plans,
    nodes=st.integers(0, 10**9),
    first=st.lists(first_evaluations, max_size=3).map(tuple),
    trace=st.booleans(),
    kernel=st.sampled_from(["reference", "compiled"]),
)
def test_a_plan_written_down_and_read_back_is_the_same(plan, nodes, first, trace, kernel):
    plan = dataclasses.replace(
        plan,
        kernel=kernel,
        structure_factor_nodes=nodes,
        first_evaluations=first,
        trace_pixels=((0, 0), (plan.shape[2] - 1, 0)) if trace else (),
    )
    read_back = TilePlan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert read_back == plan
    assert read_back.sha256 == plan.sha256


PLAN = TilePlan(
    (2, 1, 100, 120), (32, 48), 8, 1000, (FirstEvaluation(1, 2, 3, 4),), trace_pixels=((5, 6),)
)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (2, 1, 100, 121)},
        {"tile": (48, 32)},
        {"steps": 9},
        {"structure_factor_nodes": 1001},
        {"first_evaluations": (FirstEvaluation(1, 2, 3, 5),)},
        {"first_evaluations": ()},
        {"trace_pixels": ((5, 7),)},
        {"kernel": "compiled"},
    ],
)
def test_the_hash_depends_on_everything(change):
    assert dataclasses.replace(PLAN, **change).sha256 != PLAN.sha256


def test_the_first_evaluation_of_a_panel_is_found():
    assert PLAN.first_evaluation(0) == FirstEvaluation(1, 2, 3, 4)


def test_a_run_that_needs_none_has_no_first_evaluation():
    assert dataclasses.replace(PLAN, first_evaluations=()).first_evaluation(0) is None


# Cost


def test_memory_grows_with_the_tile_and_the_grid_and_not_with_the_detector():
    small = TilePlan((1, 1, 1000, 1000), (512, 512), 1)
    assert TilePlan((9, 9, 90_000, 90_000), (512, 512), 99).bytes_per_task == small.bytes_per_task
    assert dataclasses.replace(small, tile=(1024, 512)).bytes_per_task > small.bytes_per_task
    larger = dataclasses.replace(small, structure_factor_nodes=10**7)
    assert larger.bytes_per_task > small.bytes_per_task + 8 * 10**7


def test_counting_takes_memory_by_the_pixel_of_a_tile(experiment):
    counted = dataclasses.replace(experiment, noise=Noise())
    plan, with_noise = TilePlan.of(experiment), TilePlan.of(counted)
    more = with_noise.bytes_of_process(2) - plan.bytes_of_process(2)
    assert more == 2 * 9 * plan.tile[0] * plan.tile[1]
    size = plan.bytes_of_process(1) + 14 * 4096**2
    assert with_noise.largest_tile(size, 1) < plan.largest_tile(size, 1)


def test_a_plan_remembers_whether_photons_are_counted(experiment):
    plan = TilePlan.of(dataclasses.replace(experiment, noise=Noise()))
    assert TilePlan.from_dict(plan.to_dict()) == plan
    assert plan.sha256 != TilePlan.of(experiment).sha256


def test_a_gigapixel_plan_costs_nothing_by_pixel():
    tracemalloc.start()
    plan = TilePlan((10, 16, 32_768, 32_768), (512, 512), 1000)
    assert len(plan) == 10 * 16 * 64 * 64
    assert plan[len(plan) - 1].slow == (32_256, 32_768)
    assert plan.evaluations == 10 * 16 * 2**30 * 1000
    assert plan.sha256
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
