"""Clusters of processes on this machine."""

import math
import os
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

import torch
from dask.system import CPU_COUNT
from distributed import LocalCluster, Nanny, Security
from distributed.system import MEMORY_LIMIT

from tiled_sim.cluster.ahead import forked_where_imported
from tiled_sim.cluster.dashboard import LOOPBACK, dashboard_port
from tiled_sim.cluster.descriptors import OF_CLIENT, OF_WORKER, require_descriptors
from tiled_sim.cluster.environment import worker_environment
from tiled_sim.cluster.forms import QUICK, Gpu, Local
from tiled_sim.cluster.scripts import require_guarded_script
from tiled_sim.errors import UsageError
from tiled_sim.kernels.devices import TILES_ON_A_GPU, one_torch_thread

_VISIBLE = "CUDA_VISIBLE_DEVICES"


class OneGpu(Nanny):
    """Keeps a worker process that sees one GPU, the one that its number among the workers is.

    Parameters
    ----------
    gpus : names of the GPUs of all workers, as CUDA_VISIBLE_DEVICES has them
    name : number of the worker
    """

    def __init__(self, *args: Any, gpus: Sequence[str], name: int, **options: Any) -> None:
        options.update(name=name, env={_VISIBLE: gpus[name]})
        super().__init__(*args, **options)


@dataclass(frozen=True, slots=True)
class Workload:
    """What a local cluster is for, as far as its size depends on it.

    Parameters
    ----------
    tiles : to compute; there are no more workers than tiles
    seconds : that one core is predicted to take
    bytes_of_worker : memory of a worker process with one thread [bytes]
    """

    tiles: int
    seconds: float = math.inf
    bytes_of_worker: int = 1


@contextmanager
def local_cluster(
    where: Local | Gpu, workload: Workload, security: Security | None
) -> Iterator[LocalCluster]:
    """Workers on this machine, until the end of the block.

    What takes seconds is computed by threads of this process: to start others takes longer.

    Parameters
    ----------
    where : how many, and of which kind; numbers that are given are kept
    workload : of it
    security : of the connections; None: unencrypted

    Raises
    ------
    UsageError
        if more GPUs are asked for than torch sees here
    """
    if isinstance(where, Gpu):
        gpus = _gpus(where)
        options = {"worker_class": OneGpu, "gpus": gpus}
        with _processes(len(gpus), TILES_ON_A_GPU, security, options) as cluster:
            yield cluster
    elif where.workers is None and workload.seconds < QUICK:
        protocol = "tcp://" if security is None else "tls://"
        options = {"processes": False, "protocol": protocol}
        threads = _useful_workers(workload)
        with one_torch_thread(), _started(1, threads, security, options) as cluster:
            yield cluster
    else:
        workers = where.workers or _useful_workers(workload)
        with _processes(workers, where.threads, security, {}) as cluster:
            yield cluster


def _useful_workers(workload: Workload) -> int:
    """One a core, as far as there are tiles for them and memory."""
    return max(1, min(CPU_COUNT, workload.tiles, int(MEMORY_LIMIT // workload.bytes_of_worker)))


def visible_gpus() -> list[str]:
    """The GPUs that torch sees here, as CUDA_VISIBLE_DEVICES names them."""
    count = torch.cuda.device_count()
    named = os.environ.get(_VISIBLE)
    if named is None:
        return [str(number) for number in range(count)]
    return [name.strip() for name in named.split(",")][:count]


def _gpus(where: Gpu) -> list[str]:
    visible = visible_gpus()
    if not visible or (where.workers or 0) > len(visible):
        wanted = "gpu" if where.workers is None else f"gpu:{where.workers}"
        setting = os.environ.get(_VISIBLE)
        because = "" if setting is None else f", with {_VISIBLE}={setting!r}"
        raise UsageError(
            f"--cluster {wanted}: torch sees {len(visible)} GPUs here{because}; ask for no more, "
            "or compute on CPU with --cluster local"
        )
    return visible[: where.workers]


@contextmanager
def _processes(
    workers: int, threads: int, security: Security | None, options: dict[str, Any]
) -> Iterator[LocalCluster]:
    with (
        worker_environment(),
        forked_where_imported(),
        _started(workers, threads, security, options) as cluster,
    ):
        yield cluster


def _started(
    workers: int, threads: int, security: Security | None, options: dict[str, Any]
) -> LocalCluster:
    """Start worker processes that do not hear Ctrl-C: it is the client that stops them.

    A terminal interrupts every process of a command, and each worker would print a traceback.
    The cluster's threads, and the processes that they start now and later, inherit the mask.
    """
    processes = workers if options.get("processes", True) else 0
    if processes:
        require_guarded_script()
    require_descriptors(OF_CLIENT + OF_WORKER * processes)
    resource_tracker.ensure_running()  # which would lift the mask if it were started under it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with warnings.catch_warnings():
            # another may have taken it since it was seen to be free; then it is any port
            warnings.filterwarnings("ignore", r"Port \d+ is already in use")
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=threads,
                host=LOOPBACK,
                dashboard_address=f"{LOOPBACK}:{dashboard_port()}",
                silence_logs="ERROR",
                security=security,
                **{"processes": True, **options},
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
