"""What a cluster computes with, as far as its name tells."""

from dask.system import CPU_COUNT

from tiled_sim.cluster.connect import is_here, parse_cluster
from tiled_sim.cluster.forms import Gpu, Local
from tiled_sim.kernels.devices import device_named, resolve_device
from tiled_sim.plan.workers import Workers


def workers_of(cluster: str, device: str) -> Workers:
    """The workers that a cluster is taken to have; a scheduler is not asked yet.

    Parameters
    ----------
    cluster : any form of ``docs/clusters.md``
    device : ``auto`` or the name of a torch device, of the workers; whether remote ones have what
        is named, only they can tell
    """
    where = parse_cluster(cluster)
    if isinstance(where, Local):
        count, threads = where.workers or CPU_COUNT, where.threads
    else:
        count, threads = CPU_COUNT, 1
    return Workers(count, threads, _kind_of_device(where, device))


def _kind_of_device(where: object, device: str) -> str:
    if isinstance(where, Gpu) and device == "auto":
        return "cuda"
    if is_here(where):  # type: ignore[arg-type]
        return resolve_device(device).type
    return "cpu" if device == "auto" else device_named(device).type
