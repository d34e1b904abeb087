"""Batches of tiles: what one task computes."""

from dataclasses import dataclass

#: Batches at the scheduler for each thread: no worker idles, and the graph stays small whatever
#: the number of tiles.
A_THREAD = 2
#: A batch is to take about so long, and longer on many workers, so that the scheduler is idle half
#: of the time at least: for each task it takes so many seconds, and so many more for each worker
#: that it might go to (docs/scale.md).
_SECONDS_A_BATCH = 1.0
_SECONDS_A_TASK = 3e-3
_SECONDS_A_TASK_AND_WORKER = 4.4e-6
_MOST_TILES = 256


@dataclass(slots=True)
class Attempts:
    """How often a tile was tried in vain.

    Parameters
    ----------
    count : of failures
    lost : times that it had a worker to itself, which died before it said that the tile began
    error : the last one
    worker : where that was
    """

    count: int = 0
    lost: int = 0
    error: str = ""
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tiles that one task computes.

    Parameters
    ----------
    tiles : numbers of them in the plan
    shunned : the worker where the only one of them failed; empty for a first attempt
    alone : whether its worker computes nothing beside it, so that it is to blame if that dies
    """

    tiles: tuple[int, ...]
    shunned: str = ""
    alone: bool = False


@dataclass(slots=True)
class Pace:
    """How long tiles take.

    Parameters
    ----------
    tiles, seconds : done, and what they took on their workers [s]
    """

    tiles: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """A tile is done."""
        self.tiles += 1
        self.seconds += seconds

    def tiles_of_batch(self, left: int, threads: int) -> int:
        """Tiles for a batch's time, as measured so far, and no thread's share or more.

        Parameters
        ----------
        left : to hand out
        threads : of all workers
        """
        if not self.tiles:
            return 1
        a_tile = max(self.seconds / self.tiles, 1e-6)
        a_task = _SECONDS_A_TASK + _SECONDS_A_TASK_AND_WORKER * threads
        a_batch = max(_SECONDS_A_BATCH, 2.0 * threads * a_task)
        return max(1, min(int(a_batch / a_tile), left // (A_THREAD * threads), _MOST_TILES))
