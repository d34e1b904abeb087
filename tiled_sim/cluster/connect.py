"""Which cluster a run computes on."""

import asyncio
import logging
import os
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security
from distributed.comm import connect

from tiled_sim.errors import TiledSimError, UsageError

FORMS = "local, local:WORKERS, local:WORKERSxTHREADS, tcp://HOST:PORT or tls://HOST:PORT"
_LOCAL = re.compile(r"local(?::(?P<workers>[1-9]\d*)(?:x(?P<threads>[1-9]\d*))?)?")
_SECONDS_TO_CONNECT = 10
_SECONDS_TO_JOIN = 60
#: Freed memory that a worker process keeps [bytes]. Dask's 64 KiB makes every tensor a system
#: call: 76 against 53 ns an evaluation, and 300 where tensors reach the threshold of mmap.
_KEPT = 1 << 28
#: What the processes of a local cluster say on the terminal: a tile that fails is told by us,
#: with its attempts, and not by a traceback of its worker.
_WORKER_LOGS = {"distributed": "critical", "distributed.worker.memory": "warning"}
_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
    "DASK_DISTRIBUTED__LOGGING": str(_WORKER_LOGS),
}
_PRE_SPAWN = "distributed.nanny.pre-spawn-environ"


@dataclass(frozen=True, slots=True)
class Local:
    """Worker processes on this machine.

    Parameters
    ----------
    workers : processes; None: one a core, and no more than there are tiles
    threads : dask threads in each, computing one tile each
    """

    workers: int | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Remote:
    """A scheduler that is already running.

    Parameters
    ----------
    address : ``tcp://…`` or ``tls://…``
    """

    address: str


def parse_cluster(text: str) -> Local | Remote:
    """Read the value of ``--cluster``.

    Raises
    ------
    UsageError
        listing the forms
    """
    if text.startswith(("tcp://", "tls://")):
        return Remote(text)
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise UsageError(f"--cluster {text!r} is none of the forms {FORMS}")
    workers, threads = match["workers"], match["threads"]
    return Local(int(workers) if workers else None, int(threads) if threads else 1)


@contextmanager
def connected(cluster: str, tiles: int) -> Iterator[Client]:
    """A client of the cluster; a local one is started for it and stopped after it.

    Parameters
    ----------
    cluster : value of ``--cluster``
    tiles : to compute

    Raises
    ------
    UsageError
        for a malformed ``cluster``
    TiledSimError
        if a remote scheduler does not answer, or no worker joins
    """
    where = parse_cluster(cluster)
    with _calm():
        if isinstance(where, Remote):
            with _reach(where) as client:
                _await_worker(client, f"the scheduler at {where.address}")
                yield client
            return
        workers = where.workers or max(min(CPU_COUNT, tiles), 1)
        with (
            _worker_environment(),
            _start_local(workers, where.threads) as local,
            Client(local) as client,
        ):
            _await_worker(client, "the local cluster")
            yield client


def _await_worker(client: Client, whose: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_SECONDS_TO_JOIN)
    except TimeoutError:
        raise TiledSimError(
            f"no worker has joined {whose} within {_SECONDS_TO_JOIN} s; start one with "
            "`dask worker ADDRESS`"
        ) from None


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
def _calm() -> Iterator[None]:
    """Nothing on the terminal of dask's callbacks that Ctrl-C cuts short."""
    log = logging.getLogger("tornado.application")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _reach(where: Remote) -> Client:
    """A client of a running scheduler.

    Whether anybody is there is asked without a `Client`: one that fails leaves a thread behind
    on which a later one can hang.
    """
    try:
        with ThreadPoolExecutor(1) as thread:  # this one may run an event loop already
            thread.submit(asyncio.run, _knock(where.address)).result()
        return Client(where.address, timeout=_SECONDS_TO_CONNECT)
    except TypeError as error:
        raise UsageError(
            f"{where.address} needs certificates ({error}); name them in dask's configuration "
            "under distributed.comm.tls"
        ) from None
    except Exception as error:  # what answers there may be anything, and so may the error
        raise TiledSimError(
            f"no scheduler answers at {where.address} ({error}); start one with "
            "`dask scheduler`, or leave --cluster out for a local one"
        ) from None


async def _knock(address: str) -> None:
    """Shake hands with a scheduler."""
    certificates = Security().get_connection_args("client")
    there = await connect(address, timeout=_SECONDS_TO_CONNECT, **certificates)
    await there.close()


def _start_local(workers: int, threads: int) -> LocalCluster:
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
            host="127.0.0.1",
            dashboard_address=f"127.0.0.1:{_dashboard_port()}",
            silence_logs="ERROR",
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _dashboard_port() -> int:
    """Port 8787, dask's own, if it is free; else any."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 8787))
        except OSError:
            return 0
    return 8787
