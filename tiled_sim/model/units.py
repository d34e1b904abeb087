"""Units that stand in the keys of a TOML file, and which field of an experiment has which."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tiled_sim.model.background import Background
from tiled_sim.model.beam import Beam, Spectrum
from tiled_sim.model.calculation import Calculation
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import DeadPixels, Detector, Panel, Sensor
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import Domains
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.constants import RADIAN

#: A unit's suffixes, each with how many of it make one of the first, which is the unit inside.
#: Dividing by a round number is exact where multiplying by its inverse is not: 0.172 mm / 1000.
Unit = Mapping[str, float]

PLAIN: Unit = {}
LENGTH: Unit = {"m": 1.0, "cm": 1e2, "mm": 1e3, "um": 1e6}
ANGLE: Unit = {"rad": 1.0, "mrad": 1e3, "deg": RADIAN}
ATOMIC: Unit = {"A": 1.0, "nm": 0.1}
RECIPROCAL: Unit = {"per_A": 1.0, "per_nm": 10.0}
ENERGY: Unit = {"eV": 1.0, "keV": 1e-3}
FLUENCE: Unit = {"photons_per_m2": 1.0, "photons_per_mm2": 1e-6, "photons_per_um2": 1e-12}
FLUX: Unit = {"photons_per_s": 1.0}
TIME: Unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "fs": 1e15}
AREA: Unit = {"m2": 1.0, "mm2": 1e6, "um2": 1e12}
DENSITY: Unit = {"g_per_cm3": 1.0, "kg_per_m3": 1e3}
MOLAR_MASS: Unit = {"g_per_mol": 1.0}
SPREAD: Unit = {"percent": 100.0}
PIXELS: Unit = {"px": 1.0}
COUNTS: Unit = {"ADU": 1.0}
GAIN: Unit = {"ADU_per_photon": 1.0}

#: Fields of the resolved experiment that have a unit; the others are plain.
FIELD_UNITS: Mapping[type, Mapping[str, Unit]] = {
    Spectrum: {"wavelength": ATOMIC},
    Beam: {"wavelength": ATOMIC, "fluence": FLUENCE},
    Crystal: {
        **dict.fromkeys(("a", "b", "c"), ATOMIC),
        **dict.fromkeys(("a_star", "b_star", "c_star"), RECIPROCAL),
    },
    Domains: {"spread": ANGLE, "spreads": ANGLE},
    Diffuse: {"gamma": ATOMIC, "sigma": ATOMIC},
    Panel: {"origin": LENGTH, "pixel_size": LENGTH},
    DeadPixels: {"distance": LENGTH, "wavelength": ATOMIC},
    Detector: {"curvature_radius": LENGTH},
    Sensor: {"thickness": LENGTH, "attenuation_length": LENGTH},
    Sampling: {"dmin": ATOMIC},
    Calculation: {"dmin": ATOMIC},
    Rotation: {"start": ANGLE, "step": ANGLE, "oscillation": ANGLE},
    Background: {
        "thickness": LENGTH,
        "area": AREA,
        "density": DENSITY,
        "molar_mass": MOLAR_MASS,
    },
    PointSpread: {"fwhm": LENGTH, "radius": PIXELS},
    Noise: {**dict.fromkeys(("readout", "offset", "saturation"), COUNTS), "gain": GAIN},
}


def units_of(model: Any) -> dict[str, Unit]:
    """Every field of a dataclass of the experiment, in its order, with its unit."""
    units = FIELD_UNITS.get(model, {})
    return {field.name: units.get(field.name, PLAIN) for field in dataclasses.fields(model)}


def spellings(name: str, unit: Unit) -> list[str]:
    """Keys that a quantity may stand under: ``start_rad``, ``start_mrad``, ``start_deg``."""
    return [f"{name}_{suffix}" for suffix in unit] or [name]
