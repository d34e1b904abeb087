"""Arrays with names and coordinates."""

from typing import Any

import numpy as np
import xarray as xr

from tiled_sim.model.coordinates import pixel_centres
from tiled_sim.model.experiment import Experiment

_DIMS = ("frame", "panel", "slow", "fast")


def labelled(experiment: Experiment, data: Any) -> xr.DataArray:
    """Label an array (frame, panel, slow, fast) with coordinates and units.

    Parameters
    ----------
    experiment : whose image it is
    data : float32 array, numpy or dask [photons]
    """
    centres = pixel_centres(experiment.detector)
    units = {"units": centres.unit}
    return xr.DataArray(
        data,
        dims=_DIMS,
        name="image",
        coords={
            "frame": np.arange(data.shape[0]),
            "panel": np.arange(data.shape[1]),
            "slow": ("slow", centres.slow, units),
            "fast": ("fast", centres.fast, units),
        },
        attrs={"units": "photon", "long_name": "expected photons per pixel"},
    )
