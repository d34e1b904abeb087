"""Worker processes that import what they need while the command does, and not after it.

Both take seconds, most of them for torch. A process that multiprocessing starts for the purpose,
its fork server, imports all that a worker needs; workers are forks of it when the plan is made, and
so are those that come in place of others that died.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker

import dask.config
import psutil

from tiled_sim.cluster.descriptors import OF_CLIENT, OF_WORKER, require_descriptors
from tiled_sim.cluster.environment import PRE_SPAWN, environment, worker_environment
from tiled_sim.cluster.forms import QUICK, Local, parse_cluster
from tiled_sim.errors import StoreError

#: What a worker imports before its first tile.
_IMPORTS = ["tiled_sim.cluster.worker", "tiled_sim.cluster.examination"]
#: Of dask's own, which it does not know before it is imported. With one thread in it the server
#: can be forked whatever the libraries do.
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_METHOD = "distributed.worker.multiprocessing-method"
#: In the command line of the process.
_SERVER = "multiprocessing.forkserver"
_state = {"begun": False, "importing": False}


@contextmanager
def importing_ahead(cluster: str, seconds: float) -> Iterator[None]:
    """Begin to import for workers, if the cluster is to have processes of this machine.

    The process that does so ends with the block, with or without workers: who is refused in the
    meantime does not wait for it. For a command, whose process is its own; not for a program that
    calls us, whose own processes this would change; and once in a process.

    Parameters
    ----------
    cluster : value of ``--cluster``
    seconds : that one core may take, as far as that can be told before the plan is made
    """
    if not _is_worthwhile(cluster, seconds):
        yield
        return
    _start()
    _state.update(begun=True, importing=True)
    try:
        yield
    finally:
        _state["importing"] = False
        _stop()


@contextmanager
def forked_where_imported() -> Iterator[None]:
    """Have dask fork its workers off the process that imports for them, if there is one."""
    if not _state["importing"]:
        yield
        return
    with dask.config.set({_METHOD: "forkserver"}):
        yield


def _is_worthwhile(cluster: str, seconds: float) -> bool:
    where = parse_cluster(cluster)
    # elsewhere forks of what has torch in it are not safe
    if sys.platform != "linux" or not isinstance(where, Local):
        return False
    # another method is the user's, or dask is at work in this process already
    if _state["begun"] or dask.config.get(_METHOD, None) is not None:
        return False
    if where.workers is None and seconds < QUICK:
        return False
    try:
        # a process has the limit of the one that it is a fork of
        require_descriptors(OF_CLIENT + OF_WORKER * (where.workers or os.cpu_count() or 1))
    except StoreError:
        return False  # it is told when workers are to start
    return True


def _start() -> None:
    """Start the process, as the workers are to be: without Ctrl-C, in their environment."""
    resource_tracker.ensure_running()  # which would lift the mask if it were started under it
    multiprocessing.set_forkserver_preload(_IMPORTS)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with worker_environment():
            wanted: dict[str, str] = dict(_THREADS)
            for name, value in dask.config.get(PRE_SPAWN).items():
                if value is not None:
                    wanted[name] = str(value)
            # what this process was given goes before; nothing is imported from this folder
            given = {name: os.environ.get(name, value) for name, value in wanted.items()}
            with environment({**given, "PYTHONSAFEPATH": "1"}):
                forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop() -> None:
    """End the process, whatever it does; multiprocessing would have it go on until we end."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if _SERVER in " ".join(child.cmdline()):
                child.kill()
                child.wait()  # so that what it and the workers spent is counted as the command's
