"""Arrays with names and coordinates."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from tiled_sim.model.experiment import Experiment

_DIMS = ("frame", "panel", "slow", "fast")


class PixelCentres(NamedTuple):
    """Distances of the pixel centres from a panel's corner.

    Parameters
    ----------
    slow, fast : float64 (slow,) and (fast,)
    unit : ``mm``, or ``pixel`` where panels differ in the size of their pixels
    """

    slow: npt.NDArray[np.float64]
    fast: npt.NDArray[np.float64]
    unit: str


def pixel_centres(experiment: Experiment) -> PixelCentres:
    """Distances of the pixel centres from the panels' corners along slow and fast."""
    size = experiment.detector.pixel_size
    sides = (1.0, 1.0) if size is None else (size[0] * 1000.0, size[1] * 1000.0)
    slow, fast = (
        (np.arange(pixels, dtype=np.float64) + 0.5) * side
        for pixels, side in zip(experiment.detector.pixels, sides, strict=True)
    )
    return PixelCentres(slow, fast, "pixel" if size is None else "mm")


def labelled(experiment: Experiment, data: Any) -> xr.DataArray:
    """Label an array (frame, panel, slow, fast) with coordinates and units.

    Parameters
    ----------
    experiment : whose image it is
    data : float32 array, numpy or dask [photons]
    """
    centres = pixel_centres(experiment)
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
