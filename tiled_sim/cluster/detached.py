"""A driver that lives on the cluster, as a task of its own, when the client has gone home."""

import time
import uuid

from distributed import Client, fire_and_forget, get_client, secede

from tiled_sim.cluster.arrival import Needs, admitted
from tiled_sim.cluster.connect import Remote, parse_cluster
from tiled_sim.cluster.driver import drive
from tiled_sim.cluster.listener import Silent
from tiled_sim.errors import TiledSimError, UsageError
from tiled_sim.io.control import Control
from tiled_sim.run import Run

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
        if it does not begin
    """
    before = Control(run.path).driver()
    needs = Needs(str(run.path.absolute()), run.run_id, device)
    with admitted(client, needs) as admission:
        workers = admission.addresses()
    future = client.submit(
        drive_here,
        needs.path,
        run.run_id,
        device,
        key=f"driver-{run.run_id[:8]}-{uuid.uuid4().hex[:8]}",
        pure=False,
        workers=workers,
    )
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if future.done():
            future.result()
            return
        now = Control(run.path).driver()
        if now is not None and (before is None or now.token != before.token):
            fire_and_forget(future)
            return
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    raise TiledSimError(
        f"no driver has begun within {_SECONDS_TO_START} s; are the workers busy with something "
        f"else? `tiled-sim resume --detach {run.path}` tries again"
    )


def drive_here(path: str, run_id: str, device: str) -> None:
    """The task of the driver: compute what a run lacks.

    A driver whose worker dies begins again on another, and skips what is done.

    Parameters
    ----------
    path : of the run, as the workers see it
    run_id : of it
    device : name of the torch device
    """
    run = Run(path)
    if run.run_id != run_id:
        raise TiledSimError(f"{path} holds another run than the one submitted")
    client = get_client()
    secede()  # the thread is for tiles
    missing = [tile.index for tile in run.missing()]
    drive(run, client, missing, device, Silent())
