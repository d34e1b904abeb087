"""A real SLURM on this machine: munged, slurmctld and slurmd of our own, on loopback."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import tiled_sim as ts
from tiled_sim.cluster.connect import connected
from tiled_sim.cluster.forms import Tls
from tiled_sim.cluster.local import Workload
from tiled_sim.errors import TiledSimError, UsageError
from tiled_sim.run.run import Run

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "sinfo")
PATIENCE = 120
TILES = 36

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(shutil.which(program) for program in PROGRAMS)
        or importlib.util.find_spec("dask_jobqueue") is None
        or os.geteuid() != 0,
        reason="needs root, dask-jobqueue, and SLURM and munge installed",
    ),
]

CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=8000
PartitionName=day Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(true):
    deadline = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


@contextmanager
def daemon(folder, *command):
    with (folder / f"{Path(command[0]).name}.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def slurm():
    """A SLURM with one node of four cores; the folder of its logs."""
    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as patch,
        ExitStack() as daemons,
    ):
        folder = Path(name)
        folder.chmod(0o755)  # munged wants its socket within reach of all
        for part in ("state", "spool"):
            (folder / part).mkdir()
        key = folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        settings = CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().split(".")[0],
            controller_port=free_port(),
            node_port=free_port(),
        )
        (folder / "slurm.conf").write_text(settings)
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        files = ("key-file=munge.key", "socket=munge.socket", "pid-file=munged.pid")
        names = (*files, "log-file=munged.log", "seed-file=munged.seed")
        words = [f"--{what}={folder / file}" for what, file in (n.split("=") for n in names)]
        daemons.enter_context(daemon(folder, "munged", "--foreground", *words))
        eventually((folder / "munge.socket").exists)
        daemons.enter_context(daemon(folder, "slurmctld", "-D"))
        daemons.enter_context(daemon(folder, "slurmd", "-D"))
        eventually(lambda: said("sinfo", "--noheader", "--format=%T") == ["idle"])
        yield folder


@pytest.fixture
def profile(slurm, tmp_path):
    """Write a profile with these lines besides those that this machine needs."""

    def write(*lines, host='host = "127.0.0.1"'):
        file = tmp_path / "profile.toml"
        always = ['memory = "2 GB"', f'shared_directory = "{tmp_path}/jobs"', host]
        file.write_text("\n".join([*always, *lines]))
        return f"slurm:{file}"

    yield write
    subprocess.run(["scancel", "--user=root"], check=True)
    eventually(lambda: not said("squeue", "--noheader"))


@contextmanager
def submitted(cluster, data, path, oversample, *words):
    """``tiled-sim submit`` as a process."""
    options = (
        f"--no-progress --tile 32 --cluster {cluster} --out {path} "
        "-hkl p1.hkl -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 "
        f"-distance 100 -detpixels 192 -pixel 0.15 -oversample {oversample}"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "tiled_sim", "submit", *options.split(), *words],
        cwd=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def sidecars(path):
    return list(path.glob("traces/f*/p*/*.json"))


def bytes_of(still, oversample):
    job = still("-detpixels", 192, "-pixel", 0.15, "-oversample", oversample)
    return ts.simulate(job).values.tobytes()


def test_a_run_through_slurm_is_the_same_as_one_on_this_machine(profile, still, data, tmp_path):
    path = tmp_path / "run.zarr"
    cluster = profile("jobs = 2", "cores = 1", 'setup = ["export WITNESS=here"]')
    with submitted(cluster, data, path, 2) as process:
        _, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaint
    assert "is not encrypted" not in complaint  # loopback
    run = Run(path)
    assert run.image.values.tobytes() == bytes_of(still, 2)
    assert list(run.faults()) == []
    eventually(lambda: not said("squeue", "--noheader"))
    assert len(list((tmp_path / "jobs").glob("tiled_sim-*.out"))) == 2


def test_a_cancelled_job_is_replaced_and_the_run_recovers(profile, still, data, tmp_path):
    path = tmp_path / "run.zarr"
    with submitted(profile("cores = 2"), data, path, 14) as process:
        eventually(lambda: len(sidecars(path)) >= 4)
        (job,) = said("squeue", "--noheader", "--format=%i")
        subprocess.run(["scancel", job], check=True)
        assert len(sidecars(path)) < TILES
        (other,) = eventually(
            lambda: [j for j in said("squeue", "--noheader", "--format=%i") if j != job]
        )
        _, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaint
    assert other != job
    run = Run(path)
    assert run.image.values.tobytes() == bytes_of(still, 14)
    assert list(run.faults()) == []


def test_an_interrupted_run_leaves_no_job_and_says_how_to_go_on(profile, data, tmp_path):
    path = tmp_path / "run.zarr"
    with submitted(profile("cores = 1"), data, path, 14) as process:
        eventually(lambda: process.poll() is not None or sidecars(path))
        os.killpg(process.pid, signal.SIGINT)
        _, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, complaint
    assert "Traceback" not in complaint
    assert f"`tiled-sim resume {path}`" in complaint
    eventually(lambda: not said("squeue", "--noheader"))


def test_temporary_certificates_reach_the_jobs_and_are_gone_afterwards(profile, tmp_path):
    with connected(profile("cores = 1"), Workload(1), tls=Tls()) as client:
        assert client.scheduler.address.startswith("tls://")
        assert client.submit(sum, [1, 2]).result() == 3
        (secret,) = (tmp_path / "jobs").glob(".certificates-*")
        assert secret.stat().st_mode & 0o777 == 0o700
        assert len(list(secret.iterdir())) == 3
    assert not secret.exists()


def test_what_slurm_says_of_a_job_it_does_not_take_is_told(profile):
    with (
        pytest.raises(TiledSimError, match=r"SLURM refuses the job: .*invalid partition.*night"),
        connected(profile("cores = 1", 'queue = "night"'), Workload(1)),
    ):
        pass


def test_jobs_that_end_without_a_worker_are_not_waited_for(profile, tmp_path):
    with (
        pytest.raises(TiledSimError, match=rf"no worker has joined; .* in {tmp_path}/jobs"),
        connected(profile("cores = 1", 'python = "false"'), Workload(1)),
    ):
        pass


def test_a_job_that_waits_too_long_is_told(profile):
    lines = ("cores = 1", "wait_minutes = 0.05", 'directives = ["--begin=now+1hour"]')
    with (
        pytest.raises(TiledSimError, match=r"no job has started within 0\.05 minutes; `squeue"),
        connected(profile(*lines), Workload(1)),
    ):
        pass


def test_an_interface_that_is_not_there_is_told(profile):
    with (
        pytest.raises(UsageError, match=r"profile cannot be honoured here: .*'ib7'"),
        connected(profile("cores = 1", 'interface = "ib7"', host=""), Workload(1)),
    ):
        pass
