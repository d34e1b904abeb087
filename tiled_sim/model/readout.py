"""How photons are counted."""

import math
from dataclasses import dataclass

from tiled_sim.model.checks import make_floats, require, require_finite
from tiled_sim.model.detector import Detector
from tiled_sim.physics.noise import LARGEST_COUNT
from tiled_sim.physics.point_spread import default_radius

#: Point spread [m].
_WIDEST = 10.0
POINT_SPREADS = ("gauss", "fiber")
#: Of the error that each pixel has in every frame; nanoBragg's.
CALIBRATION_SEED = 123456789


@dataclass(frozen=True, slots=True)
class PointSpread:
    """How the light of one pixel spreads to those around it.

    Parameters
    ----------
    kind : ``gauss`` or ``fiber`` (of a fibre-optic taper, with tails that fall with the cube)
    fwhm : full width at half maximum [m]
    radius : of the disc of pixels that the light reaches [pixel]; None: as far as
        `tiled_sim.physics.point_spread.default_radius` says
    """

    kind: str
    fwhm: float
    radius: int | None = None

    def __post_init__(self) -> None:
        make_floats(self)
        require(
            self.kind in POINT_SPREADS,
            f"noise.point_spread.kind = {self.kind!r} must be one of {', '.join(POINT_SPREADS)}",
        )
        require(
            math.isfinite(self.fwhm) and 0 < self.fwhm <= _WIDEST,
            f"noise.point_spread.fwhm = {self.fwhm} m must be positive, and at most {_WIDEST:g} m",
        )
        require(
            self.radius is None or self.radius >= 1,
            f"noise.point_spread.radius = {self.radius} pixels must be at least 1",
        )

    def reach(self, pixel_size: float) -> int:
        """Radius on a detector with pixels of this size [m]: the given one or the default."""
        if self.radius is not None:
            return self.radius
        return default_radius(self.kind, self.fwhm / pixel_size)


@dataclass(frozen=True, slots=True)
class Noise:
    """How photons are counted: Poisson's way, and what else is given.

    Parameters
    ----------
    seed : of all but the calibration, 0 … 2³² - 1
    flicker : of the source, from pixel to pixel [fraction of the light]
    calibration : error of each pixel, the same in every frame [fraction of the light]
    calibration_seed : 0 … 2³² - 1
    readout : standard deviation of the read-out noise [ADU]
    gain : [ADU/photon]
    offset : [ADU]
    saturation : what a pixel reads at most [ADU]
    point_spread : of the detector; None: a photon is counted where it arrives
    """

    seed: int = 1
    flicker: float = 0.0
    calibration: float = 0.0
    calibration_seed: int = CALIBRATION_SEED
    readout: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    saturation: int = LARGEST_COUNT
    point_spread: PointSpread | None = None

    def reach(self, detector: Detector) -> int:
        """Farthest that the point spread reaches on a panel [pixel]; 0 without one."""
        if self.point_spread is None:
            return 0
        return max(self.point_spread.reach(min(panel.pixel_size)) for panel in detector.panels)

    def __post_init__(self) -> None:
        make_floats(self)
        require_finite(self, "noise")
        for name in ("seed", "calibration_seed"):
            seed = getattr(self, name)
            require(0 <= seed < 2**32, f"noise.{name} = {seed} must lie between 0 and 2³² - 1")
        for name, unit in (("flicker", ""), ("calibration", ""), ("readout", " ADU")):
            value = getattr(self, name)
            require(value >= 0, f"noise.{name} = {value}{unit} must not be negative")
        require(self.gain > 0, f"noise.gain = {self.gain} ADU/photon must be positive")
        require(
            1 <= self.saturation <= LARGEST_COUNT,
            f"noise.saturation = {self.saturation} ADU must lie between 1 and {LARGEST_COUNT}",
        )
