"""The keys by which a resolved experiment can be changed, and those by which it cannot."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tiled_sim.model.background import Background
from tiled_sim.model.detector import Sensor
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.readout import Noise, PointSpread
from tiled_sim.model.units import (
    ANGLE,
    ATOMIC,
    ENERGY,
    FLUENCE,
    LENGTH,
    PLAIN,
    RECIPROCAL,
    Unit,
    spellings,
    units_of,
)
from tiled_sim.model.values import finite, finite_list, is_integer
from tiled_sim.physics.vectors import as_tuple, unit


class Kind(NamedTuple):
    """A kind of value: what it must be, and how it is read; ``read`` raises `ValueError`."""

    must_be: str
    read: Callable[[Any, float], Any]


def _found(value: Any) -> Any:
    if value is None:
        raise ValueError
    return value


def _integer(value: Any, _: float) -> int:
    return int(_found(value if is_integer(value) else None))


def _cells(value: Any, _: float) -> tuple[int, ...]:
    listed = value if isinstance(value, list | tuple) else [value] * 3
    return _found(tuple(listed) if len(listed) == 3 and all(map(is_integer, listed)) else None)


def _spread(value: Any, per_inside: float) -> float | tuple[float, ...]:
    if isinstance(value, list | tuple):
        return _found(finite_list(value, 3, per_inside))
    return _found(finite(value, per_inside))


def _flag(value: Any, _: float) -> bool:
    return bool(_found(value if isinstance(value, bool) else None))


def _text(value: Any, _: float) -> str:
    return str(_found(value if isinstance(value, str) else None))


def _path(value: Any, _: float) -> str:
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    return str(_found(text if isinstance(text, str) and text and "\0" not in text else None))


def _polarization(value: Any, per_inside: float) -> float | None:
    return None if value is None or value == "off" else _found(finite(value, per_inside))


def _direction(value: Any, _: float) -> tuple[float, ...]:
    vector = unit(_found(finite_list(value, 3)))
    return as_tuple(_found(vector if vector.any() else None))


NUMBER = Kind("a finite number", lambda value, per: _found(finite(value, per)))
OPTIONAL = Kind(
    "a finite number or None", lambda v, per: None if v is None else NUMBER.read(v, per)
)
VECTOR = Kind("three finite numbers", lambda value, per: _found(finite_list(value, 3, per)))
DIRECTION = Kind("three finite numbers, not all 0", _direction)
INTEGER = Kind("a whole number", _integer)
RADIUS = Kind("a whole number or None", lambda v, per: None if v is None else _integer(v, per))
LENGTHS = Kind(
    "three finite numbers, or one for all",
    lambda value, per: _found(
        finite_list(value if isinstance(value, list | tuple) else [value] * 3, 3, per)
    ),
)
CELLS = Kind("three whole numbers, or one for all", _cells)
FLAG = Kind("True or False", _flag)
MOSAIC_SPREAD = Kind("a finite number, or three", _spread)
TEXT = Kind("a text", _text)
GROUP = Kind("a text or None", lambda value, per: None if value is None else _text(value, per))
PATH = Kind("the name of a file", _path)
POLARIZATION = Kind('a number, or "off"', _polarization)


class Key(NamedTuple):
    """A quantity that can be changed.

    Parameters
    ----------
    kind : of its value
    does : what it makes of an experiment, for the page ``docs/python.md``
    unit : that its key carries
    """

    kind: Kind
    does: str
    unit: Unit = PLAIN


def _fields(model: Any, section: str, kinds: Mapping[str, Kind], does: str) -> dict[str, Key]:
    """Keys of fields that are set and change nothing else."""
    units = units_of(model)
    return {f"{section}.{name}": Key(kind, does, units[name]) for name, kind in kinds.items()}


AXES, STARS = ("a", "b", "c"), ("a_star", "b_star", "c_star")
_SET = "sets it"
_NEW_NOISE = "sets it; an experiment without noise gets it, otherwise plain Poisson"

KEYS: dict[str, Key] = {
    "c_compat": Key(FLAG, "sets it"),
    "allow_upstream": Key(FLAG, "sets it"),
    "beam.wavelength": Key(NUMBER, "sets it, and scales that of every source alike", ATOMIC),
    "beam.energy": Key(NUMBER, "as `beam.wavelength_A`, said as photon energy", ENERGY),
    "beam.fluence": Key(NUMBER, _SET, FLUENCE),
    "beam.polarization": Key(POLARIZATION, _SET),
    "beam.polarization_axis": Key(DIRECTION, "sets it, scaled to length 1"),
    **{
        f"crystal.{name}": Key(VECTOR, "sets it; a*, b*, c* follow from a, b, c", ATOMIC)
        for name in AXES
    },
    **{
        f"crystal.{name}": Key(VECTOR, "sets it; a, b, c follow from a*, b*, c*", RECIPROCAL)
        for name in STARS
    },
    "crystal.misset": Key(
        VECTOR, "turns all crystals as they stand about the laboratory's x, then y, then z", ANGLE
    ),
    "crystal.cells": Key(CELLS, "sets them; `sampling.oversample` stays, with a note if too small"),
    "crystal.shape": Key(TEXT, _SET),
    "crystal.fudge": Key(NUMBER, _SET),
    "crystal.mosaic_kind": Key(
        TEXT, "sets it; what the kind needs and there is not must be given with it"
    ),
    "crystal.mosaic_spread": Key(
        MOSAIC_SPREAD,
        "sets it, three make the domains anisotropic; of a single one of nanoBragg's domains only "
        "together with `crystal.mosaic_domains`",
        ANGLE,
    ),
    "crystal.mosaic_domains": Key(INTEGER, _SET),
    "crystal.mosaic_seed": Key(INTEGER, _SET),
    **_fields(
        Diffuse,
        "crystal.diffuse",
        {"gamma": LENGTHS, "sigma": LENGTHS, "reach": INTEGER},
        "sets it; a crystal without diffuse scattering needs gamma and sigma",
    ),
    "detector.shift": Key(VECTOR, "moves all panels by this vector of the laboratory", LENGTH),
    "detector.curvature_radius": Key(OPTIONAL, "sets it; None makes the detector flat", LENGTH),
    "detector.point_pixel": Key(FLAG, _SET),
    "detector.up": Key(DIRECTION, "sets it, scaled to length 1: what is up in pictures"),
    **_fields(
        Sensor,
        "detector.sensor",
        {"thickness": NUMBER, "attenuation_length": NUMBER, "layers": INTEGER},
        "sets it, of every panel that has a sensor; a detector without one needs thickness and "
        "attenuation length",
    ),
    "sampling.oversample": Key(INTEGER, _SET),
    "sampling.interpolate": Key(FLAG, _SET),
    "sampling.dmin": Key(NUMBER, _SET, ATOMIC),
    **{f"sampling.oversample_{what}": Key(FLAG, _SET) for what in ("thick", "polar", "omega")},
    "frames.spindle": Key(DIRECTION, "sets it, scaled to length 1"),
    "frames.start": Key(NUMBER, _SET, ANGLE),
    "frames.steps": Key(INTEGER, "sets it; the step is the oscillation over the steps"),
    "frames.oscillation": Key(NUMBER, "sets it; the step is the oscillation over the steps", ANGLE),
    "frames.step": Key(NUMBER, "sets it; the oscillation is the step times the steps", ANGLE),
    "frames.count": Key(INTEGER, "sets it"),
    "structure_factors.hkl": Key(PATH, "takes F from this file, from the working directory"),
    "structure_factors.fdump": Key(PATH, "takes F from this file, from the working directory"),
    "structure_factors.mtz": Key(PATH, "takes F from this file, from the working directory"),
    "structure_factors.mtz_column": Key(TEXT, _SET),
    "structure_factors.model": Key(
        PATH, "calculates F from this file, from the working directory, as from the one before it"
    ),
    "structure_factors.model_dmin": Key(
        OPTIONAL, "sets it; None: what the detector reaches, worked out anew", ATOMIC
    ),
    "structure_factors.anomalous": Key(GROUP, "sets it; None: no f′ and f″"),
    "structure_factors.energies": Key(INTEGER, "sets it; 0: those of all sources, 1: the beam's"),
    "structure_factors.solvent_k": Key(NUMBER, _SET),
    "structure_factors.solvent_B": Key(NUMBER, _SET),
    "structure_factors.default_F": Key(NUMBER, _SET),
    "structure_factors.F000": Key(OPTIONAL, "sets it; None: the file's, or default_F"),
    "structure_factors.ignore_file_cell": Key(FLAG, _SET),
    "structure_factors.space_group": Key(GROUP, "sets it; None: that of the list is not known"),
    **_fields(
        Background,
        "background",
        dict.fromkeys(("thickness", "area", "density", "molar_mass"), NUMBER),
        "sets it, where there is a background",
    ),
    **_fields(
        Noise,
        "noise",
        {
            **dict.fromkeys(("seed", "calibration_seed", "saturation"), INTEGER),
            **dict.fromkeys(("flicker", "calibration", "readout", "gain", "offset"), NUMBER),
        },
        _NEW_NOISE,
    ),
    **_fields(
        PointSpread,
        "noise.point_spread",
        {"kind": TEXT, "fwhm": NUMBER, "radius": RADIUS},
        "sets it; noise without a point spread needs kind and width",
    ),
}

_PANELS = (
    "which panel is meant, and what of it stays where it is, is left open; detector.shift_mm moves "
    "all panels"
)
_SOURCES = "what the sources there are become is left open; beam.wavelength_A scales them all"
_SHARES = (
    "whose share is meant, where there are several crystals, is left open; change the document"
)
_CELL = (
    "how another cell is oriented is left open; give crystal.a_A, crystal.b_A and crystal.c_A, "
    "and crystal.misset_deg turns the crystal as it stands"
)
#: Quantities of TOML that have no one clear meaning for a resolved experiment, and why.
REFUSED: dict[str, str] = {
    "beam.direction": "whether detector, spindle and polarization turn with it is left open",
    **dict.fromkeys(
        ("beam.flux", "beam.exposure", "beam.beam_size"),
        "they are resolved to a fluence; give beam.fluence_photons_per_m2",
    ),
    **{
        f"beam.{name}": _SOURCES
        for name in (
            "sources",
            "source_file",
            "spectrum_file",
            "spectrum",
            "dispersion",
            "dispersion_steps",
            "divergence",
            "divergence_steps",
            "divergence_shape",
        )
    },
    **dict.fromkeys(("crystal.cell", "crystal.cell_angles", "crystal.matrix"), _CELL),
    **dict.fromkeys(("crystals", "crystal.share"), _SHARES),
    **{
        f"crystal.{name}": "domains that are listed are read with a document or a command"
        for name in ("mosaic_file", "mosaic_rotations")
    },
    **{
        f"detector.{name}": _PANELS
        for name in (
            "panels",
            "pixels",
            "pixel_size",
            "distance",
            "beam_center",
            "fast_axis",
            "slow_axis",
            "region",
            "mask",
            "mask_sha256",
            "name",
            "group",
            "geometry",
            "experiment",
            "model",
            "dead_pixels",
        )
    },
    "frames.orientation": "frames that are listed are those of a document, or a geometry file",
    **{
        f"background.{name}": "the table is read with a document"
        for name in ("table", "table_sha256", "abscissa")
    },
}


def table_of_changes() -> str:
    """All keys as tables of Markdown: what each does, and which are refused and why."""
    lines = ["| key | also in | value | does |", "| --- | --- | --- | --- |"]
    for name, key in KEYS.items():
        first, *others = spellings(name, key.unit)
        units = ", ".join(other.removeprefix(f"{name}_") for other in others)
        lines.append(f"| `{first}` | {units} | {key.kind.must_be} | {key.does} |")
    lines += ["", "| refused | because |", "| --- | --- |"]
    lines += [f"| `{name}` | {reason} |" for name, reason in REFUSED.items()]
    return "\n".join(lines) + "\n"
