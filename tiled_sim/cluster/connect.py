"""Which cluster a run computes on."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from distributed import Client, Security
from distributed.comm import connect

from tiled_sim.cluster.descriptors import OF_CLIENT, require_descriptors
from tiled_sim.cluster.forms import Gpu, Local, Remote, Slurm, Tls, Where, parse_cluster
from tiled_sim.cluster.local import Workload, local_cluster
from tiled_sim.cluster.security import security_for_ours, security_for_theirs, warn_if_open
from tiled_sim.cluster.slurm import await_first_job, slurm_cluster
from tiled_sim.errors import TiledSimError

__all__ = ["Gpu", "Local", "Remote", "Slurm", "connected", "is_here", "parse_cluster"]

_SECONDS_TO_CONNECT = 10
_SECONDS_TO_JOIN = 60


def is_here(where: Where) -> bool:
    """Whether the workers are processes of this machine, with its devices and its caches."""
    return isinstance(where, Local | Gpu)


@contextmanager
def connected(cluster: str, workload: Workload, *, tls: Tls | None = None) -> Iterator[Client]:
    """A client of the cluster; one that is started for it is stopped after it.

    Parameters
    ----------
    cluster : value of ``--cluster``
    workload : of it
    tls : certificates to encrypt the connections with; None: those that a ``tls://…`` address
        needs, from dask's configuration

    Raises
    ------
    UsageError
        for a malformed ``cluster``, and for what it asks and this machine does not have
    InputFileError
        for a file named by ``cluster`` or ``tls`` that cannot be read
    StoreError
        if too few files may be open at once
    TiledSimError
        if a remote scheduler does not answer, or no worker joins
    """
    where = parse_cluster(cluster)
    require_descriptors(OF_CLIENT)
    with _calm():
        if isinstance(where, Remote):
            manager = _theirs(where, tls)
        elif isinstance(where, Slurm):
            manager = _by_slurm(where, tls)
        else:
            manager = _here(where, workload, tls)
        with manager as client:
            yield client


@contextmanager
def _theirs(where: Remote, tls: Tls | None) -> Iterator[Client]:
    security = security_for_theirs(where.address, tls)
    with _reach(where, security) as client:
        warn_if_open(where.address, security)
        _await_worker(client, f"the scheduler at {where.address}")
        yield client


@contextmanager
def _by_slurm(where: Slurm, tls: Tls | None) -> Iterator[Client]:
    security = security_for_ours(tls)
    with slurm_cluster(where.profile, security) as jobs, Client(jobs) as client:
        warn_if_open(jobs.scheduler_address, security)
        await_first_job(client, jobs, where.profile)
        yield client


@contextmanager
def _here(where: Local | Gpu, workload: Workload, tls: Tls | None) -> Iterator[Client]:
    with (
        local_cluster(where, workload, security_for_ours(tls)) as workers,
        Client(workers) as client,
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
def _calm() -> Iterator[None]:
    """Nothing on the terminal of dask's callbacks that Ctrl-C or a lost scheduler cuts short."""
    logs = [logging.getLogger(name) for name in ("tornado.application", "distributed.client")]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)


def _reach(where: Remote, security: Security | None) -> Client:
    """A client of a running scheduler.

    Whether anybody is there is asked without a `Client`: one that fails leaves a thread behind
    on which a later one can hang.
    """
    security = security or Security()
    try:
        with ThreadPoolExecutor(1) as thread:  # this one may run an event loop already
            thread.submit(asyncio.run, _knock(where.address, security)).result()
        return Client(where.address, timeout=_SECONDS_TO_CONNECT, security=security)
    except Exception as error:  # what answers there may be anything, and so may the error
        raise TiledSimError(
            f"no scheduler answers at {where.address} ({error}); start one with "
            "`dask scheduler`, or leave --cluster out for a local one"
        ) from None


async def _knock(address: str, security: Security) -> None:
    """Shake hands with a scheduler."""
    certificates = security.get_connection_args("client")
    there = await connect(address, timeout=_SECONDS_TO_CONNECT, **certificates)
    await there.close()
