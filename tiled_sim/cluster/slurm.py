"""Workers as jobs of SLURM, by dask-jobqueue; the scheduler is in this process."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from distributed import Client, Security

from tiled_sim.cluster.dashboard import LOOPBACK, dashboard_port
from tiled_sim.cluster.environment import WORKER_ENVIRONMENT
from tiled_sim.cluster.profiles import SlurmProfile
from tiled_sim.cluster.security import on_disk
from tiled_sim.errors import MissingExtraError, TiledSimError, UsageError

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster

_SECONDS_BETWEEN_LOOKS = 3.0
_SECONDS_TO_SUBMIT = 15.0
#: After which a job without a worker is taken for lost; a nanny restarts a worker sooner, and dask
#: is done with cancelling what had the job's name (distributed.deploy.lost-worker-timeout, 15 s).
_SECONDS_UNTIL_LOST = 20.0


@contextmanager
def slurm_cluster(profile: SlurmProfile, security: Security | None) -> Iterator["SLURMCluster"]:
    """As many jobs as a profile says, until the end of the block; a lost job is replaced.

    Parameters
    ----------
    profile : of the jobs
    security : of the connections; None: unencrypted

    Raises
    ------
    TiledSimError
        if SLURM or dask-jobqueue is not there, or SLURM refuses the jobs; with its words
    """
    kind = _slurm()
    _make_folder(profile.shared_directory)
    with (
        on_disk(security, profile.shared_directory) as shared,
        _started(kind, profile, shared) as cluster,
    ):
        _try(cluster.job_script())
        cluster.scale(jobs=profile.jobs)
        with _replacing_lost_jobs(cluster, profile.jobs):
            yield cluster


def await_first_job(client: Client, cluster: "SLURMCluster", profile: SlurmProfile) -> None:
    """Wait until a worker of a job is there.

    Raises
    ------
    TiledSimError
        if none comes in the time that the profile allows, or all jobs have ended without one
    """
    began = time.monotonic()
    while not client.nthreads():
        waited = time.monotonic() - began
        if waited > 60 * profile.wait_minutes:
            raise TiledSimError(
                f"no job has started within {profile.wait_minutes:g} minutes; `squeue --me` tells "
                "why they wait, and wait_minutes in the profile how long we do"
            )
        if waited > _SECONDS_TO_SUBMIT and not _in_queue(cluster):
            raise TiledSimError(
                "no job waits or runs, and no worker has joined; the output of the jobs is in "
                f"{profile.shared_directory}"
            )
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise TiledSimError(
            f"the folder {path}, for the output of the jobs, cannot be made ({error.strerror}); "
            "name another by shared_directory in the profile"
        ) from None


def _slurm() -> type["SLURMCluster"]:
    try:
        with _own_interrupt():
            from dask_jobqueue import SLURMCluster
    except ImportError:
        raise MissingExtraError("hpc", "--cluster slurm:") from None
    except ValueError:  # a handler of signals is set while it is imported
        raise TiledSimError("--cluster slurm: works in the main thread of a program only") from None
    if shutil.which("sbatch") is None:
        raise TiledSimError(
            "--cluster slurm: needs the command sbatch, which is not here; submit from a machine "
            "that SLURM takes jobs from"
        )
    return SLURMCluster


@contextmanager
def _own_interrupt() -> Iterator[None]:
    """Leave Ctrl-C as it was: dask-jobqueue, imported, makes it a quiet exit with code 0."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _started(
    kind: type["SLURMCluster"], profile: SlurmProfile, security: Security | None
) -> "SLURMCluster":
    try:
        return kind(**_options(profile, security))
    except (RuntimeError, ValueError, OSError) as error:  # an interface that is not there, a host
        raise UsageError(f"the SLURM profile cannot be honoured here: {error}") from None


def _options(profile: SlurmProfile, security: Security | None) -> dict[str, Any]:
    scheduler: dict[str, Any] = {"dashboard_address": f"{LOOPBACK}:{dashboard_port()}"}
    if profile.host is not None:
        scheduler["host"] = profile.host
    exports = [f"export {name}={value}" for name, value in WORKER_ENVIRONMENT.items()]
    return {
        "cores": profile.cores,
        "processes": profile.processes,
        "memory": profile.memory,
        "job_name": "tiled_sim",
        "queue": profile.queue,
        "account": profile.account,
        "walltime": profile.walltime,
        "interface": profile.interface,
        "python": profile.python,
        "job_extra_directives": list(profile.directives),
        "job_script_prologue": [*exports, *profile.setup],
        "log_directory": profile.shared_directory,
        "scheduler_options": scheduler,
        "security": security,
        "silence_logs": "ERROR",
    }


def _try(script: str) -> None:
    """Ask SLURM whether it would take a job; of one that is submitted dask logs the refusal."""
    asked = subprocess.run(
        ["sbatch", "--test-only"], input=script, capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise TiledSimError(f"SLURM refuses the job: {' '.join(asked.stderr.split())}")


def _in_queue(cluster: "SLURMCluster") -> bool:
    """Whether a job waits or runs; True, too, if SLURM does not answer."""
    jobs = ",".join(str(job.job_id) for job in cluster.workers.values() if job.job_id)
    listed = subprocess.run(
        ["squeue", "--noheader", "--format=%i", f"--jobs={jobs or 0}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        return "Invalid job id" not in listed.stderr  # which is what long gone ones are
    return bool(listed.stdout.strip())


@contextmanager
def _replacing_lost_jobs(cluster: "SLURMCluster", jobs: int) -> Iterator[None]:
    done = threading.Event()
    keeper = _Keeper(cluster, jobs)

    def keep() -> None:
        while not done.wait(_SECONDS_BETWEEN_LOOKS):
            keeper.look()

    thread = threading.Thread(target=keep, name="replacing lost jobs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Keeper:
    """Submits a job in place of each whose workers came and went.

    A job whose workers never came is left alone: the next would fare no better.
    """

    def __init__(self, cluster: "SLURMCluster", jobs: int) -> None:
        self._cluster = cluster
        self._jobs = jobs
        self._last_seen: dict[str, float] = {}

    def look(self) -> None:
        """Replace jobs that have been without a worker for too long."""
        now = time.monotonic()
        present = {worker["name"] for worker in self._cluster.scheduler_info["workers"].values()}
        for job, spec in list(self._cluster.worker_spec.items()):
            if any(f"{job}{suffix}" in present for suffix in spec.get("group", [""])):
                self._last_seen[job] = now
        lost = [job for job, seen in self._last_seen.items() if now - seen > _SECONDS_UNTIL_LOST]
        if lost:
            for job in lost:
                del self._last_seen[job]
            self._cluster.sync(self._cluster.scale_down, lost)
            self._cluster.scale(jobs=self._jobs)
