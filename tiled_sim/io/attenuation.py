"""How deep X-rays go into what sensors are made of, by the tables of xraydb."""

from dataclasses import dataclass

from tiled_sim.errors import InputFileError, MissingExtraError
from tiled_sim.physics.constants import HC_EV_ANGSTROM

#: Densities [g/cm³] by the names, in small letters, that files give to materials.
_DENSITIES = {"Si": 2.329, "CdTe": 5.85, "GaAs": 5.32}
_NAMES = {"silicon": "Si", **{formula.lower(): formula for formula in _DENSITIES}}
#: Within the tables' range, and of detectors [eV].
_LEAST, _MOST = 250.0, 500_000.0


@dataclass(frozen=True, slots=True)
class Attenuation:
    """Of one material at one energy.

    Parameters
    ----------
    length : depth that lets 1/e of the photons through unabsorbed [m]
    source : whose numbers these are, for people
    """

    length: float
    source: str


def attenuation_in(material: str, wavelength: float) -> Attenuation:
    """Attenuation length of a sensor's material by photoelectric absorption, which is what it sees.

    Parameters
    ----------
    material : Si or Silicon, CdTe or GaAs, in letters of either case
    wavelength : [Å]

    Raises
    ------
    InputFileError
        for another material, and for energies that the tables do not have
    MissingExtraError
        if xraydb is not installed
    """
    formula = _NAMES.get(material.lower())
    if formula is None:
        raise InputFileError(
            f"the attenuation length of a sensor of {material!r} is not known, only those of "
            f"{', '.join(_DENSITIES)}: give it with -detector_abs"
        )
    energy = HC_EV_ANGSTROM / wavelength
    if not _LEAST <= energy <= _MOST:
        raise InputFileError(
            f"the attenuation length of {formula} at {energy:g} eV is not in the tables, which "
            f"reach from {_LEAST:g} to {_MOST:g} eV: give it with -detector_abs"
        )
    try:
        import xraydb
    except ImportError:
        raise MissingExtraError(
            "models",
            f"the attenuation length of {formula}, unless -detector_abs gives it,",
        ) from None
    density = _DENSITIES[formula]
    per_cm = float(xraydb.material_mu(formula, energy, density=density, kind="photo"))
    source = (
        f"{formula} of {density:g} g/cm³ at {energy:.7g} eV by xraydb {xraydb.__version__} (Elam, "
        "photoelectric)"
    )
    return Attenuation(0.01 / per_cm, source)
