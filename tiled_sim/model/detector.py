"""The detector: panels where they stand, their regions and masks, and the sensor."""

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from tiled_sim.model.beam import Spectrum
from tiled_sim.model.checks import (
    UNHASHED,
    require,
    require_count,
    require_finite,
    require_unit,
    require_within,
)
from tiled_sim.physics.vectors import Array, Vector

#: Of the corner's distance from the sample: a plane that passes so close is seen edge-on.
EDGE_ON = 1e-12
#: Along a side of a panel.
MOST_PIXELS = 10**6
#: Sides of a pixel [m].
SMALLEST_PIXEL, LARGEST_PIXEL = 1e-9, 10.0
#: From the sample to a panel's plane [m].
_NEAREST = 1e-9
_MOST_LAYERS = 10**4
#: Of a wavelength, what rounding may make.
_SAME_WAVELENGTH = 1e-7


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, half-open: slow_start ≤ slow < slow_stop, likewise fast."""

    slow_start: int
    slow_stop: int
    fast_start: int
    fast_stop: int

    def __post_init__(self) -> None:
        require(
            0 <= self.slow_start < self.slow_stop and 0 <= self.fast_start < self.fast_stop,
            f"region of interest {dataclasses.astuple(self)} (slow start, slow stop, fast start, "
            "fast stop) holds no pixel",
        )

    @classmethod
    def of_ends(cls, fast_min: int, fast_max: int, slow_min: int, slow_max: int) -> "Region":
        """The region from first and last pixels, as nanoBragg's ``-roi`` names them."""
        return cls(slow_min, slow_max + 1, fast_min, fast_max + 1)

    @property
    def ends(self) -> tuple[int, int, int, int]:
        """First and last pixel along fast, then along slow, as nanoBragg's ``-roi``."""
        return self.fast_start, self.fast_stop - 1, self.slow_start, self.slow_stop - 1

    @property
    def shape(self) -> tuple[int, int]:
        """(slow, fast) number of pixels."""
        return self.slow_stop - self.slow_start, self.fast_stop - self.fast_start


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A file of dead pixels: its path, with ``:KEY`` of an array in it, and its bytes' SHA-256."""

    path: str = field(metadata=UNHASHED)
    sha256: str


@dataclass(frozen=True, slots=True)
class DeadPixels:
    """Dead pixels that a geometry file or the name of a detector gives, and how to read them again.

    Parameters
    ----------
    sha256 : of the dead pixels of all panels (`sha256_of_dead`)
    path : of the geometry file; None: the detector has a name
    model : name of the detector; None: it has a file
    distance : that was given beside the file or name [m]; None: none
    wavelength : that was given beside the file [Å]; None: none
    experiment : which of the file's
    """

    sha256: str
    path: str | None = field(default=None, metadata=UNHASHED)
    model: str | None = field(default=None, metadata=UNHASHED)
    distance: float | None = field(default=None, metadata=UNHASHED)
    wavelength: float | None = field(default=None, metadata=UNHASHED)
    experiment: int = field(default=0, metadata=UNHASHED)

    def __post_init__(self) -> None:
        require_finite(self, "dead_pixels")
        require(
            (self.path is None) != (self.model is None),
            "detector.dead_pixels needs a geometry file or the name of a detector, and not both",
        )


@dataclass(frozen=True, slots=True)
class Sensor:
    """What absorbs the photons: a slab that is cut into layers, behind the panel's plane.

    Parameters
    ----------
    thickness : [m]
    attenuation_length : depth that lets 1/e of the photons through [m]
    layers : each catches what it absorbs where its front lies
    material : whose attenuation it is, by tables, at the wavelength of the beam; None: not said
    attenuation_table : wavelengths [Å], ascending, each with the attenuation length there [m], of
        light of several wavelengths; None: one length stands for all
    """

    thickness: float
    attenuation_length: float
    layers: int = 1
    material: str | None = field(default=None, metadata=UNHASHED)
    attenuation_table: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        require_finite(self, "sensor")
        for name in ("thickness", "attenuation_length"):
            value = getattr(self, name)
            require(value > 0, f"sensor.{name} = {value} m must be positive")
        require_count(self.layers, "sensor.layers", _MOST_LAYERS)
        if self.attenuation_table is not None:
            values = np.array(self.attenuation_table, dtype=np.float64).reshape(-1, 2)
            require(
                len(values) > 0
                and bool(np.isfinite(values).all())
                and bool((values > 0).all())
                and bool((np.diff(values[:, 0]) > 0).all()),
                "sensor.attenuation_table must be pairs of a wavelength in Å, each longer than the "
                "one before it, and an attenuation length in m",
            )

    def attenuation_at(self, wavelength: float) -> float:
        """Depth that lets 1/e of the photons of a wavelength [Å] through [m].

        As `attenuations_at`.
        """
        return float(self.attenuations_at(np.array([wavelength]))[0])

    def efficiency(self, spectrum: Spectrum) -> float:
        """Share of the photons of a spectrum that it absorbs where they meet it head-on."""
        absorbed = -np.expm1(-self.thickness / self.attenuations_at(spectrum.wavelength))
        return float(np.average(absorbed, weights=spectrum.weight))

    def attenuations_at(self, wavelengths: Array) -> Array:
        """Depths that let 1/e of the photons of wavelengths [Å] through [m].

        Between two wavelengths of the table its logarithm follows that of the wavelength.

        Raises
        ------
        ValueError
            for a wavelength beyond the table
        """
        if self.attenuation_table is None:
            return np.full(len(wavelengths), self.attenuation_length)
        known, lengths = np.log(np.array(self.attenuation_table)).T
        places = np.log(wavelengths)
        if (
            places.min() < known[0] - _SAME_WAVELENGTH
            or places.max() > known[-1] + _SAME_WAVELENGTH
        ):
            raise ValueError(
                f"{wavelengths.min():g} to {wavelengths.max():g} Å are beyond the table of the "
                "sensor's attenuation"
            )
        return np.exp(np.interp(places, known, lengths))

    def depth(self, layer: int) -> float:
        """From the panel's plane to the front of a layer [m]."""
        return self.thickness / self.layers * layer


@dataclass(frozen=True, slots=True)
class Panel:
    """One flat rectangle of pixels.

    Parameters
    ----------
    origin : sample to the corner of pixel (0, 0) [m]
    fast_axis, slow_axis, normal : unit vectors; the normal points away from the sample
    pixels : (slow, fast) number of pixels
    pixel_size : (slow, fast) sides of a pixel [m]
    region : the only pixels to compute; None: all
    mask : dead pixels; None: none
    name : for people
    group : path of the modules that hold it, outermost first; for people
    sensor : of its own; None: that of the detector
    """

    origin: Vector
    fast_axis: Vector
    slow_axis: Vector
    normal: Vector
    pixels: tuple[int, int]
    pixel_size: tuple[float, float]
    region: Region | None = None
    mask: MaskFile | None = None
    name: str = field(default="0", metadata=UNHASHED)
    group: tuple[str, ...] = field(default=(), metadata=UNHASHED)
    sensor: Sensor | None = None

    def __post_init__(self) -> None:
        require_finite(self, "panel")
        for axis in ("fast_axis", "slow_axis", "normal"):
            require_unit(getattr(self, axis), f"panel.{axis}")
        require(min(self.pixels) >= 1, f"panel.pixels = {self.pixels} must be at least 1 each way")
        require(
            max(self.pixels) <= MOST_PIXELS,
            f"panel.pixels = {self.pixels} must be at most {MOST_PIXELS} each way",
        )
        close, corner = self.close_distance, math.hypot(*self.origin)
        require(
            min(self.pixel_size) > 0, f"panel.pixel_size = {self.pixel_size} m must be positive"
        )
        for size in self.pixel_size:
            require_within(size, "panel.pixel_size", SMALLEST_PIXEL, LARGEST_PIXEL, "m")
        require(
            abs(close) > max(EDGE_ON * corner, _NEAREST),
            "panel: the detector plane passes through the sample (close distance "
            f"{abs(close):g} m)",
        )
        require(
            close > 0,
            f"panel {self.name} turns its back to the sample: its plane lies {-close * 1e3:.6g} mm "
            "against panel.normal, and every pixel would get a negative number of photons; the "
            "normal has to point away from the sample, so turn it around, or leave it out of a "
            "TOML file",
        )
        if self.region is not None:
            slow, fast = self.pixels
            require(
                self.region.slow_stop <= slow and self.region.fast_stop <= fast,
                f"panel.region {dataclasses.astuple(self.region)} reaches beyond the panel's "
                f"{slow} x {fast} (slow x fast) pixels",
            )

    @property
    def close_distance(self) -> float:
        """Distance from the sample to the panel's plane [m]."""
        return float(np.dot(self.origin, self.normal))

    @property
    def ends(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(start, stop) of its region, or of all pixels, along slow and fast."""
        region = self.region
        if region is None:
            return (0, self.pixels[0]), (0, self.pixels[1])
        return (region.slow_start, region.slow_stop), (region.fast_start, region.fast_stop)

    @property
    def pixels_of_interest(self) -> int:
        """Pixels of its region, or all."""
        return math.prod(stop - start for start, stop in self.ends)

    @property
    def has_square_pixels(self) -> bool:
        """Whether a pixel is as long along slow as along fast."""
        slow, fast = self.pixel_size
        return slow == fast

    @property
    def pixel_area(self) -> float:
        """Area of a pixel [m²]."""
        slow, fast = self.pixel_size
        # the power and the product differ in the last bit of some; images were made by the power
        return slow**2 if slow == fast else slow * fast


@dataclass(frozen=True, slots=True)
class Detector:
    """Panels, flat or curved. They may differ in number and size of pixels.

    Parameters
    ----------
    panels : in the order of the image
    curvature_radius : distance of every pixel of a curved detector [m]; None: flat
    point_pixel : True: 1/R² [1/m²] in place of the pixel's solid angle
    sensor : of panels that have none of their own; None: every photon is caught, at the plane of
        the panel
    up : what is up in pictures of all panels, a unit vector; None: +Y, or +Z where that is along
        the beam
    dead_pixels : those of a geometry file or a detector's name, beside the masks of panels
    """

    panels: tuple[Panel, ...]
    curvature_radius: float | None = None
    point_pixel: bool = False
    sensor: Sensor | None = None
    up: Vector | None = field(default=None, metadata=UNHASHED)
    dead_pixels: DeadPixels | None = None

    def __post_init__(self) -> None:
        require(len(self.panels) > 0, "detector.panels must name at least one panel")
        if self.up is not None:
            require_unit(self.up, "detector.up")
        if self.curvature_radius is not None:
            require(
                math.isfinite(self.curvature_radius) and self.curvature_radius > 0,
                f"detector.curvature_radius = {self.curvature_radius} m must be positive",
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """(slow, fast) number of pixels along each side of the largest panel."""
        slow, fast = zip(*(panel.pixels for panel in self.panels), strict=True)
        return max(slow), max(fast)

    @property
    def pixels_of_interest(self) -> int:
        """Pixels of all panels' regions: those that are computed, unless a mask names them."""
        return sum(panel.pixels_of_interest for panel in self.panels)

    @property
    def pixel_size(self) -> tuple[float, float] | None:
        """(slow, fast) sides of a pixel [m]; None where the panels differ."""
        first, *others = {panel.pixel_size for panel in self.panels}
        return None if others else first

    def sensor_of(self, panel: int) -> Sensor | None:
        """What absorbs the photons of a panel, by its number; None: all are caught at its plane."""
        own = self.panels[panel].sensor
        return self.sensor if own is None else own

    def layers_of(self, panel: int) -> int:
        """Layers of the sensor of a panel, by its number."""
        sensor = self.sensor_of(panel)
        return 1 if sensor is None else sensor.layers

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        """All that differ, in the order of the panels; empty: no panel has one."""
        if not self.has_own_sensors:
            return () if self.sensor is None else (self.sensor,)
        of_panels = (self.sensor_of(panel) for panel in range(len(self.panels)))
        return tuple(dict.fromkeys(sensor for sensor in of_panels if sensor is not None))

    @property
    def has_own_sensors(self) -> bool:
        """Whether some panel has a sensor of its own."""
        return any(panel.sensor is not None for panel in self.panels)

    @property
    def layers(self) -> int:
        """Layers of the sensor that has most of them."""
        return max((sensor.layers for sensor in self.sensors), default=1)

    @property
    def layered_pixels(self) -> int:
        """As `pixels_of_interest`, each as often as its sensor has layers."""
        return sum(
            panel.pixels_of_interest * self.layers_of(number)
            for number, panel in enumerate(self.panels)
        )
