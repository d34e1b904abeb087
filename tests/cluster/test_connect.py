"""Which cluster a run computes on: the forms of --cluster, and who hears of it."""

import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time

import psutil
import pytest
import torch
from dask.system import CPU_COUNT

from tiled_sim.cluster import connect
from tiled_sim.cluster.connect import Gpu, Local, Remote, Slurm, connected, is_here, parse_cluster
from tiled_sim.cluster.local import Workload
from tiled_sim.errors import InputFileError, TiledSimError, UsageError
from tiled_sim.kernels.devices import TILES_ON_A_GPU

LOOPBACK = {"127.0.0.1", "::1"}


# The forms


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("local", Local(None, 1)),
        ("local:3", Local(3, 1)),
        ("local:4x2", Local(4, 2)),
        ("local:12x16", Local(12, 16)),
        ("tcp://node7:8786", Remote("tcp://node7:8786")),
        ("tls://node7:8786", Remote("tls://node7:8786")),
        ("gpu", Gpu(None)),
        ("gpu:2", Gpu(2)),
    ],
)
def test_every_form_of_cluster_is_understood(text, where):
    assert parse_cluster(text) == where


@pytest.mark.parametrize(
    "text",
    [
        *("", "local:", "local:0", "local:2x0", "local:2x", "local:x2", "local:-1", "local:1.5"),
        *("LOCAL", " local", "local ", "local\n", "locals", "local:2x2x2"),
        *("node7:8786", "http://node7:8786", "tcp:/node7", "TCP://node7:8786"),
        *("gpu:", "gpu:0", "gpu:1x1", "gpus", "slurm", "slurm:", "scheduler-file", "pbs:a.toml"),
    ],
)
def test_any_other_form_is_refused_and_told_what_there_is(text):
    with pytest.raises(UsageError) as caught:
        parse_cluster(text)
    message = str(caught.value)
    assert f"cluster={text!r}" in message
    forms = ("local,", "local:WORKERS,", "local:WORKERSxTHREADS", "tcp://", "tls://", "gpu,")
    for form in (*forms, "gpu:WORKERS", "scheduler-file:PATH", "slurm:PROFILE.toml"):
        assert form in message


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tls://node7:8786"])
def test_a_scheduler_file_gives_the_address(tmp_path, address):
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"type": "Scheduler", "address": address, "workers": {}}))
    assert parse_cluster(f"scheduler-file:{file}") == Remote(address)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", "{}", '{"address": 7}', '{"address": "inproc://a/b"}', "[" * 100000],
)
def test_a_file_that_no_scheduler_wrote_is_refused_with_its_name(tmp_path, content):
    file = tmp_path / "scheduler.json"
    file.write_text(content)
    with pytest.raises(InputFileError, match=rf"{file}.*`dask scheduler --scheduler-file PATH`"):
        parse_cluster(f"scheduler-file:{file}")


@pytest.mark.parametrize("form", ["scheduler-file", "slurm"])
def test_a_file_that_is_missing_is_told(tmp_path, form):
    with pytest.raises(InputFileError, match=rf"cannot read .*{tmp_path}/none: No such file"):
        parse_cluster(f"{form}:{tmp_path}/none")


def test_a_slurm_profile_is_read(tmp_path):
    file = tmp_path / "profile.toml"
    file.write_text('cores = 8\nmemory = "16 GB"\n')
    where = parse_cluster(f"slurm:{file}")
    assert isinstance(where, Slurm)
    assert where.profile.cores == 8


def test_only_local_workers_are_here():
    assert is_here(Local())
    assert is_here(Gpu())
    assert not is_here(Remote("tcp://127.0.0.1:8786"))


# A scheduler that is already running


@pytest.fixture
def impatient(monkeypatch):
    """One second to connect, where users have ten."""
    monkeypatch.setattr(connect, "_SECONDS_TO_CONNECT", 1)


def try_to_connect(address):
    """Error of connecting to an address, and the seconds it took."""
    began = time.monotonic()
    with pytest.raises(TiledSimError) as caught, connected(address, Workload(1)):
        pass
    return caught.value, time.monotonic() - began


def test_a_scheduler_that_is_not_there_is_said_so_within_seconds(impatient, closed_port):
    address = f"tcp://127.0.0.1:{closed_port}"
    error, seconds = try_to_connect(address)
    assert re.search(
        rf"no scheduler answers at {address} .*`dask scheduler`.*leave cluster out", str(error)
    )
    assert seconds < 5


def test_nobody_waits_longer_than_ten_seconds_for_a_scheduler():
    assert connect._SECONDS_TO_CONNECT <= 10


def test_a_host_that_does_not_exist_is_said_so(impatient):
    error, _ = try_to_connect("tcp://no-such-host.invalid:8786")
    assert "no scheduler answers at tcp://no-such-host.invalid:8786" in str(error)


@pytest.mark.parametrize("address", ["tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:port"])
def test_an_address_without_a_port_is_said_so(impatient, address):
    error, _ = try_to_connect(address)
    assert f"no scheduler answers at {address} " in str(error)


def test_a_port_where_something_else_answers_is_said_so(impatient):
    def answer():
        while True:
            try:
                caller, _ = server.accept()
            except OSError:
                return
            with caller:
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 2)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            error, _ = try_to_connect(f"tcp://127.0.0.1:{port}")
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert f"no scheduler answers at tcp://127.0.0.1:{port}" in str(error)


def test_a_tls_address_without_certificates_is_told_where_they_are_named(impatient):
    error, _ = try_to_connect("tls://127.0.0.1:8786")
    assert isinstance(error, UsageError)
    assert "needs certificates" in str(error)
    assert "Tls(ca=…)" in str(error)
    assert "distributed.comm.tls" in str(error)


def test_a_scheduler_named_by_its_file_is_reached(address, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": address}))
    with connected(f"scheduler-file:{file}", Workload(1)) as client:
        assert client.scheduler.address == address


# Jobs of SLURM; what SLURM itself does is in test_slurm.py


@pytest.fixture
def profile(tmp_path):
    file = tmp_path / "profile.toml"
    file.write_text(f'cores = 1\nmemory = "1 GB"\nshared_directory = "{tmp_path}/file/jobs"')
    (tmp_path / "file").touch()
    return f"slurm:{file}"


def test_slurm_needs_a_package_which_is_named(profile, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    error, _ = try_to_connect(profile)
    assert "pip install 'tiled_sim[hpc]'" in str(error)


def test_slurm_needs_a_machine_that_submits_jobs(profile, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    error, _ = try_to_connect(profile)
    assert "needs the command sbatch" in str(error)


def test_a_folder_for_the_jobs_that_cannot_be_made_is_told(profile, monkeypatch, tmp_path):
    (tmp_path / "sbatch").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    error, _ = try_to_connect(profile)
    assert f"{tmp_path}/file/jobs, for the output of the jobs, cannot be made" in str(error)


def test_slurm_leaves_ctrl_c_as_it_was(profile, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("dask_jobqueue")]:
        monkeypatch.delitem(sys.modules, name)  # it is when it is imported that it meddles
    before = signal.getsignal(signal.SIGINT)
    try_to_connect(profile)
    assert signal.getsignal(signal.SIGINT) is before


# A local cluster


@pytest.fixture(scope="module")
def local():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # as clusters of dask's own leave behind
        with connected("local:1x2", Workload(5)) as client:
            yield client


def test_a_local_cluster_has_the_workers_and_threads_asked_for(local):
    assert list(local.nthreads().values()) == [2]


def test_a_local_cluster_computes_in_a_process_of_its_own(local):
    (pid,) = local.run(os.getpid).values()
    assert pid != os.getpid()


def test_a_local_cluster_listens_on_loopback_only(local):
    def listening():
        connections = psutil.Process().net_connections(kind="inet")
        return {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}

    (of_worker,) = local.run(listening).values()
    assert of_worker
    assert listening() | of_worker <= LOOPBACK


def test_the_addresses_of_a_local_cluster_are_on_loopback(local):
    dashboard = re.match(r"http://([^:/]+):\d+/", local.dashboard_link)
    addresses = [local.scheduler.address, *local.nthreads()]
    assert dashboard[1] in LOOPBACK
    assert {re.match(r"tcp://(.+):\d+$", address)[1] for address in addresses} <= LOOPBACK


def test_a_worker_does_not_hear_what_interrupts_the_client(local):
    (pid,) = local.run(os.getpid).values()
    os.kill(pid, signal.SIGINT)
    assert list(local.run(os.getpid).values()) == [pid]


def test_a_worker_keeps_the_memory_that_tensors_give_back_whatever_dask_ran_before(local):
    (kept,) = local.run(os.getenv, "MALLOC_TRIM_THRESHOLD_").values()
    assert int(kept) >= 1 << 27


def test_a_worker_leaves_it_to_us_to_tell_of_a_tile_that_fails(local):
    def level():
        return logging.getLogger("distributed.worker").getEffectiveLevel()

    assert list(local.run(level).values()) == [logging.CRITICAL]


def test_the_client_still_hears_an_interrupt(local):
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_local_cluster_is_gone_afterwards_and_the_environment_as_before():
    environment = dict(os.environ)
    with connected("local", Workload(1)) as client:
        pids = list(client.run(os.getpid).values())
        address = client.scheduler.address
    assert len(pids) == 1  # one tile needs one worker, whatever the cores
    _, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=5
    )
    assert not alive
    host, port = address.removeprefix("tcp://").split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=2)
    assert dict(os.environ) == environment


def test_a_quick_run_is_computed_by_threads_of_this_process():
    before = torch.get_num_threads()
    with connected("local", Workload(tiles=9, seconds=1.0)) as client:
        assert set(client.run(os.getpid).values()) == {os.getpid()}
        assert list(client.nthreads().values()) == [min(CPU_COUNT, 9)]
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_processes_that_are_asked_for_are_started_for_a_quick_run_too():
    with connected("local:1", Workload(tiles=9, seconds=1.0)) as client:
        assert os.getpid() not in client.run(os.getpid).values()


def test_a_local_cluster_has_no_more_workers_than_fit_into_memory():
    with connected("local", Workload(tiles=9, bytes_of_worker=10**15)) as client:
        assert list(client.nthreads().values()) == [1]


# One process for each GPU; the processes are real, the number of GPUs is not


@pytest.fixture
def gpus(monkeypatch):
    """Have torch see so many GPUs, and the environment name them so."""

    def have(count, named=None):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if named is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)

    return have


def seen_by_workers(cluster):
    """CUDA_VISIBLE_DEVICES of each worker, and its number of threads."""
    with connected(cluster, Workload(9)) as client:
        named = client.run(os.getenv, "CUDA_VISIBLE_DEVICES")
        assert set(client.nthreads().values()) == {TILES_ON_A_GPU}
        return sorted(named.values())


def test_every_worker_sees_a_gpu_of_its_own(gpus):
    gpus(2)
    assert seen_by_workers("gpu") == ["0", "1"]


def test_workers_share_out_the_gpus_that_this_process_was_given(gpus):
    gpus(3, "3, GPU-5f1c9a2e-8f0f-4a51-9d0c-7a8d8a3c0b11,MIG-1b6c,-1,0")
    assert seen_by_workers("gpu:2") == ["3", "GPU-5f1c9a2e-8f0f-4a51-9d0c-7a8d8a3c0b11"]


def test_a_worker_that_comes_back_sees_the_same_gpu(gpus):
    gpus(1, "GPU-b,GPU-a")
    with connected("gpu", Workload(1)) as client:
        ((address, pid),) = client.run(os.getpid).items()
        psutil.Process(pid).kill()
        deadline = time.monotonic() + 30
        while set(client.nthreads()) <= {address}:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert list(client.run(os.getenv, "CUDA_VISIBLE_DEVICES").values()) == ["GPU-b"]


@pytest.mark.parametrize("form", ["gpu", "gpu:1"])
def test_a_machine_without_a_gpu_is_told_so(gpus, form):
    gpus(0)
    with pytest.raises(UsageError, match=rf"cluster='{form}': torch sees 0 GPUs .*'local'"):
        seen_by_workers(form)


def test_more_gpus_than_there_are_is_told_with_both_numbers(gpus):
    gpus(2, "0,1")
    message = r"cluster='gpu:3': torch sees 2 GPUs here, with CUDA_VISIBLE_DEVICES='0,1'"
    with pytest.raises(UsageError, match=message):
        seen_by_workers("gpu:3")


def test_a_cluster_or_client_of_dask_is_refused_with_what_to_give():
    with pytest.raises(UsageError, match="takes a text: of a dask cluster or client"):
        parse_cluster(object())
