"""What tiles take of the memory of a worker, and whether there is room."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK, TileGrid
from tiled_sim.model.settings import Settings

# From the peak_bytes of sidecars, Linux, torch 2.13 on CPU: what a process holds before its first
# tile, and what the grid and the tile add (tiles of 64² to 2048², grids to 8e6 nodes).
_PROCESS_BYTES = {
    "reference": 319_000_000,
    "compiled": 335_000_000,
    "spots": 335_000_000,
    "triton": 1_500_000_000,
}
_BYTES_PER_NODE = 27
_BYTES_PER_PIXEL = 14
#: With noise and a point-spread function.
_BYTES_PER_COUNT = 9


@dataclass(frozen=True, slots=True)
class Memory:
    """What a worker process takes at its peak.

    Parameters
    ----------
    fixed : whatever the tile [bytes]
    per_pixel : of each tile that a thread computes [bytes]
    """

    fixed: int
    per_pixel: int

    def of_process(self, pixels: int, threads: int = 1) -> int:
        """Of a process with a tile of so many pixels on every thread [bytes]."""
        return self.fixed + threads * self.per_pixel * pixels


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


def memory_of(settings: Settings, experiment: Experiment, nodes: int) -> Memory:
    """What the tiles of an experiment take.

    Parameters
    ----------
    settings : with the kernel that computes them
    experiment : what to simulate
    nodes : of the grid of structure factors
    """
    counts = _BYTES_PER_COUNT if experiment.noise is not None else 0
    fixed = _PROCESS_BYTES[settings.kernel] + _BYTES_PER_NODE * nodes
    return Memory(fixed, _BYTES_PER_PIXEL + counts)


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
    pixels = (worker.bytes - memory.fixed) // (worker.threads * memory.per_pixel)
    if pixels < BLOCK * BLOCK:
        return None
    return 1 << (math.isqrt(pixels).bit_length() - 1)


def _remedy(memory: Memory, worker: WorkerMemory) -> str:
    side = largest_tile(memory, worker)
    if side is not None:
        return f"--tile {side} fits"
    return "no tile fits: start fewer worker processes, such as --cluster local:1, with more each"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
