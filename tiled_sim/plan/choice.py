"""Which kernel computes a run: chosen once, when it is planned, by predicted cost."""

import logging
import math
from collections.abc import Callable

from tiled_sim.errors import KernelError, UsageError
from tiled_sim.kernels import spots
from tiled_sim.kernels.compiled import CompiledKernel, graphs_of
from tiled_sim.kernels.packages import build, is_built, obstacle_to_build
from tiled_sim.kernels.spots import predicted_cost
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import DEVICES, KERNELS, Choice, Wish

logger = logging.getLogger(__name__)


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
_BACKGROUND_LOOKUP = 200e-9
_LOADING = 0.5
_BUILDING = {False: 25.0, True: 55.0}


def choose_kernel(experiment: Experiment, wish: Wish, *, device: str, cores: int) -> Choice:
    """Take the kernel that was asked for, or the one that is predicted to finish first.

    Parameters
    ----------
    experiment : what to simulate
    wish : of the user
    device : name of the torch device of the workers
    cores : that work on the run

    Raises
    ------
    UsageError
        for a kernel that cannot compute the experiment there
    """
    device = "cpu" if device == "auto" else device.partition(":")[0]
    if wish.kernel != "auto":
        obstacle = _obstacle(wish.kernel, experiment, wish, device)
        if obstacle:
            raise UsageError(f"--kernel {wish.kernel} cannot be had: {obstacle}")
        return _choice(wish.kernel, experiment, wish, "as asked")
    able, unable = [], []
    for kernel in KERNELS[1:]:
        obstacle = _obstacle(kernel, experiment, wish, device)
        if not obstacle:
            able.append(kernel)
        elif device in DEVICES[kernel] and kernel != "spots":
            unable.append(f"no {kernel} kernel: {obstacle}")
    if device == "cuda":
        kernel = able[-1]  # what was made for the device, if it is there
        return _choice(kernel, experiment, wish, "; ".join(unable) or "made for this device")
    seconds = {kernel: _seconds(kernel, experiment, wish, cores) for kernel in able}
    first, *others = sorted(able, key=lambda kernel: seconds[kernel])
    told = [f"predicted {seconds[first]:.2g} s"]
    told += [f"{kernel} {seconds[kernel]:.2g} s" for kernel in others]
    return _choice(first, experiment, wish, "; ".join([", ".join(told), *unable]))


def predicted_seconds(choice: Choice, experiment: Experiment, *, cores: int) -> float:
    """Time that a run is predicted to take on CPU, once its kernel is compiled [s].

    Parameters
    ----------
    choice : of its kernel
    experiment : what to simulate
    cores : that work on it
    """
    if choice.kernel == "triton":
        return math.inf
    wish = Wish(choice.kernel, choice.precision, choice.negligible)
    return _seconds(choice.kernel, experiment, wish, cores)


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


def _choice(kernel: str, experiment: Experiment, wish: Wish, reason: str) -> Choice:
    precision = wish.precision if kernel in ("compiled", "triton") else "float64"
    gaussian = kernel == "spots" and experiment.crystal.shape == "gauss_star"
    return Choice(kernel, precision, reason, wish.negligible if gaussian else 0.0)


def _obstacle(kernel: str, experiment: Experiment, wish: Wish, device: str) -> str:
    """Why a kernel cannot compute an experiment on a device; empty if it can."""
    if device not in DEVICES[kernel]:
        return f"it runs on {DEVICES[kernel][0].upper()}"
    if kernel == "spots":
        if experiment.crystal.shape == "gauss_star" and wish.negligible == 0.0:
            return "--negligible 0 keeps every evaluation"
        return spots.obstacle(experiment)
    if kernel == "compiled" and not all(map(is_built, graphs_of(experiment, wish.precision))):
        return obstacle_to_build()
    if kernel == "triton":
        from tiled_sim.kernels import triton

        return triton.obstacle()
    return ""


def _seconds(kernel: str, experiment: Experiment, wish: Wish, cores: int) -> float:
    """Predicted time of a run, building and loading included [s]."""
    background = 0.0
    if experiment.background is not None:
        lookups = math.prod(experiment.shape) * len(experiment.beam.spectrum)
        background = lookups * experiment.detector.layers * _BACKGROUND_LOOKUP / cores
    return _crystal_seconds(kernel, experiment, wish, cores) + background


def _crystal_seconds(kernel: str, experiment: Experiment, wish: Wish, cores: int) -> float:
    """Predicted time of what a kernel sums [s]."""
    if kernel == "spots":
        return predicted_cost(experiment, wish.negligible).seconds / cores
    frames, panels, slow, fast = experiment.shape
    interpolate = experiment.sampling.interpolate
    pixels = frames * panels * slow * fast
    evaluations = pixels * experiment.evaluations_per_pixel
    if kernel == "reference":
        return evaluations * _REFERENCE_EVALUATION[interpolate] / cores
    building = sum(
        _BUILDING[graph.interpolate]
        for graph in graphs_of(experiment, wish.precision)
        if not is_built(graph)
    )
    working = evaluations * _COMPILED_EVALUATION[wish.precision, interpolate]
    places = experiment.sampling.oversample**2 * experiment.detector.layers
    working += pixels * places * _COMPILED_SUBPIXEL
    return working / cores + _LOADING + building
