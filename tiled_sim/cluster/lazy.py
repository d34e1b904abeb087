"""The image as a dask array: tiles are computed when they are asked for."""

import functools
import threading
from typing import Any

import dask.array
import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from dask.base import tokenize
from dask.system import CPU_COUNT

from tiled_sim.errors import InputFileError
from tiled_sim.kernels.devices import resolve_device
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import NEGLIGIBLE, Wish
from tiled_sim.plan.choice import choose_kernel
from tiled_sim.plan.coverage import load_reaching_amorphous
from tiled_sim.plan.plan import DEFAULT_TILE, TilePlan, plan_tiles
from tiled_sim.read.inputs import load_amorphous, load_mask, load_structure_factors
from tiled_sim.simulation.labels import labelled
from tiled_sim.simulation.simulator import Simulator


def lazy_image(
    experiment: Experiment,
    *,
    tile: int | tuple[int, int] = DEFAULT_TILE,
    precision: str = "float64",
    kernel: str = "auto",
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
) -> xr.DataArray:
    """The image of an experiment as a dask-backed array; nothing is computed or stored yet.

    The structure factors do not travel in the graph: each process reads the experiment's file
    once, and refuses it if it is not the file that was there when the image was made.

    Parameters
    ----------
    experiment : what to simulate
    tile : pixels of a chunk, one number or (slow, fast), multiples of 16
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel, negligible : as `tiled_sim.simulate`
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``

    Returns
    -------
    float32 (frame, panel, slow, fast), coordinates in mm [photons]
    """
    choice = choose_kernel(
        experiment,
        Wish(kernel, precision, negligible),
        device=resolve_device(device).type,
        cores=CPU_COUNT,
    )
    sides = (tile, tile) if isinstance(tile, int) else tile
    structure_factors = load_structure_factors(experiment)
    load_reaching_amorphous(experiment)  # refused here, and not by a worker
    plan = plan_tiles(experiment, load_mask(experiment), tile=sides, choice=choice)
    frames, panels, slow, fast = experiment.shape
    rows, columns = plan.grid
    chunks = (
        (1,) * frames,
        (1,) * panels,
        _chunk_sizes(slow, plan.tile[0], rows),
        _chunk_sizes(fast, plan.tile[1], columns),
    )
    content = None if structure_factors is None else structure_factors.sha256
    data = dask.array.map_blocks(
        _chunk,
        chunks=chunks,
        dtype=np.float32,
        meta=np.empty((0, 0, 0, 0), dtype=np.float32),
        name=f"tiled-sim-{tokenize(experiment, plan, content, device)}",
        experiment=experiment,
        plan=plan,
        structure_factors_sha256=content,
        device=device,
    )
    return labelled(experiment, data)


def _chunk_sizes(size: int, side: int, count: int) -> tuple[int, ...]:
    return (side,) * (count - 1) + (size - side * (count - 1),)


def _chunk(
    experiment: Experiment,
    plan: TilePlan,
    structure_factors_sha256: str | None,
    device: str,
    block_id: tuple[int, int, int, int],
) -> npt.NDArray[np.float32]:
    frame, panel, row, column = block_id
    rows, columns = plan.grid
    index = ((frame * plan.shape[1] + panel) * rows + row) * columns + column
    with _loading:
        simulator, mask = _simulator(experiment, plan, structure_factors_sha256, device)
    tile = plan[index]
    part = mask(tile.panel, slice(*tile.slow), slice(*tile.fast))
    return simulator.simulate_tile(tile, part).image[None, None]


_loading = threading.Lock()


@functools.lru_cache(maxsize=1)
def _simulator(
    experiment: Experiment, plan: TilePlan, structure_factors_sha256: str | None, device: str
) -> tuple[Simulator, Any]:
    """The process's simulator of an experiment; only the last one is kept."""
    torch.set_num_threads(1)
    structure_factors = load_structure_factors(experiment)
    if structure_factors is not None and structure_factors.sha256 != structure_factors_sha256:
        raise InputFileError(
            f"{experiment.structure_factors.path} has changed since the image was made: "
            f"content {structure_factors.sha256}, not {structure_factors_sha256}"
        )
    amorphous = load_amorphous(experiment)
    where = resolve_device(device)
    simulator = Simulator(experiment, structure_factors, plan, where, amorphous)
    return simulator, load_mask(experiment)
