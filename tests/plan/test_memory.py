"""Whether tiles fit into the memory of the workers."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiled_sim.cluster.submit import submit
from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.readout import Noise
from tiled_sim.model.settings import Settings
from tiled_sim.plan.memory import WorkerMemory, largest_tile, memory_of, require_memory

LARGE = 8192


PLAIN = "-default_F 7 -cell 70 -lambda 1 -N 5 -detpixels 64"


def memory(nodes=0, kernel="reference", tile=(512, 512), **changes):
    experiment = dataclasses.replace(Experiment.from_nanobragg(PLAIN.split()), **changes)
    return memory_of(Settings(kernel), experiment, nodes, (1, 1, *tile))


def require(tile, workers, **of_memory):
    require_memory(
        memory(tile=tile, **of_memory), TileGrid((1, 1, LARGE, LARGE), (1, 1, *tile)), workers
    )


def test_a_plan_that_fits_is_let_through():
    require((512, 512), [WorkerMemory(400_000_000, 1)])


def test_a_plan_that_fits_some_worker_is_let_through():
    require((4096, 4096), [WorkerMemory(400_000_000, 1), WorkerMemory(4_000_000_000, 1)])


def test_a_worker_without_a_limit_has_room_for_everything():
    require((LARGE, LARGE), [WorkerMemory(0, 1)])


def test_a_plan_that_does_not_fit_is_refused_with_the_numbers_and_a_tile_that_does():
    message = (
        r"a tile of 4096 x 4096 pixels and the structure factors need 424 MB in a worker process, "
        r"which has 400 MB; tile=2048 fits"
    )
    with pytest.raises(UsageError, match=message):
        require((4096, 4096), [WorkerMemory(400_000_000, 1)])


def test_every_thread_of_a_worker_has_a_tile():
    with pytest.raises(UsageError, match=r"4 tiles at once .* tile=1024 fits"):
        require((4096, 4096), [WorkerMemory(400_000_000, 4)])


def test_structure_factors_too_large_for_any_tile_are_refused_with_another_remedy():
    with pytest.raises(UsageError, match="start fewer worker processes"):
        require((16, 16), [WorkerMemory(2_000_000_000, 1)], nodes=10**9)


@given(
    size=st.integers(10**8, 10**11),
    threads=st.integers(1, 64),
    nodes=st.integers(0, 10**9),
    kernel=st.sampled_from(["reference", "compiled"]),
)
def test_the_tile_that_is_named_fits_and_twice_its_side_does_not(size, threads, nodes, kernel):
    taken = memory(nodes, kernel)
    side = largest_tile(taken, WorkerMemory(size, threads))
    if side is None:
        assert taken.of_process(16 * 16, threads) > size
        return
    assert taken.of_process(side * side, threads) <= size
    assert taken.of_process(4 * side * side, threads) > size


def test_memory_grows_with_the_tile_and_the_grid_of_structure_factors():
    assert memory().of_process(1024 * 512) > memory().of_process(512 * 512)
    assert memory(nodes=10**7).of_process(1) > memory().of_process(1) + 8 * 10**7


def test_counting_takes_memory_by_the_pixel_of_a_tile():
    plain, counted = memory(), memory(noise=Noise())
    assert counted.per_pixel - plain.per_pixel == 10
    pixels = 1 << 24  # more than any stage of the kernel takes
    assert counted.of_process(pixels, 2) - plain.of_process(pixels, 2) > 2 * 9 * pixels


def test_a_run_that_does_not_fit_leaves_no_store_behind(still, address, tmp_path):
    experiment = still("-detpixels", 65536, "-roi", 0, 40, 0, 40)
    with pytest.raises(UsageError, match=r"65536 x 65536 pixels .* tile=\d+ fits"):
        submit(
            experiment,
            tmp_path / "run.zarr",
            cluster=address,
            tile=(65536, 65536),
            require_coverage=0.0,
        )
    assert not (tmp_path / "run.zarr").exists()


#: Plans an experiment of so many pixels a side; prints the peak of its memory above that before.
PLANNING = """
import resource, sys, torch
from tiled_sim.plan.prepare import prepare
from tiled_sim.model.experiment import Experiment
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
line = "-default_F 7 -cell 70 80 90 75 85 95 -lambda 1 -N 5 -pixel 0.05 -oversample 1 -detpixels"
prepare(Experiment.from_nanobragg([*line.split(), "256"]))
before = peak()
prepared = prepare(Experiment.from_nanobragg([*line.split(), sys.argv[1]]))
print(len(prepared.plan), peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="units of ru_maxrss")
def test_planning_a_gigapixel_takes_no_memory_by_the_pixel():
    told = subprocess.run(
        [sys.executable, "-c", PLANNING, "32768"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    tiles, kibibytes = map(int, told.split())
    assert tiles >= 128
    # a byte a pixel would be 1 GiB
    assert kibibytes < 64 * 1024
