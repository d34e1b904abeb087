"""Images as labelled arrays, and the simulation of a whole one in this process."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
import xarray as xr

from tiled_sim.coverage import load_reaching_amorphous
from tiled_sim.errors import UsageError
from tiled_sim.experiment.model import Experiment
from tiled_sim.inputs import MaskSource, load_mask, load_structure_factors
from tiled_sim.kernels.choice import (
    NEGLIGIBLE,
    REFERENCE,
    Choice,
    Wish,
    build_choice,
    choose_kernel,
)
from tiled_sim.simulation import (
    TILES_ON_A_GPU,
    Simulator,
    first_evaluations,
    one_torch_thread,
    resolve_device,
)
from tiled_sim.tiles import DEFAULT_TILE, Tile, TilePlan

logger = logging.getLogger(__name__)

_DIMS = ("frame", "panel", "slow", "fast")


def pixel_centres(experiment: Experiment) -> tuple[np.ndarray, np.ndarray]:
    """Distances of the pixel centres from the panel's corner along slow and fast [mm]."""
    slow, fast = experiment.detector.pixels
    millimetres = experiment.detector.pixel_size * 1000.0
    return (np.arange(slow) + 0.5) * millimetres, (np.arange(fast) + 0.5) * millimetres


def labelled(experiment: Experiment, data: Any) -> xr.DataArray:
    """Label an array (frame, panel, slow, fast) with coordinates and units.

    Parameters
    ----------
    experiment : whose image it is
    data : float32 array, numpy or dask [photons]
    """
    slow, fast = pixel_centres(experiment)
    return xr.DataArray(
        data,
        dims=_DIMS,
        name="image",
        coords={
            "frame": np.arange(data.shape[0]),
            "panel": np.arange(data.shape[1]),
            "slow": ("slow", slow, {"units": "mm"}),
            "fast": ("fast", fast, {"units": "mm"}),
        },
        attrs={"units": "photon", "long_name": "expected photons per pixel"},
    )


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
    resolved = resolve_device(device)
    choice = choose_kernel(
        experiment,
        Wish(kernel, precision, negligible),
        device=resolved.type,
        cores=1,  # the threads below wait for each other, most of the time
    )
    choice = build_choice(choice, experiment, asked=kernel, compiling=_say_compiling)
    mask = load_mask(experiment)
    plan = plan_tiles(
        experiment,
        mask,
        trace_pixels=trace_pixels,
        choice=choice,
    )
    amorphous = load_reaching_amorphous(experiment)
    factors = load_structure_factors(experiment)
    simulator = Simulator(experiment, factors, plan, resolved, amorphous)
    image = np.empty(experiment.shape, dtype=np.float32)
    traces: list[dict[str, Any]] = []

    def compute(tile: Tile) -> None:
        slow, fast = slice(*tile.slow), slice(*tile.fast)
        result = simulator.simulate_tile(tile, mask(tile.panel, slow, fast))
        image[tile.frame, tile.panel, slow, fast] = result.image
        traces.extend(t.to_dict() for t in result.traces if t.reason == "requested")

    _for_each(compute, plan, simulator.device)
    array = labelled(experiment, image)
    if trace_pixels:
        array.attrs["traces"] = traces
    return array


def _say_compiling() -> None:
    logger.info("compiling the kernel for this machine, once (about a minute)")


def plan_tiles(
    experiment: Experiment,
    mask: MaskSource,
    *,
    tile: tuple[int, int] = DEFAULT_TILE,
    structure_factor_nodes: int = 0,
    trace_pixels: tuple[tuple[int, int], ...] = (),
    choice: Choice = REFERENCE,
) -> TilePlan:
    """Plan an experiment, with what ``--c-compat`` needs to know of the whole panel.

    Parameters
    ----------
    experiment : what to simulate
    mask : of `tiled_sim.inputs.load_mask`
    tile : (slow, fast) pixels
    structure_factor_nodes : of the grid, for the memory prediction
    trace_pixels : (slow, fast) of pixels to trace
    choice : of the kernel
    """
    slow, fast = experiment.detector.pixels

    for pixel in trace_pixels:
        _require_live(pixel, experiment, mask)

    def mask_rows(panel: int) -> Iterator[np.ndarray]:
        for row in range(slow):
            yield mask(panel, slice(row, row + 1), slice(0, fast))[0]

    return TilePlan.of(
        experiment,
        tile,
        structure_factor_nodes=structure_factor_nodes,
        first_evaluations=first_evaluations(experiment, mask_rows),
        trace_pixels=trace_pixels,
        kernel=choice.kernel,
        precision=choice.precision,
        negligible=choice.negligible,
    )


def _require_live(pixel: tuple[int, int], experiment: Experiment, mask: MaskSource) -> None:
    """Refuse to trace a pixel that no panel computes."""
    row, column = pixel
    _, panels, slow, fast = experiment.shape
    inside = 0 <= row < slow and 0 <= column < fast
    where = (slice(row, row + 1), slice(column, column + 1))
    if inside and all(mask(panel, *where)[0, 0] != 0 for panel in range(panels)):
        raise UsageError(
            f"--trace-pixel {row} {column} is masked or outside the region of interest, so it is "
            "not computed"
        )


def _for_each(compute: Callable[[Tile], None], plan: TilePlan, device: torch.device) -> None:
    """Every tile through ``compute``: one thread a core on CPU, some on a GPU."""
    threads = os.cpu_count() if device.type == "cpu" else TILES_ON_A_GPU
    with one_torch_thread(), ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(compute, plan):
            pass
