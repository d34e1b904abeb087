"""From an experiment to a plan: inputs loaded, coverage checked, kernel chosen, tiles cut."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Integral
from typing import Any

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.inputs import Inputs, Loaded
from tiled_sim.model.settings import REQUIRED_COVERAGE, Settings
from tiled_sim.plan.choice import build_kernel, choose_kernel, remember_wait
from tiled_sim.plan.coverage import Coverage, measure_coverage
from tiled_sim.plan.memory import memory_of
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.planning import make_plan
from tiled_sim.plan.reach import nodes_of_table, require_reach
from tiled_sim.plan.workers import Workers
from tiled_sim.read.inputs import load_inputs


@dataclass(frozen=True, eq=False)
class Prepared:
    """An experiment with its inputs loaded, its coverage measured and its tiles planned.

    Parameters
    ----------
    experiment : what to simulate
    inputs : what it names, loaded
    coverage : of the reflections in reach; None without a file
    plan : of the tiles
    """

    experiment: Experiment
    inputs: Inputs
    coverage: Coverage | None
    plan: Plan

    @property
    def hashes(self) -> dict[str, str | None]:
        """SHA-256 of what decides the image."""
        return {
            "experiment": self.experiment.sha256,
            **self.inputs.hashes,
            "plan": self.plan.sha256,
        }

    def provenance(self) -> dict[str, Any] | None:
        """Where F comes from, as plain JSON values."""
        factors = self.inputs.factors
        if factors is None or self.coverage is None:
            return None
        return {
            **asdict(factors.provenance),
            "minimum": list(factors.minimum),
            "maximum": list(factors.maximum),
            "coverage": self.coverage.to_dict(),
        }


def prepare(
    experiment: Experiment | Loaded,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    *,
    tile: tuple[int, int] | None = None,
    trace_pixels: Sequence[tuple[int, int]] = (),
    require_coverage: float | None = REQUIRED_COVERAGE,
    workers: Workers = Workers(),  # noqa: B008 - frozen
    compiling: Callable[[], None] | None = None,
    trace_panel: int | None = None,
) -> Prepared:
    """Load the inputs of an experiment, check that F covers the detector, and plan the tiles.

    Parameters
    ----------
    experiment : what to simulate; its inputs are read, where they are not loaded already
    settings : as the user asks
    tile : (slow, fast) pixels of a tile; None: by predicted cost
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    require_coverage : share of the reflections in reach that the file must give; None: coverage
        is not measured
    workers : that are to compute the tiles
    compiling : called before the kernel is compiled for this machine; None: the workers are
        elsewhere, and compile for themselves
    trace_panel : on which pixels are traced; None: on every one

    Raises
    ------
    InputFileError, CoverageError, UsageError
        naming what is wrong and what to do
    """
    loaded = None
    if isinstance(experiment, Loaded):
        loaded = experiment.inputs
        experiment = experiment.experiment
    require_experiment(experiment)
    _require_sides(tile)
    _require_pixels(trace_pixels)
    _require_share(require_coverage)
    chosen = choose_kernel(experiment, settings, device=workers.device, cores=workers.cores)
    inputs = load_inputs(experiment) if loaded is None else loaded
    coverage = _coverage(experiment, inputs, require_coverage)

    def plan_with(settings: Settings) -> Plan:
        return make_plan(
            experiment,
            inputs,
            settings,
            tile=tile,
            trace_pixels=trace_pixels,
            workers=workers,
            trace_panel=trace_panel,
        )

    plan = plan_with(chosen)  # refuses what cannot be before a minute is spent on compiling
    if compiling is not None:
        built = build_kernel(
            chosen, experiment, asked=settings.kernel, device=workers.device, compiling=compiling
        )
        if built != chosen:
            plan = plan_with(built)
        remember_wait(built, experiment, settings, device=workers.device, cores=workers.cores)
    return Prepared(experiment, inputs, coverage, plan)


def prepare_more(
    experiment: Experiment,
    inputs: Inputs,
    plan: Plan,
    *,
    require_coverage: float = REQUIRED_COVERAGE,
) -> Prepared:
    """Plan an experiment that is another with more frames, by the same tiles and kernel.

    Parameters
    ----------
    experiment : with all frames
    inputs : of both
    plan : of the smaller
    require_coverage : as `prepare`

    Raises
    ------
    CoverageError, UsageError
        as `prepare`
    """
    _require_share(require_coverage)
    coverage = _coverage(experiment, inputs, require_coverage)
    frames, panels, slow, fast = plan.grid.shape
    grid = TileGrid((len(experiment.exposures), panels, slow, fast), plan.grid.tile)
    nodes = nodes_of_table(experiment, inputs.factors)
    memory = memory_of(plan.settings, experiment, nodes, grid.tile)
    seconds = plan.seconds * grid.shape[0] / frames
    return Prepared(
        experiment,
        inputs,
        coverage,
        replace(plan, grid=grid, memory=memory, seconds=seconds),
    )


def _coverage(
    experiment: Experiment, inputs: Inputs, require_coverage: float | None
) -> Coverage | None:
    """How far the inputs give what the detector looks at, which must be far enough."""
    coverage = None
    if inputs.factors is not None and require_coverage is not None:
        coverage = measure_coverage(experiment, inputs.factors, inputs.mask)
        coverage.require(require_coverage, inputs.factors)
        _refuse_racing_interpolation(experiment, coverage)
    if inputs.amorphous is not None:
        require_reach(experiment, inputs.amorphous)
    return coverage


def _refuse_racing_interpolation(experiment: Experiment, coverage: Coverage) -> None:
    """Refuse what ``--c-compat`` cannot mean: C's result depends on the order of its threads."""
    if experiment.c_compat and experiment.sampling.interpolate and coverage.too_near_edge:
        raise ExperimentError(
            f"{coverage.too_near_edge} of {coverage.reflections + coverage.forbidden} nodes in "
            "reach lie too near "
            "the edge of the list to interpolate. The C program stops interpolating for good when "
            "it meets the first, which --c-compat does not replay: leave --c-compat out, or say "
            "-nointerpolate"
        )


def _require_share(coverage: float | None) -> None:
    """Refuse what is no share of the reflections."""
    if coverage is not None and not 0.0 <= coverage <= 1.0:
        raise UsageError(f"--require-coverage {coverage} must be a share from 0 to 1")


def require_experiment(experiment: Any) -> None:
    """Refuse what is none, as a program may give it.

    Raises
    ------
    UsageError
        telling how one is made
    """
    if not isinstance(experiment, Experiment):
        raise UsageError(
            f"the experiment is a {type(experiment).__name__}: make it by Experiment.from_toml(…) "
            "or Experiment.from_nanobragg([…])"
        )


def _require_pixels(pixels: Any) -> None:
    """Refuse what are no pixels, each of two whole numbers."""
    found = pixels if isinstance(pixels, Sequence) and not isinstance(pixels, str) else None
    if found is None or not all(
        isinstance(pixel, tuple | list)
        and len(pixel) == 2
        and all(isinstance(number, Integral) for number in pixel)
        for pixel in found
    ):
        raise UsageError(f"--trace-pixel {pixels!r} must be pairs of whole numbers, (slow, fast)")


def _require_sides(tile: Any) -> None:
    """Refuse what is no size of a tile."""
    if tile is None:
        return
    sides = tile if isinstance(tile, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(side, Integral) for side in sides):
        raise UsageError(f"--tile {tile!r} must be a whole number, or two (slow, fast)")
