"""What is simulated: frozen, resolved, hashed.

Lengths are metres, angles radians, wavelengths and cells Å, reciprocal vectors 1/Å, all float64.
Nothing here is a default that is still to be worked out: readers of TOML and of nanoBragg
options resolve everything once, before an `Experiment` is made.
"""

import dataclasses
import hashlib
import json
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.physics.constants import AVOGADRO
from tiled_sim.physics.noise import LARGEST_COUNT
from tiled_sim.physics.point_spread import default_radius
from tiled_sim.physics.vectors import Array, Vector, about_axis

SHAPES = ("square", "round", "gauss_star", "tophat")
POINT_SPREADS = ("gauss", "fiber")
#: Phi steps times mosaic domains; so many matrices are 720 MB.
_MOST_ORIENTATIONS = 10**7
#: What the first column of a table of amorphous scattering may be, and how much of it is one
#: sin θ/λ [1/Å].
ABSCISSAS = {"stol": 1.0, "4stol": 4.0, "Q": 4.0 * math.pi}


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ExperimentError(message)


def _require_unit(vector: Vector, name: str) -> None:
    length = math.sqrt(sum(component**2 for component in vector))
    _require(
        abs(length - 1.0) < 1e-9, f"{name} = {vector} must be a unit vector, its length is {length}"
    )


def _require_finite(instance: typing.Any, name: str) -> None:
    for item in dataclasses.fields(instance):
        value = getattr(instance, item.name)
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, float):
                _require(math.isfinite(number), f"{name}.{item.name} = {value} must be finite")


def _make_floats(instance: typing.Any) -> None:
    """Turn whole numbers that people give for real ones into those: 3 and 3.0 hash alike."""
    for name, kind in typing.get_type_hints(type(instance)).items():
        if kind is float:
            object.__setattr__(instance, name, float(getattr(instance, name)))


@dataclass(frozen=True, slots=True)
class Source:
    """One direction and wavelength of the incident beam.

    Parameters
    ----------
    incident : unit vector along which the light travels
    wavelength : [Å]
    weight : relative to the other sources; only the ratios count
    """

    incident: Vector
    wavelength: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        _require_finite(self, "source")
        _require_unit(self.incident, "source.incident")
        _require(self.wavelength > 0, f"source.wavelength = {self.wavelength} Å must be positive")
        _require(self.weight >= 0, f"source.weight = {self.weight} must not be negative")


@dataclass(frozen=True, slots=True)
class Beam:
    """The incident light.

    Parameters
    ----------
    direction : unit vector along which the central beam travels
    wavelength : of the central beam [Å]
    fluence : [photons/m²]
    polarization : Kahn's factor, 0 unpolarized … 1 fully polarized; None: no polarization factor
    polarization_axis : unit vector of the electric field
    sources : every direction and wavelength, in the order of summation
    """

    direction: Vector
    wavelength: float
    fluence: float
    polarization: float | None
    polarization_axis: Vector
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        _require_finite(self, "beam")
        _require_unit(self.direction, "beam.direction")
        _require_unit(self.polarization_axis, "beam.polarization_axis")
        _require(self.wavelength > 0, f"beam.wavelength = {self.wavelength} Å must be positive")
        _require(
            self.fluence >= 0, f"beam.fluence = {self.fluence} photons/m² must not be negative"
        )
        if self.polarization is not None:
            _require(
                -1 <= self.polarization <= 1,
                f"beam.polarization = {self.polarization} must lie between -1 and 1",
            )
        _require(len(self.sources) > 0, "beam.sources must name at least one source")
        _require(
            sum(source.weight for source in self.sources) > 0,
            "beam.sources: at least one weight must be positive",
        )

    def relative_weights(self) -> tuple[float, ...]:
        """Weight of each source, scaled to mean 1."""
        mean = math.fsum(source.weight for source in self.sources) / len(self.sources)
        return tuple(source.weight / mean for source in self.sources)


@dataclass(frozen=True, slots=True)
class Crystal:
    """The crystal at phi = 0.

    Parameters
    ----------
    a, b, c : direct vectors [Å], missetting included
    a_star, b_star, c_star : reciprocal vectors [1/Å]; dual to the direct ones but for nanoBragg's
        ``-cell`` of a triclinic crystal (docs/differences.md, row 37)
    cells : number of unit cells along a, b, c
    shape : ``square``, ``round``, ``gauss_star`` (what nanoBragg calls gauss) or ``tophat``
    fudge : factor on the squared distance from a node, for all shapes but square
    mosaic_spread : half-width of the cap of domain orientations [rad]
    mosaic_domains : number of orientations; the first is not rotated
    mosaic_seed : of nanoBragg's generator
    """

    a: Vector
    b: Vector
    c: Vector
    a_star: Vector
    b_star: Vector
    c_star: Vector
    cells: tuple[int, int, int]
    shape: str = "square"
    fudge: float = 1.0
    mosaic_spread: float = 0.0
    mosaic_domains: int = 1
    mosaic_seed: int = 12345678

    def __post_init__(self) -> None:
        _require_finite(self, "crystal")
        _require(
            self.shape in SHAPES,
            f"crystal.shape = {self.shape!r} must be one of {', '.join(SHAPES)}",
        )
        _require(min(self.cells) >= 1, f"crystal.cells = {self.cells} must be at least 1 each way")
        _require(self.fudge > 0, f"crystal.fudge = {self.fudge} must be positive")
        _require(
            self.mosaic_spread >= 0,
            f"crystal.mosaic_spread = {self.mosaic_spread} rad must not be negative",
        )
        _require(
            self.mosaic_domains >= 1,
            f"crystal.mosaic_domains = {self.mosaic_domains} must be at least 1",
        )
        _require(
            self.volume > 0,
            "crystal: a, b, c must be right-handed and span a cell; "
            f"a·(b×c) = {self.volume:.6g} Å³",
        )
        unity = self.direct_vectors @ self.reciprocal_vectors.T
        _require(
            float(np.abs(unity - np.eye(3)).max()) < 0.5,
            "crystal: a*, b*, c* are not the reciprocal vectors of a, b, c; the products are "
            f"{unity.round(4).tolist()}",
        )

    @property
    def reciprocal_vectors(self) -> Array:
        """Rows a*, b*, c* [1/Å]."""
        return np.array([self.a_star, self.b_star, self.c_star])

    @property
    def direct_vectors(self) -> Array:
        """Rows a, b, c [Å]."""
        return np.array([self.a, self.b, self.c])

    @property
    def volume(self) -> float:
        """Volume of the unit cell [Å³]."""
        return float(np.linalg.det(self.direct_vectors))

    @property
    def edges(self) -> tuple[float, float, float]:
        """Full width of the crystal along a, b, c [Å]."""
        a, b, c = np.linalg.norm(self.direct_vectors, axis=1) * self.cells
        return float(a), float(b), float(c)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of pixels, half-open: slow_start ≤ slow < slow_stop, likewise fast."""

    slow_start: int
    slow_stop: int
    fast_start: int
    fast_stop: int

    def __post_init__(self) -> None:
        _require(
            0 <= self.slow_start < self.slow_stop and 0 <= self.fast_start < self.fast_stop,
            f"region of interest {dataclasses.astuple(self)} (slow start, slow stop, fast start, "
            "fast stop) holds no pixel",
        )


@dataclass(frozen=True, slots=True)
class MaskFile:
    """An SMV image whose zeros are dead pixels: its path and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One flat rectangle of square pixels.

    Parameters
    ----------
    origin : sample to the corner of pixel (0, 0) [m]
    fast_axis, slow_axis, normal : unit vectors; the normal points away from the sample
    pixels : (slow, fast) number of pixels
    pixel_size : [m]
    region : the only pixels to compute; None: all
    mask : dead pixels; None: none
    name : for people
    """

    origin: Vector
    fast_axis: Vector
    slow_axis: Vector
    normal: Vector
    pixels: tuple[int, int]
    pixel_size: float
    region: Region | None = None
    mask: MaskFile | None = None
    name: str = "0"

    def __post_init__(self) -> None:
        _require_finite(self, "panel")
        for axis in ("fast_axis", "slow_axis", "normal"):
            _require_unit(getattr(self, axis), f"panel.{axis}")
        _require(min(self.pixels) >= 1, f"panel.pixels = {self.pixels} must be at least 1 each way")
        _require(self.pixel_size > 0, f"panel.pixel_size = {self.pixel_size} m must be positive")
        _require(
            abs(self.close_distance) > 0,
            "panel: the detector plane passes through the sample (close distance 0)",
        )
        if self.region is not None:
            slow, fast = self.pixels
            _require(
                self.region.slow_stop <= slow and self.region.fast_stop <= fast,
                f"panel.region {dataclasses.astuple(self.region)} reaches beyond the panel's "
                f"{slow} x {fast} (slow x fast) pixels",
            )

    @property
    def close_distance(self) -> float:
        """Distance from the sample to the panel's plane [m]."""
        return float(np.dot(self.origin, self.normal))


@dataclass(frozen=True, slots=True)
class Sensor:
    """What absorbs the photons: a slab that is cut into layers, behind the panel's plane.

    Parameters
    ----------
    thickness : [m]
    attenuation_length : depth that lets 1/e of the photons through [m]
    layers : each catches what it absorbs where its front lies
    """

    thickness: float
    attenuation_length: float
    layers: int = 1

    def __post_init__(self) -> None:
        _require_finite(self, "sensor")
        for name in ("thickness", "attenuation_length"):
            value = getattr(self, name)
            _require(value > 0, f"sensor.{name} = {value} m must be positive")
        _require(self.layers >= 1, f"sensor.layers = {self.layers} must be at least 1")

    def depth(self, layer: int) -> float:
        """From the panel's plane to the front of a layer [m]."""
        return self.thickness / self.layers * layer


@dataclass(frozen=True, slots=True)
class Detector:
    """Panels of one size, flat or curved.

    Parameters
    ----------
    panels : all with the same number and size of pixels
    curvature_radius : distance of every pixel of a curved detector [m]; None: flat
    point_pixel : True: 1/R² [1/m²] in place of the pixel's solid angle
    sensor : None: every photon is caught, at the panel's plane
    """

    panels: tuple[Panel, ...]
    curvature_radius: float | None = None
    point_pixel: bool = False
    sensor: Sensor | None = None

    def __post_init__(self) -> None:
        _require(len(self.panels) > 0, "detector.panels must name at least one panel")
        first = self.panels[0]
        for index, panel in enumerate(self.panels):
            _require(
                panel.pixels == first.pixels and panel.pixel_size == first.pixel_size,
                f"detector.panels: panel {index} has {panel.pixels} pixels of {panel.pixel_size} m,"
                f" panel 0 has {first.pixels} of {first.pixel_size} m; a run holds panels of one"
                " size",
            )
        if self.curvature_radius is not None:
            _require(
                math.isfinite(self.curvature_radius) and self.curvature_radius > 0,
                f"detector.curvature_radius = {self.curvature_radius} m must be positive",
            )

    @property
    def pixels(self) -> tuple[int, int]:
        """(slow, fast) number of pixels of each panel."""
        return self.panels[0].pixels

    @property
    def pixel_size(self) -> float:
        """Edge of a pixel [m]."""
        return self.panels[0].pixel_size

    @property
    def layers(self) -> int:
        """Layers of the sensor."""
        return 1 if self.sensor is None else self.sensor.layers


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
        _require(
            self.oversample >= 1, f"sampling.oversample = {self.oversample} must be at least 1"
        )
        _require(
            math.isfinite(self.dmin) and self.dmin >= 0,
            f"sampling.dmin = {self.dmin} Å must not be negative",
        )


@dataclass(frozen=True, slots=True)
class Frames:
    """Exposures about one spindle. Steps start at the left edge of a frame, as in nanoBragg.

    Parameters
    ----------
    spindle : unit vector of the right-handed rotation
    start : phi of the first step of frame 0 [rad]
    step : between steps of a frame [rad]
    steps : in a frame
    oscillation : from the start of one frame to the next [rad]
    count : number of frames
    """

    spindle: Vector
    start: float = 0.0
    step: float = 0.0
    steps: int = 1
    oscillation: float = 0.0
    count: int = 1

    def __post_init__(self) -> None:
        _require_finite(self, "frames")
        _require_unit(self.spindle, "frames.spindle")
        _require(self.steps >= 1, f"frames.steps = {self.steps} must be at least 1")
        _require(self.count >= 1, f"frames.count = {self.count} must be at least 1")

    def angles(self, frame: int) -> tuple[float, ...]:
        """Phi of each step of a frame [rad]."""
        start = self.start + self.oscillation * frame if frame else self.start
        return tuple(start + self.step * t for t in range(self.steps))

    def rotation(self, angle: float) -> Array:
        """Rotation matrix about the spindle by ``angle`` [rad]."""
        return about_axis(self.spindle, angle)


@dataclass(frozen=True, slots=True)
class StructureFactorSource:
    """Where F comes from: at most one file, and the value elsewhere.

    Parameters
    ----------
    path : file, or None for `default_F` everywhere
    format : ``hkl``, ``fdump`` or ``mtz``; None without a file
    default_F : F of every node that the file does not give [electron]
    column : label of the amplitudes in an MTZ; None: its only column of them
    """

    path: str | None = None
    format: str | None = None
    default_F: float = 0.0
    column: str | None = None

    def __post_init__(self) -> None:
        _require(
            math.isfinite(self.default_F),
            f"structure_factors.default_F = {self.default_F} must be finite",
        )
        _require(
            self.column is None or self.format == "mtz",
            f"structure_factors.column = {self.column!r} names a column of an MTZ, but the source "
            f"is {self.path}, of format {self.format}",
        )
        _require(
            self.path is not None or self.default_F != 0.0,
            "no structure factors: name a file (-hkl FILE, --fdump FILE, --mtz FILE; in TOML hkl, "
            "fdump or mtz in [structure_factors]) or a default_F other than 0. Without them every "
            "F_cell would be 0 and the image empty. Nothing is read from the working directory "
            "unasked",
        )


@dataclass(frozen=True, slots=True)
class Background:
    """Amorphous material in the beam beside the crystal, such as water.

    Parameters
    ----------
    path : of a table of F of one molecule; None: the table of water that comes with the package
    sha256 : of the table's bytes
    abscissa : of the table's first column: ``stol``, ``4stol`` (4 sin θ/λ) or ``Q`` (4π sin θ/λ)
    thickness : along the beam [m]
    area : of it that the beam hits [m²]
    density : [g/cm³]
    molar_mass : [g/mol]
    """

    path: str | None
    sha256: str
    abscissa: str
    thickness: float
    area: float
    density: float = 1.0
    molar_mass: float = 18.015

    def __post_init__(self) -> None:
        _require_finite(self, "background")
        _require(
            self.abscissa in ABSCISSAS,
            f"background.abscissa = {self.abscissa!r} must be one of {', '.join(ABSCISSAS)}",
        )
        units = {"thickness": "m", "area": "m²", "density": "g/cm³", "molar_mass": "g/mol"}
        for name, unit in units.items():
            value = getattr(self, name)
            _require(value > 0, f"background.{name} = {value} {unit} must be positive")

    @property
    def molecules(self) -> float:
        """Molecules in the beam."""
        grams = self.density * 1e6 * self.thickness * self.area
        return grams / self.molar_mass * AVOGADRO


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
        _make_floats(self)
        _require(
            self.kind in POINT_SPREADS,
            f"noise.point_spread.kind = {self.kind!r} must be one of {', '.join(POINT_SPREADS)}",
        )
        _require(
            math.isfinite(self.fwhm) and self.fwhm > 0,
            f"noise.point_spread.fwhm = {self.fwhm} m must be positive",
        )
        _require(
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
    calibration_seed: int = 123456789
    readout: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    saturation: int = LARGEST_COUNT
    point_spread: PointSpread | None = None

    def __post_init__(self) -> None:
        _make_floats(self)
        _require_finite(self, "noise")
        for name in ("seed", "calibration_seed"):
            seed = getattr(self, name)
            _require(0 <= seed < 2**32, f"noise.{name} = {seed} must lie between 0 and 2³² - 1")
        for name, unit in (("flicker", ""), ("calibration", ""), ("readout", " ADU")):
            value = getattr(self, name)
            _require(value >= 0, f"noise.{name} = {value}{unit} must not be negative")
        _require(self.gain > 0, f"noise.gain = {self.gain} ADU/photon must be positive")
        _require(
            1 <= self.saturation <= LARGEST_COUNT,
            f"noise.saturation = {self.saturation} ADU must lie between 1 and {LARGEST_COUNT}",
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """Everything that decides the image.

    Parameters
    ----------
    beam, crystal, detector, sampling, frames, structure_factors : see their classes
    c_compat : replay what the C program does wrong where that is defined (docs/differences.md)
    background : scattering of amorphous material; None: none
    noise : how photons are counted; None: they are not, the image is of expected photons alone
    notes : decisions of the reader that the user should know of; not part of the hash
    """

    beam: Beam
    crystal: Crystal
    detector: Detector
    sampling: Sampling
    frames: Frames
    structure_factors: StructureFactorSource
    c_compat: bool = False
    background: Background | None = None
    noise: Noise | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        orientations = self.frames.steps * self.crystal.mosaic_domains
        _require(
            orientations <= _MOST_ORIENTATIONS,
            f"frames.steps = {self.frames.steps} times crystal.mosaic_domains = "
            f"{self.crystal.mosaic_domains} are {orientations} orientations of the crystal, each "
            f"as much work as an image of its own; {_MOST_ORIENTATIONS} are allowed",
        )
        sampling = self.sampling
        not_as_c = {
            "a sensor with a thickness": self.detector.sensor is not None,
            "oversample_thick": sampling.oversample_thick,
            "oversample_polar": sampling.oversample_polar,
            "oversample_omega": sampling.oversample_omega,
            "an amorphous background": self.background is not None,
        }
        for what, is_there in not_as_c.items():
            _require(
                not (self.c_compat and is_there),
                f"{what} cannot be had as C has it: the C program's result means nothing "
                "(docs/differences.md, rows 14, 15 and 20); leave it or c_compat out",
            )
        if self.noise is not None and self.noise.point_spread is not None:
            reach = self.noise.point_spread.reach(self.detector.pixel_size)
            _require(
                reach <= max(self.detector.pixels),
                f"noise.point_spread reaches over {reach} pixels, the panel has "
                f"{self.detector.pixels} (slow, fast); check the unit of its width, or give a "
                "radius",
            )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(frame, panel, slow, fast) size of the image."""
        slow, fast = self.detector.pixels
        return self.frames.count, len(self.detector.panels), slow, fast

    @property
    def steps(self) -> int:
        """Terms in a pixel's sum: sources × mosaic domains × phi steps × subpixels."""
        return (
            len(self.beam.sources)
            * self.crystal.mosaic_domains
            * self.frames.steps
            * self.sampling.oversample**2
        )

    @property
    def evaluations_per_pixel(self) -> int:
        """Steps in every layer of the sensor."""
        return self.steps * self.detector.layers

    def to_dict(self) -> dict[str, typing.Any]:
        """All fields as plain JSON values; `from_dict` is the inverse."""
        return json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))

    @classmethod
    def from_dict(cls, data: dict[str, typing.Any]) -> "Experiment":
        """Rebuild an experiment from `to_dict`."""
        return _from_plain(cls, data)

    @property
    def sha256(self) -> str:
        """Hash of the canonical JSON: of what is simulated, not of where files lie or notes."""
        plain = self.to_dict()
        del plain["notes"]
        # the format stays: an Fdump and a list treat default_F inside the grid differently
        del plain["structure_factors"]["path"], plain["structure_factors"]["column"]
        if plain["background"] is not None:
            del plain["background"]["path"]
        for panel in plain["detector"]["panels"]:
            del panel["name"]
            if panel["mask"] is not None:
                del panel["mask"]["path"]
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_nanobragg(
        cls,
        options: typing.Sequence[str],
        *,
        c_compat: bool = False,
        fdump: str | Path | None = None,
        mtz: str | Path | None = None,
        clip_to_beam: bool | None = None,
        noise: Noise | None = None,
    ) -> "Experiment":
        """Read a nanoBragg command line; see `tiled_sim.experiment.nanobragg.read_options`."""
        from tiled_sim.experiment.nanobragg import read_options

        return read_options(
            options,
            c_compat=c_compat,
            fdump=fdump,
            mtz=mtz,
            clip_to_beam=clip_to_beam,
            noise=noise,
        )

    @classmethod
    def from_toml(cls, path: str | Path) -> "Experiment":
        """Read a TOML file; see `tiled_sim.experiment.toml.read_toml`."""
        from tiled_sim.experiment.toml import read_toml

        return read_toml(path)


def _from_plain(expected: typing.Any, value: typing.Any) -> typing.Any:
    """Turn plain JSON values back into the annotated type of a field."""
    if dataclasses.is_dataclass(expected):
        hints = typing.get_type_hints(expected)
        arguments = {key: _from_plain(hints[key], item) for key, item in value.items()}
        return typing.cast(typing.Any, expected)(**arguments)
    origin = typing.get_origin(expected)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        (inner,) = (choice for choice in typing.get_args(expected) if choice is not type(None))
        return _from_plain(inner, value)
    if origin is tuple:
        element = typing.get_args(expected)[0]
        return tuple(_from_plain(element, item) for item in value)
    return float(value) if expected is float else value
