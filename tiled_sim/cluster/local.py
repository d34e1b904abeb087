"""Clusters of processes on this machine."""

import math
import os
import signal
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

import dask
import torch
from dask.system import CPU_COUNT
from distributed import LocalCluster, Nanny, Security
from distributed.system import MEMORY_LIMIT

from tiled_sim.cluster.descriptors import OF_CLIENT, OF_WORKER, require_descriptors
from tiled_sim.cluster.forms import Gpu, Local
from tiled_sim.cluster.scripts import require_guarded_script
from tiled_sim.errors import UsageError
from tiled_sim.kernels.devices import TILES_ON_A_GPU, one_torch_thread

#: Freed memory that a worker process keeps [bytes]. Dask's 64 KiB makes every tensor a system
#: call: 76 against 53 ns an evaluation, and 300 where tensors reach the threshold of mmap.
_KEPT = 1 << 28
#: Environment of every worker that we start, here or elsewhere.
WORKER_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
    # dask's looks at what a worker does, for the dashboard: a hundred a second take 2 % of it
    "DASK_DISTRIBUTED__WORKER__PROFILE__INTERVAL": "100ms",
}
#: What the processes of a local cluster say on the terminal: a tile that fails is told by us,
#: with its attempts, and not by a traceback of its worker.
_WORKER_LOGS = {"distributed": "critical", "distributed.worker.memory": "warning"}
_ENVIRONMENT = {**WORKER_ENVIRONMENT, "DASK_DISTRIBUTED__LOGGING": str(_WORKER_LOGS)}
_PRE_SPAWN = "distributed.nanny.pre-spawn-environ"
LOOPBACK = "127.0.0.1"
#: Of dask's dashboard, where it is free.
DASHBOARD_PORT = 8787
_VISIBLE = "CUDA_VISIBLE_DEVICES"
#: Seconds below which a run is not worth processes of its own.
_QUICK = 10.0


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
    elif where.workers is None and workload.seconds < _QUICK:
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


def dashboard_port() -> int:
    """Dask's own port if it is free; else 0, which is any."""
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, DASHBOARD_PORT))
        except OSError:
            return 0
    return DASHBOARD_PORT


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
def _worker_environment() -> Iterator[None]:
    """The environment of workers that start, and after that this process's as it was.

    Dask sets it in this process, where it would stay, and what an earlier cluster left there
    would go before ours.
    """
    with dask.config.set({_PRE_SPAWN: dask.config.get(_PRE_SPAWN) | _ENVIRONMENT}):
        names = dask.config.get(_PRE_SPAWN)
        before = {name: os.environ[name] for name in names if name in os.environ}
        os.environ.update(_ENVIRONMENT)
        try:
            yield
        finally:
            for name in names:
                os.environ.pop(name, None)
            os.environ.update(before)


@contextmanager
def _processes(
    workers: int, threads: int, security: Security | None, options: dict[str, Any]
) -> Iterator[LocalCluster]:
    with _worker_environment(), _started(workers, threads, security, options) as cluster:
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
