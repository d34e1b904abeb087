"""What tiles take of the memory of a worker, and whether there is room."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tiled_sim.errors import UsageError
from tiled_sim.kernels.account import account_of, is_ragged
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK, Shape, TileGrid
from tiled_sim.model.memory import Memory
from tiled_sim.model.settings import TRITON, Settings

# Peaks of workers that have loaded the program and done nothing; Linux, torch 2.13. Two starts of
# one differ by a few megabytes.
_EMPTY_WORKER = {"cpu": 273_000_000, "cuda": 1_500_000_000}
#: The account is right within so much.
_MARGIN = 1.05
#: Of a tile when it is written: image and chunks, and what xxhash and zarr take with them; more
#: where sides are no multiple of a block's and images are laid out anew, …
_WRITING = 3_500_000
_PER_PIXEL, _PER_RAGGED_PIXEL = 7, 11.8
#: … when its photons are counted, and when they are spread over neighbours, with a margin.
_PER_COUNTED_PIXEL, _PER_SPREAD_PIXEL = 17, 21


@dataclass(frozen=True, slots=True)
class WorkerMemory:
    """What worker processes have to work in.

    Parameters
    ----------
    bytes : of one process; 0: no limit is known
    threads : that compute a tile each
    """

    bytes: int
    threads: int


def memory_of(settings: Settings, experiment: Experiment, nodes: int, tile: Shape) -> Memory:
    """What the tiles of an experiment take.

    Parameters
    ----------
    settings : with the kernel that computes them
    experiment : what to simulate
    nodes : of the grid of structure factors
    tile : (frame, panel, slow, fast) size; of smaller ones the answer tells too much, if anything
    """
    account = account_of(settings.kernel, experiment, nodes, tile)
    empty = _EMPTY_WORKER["cuda" if settings.kernel == TRITON else "cpu"]
    pixels, per_pixel = math.prod(tile), _per_pixel(experiment, tile)
    of_pixels = math.ceil(per_pixel * pixels)
    written = account.heap + _WRITING + of_pixels
    per_thread = max(account.tile, written) - of_pixels

    def with_margin(size: float) -> int:
        return math.ceil(_MARGIN * size)

    return Memory(
        empty + with_margin(account.kept),
        with_margin(per_pixel),
        with_margin(per_thread),
        empty + with_margin(account.opening),
    )


def _per_pixel(experiment: Experiment, tile: Shape) -> float:
    """Of a pixel of a tile that is counted and written."""
    if experiment.noise is not None:
        spread = experiment.noise.point_spread is not None
        return _PER_SPREAD_PIXEL if spread else _PER_COUNTED_PIXEL
    if not is_ragged(experiment, tile):
        return _PER_PIXEL
    # a tile may be larger than its panel
    sides = zip(tile[2:], experiment.shape[2:], strict=True)
    return _PER_RAGGED_PIXEL * math.prod(min(side, of) / side for side, of in sides)


def require_memory(memory: Memory, grid: TileGrid, workers: Iterable[WorkerMemory]) -> None:
    """Refuse tiles that fit into no worker.

    Parameters
    ----------
    memory : that they take
    grid : of the tiles
    workers : that are there

    Raises
    ------
    UsageError
        with the numbers, and a tile that would fit
    """
    known, pixels = list(workers), math.prod(grid.tile)
    if not known or any(
        not one.bytes or memory.of_process(pixels, one.threads) <= one.bytes for one in known
    ):
        return
    largest = max(known, key=lambda one: one.bytes / one.threads)
    needed, (slow, fast) = memory.of_process(pixels, largest.threads), grid.tile[2:]
    at_once = "a tile" if largest.threads == 1 else f"{largest.threads} tiles at once"
    raise UsageError(
        f"{at_once} of {slow} x {fast} pixels and the structure factors need "
        f"{_megabytes(needed)} in a worker process, which has {_megabytes(largest.bytes)}; "
        f"{_remedy(memory, largest)}"
    )


def largest_tile(memory: Memory, worker: WorkerMemory) -> int | None:
    """Side of the largest square tile that such a process has room for [pixel].

    Returns
    -------
    a power of two; None if the process has no room for the smallest
    """
    left = (worker.bytes - memory.fixed) // worker.threads - memory.per_thread
    pixels = left // memory.per_pixel
    if pixels < BLOCK * BLOCK or memory.opening > worker.bytes:
        return None
    return 1 << (math.isqrt(pixels).bit_length() - 1)


def _remedy(memory: Memory, worker: WorkerMemory) -> str:
    side = largest_tile(memory, worker)
    if side is not None:
        return f"--tile {side} fits"
    return "no tile fits: start fewer worker processes, such as --cluster local:1, with more each"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
