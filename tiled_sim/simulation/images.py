"""Images as labelled arrays, and the simulation of a whole one in this process."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import xarray as xr

from tiled_sim.kernels.devices import TILES_ON_A_GPU, one_torch_thread, resolve_device
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.settings import NEGLIGIBLE, Settings
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.prepare import prepare
from tiled_sim.plan.workers import Workers
from tiled_sim.simulation.labels import labelled
from tiled_sim.simulation.simulator import Simulator

logger = logging.getLogger(__name__)


def simulate(
    experiment: Experiment,
    *,
    precision: str = "float64",
    kernel: str = "auto",
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
    trace_pixels: tuple[tuple[int, int], ...] = (),
) -> xr.DataArray:
    """Simulate a whole experiment in this process, without a cluster.

    That is a core's work and little more, because compiled code is run under the interpreter's
    lock; `submit` uses all cores. Photons are expected here and never counted: counts with noise
    are those of a run, `Run.counts`.

    Parameters
    ----------
    experiment : what to simulate
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel : ``auto``, ``reference``, ``compiled``, ``spots`` or ``triton``
    negligible : share of the peak of a Gaussian spot below which evaluations may be left out
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``
    trace_pixels : (slow, fast) of pixels whose scaling chains are kept in ``attrs["traces"]``

    Returns
    -------
    float32 (frame, panel, slow, fast), coordinates in mm [photons]

    Raises
    ------
    TiledSimError
        for inputs that cannot be read and options that cannot be honoured
    """
    where = resolve_device(device)
    prepared = prepare(
        experiment,
        Settings(kernel, precision, negligible),
        trace_pixels=trace_pixels,
        require_coverage=None,
        # the threads below wait for each other, most of the time
        workers=Workers(device=where.type),
        compiling=_say_compiling,
    )
    simulator = Simulator(experiment, prepared.inputs, prepared.plan, where)
    image = np.empty(experiment.shape, dtype=np.float32)
    traces: list[dict[str, Any]] = []

    def compute(tile: Tile) -> None:
        result = simulator.simulate_tile(tile)
        image[tile.region] = result.image
        traces.extend(t.to_dict() for t in result.traces if t.reason == "requested")

    _for_each(compute, prepared.plan, where)
    array = labelled(experiment, image)
    if trace_pixels:
        array.attrs["traces"] = traces
    return array


def _say_compiling() -> None:
    logger.info("compiling the kernel for this machine, once (about a minute)")


def _for_each(compute: Callable[[Tile], None], plan: Plan, device: torch.device) -> None:
    """Every tile through ``compute``: one thread a core on CPU, some on a GPU."""
    threads = os.cpu_count() if device.type == "cpu" else TILES_ON_A_GPU
    with one_torch_thread(), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(compute, plan):
            pass
