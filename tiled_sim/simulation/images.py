"""Images as labelled arrays, and the simulation of whole ones in this process."""

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr

from tiled_sim.errors import UsageError
from tiled_sim.kernels.devices import one_torch_thread, resolve_device
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.settings import NEGLIGIBLE, Settings
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.prepare import prepare
from tiled_sim.plan.tiling import grid_of_threads
from tiled_sim.plan.workers import Workers
from tiled_sim.simulation.cores import Cores, threads_on
from tiled_sim.simulation.labels import labelled
from tiled_sim.simulation.simulator import Simulator

logger = logging.getLogger(__name__)

#: A scan is begun so far ahead of the image that is waited for: tiles a thread, and images.
_AHEAD = 2

Pixels = tuple[tuple[int, int], ...]


def simulate(
    experiment: Experiment,
    *,
    precision: str = "float64",
    kernel: str = "auto",
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
    trace_pixels: Pixels = (),
    cores: int | None = None,
) -> xr.DataArray:
    """Simulate a whole experiment in this process, without a cluster.

    Threads share out what is large; a small image is computed in the thread that asks. The image
    has the same bytes on any number of cores. Photons are expected here and never counted: counts
    with noise are those of a run, `Run.counts`.

    Parameters
    ----------
    experiment : what to simulate
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel : ``auto``, ``reference``, ``compiled``, ``spots`` or ``triton``
    negligible : share of the peak of a Gaussian spot below which evaluations may be left out
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``
    trace_pixels : (slow, fast) of pixels whose scaling chains are kept in ``attrs["traces"]``
    cores : that compute it, where it is computed on CPU; None: all of this process

    Returns
    -------
    float32 (frame, panel, slow, fast), coordinates in mm [photons]

    Raises
    ------
    TiledSimError
        for inputs that cannot be read and options that cannot be honoured
    """
    asked = _Asked.of(Settings(kernel, precision, negligible), device, trace_pixels, cores)
    with Cores(asked.threads) as threads:
        image = _Image.of(experiment, asked)
        if len(image.plan) > 1 and threads.number > 1:
            image.begin(threads)
        return image.computed()


def simulate_many(
    experiments: Iterable[Experiment],
    *,
    precision: str = "float64",
    kernel: str = "auto",
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
    trace_pixels: Pixels = (),
    cores: int | None = None,
) -> Iterator[xr.DataArray]:
    """Simulate one experiment after the other on all cores: a scan of a parameter, say.

    While an image is looked at, threads compute the next; a few are begun ahead, so that memory
    does not depend on how many there are. F that experiments share is read once.

    Parameters
    ----------
    experiments : what to simulate; a generator is asked as images are taken
    precision, kernel, negligible, device, trace_pixels, cores : as `simulate`, of every one

    Returns
    -------
    iterator over the images of `simulate`, in the order of the experiments; an experiment that
    cannot be computed raises its error when its turn comes

    Raises
    ------
    TiledSimError
        as `simulate`
    """
    if isinstance(experiments, Experiment) or not isinstance(experiments, Iterable):
        raise UsageError(
            f"experiments are a {type(experiments).__name__}: give a list of them, or a generator"
        )
    asked = _Asked.of(Settings(kernel, precision, negligible), device, trace_pixels, cores)
    return _in_turn(iter(experiments), asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is the same for all images.

    Parameters
    ----------
    settings : as the user asks
    device : where tiles are computed
    trace_pixels : as `simulate`
    threads : that compute tiles
    """

    settings: Settings
    device: torch.device
    trace_pixels: Pixels
    threads: int

    @classmethod
    def of(
        cls, settings: Settings, device: str, trace_pixels: Pixels, cores: int | None
    ) -> "_Asked":
        where = resolve_device(device)
        return cls(settings, where, trace_pixels, threads_on(where, cores))


@dataclass(eq=False, slots=True)
class _Image:
    """An image that is being computed.

    Parameters
    ----------
    simulator : of its tiles
    pixels : float32 (frame, panel, slow, fast), 0 until they are computed [photons]
    under_way : results of tiles that threads compute, in order
    """

    simulator: Simulator
    pixels: np.ndarray
    under_way: list[Future[list[dict[str, Any]]]]

    @classmethod
    def of(cls, experiment: Experiment, asked: _Asked) -> "_Image":
        """Of an experiment, nothing of which is computed."""
        # the kernel, and with it the last bits, is that of one core whatever there are
        prepared = prepare(
            experiment,
            asked.settings,
            trace_pixels=asked.trace_pixels,
            require_coverage=None,
            workers=Workers(device=asked.device.type),
            compiling=_say_compiling,
        )
        plan = prepared.plan
        if asked.threads > 1 and asked.device.type == "cpu":
            # tiles are as large as if all of the image cost what its regions of interest do
            share = experiment.detector.pixels_of_interest / math.prod(experiment.shape[1:])
            seconds = plan.seconds / share
            grid = grid_of_threads(experiment.shape, seconds=seconds, threads=asked.threads)
            plan = replace(plan, grid=grid)
        simulator = Simulator(experiment, prepared.inputs, plan, asked.device, image_alone=True)
        return cls(simulator, np.zeros(experiment.shape, dtype=np.float32), [])

    @property
    def plan(self) -> Plan:
        return self.simulator.plan

    @property
    def tiles_left(self) -> int:
        """That threads have not finished."""
        return sum(not tile.done() for tile in self.under_way)

    def begin(self, threads: Cores) -> None:
        """Have threads compute all tiles."""
        for tile in self.plan:
            self.under_way.append(threads.start(self._compute, tile, threads.go_on))

    def computed(self) -> xr.DataArray:
        """The image, when it is there; computed by this thread if it has not been begun."""
        if self.under_way:
            traces = [trace for tile in self.under_way for trace in Cores.result_of(tile)]
        else:
            with one_torch_thread():
                traces = [trace for tile in self.plan for trace in self._compute(tile)]
        array = labelled(self.simulator.experiment, self.pixels)
        if self.plan.trace_pixels:
            array.attrs["traces"] = traces
        return array

    def _compute(
        self, tile: Tile, progress: Callable[[int], None] | None = None
    ) -> list[dict[str, Any]]:
        """Compute a tile; the traces of it that were asked for."""
        result = self.simulator.simulate_tile(tile, progress, self.pixels[tile.region])
        return [trace.to_dict() for trace in result.traces if trace.reason == "requested"]


def _in_turn(experiments: Iterator[Experiment], asked: _Asked) -> Iterator[xr.DataArray]:
    """Images in order, of which some are computed ahead."""
    most = _AHEAD * asked.threads if asked.threads > 1 else 1
    with Cores(asked.threads) as threads:
        images = _begun(experiments, asked, threads)
        ahead: deque[_Image] = deque()
        failed: Exception | None = None
        while True:
            try:
                while len(ahead) < most and _tiles_left(ahead) < most:
                    image = next(images, None)  # of one that has failed, nothing comes either
                    if image is None:
                        break
                    ahead.append(image)
            except Exception as error:  # raised when its turn comes
                failed = error
            if ahead:
                yield ahead.popleft().computed()
            elif failed is not None:
                raise failed
            else:
                return


def _begun(experiments: Iterator[Experiment], asked: _Asked, threads: Cores) -> Iterator[_Image]:
    """Images that threads compute, as far as there is more than one."""
    inputs: Inputs | None = None
    for experiment in experiments:
        image = _Image.of(experiment, asked)
        inputs = image.simulator.inputs  # noqa: F841  kept, so that the next finds its F there
        if threads.number > 1:
            image.begin(threads)
        yield image


def _tiles_left(images: Iterable[_Image]) -> int:
    return sum(image.tiles_left for image in images)


def _say_compiling() -> None:
    logger.info("compiling the kernel for this machine, once (about a minute)")
