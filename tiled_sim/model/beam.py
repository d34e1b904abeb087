"""The incident light: directions, wavelengths and weights."""

import math
from dataclasses import dataclass

from tiled_sim.model.checks import require, require_finite, require_unit
from tiled_sim.physics.vectors import Vector


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
        require_finite(self, "source")
        require_unit(self.incident, "source.incident")
        require(self.wavelength > 0, f"source.wavelength = {self.wavelength} Å must be positive")
        require(self.weight >= 0, f"source.weight = {self.weight} must not be negative")


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
        require_finite(self, "beam")
        require_unit(self.direction, "beam.direction")
        require_unit(self.polarization_axis, "beam.polarization_axis")
        require(self.wavelength > 0, f"beam.wavelength = {self.wavelength} Å must be positive")
        require(self.fluence >= 0, f"beam.fluence = {self.fluence} photons/m² must not be negative")
        if self.polarization is not None:
            require(
                -1 <= self.polarization <= 1,
                f"beam.polarization = {self.polarization} must lie between -1 and 1",
            )
        require(len(self.sources) > 0, "beam.sources must name at least one source")
        require(
            sum(source.weight for source in self.sources) > 0,
            "beam.sources: at least one weight must be positive",
        )

    def relative_weights(self) -> tuple[float, ...]:
        """Weight of each source, scaled to mean 1."""
        mean = math.fsum(source.weight for source in self.sources) / len(self.sources)
        return tuple(source.weight / mean for source in self.sources)
