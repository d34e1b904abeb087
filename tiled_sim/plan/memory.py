"""Whether the tiles of a plan fit into the memory of the workers."""

from collections.abc import Iterable
from dataclasses import dataclass

from tiled_sim.errors import UsageError
from tiled_sim.plan.plan import TilePlan


@dataclass(frozen=True, slots=True)
class Room:
    """What worker processes have to work in.

    Parameters
    ----------
    bytes : memory of one process; 0: no limit is known
    threads : that compute a tile each
    """

    bytes: int
    threads: int


def require_memory(plan: TilePlan, rooms: Iterable[Room]) -> None:
    """Refuse a plan whose tiles fit into no worker.

    Parameters
    ----------
    plan : of the run
    rooms : of the workers

    Raises
    ------
    UsageError
        with the numbers, and a tile that would fit
    """
    known = list(rooms)
    if not known or any(_fits(plan, room) for room in known):
        return
    room = max(known, key=lambda room: room.bytes / room.threads)
    needed, slow, fast = plan.bytes_of_process(room.threads), *plan.tile
    at_once = "a tile" if room.threads == 1 else f"{room.threads} tiles at once"
    raise UsageError(
        f"{at_once} of {slow} x {fast} pixels and the structure factors need "
        f"{_megabytes(needed)} in a worker process, which has {_megabytes(room.bytes)}; "
        f"{_remedy(plan, room)}"
    )


def _fits(plan: TilePlan, room: Room) -> bool:
    return not room.bytes or plan.bytes_of_process(room.threads) <= room.bytes


def _remedy(plan: TilePlan, room: Room) -> str:
    side = plan.largest_tile(room.bytes, room.threads)
    if side is not None:
        return f"--tile {side} fits"
    return "no tile fits: start fewer worker processes, such as --cluster local:1, with more each"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
