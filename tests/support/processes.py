"""Processes as a user starts them, clusters of them, and waiting for what they do."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from distributed import Client, LocalCluster

import tiled_sim

#: Where the package lies.
PACKAGE = Path(tiled_sim.__file__).parent
#: Seconds after which something that should happen is given up.
PATIENCE = 120
#: Environment of a process whose workers take their time over each tile.
SLOWLY = {"DASK_DISTRIBUTED__WORKER__PRELOAD": str(Path(__file__).with_name("slow_worker.py"))}

#: Environment of processes of dask that last: without it four of them take a twelfth of a core
#: while they do nothing.
QUIET = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
}


def eventually(true, patience=PATIENCE):
    """Wait for something; what it gave."""
    deadline = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def complaints(told):
    """Lines that a command told beside where its run and the dashboard are."""
    return [line for line in told.splitlines() if line.split()[:1] not in (["run"], ["dashboard"])]


def frames_of_ours(log):
    """Lines of tracebacks in a log that name a file of the package.

    What dask tells of a connection that its peer closed while the worker ends is left out.
    """
    return [line for line in log.splitlines() if f'File "{PACKAGE}' in line]


@contextmanager
def process(*words, heard=False, before=(), environment=None, **options):
    """``python -m WORDS`` in a group of its own, which is killed at the end.

    What it prints is kept as text for ``communicate`` where it is to be heard. Words before it
    name a program that starts it.
    """
    output = subprocess.PIPE if heard else subprocess.DEVNULL
    started = subprocess.Popen(
        [*map(str, before), sys.executable, "-m", *map(str, words)],
        env={**os.environ, **(environment or {})},
        start_new_session=True,
        **{"stdout": output, "stderr": output, "text": heard or None, **options},
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate()


def _address_in(file):
    """What a scheduler has written to its file; None as long as it is not all there."""
    try:
        return json.loads(file.read_text())["address"]
    except (FileNotFoundError, json.JSONDecodeError):
        return None


@contextmanager
def scheduler(folder, **options):
    """``address`` and ``process`` of a scheduler."""
    file = folder / "scheduler.json"
    words = f"--host 127.0.0.1 --port 0 --dashboard-address 127.0.0.1:0 --scheduler-file {file}"
    with process("distributed.cli.dask_scheduler", *words.split(), **options) as started:
        yield SimpleNamespace(address=eventually(lambda: _address_in(file)), process=started)


def worker(address, *words, **options):
    """A worker of one thread, with a nanny unless the words say ``--no-nanny``."""
    always = f"{address} --nthreads 1 --host 127.0.0.1 --no-dashboard"
    return process("distributed.cli.dask_worker", *always.split(), *words, **options)


@contextmanager
def scheduler_with_two_workers(folder):
    """``address`` and ``process`` of the scheduler; the workers come back when they are killed."""
    with (
        scheduler(folder, environment=QUIET) as made,
        worker(made.address, "--nworkers", "2", environment=QUIET) as nannies,
    ):
        with Client(made.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield made
        nannies.terminate()  # they see to the workers, and the time of these is told
        nannies.wait(PATIENCE)


def scheduler_here(workers=0, threads=1, **options):
    """A scheduler in this process, with worker processes of its own."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        **options,
    )
