"""How structure factors are calculated from the atoms of a model."""

import math
from dataclasses import dataclass, field

from tiled_sim.model.beam import MOST_SOURCES
from tiled_sim.model.checks import UNHASHED, require, require_within

#: Flat bulk solvent [electron/Å³] and [Å²]: the means over many protein crystals.
SOLVENT_K, SOLVENT_B = 0.35, 46.0
#: Spacings of lattice planes that a model is asked for [Å].
FINEST, COARSEST = 0.2, 100.0
_MOST_SOLVENT_K, _MOST_SOLVENT_B = 2.0, 1000.0
#: f′ and f″ of Chantler's tables, or of a file of the user's.
CHANTLER, FROM_FILE = "chantler", "file"
#: In place of a number of energies: those of all sources.
EVERY_ENERGY = 0


@dataclass(frozen=True, slots=True)
class Calculation:
    """How F is calculated from the atoms of a model.

    Parameters
    ----------
    dmin : finest spacing of lattice planes that F is calculated for [Å]; None: of those that the
        detector reaches, which an `Experiment` works out when it is made
    anomalous : ``chantler`` or ``file``: where f′ and f″ are from, at the wavelength of the beam;
        None: there are none
    anomalous_path : of the file of f′ and f″; None: there is none
    solvent_k : density of flat bulk solvent [electron/Å³]; 0: there is none
    solvent_B : what smears its border [Å²]
    energies : of the beam's spectrum for which f′ and f″ are; 1: that of its wavelength; 0: those
        of all sources
    """

    dmin: float | None = None
    anomalous: str | None = None
    anomalous_path: str | None = field(default=None, metadata=UNHASHED)
    solvent_k: float = SOLVENT_K
    solvent_B: float = SOLVENT_B
    energies: int = 1

    def __post_init__(self) -> None:
        if self.dmin is not None:
            require_within(self.dmin, "structure_factors.model_dmin", FINEST, COARSEST, "Å")
        for name, most in (("solvent_k", _MOST_SOLVENT_K), ("solvent_B", _MOST_SOLVENT_B)):
            value = getattr(self, name)
            require(
                math.isfinite(value) and 0.0 <= value <= most,
                f"structure_factors.{name} = {value:g} must lie between 0 and {most:g}; usual are "
                f"{SOLVENT_K:g} electrons/Å³ and {SOLVENT_B:g} Å²",
            )
        require(
            self.anomalous in (None, CHANTLER, FROM_FILE)
            and (self.anomalous == FROM_FILE) == (self.anomalous_path is not None),
            f"structure_factors.anomalous = {self.anomalous!r} must be {CHANTLER!r}, or the name "
            "of a file of f′ and f″",
        )
        require(
            0 <= self.energies <= MOST_SOURCES,
            f"structure_factors.energies = {self.energies} must be a number of energies, 1 for "
            f"that of the beam, or {EVERY_ENERGY} for those of all sources",
        )
        require(
            self.energies == 1 or self.anomalous is not None,
            f"structure_factors.energies = {self.energies}: without f′ and f″ F is the same at all "
            "of them; say where those are from (--anomalous chantler, or a file), or leave the "
            "energies out (--F-energies)",
        )

    @classmethod
    def of(
        cls,
        dmin: float | None,
        anomalous: str | None,
        solvent: tuple[float, float] | None = None,
        energies: int | None = None,
    ) -> "Calculation":
        """As people say it.

        Parameters
        ----------
        dmin : [Å]; None: of what the detector reaches
        anomalous : ``chantler``, or the name of a file; None: no f′ and f″
        solvent : k [electron/Å³] and B [Å²]; None: the usual
        energies : number; 0: of all sources; None: that of the beam alone
        """
        k, B = (SOLVENT_K, SOLVENT_B) if solvent is None else solvent
        number = 1 if energies is None else energies
        if anomalous is None or anomalous == CHANTLER:
            return cls(dmin, anomalous, None, k, B, number)
        return cls(dmin, FROM_FILE, anomalous, k, B, number)

    @property
    def table(self) -> str | None:
        """As people say where f′ and f″ are from: ``chantler``, or the name of a file."""
        return self.anomalous_path if self.anomalous == FROM_FILE else self.anomalous
