"""How deep X-rays go into what sensors are made of, by the tables of xraydb."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import InputFileError, MissingExtraError
from tiled_sim.physics.constants import HC_EV_ANGSTROM

#: Densities [g/cm³] by the names, in small letters, that files give to materials.
_DENSITIES = {
    "Si": 2.329,
    "CdTe": 5.85,
    "GaAs": 5.32,
    "Ge": 5.323,
    "CsI": 4.51,
    "Gd2O2S": 7.32,
}
_NAMES = {"silicon": "Si", **{formula.lower(): formula for formula in _DENSITIES}}
#: Within the tables' range, and of detectors [eV].
_LEAST, _MOST = 250.0, 500_000.0
#: Points of a table between the ends of a beam's wavelengths.
_POINTS = 64
#: How far from an edge its jump is looked for, and how far apart the points on either side of that
#: are, as shares of its wavelength.
_NEAR_EDGE, _BESIDE_EDGE = 1e-3, 1e-6


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
    material : formula, such as Si or CdTe, or Silicon, in letters of either case
    wavelength : [Å]

    Raises
    ------
    InputFileError
        for another material, and for energies that the tables do not have
    MissingExtraError
        if xraydb is not installed
    """
    formula = formula_of(material)
    energy = HC_EV_ANGSTROM / wavelength
    if not _LEAST <= energy <= _MOST:
        raise InputFileError(
            f"the attenuation length of {formula} at {energy:g} eV is not in the tables, which "
            f"reach from {_LEAST:g} to {_MOST:g} eV: give it with -detector_abs"
        )
    xraydb = _xraydb(formula)
    density = _DENSITIES[formula]
    per_cm = float(xraydb.material_mu(formula, energy, density=density, kind="photo"))
    source = (
        f"{formula} of {density:g} g/cm³ at {energy:.7g} eV by xraydb {xraydb.__version__} (Elam, "
        "photoelectric)"
    )
    return Attenuation(0.01 / per_cm, source)


def formula_of(material: str) -> str:
    """Formula of a material by its name, in letters of either case.

    Raises
    ------
    InputFileError
        for a material whose density is not known here
    """
    formula = _NAMES.get(material.lower())
    if formula is None:
        raise InputFileError(
            f"the attenuation length of a sensor of {material!r} is not known, only those of "
            f"{', '.join(_DENSITIES)}: give it with -detector_abs"
        )
    return formula


def attenuation_table(
    material: str, wavelengths: npt.NDArray[np.float64]
) -> tuple[tuple[float, float], ...]:
    """Attenuation lengths of a material for light of several wavelengths.

    At most `_POINTS` of them stand in it as they are; of more, as many points as that from the
    shortest to the longest, and two at each edge of absorption between, so that the logarithm of
    the length between two points follows that of the wavelength.

    Parameters
    ----------
    material, wavelengths : as of `attenuation_in`, which tells what is raised; any number [Å]

    Returns
    -------
    wavelengths [Å], ascending, each with the length there [m]
    """
    distinct = np.unique(wavelengths)
    if len(distinct) > _POINTS:
        ends = float(distinct[0]), float(distinct[-1])
        between = np.geomspace(*ends, _POINTS)[1:-1]
        distinct = np.unique([*ends, *between, *_beside_edges(material, *ends)])
    return tuple((one, attenuation_in(material, one).length) for one in distinct.tolist())


def _beside_edges(material: str, shortest: float, longest: float) -> list[float]:
    """Wavelengths on either side of the edges of absorption between two [Å]."""
    formula = formula_of(material)
    xraydb = _xraydb(formula)
    edges = [
        HC_EV_ANGSTROM / edge.energy
        for element in xraydb.chemparse(formula)
        for edge in xraydb.xray_edges(element).values()
    ]
    return [
        wavelength
        for edge in edges
        if shortest < edge < longest
        for wavelength in _jump(material, edge)
        if shortest < wavelength < longest
    ]


def _jump(material: str, edge: float) -> tuple[float, float]:
    """Wavelengths between which the attenuation jumps, near an edge [Å].

    Elam's tables jump up to 1 eV from where they say that the edge is.
    """
    below, above = edge * (1.0 - _NEAR_EDGE), edge * (1.0 + _NEAR_EDGE)
    first, last = (attenuation_in(material, one).length for one in (below, above))
    while above - below > _BESIDE_EDGE * edge:
        middle = (below + above) / 2.0
        length = attenuation_in(material, middle).length
        if abs(length - first) > abs(last - length):
            above, last = middle, length
        else:
            below, first = middle, length
    return below, above


def _xraydb(formula: str) -> ModuleType:
    try:
        import xraydb
    except ImportError:
        raise MissingExtraError(
            "models",
            f"the attenuation length of {formula}, unless -detector_abs gives it,",
        ) from None
    return xraydb
