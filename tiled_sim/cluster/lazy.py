"""The image as a dask array: tiles are computed when they are asked for."""

import functools
import threading

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
from tiled_sim.model.settings import AUTO, NEGLIGIBLE, PRECISIONS, Settings
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.prepare import prepare
from tiled_sim.plan.workers import Workers
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.labels import labelled
from tiled_sim.simulation.simulator import Simulator

#: Of the inputs, by name; something that can be hashed, unlike a dict.
Hashes = tuple[tuple[str, str | None], ...]


def lazy_image(
    experiment: Experiment,
    *,
    tile: int | tuple[int, int] | None = None,
    precision: str = PRECISIONS[0],
    kernel: str = AUTO,
    negligible: float = NEGLIGIBLE,
    device: str = "auto",
) -> xr.DataArray:
    """The image of an experiment as a dask-backed array; nothing is computed or stored yet.

    The structure factors do not travel in the graph: each process reads the experiment's file
    once, and refuses it if it is not the file that was there when the image was made.

    Parameters
    ----------
    experiment : what to simulate
    tile : pixels of a chunk, one number or (slow, fast), multiples of 16; None: by predicted cost,
        so that small panels and frames go together
    precision : ``float64``, or ``mixed`` (float32 once h, k, l are less their nodes)
    kernel, negligible : as `tiled_sim.simulate`
    device : ``auto``, ``cpu``, ``cuda`` or ``cuda:N``

    Returns
    -------
    float32 (frame, panel, slow, fast), coordinates in mm [photons]
    """
    where = resolve_device(device)
    asked = Settings(kernel, precision, negligible)
    workers = Workers(CPU_COUNT, device=where.type)
    sides = (tile, tile) if isinstance(tile, int) else tile
    # what cannot be is refused here, and not by a worker
    prepared = prepare(experiment, asked, tile=sides, require_coverage=None, workers=workers)
    plan, hashes = prepared.plan, prepared.inputs.hashes
    sizes = zip(plan.grid.shape, plan.grid.tile, plan.grid.counts, strict=True)
    data = dask.array.map_blocks(
        _chunk,
        chunks=tuple(_chunk_sizes(*of_axis) for of_axis in sizes),
        dtype=np.float32,
        meta=np.empty((0, 0, 0, 0), dtype=np.float32),
        name=f"tiled-sim-{tokenize(experiment, plan, hashes, device)}",
        experiment=experiment,
        plan=plan,
        hashes=tuple(hashes.items()),
        device=device,
    )
    return labelled(experiment, data)


def _chunk_sizes(size: int, side: int, count: int) -> tuple[int, ...]:
    return (side,) * (count - 1) + (size - side * (count - 1),)


def _chunk(
    experiment: Experiment,
    plan: Plan,
    hashes: Hashes,
    device: str,
    block_id: tuple[int, int, int, int],
) -> npt.NDArray[np.float32]:
    with _loading:
        simulator = _simulator(experiment, plan, hashes, device)
    return simulator.simulate_tile(plan[plan.grid.index_at(block_id)]).image


_loading = threading.Lock()


@functools.lru_cache(maxsize=1)
def _simulator(experiment: Experiment, plan: Plan, hashes: Hashes, device: str) -> Simulator:
    """The process's simulator of an experiment; only the last one is kept."""
    torch.set_num_threads(1)
    inputs = load_inputs(experiment)
    for name, found in inputs.hashes.items():
        then = dict(hashes)[name]
        if found != then:
            path = experiment.structure_factors.path if name == "structure_factors" else name
            raise InputFileError(
                f"{path} has changed since the image was made: content {found}, not {then}"
            )
    return Simulator(experiment, inputs, plan, resolve_device(device))
