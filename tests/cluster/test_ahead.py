"""What imports for the workers of a command while it reads: that it is used, and that it ends."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from support.processes import PATIENCE

_ABOUT_WORKERS = """
import json, os, signal, sys
from tiled_sim.cluster.ahead import importing_ahead

NAMES = ("OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_", "DASK_DISTRIBUTED__LOGGING")

def mine():
    return {name: os.environ.get(name) for name in (*NAMES, "PYTHONSAFEPATH")}

def facts():
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return {
        "parent": os.getppid(),
        "torch": "torch" in sys.modules,
        "deaf": signal.SIGINT in masked,
        "environment": {name: os.environ.get(name) for name in NAMES},
    }

def main():
    before = mine()
    with importing_ahead("local:2", 0):
        from tiled_sim.cluster.connect import connected
        from tiled_sim.cluster.local import Workload
        with connected("local:2", Workload(9)) as client:
            client.wait_for_workers(2)
            workers = list(client.run(facts).values())
    print(json.dumps({"workers": workers, "own": os.getpid(), "same": before == mine()}))

if __name__ == "__main__":
    main()
"""
_BEGUN = """
import sys
import psutil
from tiled_sim.cluster.ahead import importing_ahead

def servers():
    return [child for child in psutil.Process().children() if "forkserver" in str(child.cmdline())]

with importing_ahead(sys.argv[1], float(sys.argv[2])):
    print(len(servers()), end=" ")
print(len(servers()))
"""


def told_by(program, *words, environment=None):
    """What a program prints."""
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
        env={**os.environ, **(environment or {})},
    ).stdout


@pytest.fixture(scope="module")
def told():
    """Of two workers: their parents, what they have imported and their environment."""
    return json.loads(told_by(_ABOUT_WORKERS))


def test_workers_of_a_command_are_forks_of_one_process_that_has_imported_torch(told):
    (parent,) = {worker["parent"] for worker in told["workers"]}
    assert parent != told["own"]
    assert [worker["torch"] for worker in told["workers"]] == [True, True]


def test_they_do_not_hear_an_interrupt_of_the_terminal(told):
    assert [worker["deaf"] for worker in told["workers"]] == [True, True]


def test_they_have_the_environment_of_other_workers(told):
    from tiled_sim.cluster.environment import WORKER_ENVIRONMENT

    for worker in told["workers"]:
        threads, kept, logs = worker["environment"].values()
        assert threads == "1"
        assert kept == WORKER_ENVIRONMENT["MALLOC_TRIM_THRESHOLD_"]
        assert "critical" in logs
    assert told["same"]  # and the command has its own


@pytest.mark.parametrize(
    ("cluster", "seconds", "begun"),
    [
        ("local:2", 0, 1),
        ("local", 100, 1),
        ("local", 1, 0),  # threads of the command compute what is quick
        ("gpu", 100, 0),
        ("tcp://127.0.0.1:9", 100, 0),
    ],
)
def test_it_begins_where_processes_of_this_machine_are_to_compute_and_ends(cluster, seconds, begun):
    assert told_by(_BEGUN, cluster, str(seconds)) == f"{begun} 0\n"


def test_whoever_wants_another_way_to_start_processes_gets_it():
    asked = {"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "spawn"}
    assert told_by(_BEGUN, "local:2", "0", environment=asked) == "0 0\n"


def test_an_error_in_an_input_leaves_no_process_behind(tmp_path):
    words = "--out run.zarr --cluster local:2 -hkl gone.hkl -cell 70 80 90 90 90 90 -lambda 1 -N 5"
    words += " -distance 100 -detpixels 64"
    started = subprocess.Popen(
        [sys.executable, "-m", "tiled_sim", "submit", *words.split()],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _, complaint = started.communicate(timeout=PATIENCE)
    assert started.returncode == 3
    assert "gone.hkl" in complaint
    assert [other for other in psutil.process_iter() if _is_server_of(other, started.pid)] == []


def _is_server_of(other, session):
    try:
        return os.getsid(other.pid) == session and "forkserver" in str(other.cmdline())
    except (OSError, psutil.Error):
        return False
