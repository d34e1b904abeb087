"""Making a run and computing its tiles."""

import logging
import math
import os
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from dask.system import CPU_COUNT
from distributed import Client, Future, as_completed

from tiled_sim.cluster.connect import Local, connected, parse_cluster
from tiled_sim.cluster.worker import compute_tile
from tiled_sim.coverage import Coverage, measure_coverage
from tiled_sim.errors import ExperimentError, StoreError, TileError
from tiled_sim.experiment.model import Experiment
from tiled_sim.images import pixel_centres, plan_tiles
from tiled_sim.inputs import MaskSource, load_mask, load_structure_factors
from tiled_sim.io.store import RunStore
from tiled_sim.kernels.choice import Choice, choose_kernel
from tiled_sim.kernels.compiled import graphs_of
from tiled_sim.kernels.packages import build, is_built
from tiled_sim.run import Run, id_of
from tiled_sim.simulation import device_named, resolve_device
from tiled_sim.structure_factors import StructureFactors
from tiled_sim.tiles import DEFAULT_TILE, Tile, TilePlan
from tiled_sim.versions import versions

logger = logging.getLogger(__name__)

#: Share of the reflections in reach that a file must give, unless another is asked for.
REQUIRED_COVERAGE = 0.01
#: Times that a tile is tried before the run goes on without it.
ATTEMPTS = 3
#: Tasks that wait at the scheduler for each thread, so that no worker idles and the graph
#: stays small whatever the number of tiles.
_TASKS_A_THREAD = 3
_SECONDS_BETWEEN_COUNTS = 2.0


class Listener(Protocol):
    """Is told how a run goes on."""

    def compiling(self) -> None:
        """The kernel of the run is being compiled, once for this machine."""

    def started(self, run: Run, missing: int, dashboard: str) -> None:
        """Tiles are about to be computed."""

    def tile_done(self, record: dict[str, Any]) -> None:
        """A tile is committed."""

    def tile_failed(self, tile: Tile, error: str, final: bool) -> None:
        """A tile raised; it is tried again unless ``final``."""

    def finishing(self) -> None:
        """All tiles are done; the pyramid is being made."""


class Silent:
    """A listener that does nothing."""

    def compiling(self) -> None:
        """Do nothing."""

    def started(self, run: Run, missing: int, dashboard: str) -> None:
        """Do nothing."""

    def tile_done(self, record: dict[str, Any]) -> None:
        """Do nothing."""

    def tile_failed(self, tile: Tile, error: str, final: bool) -> None:
        """Do nothing."""

    def finishing(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """An experiment with its inputs loaded, its coverage measured and its tiles planned.

    Parameters
    ----------
    experiment : what to simulate
    structure_factors : of its file; None without one
    mask : of its panels
    coverage : of the reflections in reach; None without a file
    plan : of the tiles
    choice : of the kernel, and why
    """

    experiment: Experiment
    structure_factors: StructureFactors | None
    mask: MaskSource
    coverage: Coverage | None
    plan: TilePlan
    choice: Choice

    @property
    def hashes(self) -> dict[str, str | None]:
        """SHA-256 of what decides the image."""
        return {
            "experiment": self.experiment.sha256,
            "structure_factors": (
                None if self.structure_factors is None else self.structure_factors.sha256
            ),
            "plan": self.plan.sha256,
        }

    def provenance(self) -> dict[str, Any] | None:
        """Where F comes from, as plain JSON values."""
        if self.structure_factors is None or self.coverage is None:
            return None
        return {
            **asdict(self.structure_factors.provenance),
            "minimum": list(self.structure_factors.minimum),
            "maximum": list(self.structure_factors.maximum),
            "coverage": self.coverage.to_dict(),
        }


def prepare(
    experiment: Experiment,
    *,
    tile: tuple[int, int] = DEFAULT_TILE,
    trace_pixels: Sequence[tuple[int, int]] = (),
    require_coverage: float = REQUIRED_COVERAGE,
    precision: str = "float64",
    kernel: str = "auto",
    device: str = "auto",
    cluster: str = "local",
) -> Prepared:
    """Load the inputs of an experiment, check that F covers the detector, and plan the tiles.

    Parameters
    ----------
    experiment : what to simulate
    tile : (slow, fast) pixels
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give
    precision, kernel, device, cluster : as `submit`; they decide the kernel

    Raises
    ------
    InputFileError, CoverageError, UsageError
        naming what is wrong and what to do
    """
    choice = choose_kernel(
        experiment,
        precision=precision,
        kernel=kernel,
        device=_device_of_workers(device, cluster),
        cores=_cores(cluster),
    )
    mask = load_mask(experiment)
    structure_factors = load_structure_factors(experiment)
    coverage = None
    if structure_factors is not None:
        coverage = measure_coverage(experiment, structure_factors, mask)
        coverage.require(require_coverage, structure_factors)
        _refuse_racing_interpolation(experiment, coverage)
    plan = plan_tiles(
        experiment,
        mask,
        tile=tile,
        structure_factor_nodes=0 if structure_factors is None else structure_factors.given.size,
        trace_pixels=tuple(trace_pixels),
        kernel=choice.kernel, precision=choice.precision,
    )
    return Prepared(experiment, structure_factors, mask, coverage, plan, choice)


def _device_of_workers(device: str, cluster: str) -> str:
    """``cpu`` or ``cuda``; whether remote workers have what is named, only they can tell."""
    if isinstance(parse_cluster(cluster), Local):
        return resolve_device(device).type
    return "cpu" if device == "auto" else device_named(device).type


def _cores(cluster: str) -> int:
    """Cores that will compute; a guess for a scheduler that is not asked yet."""
    where = parse_cluster(cluster)
    if isinstance(where, Local):
        return (where.workers or CPU_COUNT) * where.threads
    return CPU_COUNT


def _refuse_racing_interpolation(experiment: Experiment, coverage: Coverage) -> None:
    """Refuse what ``--c-compat`` cannot mean: C's result depends on the order of its threads."""
    if experiment.c_compat and experiment.sampling.interpolate and coverage.too_near_edge:
        raise ExperimentError(
            f"{coverage.too_near_edge} of {coverage.reflections} reflections in reach lie too near "
            "the edge of the list to interpolate. The C program stops interpolating for good when "
            "it meets the first, which --c-compat does not replay: leave --c-compat out, or say "
            "-nointerpolate"
        )


def create_run(prepared: Prepared, path: str | Path) -> Run:
    """Make the store of a run: experiment, structure factors, mask and plan, no pixel yet.

    Raises
    ------
    StoreError
        if the path exists or cannot be made
    """
    experiment = prepared.experiment
    slow_mm, fast_mm = pixel_centres(experiment)
    RunStore.create(
        path,
        shape=experiment.shape,
        tile=prepared.plan.tile,
        attributes={
            "run_id": uuid.uuid4().hex,
            "created": datetime.now(UTC).isoformat(),
            "experiment": experiment.to_dict(),
            "structure_factors": prepared.provenance(),
            "plan": prepared.plan.to_dict(),
            "hashes": prepared.hashes,
            "precision": prepared.plan.precision,
            "kernel": prepared.plan.kernel,
            "kernel_reason": prepared.choice.reason,
            "versions": versions(),
        },
        slow_mm=slow_mm,
        fast_mm=fast_mm,
        structure_factors=prepared.structure_factors,
        mask=prepared.mask,
    )
    return Run(path)


def submit(
    experiment: Experiment,
    path: str | Path,
    *,
    cluster: str = "local",
    tile: tuple[int, int] = DEFAULT_TILE,
    precision: str = "float64",
    kernel: str = "auto",
    device: str = "auto",
    trace_pixels: Sequence[tuple[int, int]] = (),
    require_coverage: float = REQUIRED_COVERAGE,
    listener: Listener | None = None,
) -> Run:
    """Simulate an experiment into a new run, on a dask cluster; what the command line does.

    Parameters
    ----------
    experiment : what to simulate
    path : of the run to make
    cluster : ``local``, ``local:WORKERSxTHREADS``, ``tcp://…`` or ``tls://…``
    tile : (slow, fast) pixels of a tile, multiples of 16
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel : ``auto``, ``reference`` or ``compiled``; recorded in the plan
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, on the workers
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give
    listener : is told of every tile

    Raises
    ------
    TiledSimError
        naming what is wrong and what to do; nothing that exists is overwritten
    """
    parse_cluster(cluster)
    if os.path.exists(path):  # False, too, where it cannot be looked at
        raise StoreError(
            f"{path} exists already; name another --out, or go on with `tiled-sim resume {path}`"
        )
    prepared = prepare(
        experiment,
        tile=tile,
        trace_pixels=trace_pixels,
        require_coverage=require_coverage,
        precision=precision,
        kernel=kernel,
        device=device,
        cluster=cluster,
    )
    listener = listener or Silent()
    _compile(prepared.plan, experiment, cluster, listener)
    # connect first: a cluster that is not there leaves no run behind
    with connected(cluster, len(prepared.plan)) as client:
        run = create_run(prepared, path)
        _compute(run, client, device, list(run.plan), listener)
    return _finish(run, listener)


def compute_missing(
    run: Run, *, cluster: str = "local", device: str = "auto", listener: Listener | None = None
) -> Run:
    """Compute every tile of a run that has no valid sidecar, then make the pyramid.

    Parameters
    ----------
    run : to complete
    cluster, device, listener : as `submit`

    Raises
    ------
    TileError
        if tiles still fail after all attempts; the others are done
    """
    _device_of_workers(device, cluster)
    listener = listener or Silent()
    missing = list(run.missing())
    if missing:
        _compile(run.plan, run.experiment, cluster, listener)
        with connected(cluster, len(missing)) as client:
            _compute(run, client, device, missing, listener)
    return _finish(run, listener)


def _compile(
    plan: TilePlan, experiment: Experiment, cluster: str, listener: Listener
) -> None:
    """Compile the kernel of a run before local workers start; remote ones have caches of theirs."""
    if plan.kernel != "compiled" or not isinstance(parse_cluster(cluster), Local):
        return
    missing = [graph for graph in graphs_of(experiment.crystal.shape, plan.precision) if not is_built(graph)]
    if missing:
        listener.compiling()
    for graph in missing:
        build(graph)


def _finish(run: Run, listener: Listener) -> Run:
    """Make the pyramid of a run whose tiles are done."""
    listener.finishing()
    RunStore.open(run.path, mode="r+").finish()
    return Run(run.path)


def _compute(
    run: Run, client: Client, device: str, tiles: list[Tile], listener: Listener
) -> None:
    """Compute tiles, and complain of those that failed when the others are done."""
    listener.started(run, len(tiles), client.dashboard_link)
    failed = _attempt(run, client, device, tiles, listener)
    if failed:
        tile, error = failed[0]
        raise TileError(
            f"{len(failed)} of {len(run.plan)} tiles failed {ATTEMPTS} times, the first "
            f"{id_of(tile)}: {error}. The others are done; `tiled-sim resume {run.path}` "
            "tries these again"
        )


class _Threads:
    """How many threads the workers have, asked now and then: they come and go."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = -math.inf
        self._count = 1

    def count(self) -> int:
        """Threads of all workers, at least 1."""
        if time.monotonic() - self._asked > _SECONDS_BETWEEN_COUNTS:
            self._count = sum(self._client.nthreads().values()) or 1
            self._asked = time.monotonic()
        return self._count


def _attempt(
    run: Run, client: Client, device: str, tiles: list[Tile], listener: Listener
) -> list[tuple[Tile, str]]:
    """Keep a few tasks a thread at the scheduler until all tiles are done; those that failed."""
    waiting = deque((tile, 1) for tile in tiles)
    underway: dict[Future, tuple[Tile, int]] = {}
    failed: list[tuple[Tile, str]] = []
    completed = as_completed(with_results=False)

    def send() -> None:
        tile, attempt = waiting.popleft()
        future = client.submit(
            compute_tile,
            str(run.path.absolute()),
            run.run_id,
            device,
            tile.index,
            attempt,
            key=f"tile-{run.run_id[:8]}-{id_of(tile)}-{attempt}",
            pure=False,
        )
        underway[future] = (tile, attempt)
        completed.add(future)

    threads = _Threads(client)

    def room() -> Iterator[None]:
        while waiting and len(underway) < _TASKS_A_THREAD * threads.count():
            yield

    for _ in room():
        send()
    for future in completed:
        tile, attempt = underway.pop(future)
        error = future.exception()
        if error is None:
            listener.tile_done(future.result())
        else:
            final = attempt == ATTEMPTS
            text = f"{type(error).__name__}: {error}"
            logger.info("tile %s, attempt %d: %s", id_of(tile), attempt, text)
            listener.tile_failed(tile, text, final)
            if final:
                failed.append((tile, text))
            else:
                waiting.append((tile, attempt + 1))
        for _ in room():
            send()
    return failed
