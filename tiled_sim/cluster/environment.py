"""Environment variables of the worker processes that we start, here or elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dask.config

from tiled_sim.cluster.allocator import ALLOCATOR_ENVIRONMENT

#: Environment of every worker that we start, here or elsewhere.
WORKER_ENVIRONMENT = {
    **ALLOCATOR_ENVIRONMENT,
    # dask's looks at what a worker does, for the dashboard: a hundred a second take 2 % of it
    "DASK_DISTRIBUTED__WORKER__PROFILE__INTERVAL": "100ms",
}
#: What the processes of a local cluster say on the terminal: a tile that fails is told by us,
#: with its attempts, and not by a traceback of its worker.
_WORKER_LOGS = {"distributed": "critical", "distributed.worker.memory": "warning"}
_HERE = {**WORKER_ENVIRONMENT, "DASK_DISTRIBUTED__LOGGING": str(_WORKER_LOGS)}
PRE_SPAWN = "distributed.nanny.pre-spawn-environ"


@contextmanager
def worker_environment() -> Iterator[None]:
    """The environment of workers that start, and after that this process's as it was.

    Dask sets it in this process, where it would stay, and what an earlier cluster left there
    would go before ours.
    """
    with dask.config.set({PRE_SPAWN: dask.config.get(PRE_SPAWN, {}) | _HERE}), environment(_HERE):
        yield


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables of this process, and after that have it as it was.

    Those that dask sets before it starts a process are put back, too.

    Parameters
    ----------
    values : of some
    """
    names = {*dask.config.get(PRE_SPAWN, {}), *values}
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)
