"""How finely a pixel is summed."""

import math
from dataclasses import dataclass

from tiled_sim.model.checks import LARGEST, require
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector
from tiled_sim.model.values import whole

#: Along each side of a pixel; its square is 10 million.
MOST_OVERSAMPLE = 3162


@dataclass(frozen=True, slots=True)
class Sampling:
    """How finely a pixel is summed.

    Parameters
    ----------
    oversample : subpixels along each side of a pixel
    interpolate : tricubic F between nodes; False: nearest node
    dmin : finest resolution computed [Å]; 0: no limit
    oversample_thick : each subpixel has its own absorption; False: the first stands for all
    oversample_polar : each term has its own polarization factor; False: the first stands for all
    oversample_omega : each subpixel has its own solid angle; False: the first stands for all
    """

    oversample: int = 1
    interpolate: bool = False
    dmin: float = 0.0
    oversample_thick: bool = False
    oversample_polar: bool = False
    oversample_omega: bool = False

    def __post_init__(self) -> None:
        require(self.oversample >= 1, f"sampling.oversample = {self.oversample} must be at least 1")
        require(
            self.oversample <= MOST_OVERSAMPLE,
            f"sampling.oversample = {self.oversample} makes {self.oversample**2} subpixels of a "
            f"pixel, each as much work as an image of its own; {MOST_OVERSAMPLE} along each side "
            "are allowed. Say fewer; if you said none, check the units of the crystal's size, the "
            "distance and the pixel, which it was chosen from",
        )
        require(
            math.isfinite(self.dmin) and self.dmin >= 0,
            f"sampling.dmin = {self.dmin} Å must not be negative",
        )
        require(self.dmin <= LARGEST, f"sampling.dmin = {self.dmin} Å is too large to compute with")


def recommended_oversample(
    crystal: Crystal, wavelength: float, distance: float, pixel_size: float
) -> int:
    """Subpixels that follow the interference of a crystal across a pixel, by the C program's rule.

    Parameters
    ----------
    crystal : whose longest edge makes the finest fringes
    wavelength : [Å]
    distance : to the detector [m]
    pixel_size : [m]
    """
    reciprocal_pixel = wavelength * abs(distance) / pixel_size
    return max(whole(3.0 * max(crystal.edges) / reciprocal_pixel), 1)


def recommended_for(detector: Detector, crystal: Crystal, wavelength: float) -> int:
    """The same for the panel of a detector that needs most."""
    return max(
        recommended_oversample(crystal, wavelength, panel.close_distance, max(panel.pixel_size))
        for panel in detector.panels
    )
