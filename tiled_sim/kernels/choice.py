"""Which kernel computes a run: chosen once, when it is planned, by predicted cost."""

from dataclasses import dataclass, replace

from tiled_sim.errors import UsageError
from tiled_sim.experiment.model import Experiment
from tiled_sim.kernels.compiled import graphs_of
from tiled_sim.kernels.packages import is_built, obstacle_to_build

PRECISIONS = ("float64", "mixed")
KERNELS = ("auto", "reference", "compiled")

# Seconds on one core, measured (docs/benchmarks.md); only their ratios decide.
_REFERENCE_EVALUATION = 60e-9
_COMPILED_EVALUATION = {"float64": 3.5e-9, "mixed": 2e-9}
_COMPILED_SUBPIXEL = 30e-9
_LOADING = 0.5
_BUILDING = 45.0


@dataclass(frozen=True, slots=True)
class Choice:
    """A kernel and why it was taken.

    Parameters
    ----------
    kernel : ``reference`` or ``compiled``
    precision : ``float64`` or ``mixed``; never less than was asked for
    reason : for the user
    """

    kernel: str
    precision: str
    reason: str


def choose_kernel(
    experiment: Experiment, *, precision: str, kernel: str, device: str, cores: int
) -> Choice:
    """Take the kernel that was asked for, or the one that is predicted to finish first.

    Parameters
    ----------
    experiment : what to simulate
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel : ``auto``, ``reference`` or ``compiled``
    device : name of the torch device of the workers
    cores : that work on the run

    Raises
    ------
    UsageError
        for unknown names, and for a kernel that cannot compute the experiment
    """
    if precision not in PRECISIONS:
        raise UsageError(f"--precision {precision!r} must be one of {', '.join(PRECISIONS)}")
    if kernel not in KERNELS:
        raise UsageError(f"--kernel {kernel!r} must be one of {', '.join(KERNELS)}")
    obstacle = _obstacle(experiment, precision, device)
    reference = Choice("reference", "float64", "as asked")
    if kernel == "compiled":
        if obstacle:
            raise UsageError(f"--kernel compiled cannot be had: {obstacle}")
        return Choice(kernel, precision, "as asked")
    if kernel == "reference":
        return reference
    if obstacle:
        return replace(reference, reason=f"no compiled kernel: {obstacle}")
    slow, fast = _predicted_seconds(experiment, precision, cores)
    if fast < slow:
        return Choice("compiled", precision, f"predicted {fast:.2g} s, reference {slow:.2g} s")
    return replace(reference, reason=f"predicted {slow:.2g} s, compiled {fast:.2g} s")


def _obstacle(experiment: Experiment, precision: str, device: str) -> str:
    """Why the compiled kernel cannot compute an experiment; empty if it can."""
    if device not in ("auto", "cpu"):
        return "it runs on CPU"
    if experiment.sampling.interpolate:
        return "it takes F of the nearest node and does not interpolate"
    if all(map(is_built, graphs_of(experiment.crystal.shape, precision))):
        return ""
    return obstacle_to_build()


def _predicted_seconds(experiment: Experiment, precision: str, cores: int) -> tuple[float, float]:
    """Of the reference and of the compiled kernel, building and loading included."""
    frames, panels, slow, fast = experiment.shape
    pixels = frames * panels * slow * fast
    subpixels = pixels * experiment.sampling.oversample**2
    evaluations = pixels * experiment.steps
    missing = [
        graph for graph in graphs_of(experiment.crystal.shape, precision) if not is_built(graph)
    ]
    compiled = evaluations * _COMPILED_EVALUATION[precision] + subpixels * _COMPILED_SUBPIXEL
    return (
        evaluations * _REFERENCE_EVALUATION / cores,
        compiled / cores + _LOADING + _BUILDING * len(missing),
    )
