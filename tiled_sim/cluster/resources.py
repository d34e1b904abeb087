"""What a cluster computes with, as far as its name tells."""

from dask.system import CPU_COUNT

from tiled_sim.cluster.connect import is_here
from tiled_sim.cluster.forms import Gpu, Local, parse_cluster
from tiled_sim.kernels.devices import device_named, resolve_device


def device_of_workers(device: str, cluster: str) -> str:
    """``cpu`` or ``cuda``; whether remote workers have what is named, only they can tell."""
    where = parse_cluster(cluster)
    if isinstance(where, Gpu) and device == "auto":
        return "cuda"
    if is_here(where):
        return resolve_device(device).type
    return "cpu" if device == "auto" else device_named(device).type


def cores_of(cluster: str) -> int:
    """Cores that will compute; a guess for a scheduler that is not asked yet."""
    where = parse_cluster(cluster)
    if isinstance(where, Local):
        return (where.workers or CPU_COUNT) * where.threads
    return CPU_COUNT
