"""How finely a pixel is summed."""

import math
from dataclasses import dataclass

from tiled_sim.model.checks import require


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
            math.isfinite(self.dmin) and self.dmin >= 0,
            f"sampling.dmin = {self.dmin} Å must not be negative",
        )
