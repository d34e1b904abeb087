"""What workers do with memory that tensors give back, however they were started."""

import platform
import subprocess
import sys
from contextlib import contextmanager

import pytest
from distributed import Client

from support.processes import PATIENCE, scheduler_here
from support.processes import worker as started_by_hand
from tiled_sim.cluster.allocator import settle_allocator
from tiled_sim.cluster.submit import compute_missing

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have no such thresholds"
)

#: Of an array of half a mebibyte.
PAGES = 128


@contextmanager
def a_worker(environment):
    """Client of a scheduler whose worker a user has started, with a nanny."""
    with (
        scheduler_here() as cluster,
        started_by_hand(cluster.scheduler_address, environment=environment),
        Client(cluster, set_as_default=False) as client,
    ):
        client.wait_for_workers(1, timeout=PATIENCE)
        yield client


def faults_of(client):
    """Page faults of an array in the worker, each time that it is made."""

    def faults():  # inside, so that workers get it by its code
        import resource

        import numpy as np

        # others lie between, so that the heap has room for it that does not go back
        others = [np.ones(1 << 16) for _ in range(16)][1::2]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(100):
            np.ones(1 << 16)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        del others
        return (after - before) // 100

    return client.submit(faults, pure=False).result(PATIENCE)


def test_a_worker_that_has_computed_a_tile_does_not_map_each_tensor_anew(small_run):
    with a_worker({}) as client:
        assert faults_of(client) >= PAGES  # as dask has it
        compute_missing(small_run, cluster=client.scheduler.address)
        assert faults_of(client) < PAGES // 10


@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_MMAP_THRESHOLD_": "262144"},
        {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=262144"},
    ],
    ids=lambda environment: "".join(environment),
)
def test_what_the_user_has_set_for_a_worker_stays(environment):
    with a_worker(environment) as client:
        client.submit(settle_allocator).result(PATIENCE)
        assert faults_of(client) >= PAGES


_IN_A_PROGRAM = """
import resource
import numpy as np
from distributed import Client, LocalCluster
from tiled_sim.cluster.allocator import settle_allocator

with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
    with Client(cluster) as client:
        client.submit(settle_allocator).result()
for _ in range(5):
    np.ones(1 << 21)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(1 << 21)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 10)
"""


def test_a_program_whose_threads_compute_keeps_its_own_way():
    told = subprocess.run(
        [sys.executable, "-c", _IN_A_PROGRAM], capture_output=True, text=True, check=True
    ).stdout
    assert int(told) < PAGES  # glibc has learnt, which it does no more once it is told
