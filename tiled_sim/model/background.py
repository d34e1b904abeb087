"""Amorphous material in the beam beside the crystal."""

import math
from dataclasses import dataclass, field

from tiled_sim.model.checks import UNHASHED, require, require_finite
from tiled_sim.physics.constants import AVOGADRO, WATER_DENSITY, WATER_MOLAR_MASS

#: What the first column of a table of amorphous scattering may be, and how much of it is one
#: sin θ/λ [1/Å].
ABSCISSAS = {"stol": 1.0, "4stol": 4.0, "Q": 4.0 * math.pi}


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

    path: str | None = field(metadata=UNHASHED)
    sha256: str
    abscissa: str
    thickness: float
    area: float
    density: float = WATER_DENSITY
    molar_mass: float = WATER_MOLAR_MASS

    def __post_init__(self) -> None:
        require_finite(self, "background")
        require(
            self.abscissa in ABSCISSAS,
            f"background.abscissa = {self.abscissa!r} must be one of {', '.join(ABSCISSAS)}",
        )
        units = {"thickness": "m", "area": "m²", "density": "g/cm³", "molar_mass": "g/mol"}
        for name, unit in units.items():
            value = getattr(self, name)
            require(value > 0, f"background.{name} = {value} {unit} must be positive")

    @property
    def molecules(self) -> float:
        """Molecules in the beam."""
        grams = self.density * 1e6 * self.thickness * self.area
        return grams / self.molar_mass * AVOGADRO
