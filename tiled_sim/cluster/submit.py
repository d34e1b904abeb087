"""Making a run and computing its tiles."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from distributed import Client

from tiled_sim.cluster.connect import connected, is_here, parse_cluster
from tiled_sim.cluster.detached import leave, require_lasting
from tiled_sim.cluster.driver import drive, finish
from tiled_sim.cluster.forms import Tls
from tiled_sim.cluster.lease import Lease
from tiled_sim.cluster.listener import Listener, Silent
from tiled_sim.cluster.local import Work
from tiled_sim.cluster.resources import cores_of, device_of_workers
from tiled_sim.errors import StoreError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import NEGLIGIBLE
from tiled_sim.plan.choice import build_choice, predicted_seconds
from tiled_sim.plan.coverage import REQUIRED_COVERAGE
from tiled_sim.plan.memory import Room, require_memory
from tiled_sim.plan.plan import DEFAULT_TILE, TilePlan
from tiled_sim.plan.prepare import Prepared, prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run


def submit(
    experiment: Experiment,
    path: str | Path,
    *,
    cluster: str = "local",
    tls: Tls | None = None,
    tile: int | tuple[int, int] = DEFAULT_TILE,
    precision: str = "float64",
    kernel: str = "auto",
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
    trace_pixels: Sequence[tuple[int, int]] = (),
    require_coverage: float = REQUIRED_COVERAGE,
    detach: bool = False,
    listener: Listener | None = None,
) -> Run:
    """Simulate an experiment into a new run, on a dask cluster; what the command line does.

    Parameters
    ----------
    experiment : what to simulate
    path : of the run to make
    cluster : any of the forms of ``docs/clusters.md``, such as ``local`` or ``tcp://…``
    tls : that connections are to be encrypted, and with which certificates
    tile : pixels of a tile, one number or (slow, fast), multiples of 16
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel : ``auto``, ``reference``, ``compiled``, ``spots`` or ``triton``; recorded in the plan
    negligible : share of the peak of a Gaussian spot below which evaluations may be left out
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, on the workers
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give
    detach : leave the run to a scheduler that is running already, and return when it has begun
    listener : is told of every tile

    Raises
    ------
    TiledSimError
        naming what is wrong and what to do; nothing that exists is overwritten
    """
    parse_cluster(cluster)
    if detach:
        require_lasting(cluster)
    if os.path.exists(path):  # False, too, where it cannot be looked at
        raise StoreError(
            f"{path} exists already; name another --out, or go on with `tiled-sim resume {path}`"
        )
    prepared = prepare(
        experiment,
        tile=(tile, tile) if isinstance(tile, int) else tile,
        trace_pixels=trace_pixels,
        require_coverage=require_coverage,
        precision=precision,
        kernel=kernel,
        negligible=negligible,
        device=device_of_workers(device, cluster),
        cores=cores_of(cluster),
    )
    listener = listener or Silent()
    prepared = _compiled(prepared, kernel, cluster, listener)
    # connect first: a cluster that is not there, or too small, leaves no run behind
    work = _work(prepared.plan, experiment, len(prepared.plan))
    with connected(cluster, work, tls=tls) as client:
        require_memory(prepared.plan, _rooms(client))
        run = create_run(prepared, path)
        _hand_out(run, client, list(range(len(run.plan))), device, detach, listener)
    return Run(run.path)


def compute_missing(
    run: Run,
    *,
    cluster: str = "local",
    tls: Tls | None = None,
    device: str = "auto",
    detach: bool = False,
    listener: Listener | None = None,
) -> Run:
    """Compute every tile of a run that has no valid sidecar, then make the pyramid.

    Parameters
    ----------
    run : to complete
    cluster, tls, device, detach, listener : as `submit`

    Raises
    ------
    TileError
        if tiles still fail after all attempts; the others are done
    TiledSimError
        naming what is wrong and what to do
    """
    device_of_workers(device, cluster)
    if detach:
        require_lasting(cluster)
    listener = listener or Silent()
    missing = [tile.index for tile in run.missing()]
    if not missing:
        with Lease(run, 0, "") as lease:
            finish(run, lease, listener)
    else:
        if is_here(parse_cluster(cluster)):
            chosen = run.plan.choice
            build_choice(chosen, run.experiment, asked=chosen.kernel, compiling=listener.compiling)
        with connected(cluster, _work(run.plan, run.experiment, len(missing)), tls=tls) as client:
            require_memory(run.plan, _rooms(client))
            _hand_out(run, client, missing, device, detach, listener)
    return Run(run.path)


def _hand_out(
    run: Run, client: Client, tiles: list[int], device: str, detach: bool, listener: Listener
) -> None:
    """Drive a run from here, or leave it to a driver on the cluster."""
    if detach:
        leave(run, client, device)
    else:
        drive(run, client, tiles, device, listener)


def _compiled(prepared: Prepared, asked: str, cluster: str, listener: Listener) -> Prepared:
    """Compile the kernel before workers start here; remote ones have caches of their own.

    Where that fails and any kernel would do, the run is planned for the reference kernel.
    """
    if not is_here(parse_cluster(cluster)):
        return prepared
    choice = build_choice(
        prepared.choice, prepared.experiment, asked=asked, compiling=listener.compiling
    )
    plan = replace(
        prepared.plan,
        kernel=choice.kernel,
        precision=choice.precision,
        negligible=choice.negligible,
    )
    return replace(prepared, plan=plan, choice=choice)


def _work(plan: TilePlan, experiment: Experiment, tiles: int) -> Work:
    """What there is to do for some of the tiles of a plan."""
    seconds = predicted_seconds(plan.choice, experiment, cores=1)
    return Work(tiles, seconds * tiles / len(plan), plan.bytes_of_process(1))


def _rooms(client: Client) -> list[Room]:
    """Memory and threads of the workers that are there."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [Room(worker["memory_limit"], worker["nthreads"]) for worker in workers]
