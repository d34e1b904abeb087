"""Making a run and computing its tiles."""

import logging
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from distributed import Client, Future, as_completed

from tiled_sim.cluster.connect import connected, parse_cluster
from tiled_sim.cluster.worker import compute_tile
from tiled_sim.coverage import Coverage, measure_coverage
from tiled_sim.errors import StoreError, TileError
from tiled_sim.experiment.model import Experiment
from tiled_sim.images import check_precision, pixel_centres, plan_tiles
from tiled_sim.inputs import MaskSource, load_mask, load_structure_factors
from tiled_sim.io.store import RunStore
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.run import Run, id_of
from tiled_sim.simulation import PRECISION, resolve_device
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


class Listener(Protocol):
    """Is told how a run goes on."""

    def started(self, run: Run, missing: int, client: Client) -> None:
        """Tiles are about to be computed."""

    def tile_done(self, record: dict[str, Any]) -> None:
        """A tile is committed."""

    def tile_failed(self, tile: Tile, error: str, final: bool) -> None:
        """A tile raised; it is tried again unless ``final``."""

    def finishing(self) -> None:
        """All tiles are done; the pyramid is being made."""


class Silent:
    """A listener that does nothing."""

    def started(self, run: Run, missing: int, client: Client) -> None:
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
    """

    experiment: Experiment
    structure_factors: StructureFactors | None
    mask: MaskSource
    coverage: Coverage | None
    plan: TilePlan

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
) -> Prepared:
    """Load the inputs of an experiment, check that F covers the detector, and plan the tiles.

    Parameters
    ----------
    experiment : what to simulate
    tile : (slow, fast) pixels
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give

    Raises
    ------
    InputFileError, CoverageError, UsageError
        naming what is wrong and what to do
    """
    mask = load_mask(experiment)
    structure_factors = load_structure_factors(experiment)
    coverage = None
    if structure_factors is not None:
        coverage = measure_coverage(experiment, structure_factors, mask)
        coverage.require(require_coverage, structure_factors)
    plan = plan_tiles(
        experiment,
        mask,
        tile=tile,
        structure_factor_nodes=0 if structure_factors is None else structure_factors.given.size,
        trace_pixels=tuple(trace_pixels),
    )
    return Prepared(experiment, structure_factors, mask, coverage, plan)


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
            "precision": PRECISION,
            "kernel": ReferenceKernel.name,
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
    precision: str = PRECISION,
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
    precision : ``float64``
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, on the workers
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give
    listener : is told of every tile

    Raises
    ------
    TiledSimError
        naming what is wrong and what to do; nothing that exists is overwritten
    """
    check_precision(precision)
    resolve_device(device)
    parse_cluster(cluster)
    if Path(path).exists():
        raise StoreError(
            f"{path} exists already; name another --out, or go on with `tiled-sim resume {path}`"
        )
    prepared = prepare(
        experiment, tile=tile, trace_pixels=trace_pixels, require_coverage=require_coverage
    )
    listener = listener or Silent()
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
    listener = listener or Silent()
    missing = list(run.missing())
    if missing:
        with connected(cluster, len(missing)) as client:
            _compute(run, client, device, missing, listener)
    return _finish(run, listener)


def _finish(run: Run, listener: Listener) -> Run:
    """Make the pyramid of a run whose tiles are done."""
    listener.finishing()
    RunStore.open(run.path, mode="r+").finish()
    return Run(run.path)


def _compute(
    run: Run, client: Client, device: str, tiles: list[Tile], listener: Listener
) -> None:
    """Compute tiles, and complain of those that failed when the others are done."""
    listener.started(run, len(tiles), client)
    failed = _attempt(run, client, device, tiles, listener)
    if failed:
        tile, error = failed[0]
        raise TileError(
            f"{len(failed)} of {len(run.plan)} tiles failed {ATTEMPTS} times, the first "
            f"{id_of(tile)}: {error}. The others are done; `tiled-sim resume {run.path}` "
            "tries these again"
        )


def _attempt(
    run: Run, client: Client, device: str, tiles: list[Tile], listener: Listener
) -> list[tuple[Tile, str]]:
    """Keep a few tasks a thread at the scheduler until all tiles are done; those that failed."""
    client.wait_for_workers(1)
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

    def room() -> Iterator[None]:
        threads = sum(client.nthreads().values()) or 1
        while waiting and len(underway) < _TASKS_A_THREAD * threads:
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
