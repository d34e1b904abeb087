"""Making a plan. Whoever reads that of a run needs none of this, and not torch."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import UsageError
from tiled_sim.kernels.first import first_evaluations
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.model.settings import Settings
from tiled_sim.plan.choice import predicted_seconds, seconds_of_counts, seconds_of_tiles
from tiled_sim.plan.memory import memory_of
from tiled_sim.plan.plan import Plan
from tiled_sim.plan.reach import nodes_of_table
from tiled_sim.plan.tiling import grid_of
from tiled_sim.plan.workers import Workers


def make_plan(
    experiment: Experiment,
    inputs: Inputs,
    settings: Settings,
    *,
    tile: tuple[int, int] | None = None,
    trace_pixels: Sequence[tuple[int, int]] = (),
    workers: Workers = Workers(),  # noqa: B008 - frozen
    trace_panel: int | None = None,
) -> Plan:
    """Plan an experiment, with what ``--c-compat`` needs to know of the whole panel.

    Parameters
    ----------
    experiment : what to simulate
    inputs : of it
    settings : with the kernel that was chosen
    tile : (slow, fast) pixels of a tile, multiples of 16; None: by predicted cost
    trace_pixels : (slow, fast) of pixels to trace
    workers : that will compute the tiles
    trace_panel : on which pixels are traced; None: on every one

    Raises
    ------
    UsageError
        for a pixel that is not computed, or a tile that is not made of whole blocks
    """
    for pixel in trace_pixels:
        _require_live(pixel, inputs.mask, trace_panel)
    seconds = predicted_seconds(settings, experiment, cores=1, device=workers.device)
    seconds += seconds_of_counts(settings, experiment)
    # tiles are as large as if all of the image cost what its regions of interest do
    share = experiment.detector.pixels_of_interest / math.prod(experiment.shape[1:])
    grid = grid_of(experiment.shape, tile, seconds=seconds / share, workers=workers.cores)
    return Plan(
        grid,
        settings,
        experiment.evaluations_per_pixel,
        first_evaluations(experiment, lambda panel: _rows_of(inputs.mask, panel)),
        tuple(trace_pixels),
        memory_of(settings, experiment, nodes_of_table(experiment, inputs.factors), grid.tile),
        seconds + seconds_of_tiles(settings, experiment, grid),
        workers.cores,
        trace_panel,
    )


def _rows_of(mask: Mask, panel: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Rows of a panel's mask, uint8 (fast,)."""
    _, slow, fast = mask.shape
    for row in range(slow):
        yield mask(panel, slice(row, row + 1), slice(0, fast))[0]


def _require_live(pixel: tuple[int, int], mask: Mask, panel: int | None) -> None:
    """Refuse to trace a pixel that no panel computes, or not the one that is named."""
    row, column = pixel
    panels, slow, fast = mask.shape
    inside = 0 <= row < slow and 0 <= column < fast
    where = (slice(row, row + 1), slice(column, column + 1))
    looked_at = range(panels) if panel is None else (panel,)
    if inside and all(mask(one, *where)[0, 0] != 0 for one in looked_at):
        of_panel = "" if panel is None else f" on panel {panel}"
        raise UsageError(
            f"--trace-pixel {row} {column} is masked or outside the region of interest{of_panel}, "
            "so it is not computed"
        )
