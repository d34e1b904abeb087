"""Mending what `verify` found: files written again, tiles computed again, smaller images made."""

from collections.abc import Sequence

from tiled_sim.cluster.lease import require_alone
from tiled_sim.cluster.listener import Listener
from tiled_sim.cluster.submit import compute_missing
from tiled_sim.instruments.verification import inspection_of
from tiled_sim.run.faults import COMPUTE, WRITE, Fault
from tiled_sim.run.run import Run
from tiled_sim.store.location import told_if_not_writable
from tiled_sim.store.run_store import RunStore


def repair(
    run: Run,
    faults: Sequence[Fault],
    *,
    cluster: str,
    device: str,
    listener: Listener,
) -> Run:
    """Mend what can be mended, and complete the run.

    Parameters
    ----------
    run : whose faults they are
    faults : all that were found
    cluster, device, listener : as `tiled_sim.submit`

    Returns
    -------
    the run, opened again

    Raises
    ------
    StoreError
        if somebody computes the run, or it cannot be written
    TiledSimError
        as `compute_missing`
    """
    require_alone(run)
    store = RunStore.open(run.path, mode="r+")
    tiles = {run.plan.id_of(tile): tile for tile in run.plan}
    inspection = inspection_of(run, run.inputs())
    with told_if_not_writable(run.path):
        for fault in faults:
            if fault.remedy == COMPUTE:
                store.withdraw(tiles[fault.place])
            elif fault.remedy == WRITE:
                for key, content in inspection.content_of(fault.place).items():
                    store.objects.put(key, content)
        store.levels.forget()
    return compute_missing(Run(run.path), cluster=cluster, device=device, listener=listener)
