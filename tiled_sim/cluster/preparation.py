"""From an experiment to a planned run: inputs loaded, coverage checked, store made."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dask.system import CPU_COUNT

from tiled_sim.amorphous import AmorphousTable
from tiled_sim.cluster.connect import Gpu, Local, is_here, parse_cluster
from tiled_sim.coverage import (
    REQUIRED_COVERAGE,
    Coverage,
    load_reaching_amorphous,
    measure_coverage,
)
from tiled_sim.errors import ExperimentError
from tiled_sim.experiment.model import Experiment
from tiled_sim.images import pixel_centres, plan_tiles
from tiled_sim.inputs import MaskSource, load_mask, load_structure_factors
from tiled_sim.io.store import RunStore
from tiled_sim.kernels.choice import NEGLIGIBLE, Choice, Wish, choose_kernel
from tiled_sim.run import Run
from tiled_sim.simulation import device_named, resolve_device
from tiled_sim.structure_factors import StructureFactors
from tiled_sim.tiles import DEFAULT_TILE, TilePlan
from tiled_sim.versions import versions


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
    amorphous : table of the background; None without one
    """

    experiment: Experiment
    structure_factors: StructureFactors | None
    mask: MaskSource
    coverage: Coverage | None
    plan: TilePlan
    choice: Choice
    amorphous: AmorphousTable | None = None

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
    negligible: float = NEGLIGIBLE,
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
    precision, kernel, negligible, device, cluster : as `submit`; they decide the kernel

    Raises
    ------
    InputFileError, CoverageError, UsageError
        naming what is wrong and what to do
    """
    choice = choose_kernel(
        experiment,
        Wish(kernel, precision, negligible),
        device=device_of_workers(device, cluster),
        cores=_cores(cluster),
    )
    mask = load_mask(experiment)
    structure_factors = load_structure_factors(experiment)
    coverage = None
    if structure_factors is not None:
        coverage = measure_coverage(experiment, structure_factors, mask)
        coverage.require(require_coverage, structure_factors)
        _refuse_racing_interpolation(experiment, coverage)
    amorphous = load_reaching_amorphous(experiment)
    plan = plan_tiles(
        experiment,
        mask,
        tile=tile,
        structure_factor_nodes=0 if structure_factors is None else structure_factors.given.size,
        trace_pixels=tuple(trace_pixels),
        choice=choice,
    )
    return Prepared(experiment, structure_factors, mask, coverage, plan, choice, amorphous)


def device_of_workers(device: str, cluster: str) -> str:
    """``cpu`` or ``cuda``; whether remote workers have what is named, only they can tell."""
    where = parse_cluster(cluster)
    if isinstance(where, Gpu) and device == "auto":
        return "cuda"
    if is_here(where):
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
        amorphous=prepared.amorphous,
        counts=experiment.noise is not None,
    )
    return Run(path)
