"""All of a run's store that follows from its experiment: every node but the pixels of its tiles."""

import zarr

from tiled_sim.model.coordinates import PixelCentres, pixel_centres
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.store import geometry, layout
from tiled_sim.store.inputs import write_inputs


def write_skeleton(
    root: zarr.Group, experiment: Experiment, grid: TileGrid, inputs: Inputs
) -> PixelCentres:
    """Write the nodes of a run that has computed nothing yet.

    Parameters
    ----------
    root : group of the run, empty
    experiment : what is to be simulated
    grid : of the tiles
    inputs : kept in the run, for the workers

    Returns
    -------
    centres of the pixels
    """
    level = root.create_group("0", attributes=geometry.facts(experiment))
    layout.create_image(level, grid)
    if experiment.noise is not None:
        layout.create_counts(level, grid)
    centres = pixel_centres(experiment.detector)
    layout.write_coordinates(level, grid.shape, centres)
    mask = layout.create_mask(level, grid)
    if not _is_live(inputs.mask):
        layout.write_mask(mask, inputs.mask)
    geometry.write_geometry(root, experiment)
    write_inputs(root, inputs, experiment.arrays())
    return centres


def _is_live(mask: Mask) -> bool:
    """Whether every pixel is live."""
    return mask.all_live or mask.sha256 == Mask.live(mask.shape).sha256
