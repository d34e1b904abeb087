"""From an experiment to a planned run: inputs loaded, coverage checked, store made."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tiled_sim.errors import ExperimentError
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.mask import MaskSource
from tiled_sim.model.settings import NEGLIGIBLE, Choice, Wish
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.plan.choice import choose_kernel
from tiled_sim.plan.coverage import (
    REQUIRED_COVERAGE,
    Coverage,
    load_reaching_amorphous,
    measure_coverage,
)
from tiled_sim.plan.plan import DEFAULT_TILE, TilePlan, plan_tiles
from tiled_sim.read.inputs import load_mask, load_structure_factors


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
    device: str = "cpu",
    cores: int = 1,
) -> Prepared:
    """Load the inputs of an experiment, check that F covers the detector, and plan the tiles.

    Parameters
    ----------
    experiment : what to simulate
    tile : (slow, fast) pixels
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give
    precision, kernel, negligible : as `submit`; they decide the kernel
    device : ``cpu`` or ``cuda``, of the workers
    cores : that compute

    Raises
    ------
    InputFileError, CoverageError, UsageError
        naming what is wrong and what to do
    """
    choice = choose_kernel(
        experiment,
        Wish(kernel, precision, negligible),
        device=device,
        cores=cores,
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


def _refuse_racing_interpolation(experiment: Experiment, coverage: Coverage) -> None:
    """Refuse what ``--c-compat`` cannot mean: C's result depends on the order of its threads."""
    if experiment.c_compat and experiment.sampling.interpolate and coverage.too_near_edge:
        raise ExperimentError(
            f"{coverage.too_near_edge} of {coverage.reflections} reflections in reach lie too near "
            "the edge of the list to interpolate. The C program stops interpolating for good when "
            "it meets the first, which --c-compat does not replay: leave --c-compat out, or say "
            "-nointerpolate"
        )
