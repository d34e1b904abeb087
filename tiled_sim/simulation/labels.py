"""Arrays with names and coordinates."""

from typing import Any

import numpy as np
import xarray as xr

from tiled_sim.model.experiment import Experiment

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
