"""Making a run and computing its tiles."""

from collections.abc import Sequence
from pathlib import Path

from distributed import Client

from tiled_sim.cluster.completion import complete, withdraw_unreadable
from tiled_sim.cluster.connect import connected, is_here, parse_cluster
from tiled_sim.cluster.detached import leave, require_lasting
from tiled_sim.cluster.driver import finish
from tiled_sim.cluster.forms import Tls
from tiled_sim.cluster.growth import finish_growth_of, grow_run
from tiled_sim.cluster.lease import Lease, require_alone
from tiled_sim.cluster.listener import Listener, Silent
from tiled_sim.cluster.local import Workload
from tiled_sim.cluster.resources import workers_of
from tiled_sim.errors import StoreError, UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.frame import require_frames
from tiled_sim.model.inputs import Loaded
from tiled_sim.model.settings import AUTO, NEGLIGIBLE, PRECISIONS, REQUIRED_COVERAGE, Settings
from tiled_sim.plan.choice import build_kernel
from tiled_sim.plan.memory import WorkerMemory, require_memory
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.prepare import Prepared, prepare, prepare_more, require_experiment
from tiled_sim.read.more_shots import with_more_shots
from tiled_sim.read.shots import Shots
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.durable import reason
from tiled_sim.store.location import require_nothing, require_run_name
from tiled_sim.store.place import Place, place_of
from tiled_sim.store.run_store import RunStore


def submit(
    experiment: Experiment | Run,
    path: str | Path,
    *,
    cluster: str = "local",
    tls: Tls | None = None,
    tile: int | tuple[int, int] | None = None,
    precision: str = PRECISIONS[0],
    kernel: str = AUTO,
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
    trace_pixels: Sequence[tuple[int, int]] = (),
    trace_panel: int | None = None,
    require_coverage: float = REQUIRED_COVERAGE,
    detach: bool = False,
    listener: Listener | None = None,
    frames: tuple[int, int] | None = None,
) -> Run:
    """Simulate an experiment into a new run, on a dask cluster; what the command line does.

    Parameters
    ----------
    experiment : what to simulate; or a run, whose experiment and inputs are taken from its store
    path : of the run to make, or a URL
    cluster : any of the forms of ``docs/clusters.md``, such as ``local`` or ``tcp://…``
    tls : that connections are to be encrypted, and with which certificates
    tile : pixels of a tile, one number or (slow, fast), multiples of 16; None: by predicted cost
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel : ``auto``, ``reference``, ``compiled``, ``spots`` or ``triton``; recorded in the plan
    negligible : share of the peak of a Gaussian spot below which evaluations may be left out
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, on the workers
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    trace_panel : number of the panel that they are on; None: on every panel
    require_coverage : share of the reflections in reach that the file must give
    detach : leave the run to a scheduler that is running already, and return when it has begun
    listener : is told of every tile
    frames : the first to compute now, and the one after the last; None: all

    Raises
    ------
    TiledSimError
        naming what is wrong and what to do; nothing that exists is overwritten
    """
    parse_cluster(cluster)
    if detach:
        require_lasting(cluster)
    loaded = None
    if isinstance(experiment, Run):
        loaded = Loaded(experiment.experiment, experiment.inputs())
        experiment = experiment.experiment
    require_experiment(experiment)
    wanted = _wanted(frames, len(experiment.exposures), detach=detach)
    place = place_of(path)
    require_run_name(place)
    require_nothing(place)
    listener = listener or Silent()
    prepared = prepare(
        loaded or experiment,
        Settings(kernel, precision, negligible),
        tile=(tile, tile) if isinstance(tile, int) else tile,
        trace_pixels=trace_pixels,
        trace_panel=trace_panel,
        require_coverage=require_coverage,
        workers=workers_of(cluster, device),
        # remote workers have caches of their own
        compiling=listener.compiling if is_here(parse_cluster(cluster)) else None,
    )
    plan = prepared.plan
    listener.planned(plan)
    # connect first: a cluster that is not there, or too small, leaves no run behind
    with connected(cluster, _workload(plan, len(plan)), tls=tls) as client:
        require_memory(plan.memory, plan.grid, _memory_of_workers(client))
        run = _created(prepared, place)
        _hand_out(run, client, Progress(run, frames=wanted), device, detach, listener)
    return Run(run.path, run.experiment)


def compute_missing(
    run: Run,
    *,
    cluster: str = "local",
    tls: Tls | None = None,
    device: str = "auto",
    detach: bool = False,
    listener: Listener | None = None,
    frames: tuple[int, int] | None = None,
) -> Run:
    """Compute every tile of a run that is not there whole, then make the pyramid.

    Parameters
    ----------
    run : to complete
    cluster, tls, device, detach, listener, frames : as `submit`

    Raises
    ------
    TileError
        if tiles still fail after all attempts; the others are done
    TiledSimError
        naming what is wrong and what to do
    """
    workers_of(cluster, device)  # refuses a device that is not there
    if detach:
        require_lasting(cluster)
    wanted = _wanted(frames, len(run.experiment.exposures), detach=detach)
    listener = listener or Silent()
    RunStore.open(run.path, mode="r+")  # refuses a run of a format that is not added to
    run.inputs()  # refuses to go on with others than those that the run was made with
    progress = Progress.surveyed(run, wanted)
    if not len(progress.missing) and withdraw_unreadable(run):
        progress = Progress.surveyed(run, wanted)
    missing = progress.missing
    if not len(missing) and not progress.complete:
        return run  # all that was asked for is there
    if not len(missing):
        with Lease(run, 0, "") as lease:
            progress.write()
            finish(run, lease, listener)
    else:
        if is_here(parse_cluster(cluster)):
            chosen = run.plan.settings
            build_kernel(
                chosen,
                run.experiment,
                asked=chosen.kernel,
                device=device,
                compiling=listener.compiling,
            )
        listener.planned(run.plan)
        with connected(cluster, _workload(run.plan, len(missing)), tls=tls) as client:
            require_memory(run.plan.memory, run.plan.grid, _memory_of_workers(client))
            _hand_out(run, client, progress, device, detach, listener)
    return Run(run.path, run.experiment)


def append(
    path: str | Path,
    shots: Shots,
    *,
    cluster: str = "local",
    tls: Tls | None = None,
    device: str = "auto",
    require_coverage: float = REQUIRED_COVERAGE,
    detach: bool = False,
    listener: Listener | None = None,
) -> Run:
    """Add shots to a run, and compute what it lacks; the frames that it has stay as they are.

    Parameters
    ----------
    path : of the run, or its URL
    shots : to add
    cluster, tls, device, require_coverage, detach, listener : as `submit`

    Raises
    ------
    TiledSimError
        naming what is wrong and what to do; until the shots are in the run, nothing of it changes
    """
    parse_cluster(cluster)
    if detach:
        require_lasting(cluster)
    listener = listener or Silent()
    finish_growth_of(path)
    run = Run(path)
    RunStore.open(run.path, mode="r+")  # refuses a run of a format that is not added to
    require_alone(run)
    experiment = with_more_shots(run.experiment, shots)
    prepared = prepare_more(experiment, run.inputs(), run.plan, require_coverage=require_coverage)
    plan = prepared.plan
    if is_here(parse_cluster(cluster)):
        chosen = plan.settings
        build_kernel(
            chosen, experiment, asked=chosen.kernel, device=device, compiling=listener.compiling
        )
    workers_of(cluster, device)  # refuses a device that is not there
    listener.planned(plan)
    # connect first: of a run that has grown a second try would make it grow once more
    with connected(cluster, _workload(plan, len(plan) - len(run.plan)), tls=tls) as client:
        require_memory(plan.memory, plan.grid, _memory_of_workers(client))
        grown = grow_run(run, prepared)
        _hand_out(grown, client, Progress.surveyed(grown), device, detach, listener)
    return Run(run.path, grown.experiment)


def _wanted(frames: tuple[int, int] | None, count: int, *, detach: bool) -> range | None:
    """The frames to compute now; None: all.

    Raises
    ------
    UsageError
        for frames that are not there, and some of a run that is left to a cluster
    """
    if frames is None:
        return None
    wanted = require_frames(frames, count)
    if detach:
        raise UsageError(
            "--frames with --detach: a driver on the cluster computes all of a run; leave one of "
            "them out"
        )
    return wanted


def _created(prepared: Prepared, place: Place) -> Run:
    """The run, of which nothing is left if it cannot be made."""
    try:
        return create_run(prepared, place)
    except StoreError:
        raise  # told already
    except OSError as error:
        raise StoreError(
            f"{place} cannot be made ({reason(error)}); make room, or name another --out"
        ) from error


def _hand_out(
    run: Run, client: Client, progress: Progress, device: str, detach: bool, listener: Listener
) -> None:
    """Drive a run from here, or leave it to a driver on the cluster."""
    if detach:
        leave(run, client, device)
    else:
        complete(run, client, progress, device, listener)


def _workload(plan: Plan, tiles: int) -> Workload:
    """What there is to do for some of the tiles of a plan."""
    return Workload(tiles, plan.seconds * tiles / len(plan), plan.bytes_of_worker)


def _memory_of_workers(client: Client) -> list[WorkerMemory]:
    """Memory and threads of the workers that are there."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [WorkerMemory(worker["memory_limit"], worker["nthreads"]) for worker in workers]
