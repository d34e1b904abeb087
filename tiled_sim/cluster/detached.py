"""A driver that lives on the cluster, as a task of its own, when the client has gone home."""

import logging
import time
import uuid

from distributed import Client, Future, fire_and_forget, get_client, secede

from tiled_sim.cluster.admission import admitted
from tiled_sim.cluster.completion import complete
from tiled_sim.cluster.connect import Remote, parse_cluster
from tiled_sim.cluster.examination import Requirements, obstacle
from tiled_sim.cluster.lease import require_alone
from tiled_sim.cluster.listener import Silent
from tiled_sim.cluster.tasks import ByName
from tiled_sim.errors import TiledSimError, UsageError
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.control import Control
from tiled_sim.store.location import told_if_not_writable

logger = logging.getLogger(__name__)

_SECONDS_TO_START = 60
_SECONDS_BETWEEN_LOOKS = 0.2


def require_lasting(cluster: str) -> None:
    """Refuse to leave a run to a cluster that ends with this process.

    Raises
    ------
    UsageError
        if it does
    """
    if not isinstance(parse_cluster(cluster), Remote):
        raise UsageError(
            f"--detach leaves the run to a scheduler that is running already, and --cluster "
            f"{cluster} ends with this command: start `dask scheduler` and `dask worker`, and name "
            "it with --cluster tcp://HOST:PORT or scheduler-file:PATH"
        )


def leave(run: Run, client: Client, device: str) -> None:
    """Start a driver on the cluster, and wait until it has begun.

    Parameters
    ----------
    run : to compute; what is done already is skipped
    client : of the cluster
    device : name of the torch device

    Raises
    ------
    TiledSimError
        if it does not begin, another lives, or the store cannot be written
    """
    control = Control(run.path)
    require_alone(run)
    with told_if_not_writable(run.path):
        control.go_on()  # here and not there, where it may have been cancelled meanwhile
    before = control.driver()
    future = _begin(client, Requirements(str(run.path.absolute()), run.run_id, device))
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        now = control.driver()
        if now is not None and (before is None or now.token != before.token):
            return
        if future.done():
            _require_result(future)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    client.cancel(future, force=True)  # lest it begins unexpectedly
    raise TiledSimError(
        f"no driver has begun within {_SECONDS_TO_START} s; are the workers busy with something "
        f"else? `tiled-sim resume --detach {run.path}` tries again"
    )


def _begin(client: Client, requirements: Requirements, workers: list[str] | None = None) -> Future:
    """Submit the task of the driver.

    Without ``workers`` it may begin again on workers that were not there when it first began;
    dask leaves a task alone whose named workers have all died.
    """
    future = client.submit(
        ByName.of(drive_here),
        requirements.path,
        requirements.run_id,
        requirements.device,
        key=f"driver-{requirements.run_id[:8]}-{uuid.uuid4().hex[:8]}",
        pure=False,
        workers=workers,
    )
    fire_and_forget(future)
    return future


def _require_result(future: Future) -> None:
    try:
        found = future.result()
    except Exception as error:  # whatever happens to a task and to its worker
        raise TiledSimError(
            f"the driver could not begin ({type(error).__name__}: {error}); see the logs of the "
            "workers"
        ) from error
    if found is not None:
        raise found


def drive_here(path: str, run_id: str, device: str) -> TiledSimError | None:
    """The task of the driver: compute what a run lacks.

    A driver whose worker dies begins again on another, unless it was cancelled in the meantime,
    and skips what is done. On a worker that cannot compute the run it sends itself to one that
    can.

    Parameters
    ----------
    path : of the run, as the workers see it
    run_id : of it
    device : name of the torch device

    Returns
    -------
    why it ended before its time; dask would print a traceback of what is raised
    """
    try:
        _drive(path, run_id, device)
    except TiledSimError as error:
        logger.warning("%s: %s", path, error)
        return error
    return None


def _drive(path: str, run_id: str, device: str) -> None:
    client = get_client()
    secede()  # the thread is for tiles
    if obstacle(path, run_id, device):
        requirements = Requirements(path, run_id, device)
        with admitted(client, requirements) as admission:
            workers = admission.addresses()
        _begin(client, requirements, workers)
        return
    run = Run(path)
    if not Control(run.path).cancelled:
        complete(run, client, Progress.surveyed(run), device, Silent())
