"""Environment variables of the worker processes that we start, here or elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dask.config

#: Freed memory that a worker process keeps [bytes]. Dask's 64 KiB makes every tensor a system
#: call: 76 against 53 ns an evaluation, and 300 where tensors reach the threshold of mmap.
_KEPT = 1 << 28
#: Pieces of so much and more are mapped one by one, and cleared page by page [bytes]. Where the
#: figure above is given and this one is not, glibc stays with 128 KiB, which is less than the
#: tensors of 256 blocks take: 33 ms in place of 8 for a tile of 2048². Images and grids stay above
#: it: in the heap they leave gaps, 17 MB a worker.
_MAPPED = 1 << 20
#: Environment of every worker that we start, here or elsewhere.
WORKER_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
    "MALLOC_MMAP_THRESHOLD_": str(_MAPPED),
    # one for all threads: each keeps some of what is freed, 5 MB a worker in all
    "MALLOC_ARENA_MAX": "1",
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
