"""Where the pixels of an image stand along the axes of their panel."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.model.detector import Detector


class PixelCentres(NamedTuple):
    """Distances of the pixel centres from a panel's corner.

    Parameters
    ----------
    slow, fast : float64 (slow,) and (fast,), equally spaced
    unit : ``mm``, or ``pixel`` where panels differ in the size of their pixels
    """

    slow: npt.NDArray[np.float64]
    fast: npt.NDArray[np.float64]
    unit: str


def pixel_centres(detector: Detector) -> PixelCentres:
    """Distances of the pixel centres from the panels' corners along slow and fast."""
    size = detector.pixel_size
    sides = (1.0, 1.0) if size is None else (size[0] * 1000.0, size[1] * 1000.0)
    slow, fast = (
        (np.arange(pixels, dtype=np.float64) + 0.5) * side
        for pixels, side in zip(detector.pixels, sides, strict=True)
    )
    return PixelCentres(slow, fast, "pixel" if size is None else "mm")
