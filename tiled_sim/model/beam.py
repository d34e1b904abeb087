"""The incident light: directions, wavelengths and weights."""

import hashlib
import math
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.model.checks import require, require_finite, require_unit, require_within
from tiled_sim.physics.vectors import Array, Vector, unit

#: Relative difference of wavelengths, and angle [rad], that rounding may make.
_ROUNDING = 1e-7
#: Of any source; each costs as much as the whole image of one.
MOST_SOURCES = 10**6
#: Wavelengths that crystals diffract and people use, with room on both sides [Å].
SHORTEST, LONGEST = 1e-3, 100.0
#: Only ratios count, and those beyond this are none that anybody measured.
LARGEST_WEIGHT = 1e30


class Source(typing.NamedTuple):
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


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Every direction and wavelength of the incident beam, in the order of summation.

    Iterating and indexing give each as a `Source`; a slice gives a spectrum of some of them.

    Parameters
    ----------
    incident : unit vectors along which the light travels, float64 (sources, 3)
    wavelength : float64 (sources,) [Å]
    weight : float64 (sources,), relative to the other sources; only the ratios count
    """

    incident: Array
    wavelength: Array
    weight: Array

    def __post_init__(self) -> None:
        for name, shape in (("incident", (-1, 3)), ("wavelength", (-1,)), ("weight", (-1,))):
            values = np.array(getattr(self, name), dtype=np.float64).reshape(shape)
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        count = len(self.wavelength)
        require(count > 0, "beam.spectrum must name at least one source")
        require(
            count <= MOST_SOURCES,
            f"beam.spectrum has {count} sources, more than the {MOST_SOURCES} that are allowed: "
            "each costs as much as the whole image of one",
        )
        require(
            len(self.incident) == len(self.weight) == count,
            f"beam.spectrum: {len(self.incident)} directions, {count} wavelengths and "
            f"{len(self.weight)} weights do not belong together",
        )
        lengths = np.sqrt((self.incident**2).sum(axis=1))
        finite = np.isfinite(self.incident).all(axis=1) & np.isfinite(
            [self.wavelength, self.weight]
        ).all(axis=0)
        sound = finite & (np.abs(lengths - 1.0) < 1e-9)
        sound &= (self.wavelength >= SHORTEST) & (self.wavelength <= LONGEST)
        sound &= (self.weight >= 0) & (self.weight <= LARGEST_WEIGHT)
        if not sound.all():
            require_source(self[int(np.argmin(sound))])
        require(
            bool((self.weight > 0).any()), "beam.spectrum: at least one weight must be positive"
        )

    @classmethod
    def of(cls, sources: Iterable[Source]) -> "Spectrum":
        """The spectrum of sources that are listed one by one."""
        listed = list(sources)
        require(len(listed) > 0, "beam.spectrum must name at least one source")
        incident, wavelength, weight = zip(*listed, strict=True)
        return cls(np.array(incident), np.array(wavelength), np.array(weight))

    def __len__(self) -> int:
        return len(self.wavelength)

    def __iter__(self) -> Iterator[Source]:
        for (x, y, z), wavelength, weight in zip(
            self.incident.tolist(), self.wavelength.tolist(), self.weight.tolist(), strict=True
        ):
            yield Source((x, y, z), wavelength, weight)

    @typing.overload
    def __getitem__(self, index: int) -> Source: ...

    @typing.overload
    def __getitem__(self, index: slice) -> "Spectrum": ...

    def __getitem__(self, index: int | slice) -> "Source | Spectrum":
        if isinstance(index, slice):
            return Spectrum(self.incident[index], self.wavelength[index], self.weight[index])
        x, y, z = self.incident[index].tolist()
        return Source((x, y, z), float(self.wavelength[index]), float(self.weight[index]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spectrum) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> tuple[typing.Any, ...]:
        # made anew, so that the arrays cannot be written to there either
        return Spectrum, (self.incident, self.wavelength, self.weight)

    @cached_property
    def sha256(self) -> str:
        """Hash of the content."""
        digest = hashlib.sha256()
        for values in (self.incident, self.wavelength, self.weight):
            digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return digest.hexdigest()

    @property
    def mean_wavelength(self) -> float:
        """Mean of the wavelengths, by weight [Å]."""
        return float(np.average(self.wavelength, weights=self.weight))

    @property
    def mean_direction(self) -> Array:
        """Direction of the mean of the directions, by weight; zero where they cancel."""
        return unit(np.average(self.incident, axis=0, weights=self.weight))

    def spans_wavelength(self, wavelength: float) -> bool:
        """Whether a wavelength [Å] is one of the sources', or lies between two of them."""
        low, high = float(self.wavelength.min()), float(self.wavelength.max())
        return low * (1.0 - _ROUNDING) <= wavelength <= high * (1.0 + _ROUNDING)

    def spans_direction(self, direction: Vector) -> bool:
        """Whether a unit vector lies in the narrowest cone around the mean that has all sources."""
        mean = self.incident[0] if len(self) == 1 else self.mean_direction
        if not mean.any():
            return True
        # half a chord is the sine of half the angle, which needs no cosine near 1
        chords = np.linalg.norm(self.incident - mean, axis=1)
        return float(np.linalg.norm(np.array(direction) - mean)) <= float(chords.max()) + _ROUNDING

    def relative_weights(self) -> tuple[float, ...]:
        """Weight of each source, scaled to mean 1."""
        weights = self.weight.tolist()
        mean = math.fsum(weights) / len(weights)
        return tuple(weight / mean for weight in weights)


def require_source(source: Source) -> None:
    """Refuse a source that cannot be."""
    for name, value in source._asdict().items():
        numbers = value if isinstance(value, tuple) else (value,)
        finite = all(math.isfinite(number) for number in numbers)
        require(finite, f"source.{name} = {value} must be finite")
    require_unit(source.incident, "source.incident")
    require(source.wavelength > 0, f"source.wavelength = {source.wavelength} Å must be positive")
    require_within(source.wavelength, "source.wavelength", SHORTEST, LONGEST, "Å")
    require(source.weight >= 0, f"source.weight = {source.weight} must not be negative")
    require(
        source.weight <= LARGEST_WEIGHT,
        f"source.weight = {source.weight} is more than {LARGEST_WEIGHT:g}; only ratios of weights "
        "count, so divide them all",
    )


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
    spectrum : every direction and wavelength, in the order of summation
    """

    direction: Vector
    wavelength: float
    fluence: float
    polarization: float | None
    polarization_axis: Vector
    spectrum: Spectrum

    def __post_init__(self) -> None:
        require_finite(self, "beam")
        require_unit(self.direction, "beam.direction")
        require_unit(self.polarization_axis, "beam.polarization_axis")
        require(self.wavelength > 0, f"beam.wavelength = {self.wavelength} Å must be positive")
        require_within(self.wavelength, "beam.wavelength", SHORTEST, LONGEST, "Å")
        require(self.fluence >= 0, f"beam.fluence = {self.fluence} photons/m² must not be negative")
        if self.polarization is not None:
            require(
                -1 <= self.polarization <= 1,
                f"beam.polarization = {self.polarization} must lie between -1 and 1",
            )
        # every frame of a list may have a beam: what messages say is worked out for them alone
        if not self.spectrum.spans_wavelength(self.wavelength):
            ends = self.spectrum.wavelength.min(), self.spectrum.wavelength.max()
            raise ExperimentError(
                f"beam.wavelength = {self.wavelength:.9g} Å and its sources, of {ends[0]:.9g} to "
                f"{ends[1]:.9g} Å, contradict each other; change both, as Experiment.with_ does "
                "for beam.wavelength_A"
            )
        if not self.spectrum.spans_direction(self.direction):
            mean = tuple(self.spectrum.mean_direction.tolist())
            raise ExperimentError(
                f"beam.direction = {self.direction} and its sources, which travel along {mean}, "
                "contradict each other: it does not lie among them; change both"
            )
