"""Completing a run: what its smaller images show to be unreadable is computed again."""

from distributed import Client

from tiled_sim.cluster.driver import drive
from tiled_sim.cluster.listener import Listener
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.pyramid import UnreadableShardError
from tiled_sim.store.run_store import RunStore


def complete(run: Run, client: Client, progress: Progress, device: str, listener: Listener) -> None:
    """Compute what a run lacks, as `drive`, and tiles that are found to be unreadable in the end.

    Parameters
    ----------
    run, client, progress, device, listener : as `drive`

    Raises
    ------
    TiledSimError
        as `drive`
    """
    try:
        drive(run, client, progress, device, listener)
    except UnreadableShardError:
        if not withdraw_unreadable(run):
            raise
        drive(run, client, Progress.surveyed(run, progress.frames), device, listener)


def withdraw_unreadable(run: Run) -> bool:
    """Take back every tile whose pixels cannot be decoded; whether there is one.

    Raises
    ------
    StoreError
        if the run cannot be written
    """
    store = RunStore.open(run.path, mode="r+")
    damaged = list(run.unreadable())
    for tile in damaged:
        store.withdraw(tile)
    return bool(damaged)
