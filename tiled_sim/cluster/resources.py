"""What a cluster computes with, as far as its name tells."""

from dask.system import CPU_COUNT

from tiled_sim.cluster.connect import is_here, parse_cluster
from tiled_sim.cluster.forms import Gpu, Local, Slurm
from tiled_sim.cluster.local import visible_gpus
from tiled_sim.kernels.devices import TILES_ON_A_GPU, device_named, resolve_device
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
    kind = _kind_of_device(where, device)
    if isinstance(where, Gpu):
        return Workers(where.workers or len(visible_gpus()) or 1, TILES_ON_A_GPU, kind)
    if isinstance(where, Slurm):
        profile = where.profile
        processes = profile.processes or profile.cores
        threads = profile.cores // processes
        return Workers(profile.jobs * processes, threads, kind, "those of the profile's jobs")
    if isinstance(where, Local) and where.workers is not None:
        return Workers(where.workers, where.threads, kind)
    threads = where.threads if isinstance(where, Local) else 1
    own = "as many as this machine has cores"
    unasked = "" if isinstance(where, Local) else f": {cluster} is not asked before it computes"
    return Workers(CPU_COUNT, threads, kind, own + unasked)


def _kind_of_device(where: object, device: str) -> str:
    if isinstance(where, Gpu) and device == "auto":
        return "cuda"
    if is_here(where):  # type: ignore[arg-type]
        return resolve_device(device).type
    return "cpu" if device == "auto" else device_named(device).type
