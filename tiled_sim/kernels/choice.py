"""Which kernel computes a run: chosen once, when it is planned, by predicted cost."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from tiled_sim.errors import KernelError, UsageError
from tiled_sim.experiment.model import Experiment
from tiled_sim.kernels.compiled import CompiledKernel, graphs_of
from tiled_sim.kernels.packages import build, is_built, obstacle_to_build
from tiled_sim.kernels.reference import ReferenceKernel
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.structure_factor import StructureFactorTable

logger = logging.getLogger(__name__)

PRECISIONS = ("float64", "mixed")
#: Kernels that run on no other device.
ON_CPU = ("compiled",)
KERNELS = ("auto", "reference", "compiled")

# Seconds on one core, measured (docs/benchmarks.md), where F is taken at the nearest node and
# where it is interpolated; only their ratios decide.
_REFERENCE_EVALUATION = {False: 60e-9, True: 230e-9}
_COMPILED_EVALUATION = {
    ("float64", False): 3.5e-9,
    ("mixed", False): 2e-9,
    ("float64", True): 45e-9,
    ("mixed", True): 41e-9,
}
_COMPILED_SUBPIXEL = 30e-9
_LOADING = 0.5
_BUILDING = {False: 25.0, True: 55.0}


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
    if all(map(is_built, graphs_of(experiment, precision))):
        return ""
    return obstacle_to_build()


def _predicted_seconds(experiment: Experiment, precision: str, cores: int) -> tuple[float, float]:
    """Of the reference and of the compiled kernel, building and loading included."""
    frames, panels, slow, fast = experiment.shape
    interpolate = experiment.sampling.interpolate
    pixels = frames * panels * slow * fast
    subpixels = pixels * experiment.sampling.oversample**2
    evaluations = pixels * experiment.steps
    building = sum(
        _BUILDING[graph.interpolate]
        for graph in graphs_of(experiment, precision)
        if not is_built(graph)
    )
    compiled = evaluations * _COMPILED_EVALUATION[precision, interpolate]
    compiled += subpixels * _COMPILED_SUBPIXEL
    return (
        evaluations * _REFERENCE_EVALUATION[interpolate] / cores,
        compiled / cores + _LOADING + building,
    )


def build_choice(
    choice: Choice, experiment: Experiment, *, asked: str, compiling: Callable[[], None]
) -> Choice:
    """Compile what a choice needs; where that fails and any kernel would do, the reference kernel.

    Parameters
    ----------
    choice : of `choose_kernel`
    experiment : what to simulate
    asked : the kernel that was asked for
    compiling : called before something is compiled

    Raises
    ------
    KernelError
        if the compiled kernel was asked for by name and cannot be made
    """
    if choice.kernel != CompiledKernel.name:
        return choice
    missing = [graph for graph in graphs_of(experiment, choice.precision) if not is_built(graph)]
    if missing:
        compiling()
    try:
        for graph in missing:
            build(graph)
    except KernelError as error:
        if asked != "auto":
            raise
        logger.warning("%s; going on with that", error)
        return Choice("reference", "float64", str(error))
    return choice


def make_kernel(
    kernel: str,
    precision: str,
    scene: Scene,
    table: StructureFactorTable | None,
    default_F: float,
) -> ReferenceKernel:
    """The kernel of this name and precision for a scene.

    Parameters
    ----------
    kernel, precision : of a `Choice`
    scene, table, default_F : as `ReferenceKernel`
    """
    if kernel == CompiledKernel.name:
        return CompiledKernel(scene, table, default_F, precision)
    return ReferenceKernel(scene, table, default_F)
