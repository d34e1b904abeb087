"""Which kernel computes a run: chosen once, when it is planned, by predicted cost."""

import logging
import math
from collections.abc import Callable
from dataclasses import replace

from tiled_sim.errors import KernelError, UsageError
from tiled_sim.kernels import spots
from tiled_sim.kernels.anchored import loop_of
from tiled_sim.kernels.bragg.gpu_cost import gpu_cost
from tiled_sim.kernels.bragg.loops import LIBRARY
from tiled_sim.kernels.compiled import packages_of
from tiled_sim.kernels.fused_amorphous import BACKGROUND
from tiled_sim.kernels.noise import NOISE
from tiled_sim.kernels.packages import Graph, Package, build, is_built, obstacle_to_build
from tiled_sim.kernels.spots import predicted_cost
from tiled_sim.kernels.subpixels import sums as sums_subpixels
from tiled_sim.kernels.waited import add_wait, forget_wait, seconds_waited
from tiled_sim.model.crystal import GAUSSIAN
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.settings import (
    AUTO,
    BY_REFERENCE,
    COMPILED,
    DEVICES,
    PRECISIONS,
    REFERENCE,
    SPOTS,
    TRITON,
    Settings,
)

logger = logging.getLogger(__name__)

# Seconds on one core, measured (docs/benchmarks.md), by the loop of the crystal's shape, or where F
# is interpolated.
_INTERPOLATED = "interpolated"
_REFERENCE_EVALUATION = {
    "square": 42e-9, "round": 28e-9, "gauss_star": 21e-9, "tophat": 20e-9, _INTERPOLATED: 205e-9,
}  # fmt: skip
_REFERENCE_SUBPIXEL, _REFERENCE_PIXEL = 10e-9, 30e-9
#: Of the graphs.
_COMPILED_EVALUATION = {
    "float64": {
        "square": 3.4e-9, "round": 3.5e-9, "gauss_star": 2.1e-9, "tophat": 1.2e-9,
        _INTERPOLATED: 40e-9,
    },
    "mixed": {
        "square": 2.1e-9, "round": 2.3e-9, "gauss_star": 1.7e-9, "tophat": 1.2e-9,
        _INTERPOLATED: 38e-9,
    },
}  # fmt: skip
_COMPILED_SUBPIXEL, _COMPILED_PIXEL = 5e-9, 6e-9
#: Of the loop that takes subpixels together: of an evaluation, a subpixel and a pixel. Of others
#: than square crystals it takes float64 numbers always.
_TOGETHER_EVALUATION = {"square": 2.2e-9, "round": 2.3e-9, "gauss_star": 2.3e-9, "tophat": 0.8e-9}
_TOGETHER_MIXED = 1.5e-9
_TOGETHER_SUBPIXEL, _TOGETHER_PIXEL = 1.5e-9, 4e-9
#: … of a pixel of a layer of a sensor, and of a subpixel that has factors of its own.
_TOGETHER_LAYER, _TOGETHER_OWN = 10e-9, 1.5e-9
#: Of a tile; of each layer and subpixel where its trace takes them one by one; of a step of the
#: chain; and of a step of a block that the reference kernel traces.
_TILE, _TRACED_PLACE, _TRACED_STEP, _TRACED_STEP_OF_REFERENCE = 0.7e-3, 0.1e-3, 0.4e-6, 80e-6
#: Of F of the background by a source, by whether the loop in C++ does it.
_BACKGROUND_LOOKUP = {False: 60e-9, True: 8e-9}
#: Of a pixel that is counted, and of each Gaussian number that it takes, by whether loops draw
#: them; of each two pixels of a disc over which photons spread.
_COUNTED, _DEVIATE = {False: 80e-9, True: 25e-9}, {False: 60e-9, True: 16e-9}
_SPREAD = {False: 0.4e-9, True: 0.04e-9}
_DIFFUSE_STEP, _DIFFUSE_NODE = 50e-9, 6e-9
#: Of a compiled kernel in each process, and for the first time on a machine.
_LOADING, _LOADING_LIBRARY = 0.02, 2e-3
_BUILDING = {False: 19.0, True: 42.0}
_BUILDING_LIBRARY = 2.0


def choose_kernel(
    experiment: Experiment, settings: Settings, *, device: str, cores: int
) -> Settings:
    """Take the kernel that was asked for, or the one that is predicted to finish first.

    Parameters
    ----------
    experiment : what to simulate
    settings : as the user asks
    device : name of the torch device of the workers
    cores : that work on the run

    Returns
    -------
    settings with a kernel of that name and the reason; its precision is never less than was asked
    for, and ``negligible`` is 0 where it leaves nothing out

    Raises
    ------
    UsageError
        for a kernel that cannot compute the experiment there
    """
    device = _kind(device)
    if settings.kernel != AUTO:
        obstacle = _obstacle(settings.kernel, experiment, settings, device)
        if obstacle:
            raise UsageError(f"--kernel {settings.kernel} cannot be had: {obstacle}")
        return _chosen(settings.kernel, experiment, settings, "as asked", device)
    able, unable = [], []
    for kernel in DEVICES:
        obstacle = _obstacle(kernel, experiment, settings, device)
        if not obstacle:
            able.append(kernel)
        elif device in DEVICES[kernel] and kernel != SPOTS:
            unable.append(f"no {kernel} kernel: {obstacle}")
    if device == "cuda":
        return _chosen_for_gpu(able, unable, experiment, settings)
    seconds: dict[str, float] = {}
    for kernel in able:
        if kernel == SPOTS and min(seconds.values()) < _seconds_to_build(LIBRARY):
            continue  # even to predict its time takes its loops
        chosen = _chosen(kernel, experiment, settings, "")
        starting = _seconds_to_start(chosen, experiment)
        seconds[kernel] = predicted_seconds(chosen, experiment, cores=cores) + starting
    first, *others = sorted(seconds, key=lambda kernel: seconds[kernel])
    told = [f"predicted {_told(seconds[first])}"]
    told += [f"{kernel} {_told(seconds[kernel])}" for kernel in others]
    return _chosen(first, experiment, settings, "; ".join([", ".join(told), *unable]))


def _told(seconds: float) -> str:
    """A time to the two digits that a prediction is worth."""
    for unit, length in (("s", 1.0), ("min", 60.0)):
        if seconds < 99.5 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{float(f'{seconds / 3600.0:.2g}'):g} h"


def _chosen_for_gpu(
    able: list[str], unable: list[str], experiment: Experiment, asked: Settings
) -> Settings:
    """Of the kernels that can, what was made for the device, if it is there."""
    kernel, reason = able[-1], "; ".join(unable) or "made for this device"
    if SPOTS in able and TRITON in able:
        alone = each_alone(experiment)
        costs = [gpu_cost(one, asked.negligible, asked.precision) for one in alone]
        ratio = sum(cost.spots for cost in costs) / sum(cost.dense for cost in costs)
        kernel = SPOTS if ratio < 1.0 else TRITON
        reason += f"; spots predicted to take {ratio:.2g} of the time of every pixel, not measured"
    return _chosen(kernel, experiment, asked, reason, "cuda")


def _kind(device: str) -> str:
    """Of a device by its name, ``cpu`` where any will do."""
    return "cpu" if device == "auto" else device.partition(":")[0]


def predicted_seconds(
    settings: Settings, experiment: Experiment, *, cores: int, device: str = "cpu"
) -> float:
    """Time that a run is predicted to take on CPU, once its kernel is loaded [s].

    Parameters
    ----------
    settings : with its kernel
    experiment : what to simulate
    cores : that work on it
    device : where it is computed

    Returns
    -------
    infinity where it is not known, of a GPU
    """
    if settings.kernel == TRITON or (settings.kernel == SPOTS and _kind(device) == "cuda"):
        return math.inf
    alone = each_alone(experiment)
    seconds = sum(_seconds_of_crystal(settings, one) + _seconds_of_diffuse(one) for one in alone)
    if experiment.background is not None:
        lookups = _layered_pixels(experiment) * len(experiment.beam.spectrum)
        seconds += lookups * _BACKGROUND_LOOKUP[settings.kernel == SPOTS]
    return seconds / cores


def seconds_of_tiles(settings: Settings, experiment: Experiment, grid: TileGrid) -> float:
    """What tiles take on CPU beside the sums: a trace each, mostly, on one core [s].

    Parameters
    ----------
    settings : with its kernel
    experiment : what to simulate
    grid : of the tiles
    """
    if settings.kernel == TRITON:
        return 0.0
    frames, panels, *sides = grid.tile
    lit = sum(
        math.prod(map(_tiles_across, panel.ends, sides)) for panel in experiment.detector.panels
    )
    tiles = lit / min(panels, len(experiment.detector.panels)) * math.ceil(grid.shape[0] / frames)
    sampling, layers = experiment.sampling, experiment.detector.layers
    steps, places = experiment.steps * layers, 1
    own = sampling.oversample_polar or sampling.oversample_omega
    if experiment.detector.sensors or own or sampling.dmin > 0.0 or experiment.c_compat:
        places = layers * sampling.oversample**2
    each = _TILE + places * _TRACED_PLACE + steps * _TRACED_STEP
    if settings.kernel == REFERENCE:
        each += steps * _TRACED_STEP_OF_REFERENCE
    return tiles * each


def seconds_of_counts(settings: Settings, experiment: Experiment) -> float:
    """What it takes on one core to count the photons of all frames [s].

    Parameters
    ----------
    settings : with its kernel
    experiment : what to simulate
    """
    noise = experiment.noise
    if noise is None:
        return 0.0
    by_loops = settings.kernel != REFERENCE or is_built(NOISE)
    deviates = sum(share > 0.0 for share in (noise.flicker, noise.calibration, noise.readout))
    pixel = _COUNTED[by_loops] + deviates * _DEVIATE[by_loops]
    if noise.point_spread is not None:
        radius = noise.point_spread.reach(experiment.detector.panels[0].pixel_size[0])
        pixel += 0.5 * math.pi * radius**2 * _SPREAD[by_loops]
    return experiment.detector.pixels_of_interest * len(experiment.exposures) * pixel


def _tiles_across(ends: tuple[int, int], side: int) -> int:
    return -(-ends[1] // side) - ends[0] // side


def build_kernel(
    settings: Settings,
    experiment: Experiment,
    *,
    asked: str,
    compiling: Callable[[], None],
    device: str = "cpu",
) -> Settings:
    """Compile what a kernel needs; where that fails and any would do, the reference kernel.

    Parameters
    ----------
    settings : of `choose_kernel`
    experiment : what to simulate
    asked : the kernel that was asked for
    compiling : called before something is compiled
    device : as `choose_kernel`; what a GPU runs is compiled there

    Raises
    ------
    KernelError
        if the kernel was asked for by name and cannot be made
    """
    packages = _packages(settings.kernel, experiment, settings.precision, _kind(device))
    missing = [package for package in packages if not is_built(package)]
    if missing:
        compiling()
    try:
        for package in missing:
            build(package)
    except KernelError as error:
        if asked != AUTO:
            raise
        logger.warning("%s; going on with that", error)
        return replace(BY_REFERENCE, reason=str(error))
    finally:
        for package in missing:
            forget_wait(package)
    return settings


def remember_wait(
    chosen: Settings, experiment: Experiment, asked: Settings, *, device: str, cores: int
) -> None:
    """Remember what a run by the reference kernel waits because others are not compiled.

    It counts the next time: short runs that are many are worth a compilation, too.

    Parameters
    ----------
    chosen : what computes the run
    experiment : what to simulate
    asked, device, cores : as `choose_kernel`
    """
    device = _kind(device)
    if asked.kernel != AUTO or chosen.kernel != REFERENCE:
        return
    slow = predicted_seconds(chosen, experiment, cores=cores)
    for kernel in (COMPILED, SPOTS):
        packages = _packages(kernel, experiment, asked.precision)
        whole = {package: _building(package) for package in packages if not is_built(package)}
        if not whole or _obstacle(kernel, experiment, asked, device):
            continue
        saved = slow
        if kernel == COMPILED:  # how soon spots would be is not known without their loops
            other = _chosen(kernel, experiment, asked, "")
            saved -= predicted_seconds(other, experiment, cores=cores) + _LOADING
        for package, seconds in whole.items():
            add_wait(package, max(saved, 0.0) * seconds / sum(whole.values()))


def _chosen(
    kernel: str, experiment: Experiment, asked: Settings, reason: str, device: str = "cpu"
) -> Settings:
    precision = asked.precision if _mixes(kernel, experiment, asked, device) else PRECISIONS[0]
    gaussian = kernel == SPOTS and _is_gaussian(experiment)
    return Settings(kernel, precision, asked.negligible if gaussian else 0.0, reason)


def _mixes(kernel: str, experiment: Experiment, asked: Settings, device: str) -> bool:
    """Whether a kernel has a use for float32."""
    if asked.precision == PRECISIONS[0]:
        return False
    if kernel == SPOTS and device == "cpu":
        return any(spots.mixes(one, asked.negligible) for one in each_alone(experiment))
    return kernel != REFERENCE


def _is_gaussian(experiment: Experiment) -> bool:
    """Whether the spots of any crystal fall off as a Gaussian."""
    return any(crystal.shape in GAUSSIAN for crystal in experiment.crystals)


def _obstacle(kernel: str, experiment: Experiment, asked: Settings, device: str) -> str:
    """Why a kernel cannot compute an experiment on a device; empty if it can."""
    if device not in DEVICES[kernel]:
        return f"it runs on {DEVICES[kernel][0].upper()}"
    if kernel == SPOTS:
        if _is_gaussian(experiment) and asked.negligible == 0.0:
            return "--negligible 0 keeps every evaluation"
        obstacle = next(filter(None, map(spots.obstacle, each_alone(experiment))), "")
        if obstacle:
            return obstacle
    if kernel == TRITON or (kernel == SPOTS and device == "cuda"):
        from tiled_sim.kernels import triton

        return triton.obstacle()
    built = all(map(is_built, _packages(kernel, experiment, asked.precision)))
    return "" if built else obstacle_to_build()


def _packages(
    kernel: str, experiment: Experiment, precision: str, device: str = "cpu"
) -> tuple[Package, ...]:
    """What is compiled for a kernel."""
    if device == "cuda" or kernel in (REFERENCE, TRITON):
        return ()  # for a GPU by Triton, when it runs
    counting = () if experiment.noise is None else (NOISE,)
    if kernel == COMPILED:
        return *packages_of(experiment, precision), *counting
    background = () if experiment.background is None else (BACKGROUND,)
    return LIBRARY, *background, *counting


def _seconds_to_start(settings: Settings, experiment: Experiment) -> float:
    """Until a kernel is loaded, and compiled if it has never been [s]."""
    packages = _packages(settings.kernel, experiment, settings.precision)
    loading = 0.0
    if settings.kernel == COMPILED:
        graphs = any(isinstance(package, Graph) for package in packages)
        loading = _LOADING if graphs else _LOADING_LIBRARY
    return loading + sum(map(_seconds_to_build, packages))


def _seconds_to_build(package: Package) -> float:
    """How long it takes to compile, less what has been waited for want of it [s]."""
    return 0.0 if is_built(package) else max(_building(package) - seconds_waited(package), 0.0)


def _building(package: Package) -> float:
    """How long it takes to compile [s]."""
    return _BUILDING[package.interpolate] if isinstance(package, Graph) else _BUILDING_LIBRARY


def _seconds_of_crystal(settings: Settings, experiment: Experiment) -> float:
    """Predicted time of what a kernel sums of a crystal alone, on one core [s]."""
    if settings.kernel == SPOTS:
        return predicted_cost(experiment, settings.negligible, settings.precision).seconds
    pixels = _layered_pixels(experiment)
    evaluations, subpixels = pixels * experiment.steps, pixels * experiment.sampling.oversample**2
    loop = loop_of(experiment.crystal.shape)
    of_graph = _INTERPOLATED if experiment.sampling.interpolate else loop
    if settings.kernel == REFERENCE:
        return (
            evaluations * _REFERENCE_EVALUATION[of_graph]
            + subpixels * _REFERENCE_SUBPIXEL
            + pixels * _REFERENCE_PIXEL
        )
    if sums_subpixels(experiment):
        is_mixed = settings.precision == "mixed" and loop == "square"
        of_evaluation = _TOGETHER_MIXED if is_mixed else _TOGETHER_EVALUATION[loop]
        sampling = experiment.sampling
        own = sampling.oversample_polar, sampling.oversample_omega, sampling.oversample_thick
        of_pixel = _TOGETHER_PIXEL
        if experiment.detector.sensors:
            of_pixel += _TOGETHER_LAYER
        of_subpixel = _TOGETHER_SUBPIXEL + sum(own) * _TOGETHER_OWN
        return evaluations * of_evaluation + subpixels * of_subpixel + pixels * of_pixel
    return (
        evaluations * _COMPILED_EVALUATION[settings.precision][of_graph]
        + subpixels * _COMPILED_SUBPIXEL
        + pixels * _COMPILED_PIXEL
    )


def _seconds_of_diffuse(experiment: Experiment) -> float:
    """The same of its diffuse scattering [s]."""
    diffuse = experiment.crystal.diffuse
    if diffuse is None:
        return 0.0
    steps = _layered_pixels(experiment) * experiment.steps
    return steps * (_DIFFUSE_STEP + diffuse.nodes * _DIFFUSE_NODE)


def _layered_pixels(experiment: Experiment) -> int:
    """Pixels of all frames that are computed, each as often as its sensor has layers."""
    return experiment.shape[0] * experiment.detector.layered_pixels
