"""Clusters of processes on this machine."""

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

import dask
import torch
from dask.system import CPU_COUNT
from distributed import LocalCluster, Nanny, Security

from tiled_sim.cluster.forms import Gpu, Local
from tiled_sim.errors import UsageError

#: Freed memory that a worker process keeps [bytes]. Dask's 64 KiB makes every tensor a system
#: call: 76 against 53 ns an evaluation, and 300 where tensors reach the threshold of mmap.
_KEPT = 1 << 28
#: Environment of every worker that we start, here or elsewhere.
WORKER_ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": str(_KEPT)}
#: What the processes of a local cluster say on the terminal: a tile that fails is told by us,
#: with its attempts, and not by a traceback of its worker.
_WORKER_LOGS = {"distributed": "critical", "distributed.worker.memory": "warning"}
_ENVIRONMENT = {**WORKER_ENVIRONMENT, "DASK_DISTRIBUTED__LOGGING": str(_WORKER_LOGS)}
_PRE_SPAWN = "distributed.nanny.pre-spawn-environ"
_LOOPBACK = "127.0.0.1"
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


@contextmanager
def local_cluster(
    where: Local | Gpu, tiles: int, security: Security | None
) -> Iterator[LocalCluster]:
    """Worker processes on this machine, until the end of the block.

    Parameters
    ----------
    where : how many, and of which kind
    tiles : to compute; there are no more workers than tiles unless so many are asked for
    security : of the connections; None: unencrypted

    Raises
    ------
    UsageError
        if more GPUs are asked for than torch sees here
    """
    if isinstance(where, Gpu):
        gpus = _gpus(where)
        options: dict[str, Any] = {"worker_class": OneGpu, "gpus": gpus}
        workers, threads = len(gpus), 1
    else:
        options = {}
        workers, threads = where.workers or max(min(CPU_COUNT, tiles), 1), where.threads
    with _worker_environment(), _started(workers, threads, security, options) as cluster:
        yield cluster


def visible_gpus() -> list[str]:
    """The GPUs that torch sees here, as CUDA_VISIBLE_DEVICES names them."""
    count = torch.cuda.device_count()
    named = os.environ.get(_VISIBLE)
    if named is None:
        return [str(number) for number in range(count)]
    return [name.strip() for name in named.split(",")][:count]


def dashboard_port() -> int:
    """Port 8787, dask's own, if it is free; else any."""
    with socket.socket() as probe:
        try:
            probe.bind((_LOOPBACK, 8787))
        except OSError:
            return 0
    return 8787


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


def _started(
    workers: int, threads: int, security: Security | None, options: dict[str, Any]
) -> LocalCluster:
    """Start worker processes that do not hear Ctrl-C: it is the client that stops them.

    A terminal interrupts every process of a command, and each worker would print a traceback.
    The cluster's threads, and the processes that they start now and later, inherit the mask.
    """
    resource_tracker.ensure_running()  # which would lift the mask if it were started under it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=threads,
            processes=True,
            host=_LOOPBACK,
            dashboard_address=f"{_LOOPBACK}:{dashboard_port()}",
            silence_logs="ERROR",
            security=security,
            **options,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
