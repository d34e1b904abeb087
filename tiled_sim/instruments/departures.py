"""Why a stage of another chain departs from ours: guesses that check themselves by numbers.

Each function of `REASONS` knows one cause. It says so where the numbers bear it out, and else
nothing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tiled_sim.instruments.tracing import TracedPixel
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.settings import FLUENCE
from tiled_sim.physics.vectors import Array, unit

#: How closely a cause must explain the numbers; logs have 15 digits, some causes take roots.
_EXPLAINED: Final = 1e-8
_SAME_BUT_FOR_UNIT: Final = 1e-4
_AXES: Final = ("rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms")
#: Of nanoBragg.c, where neither -fluence nor -flux is given [photons/m²].
_LARGEST_CRYSTAL: Final = 2000


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both chains.

    Parameters
    ----------
    theirs, ours : rows by our names, as vectors
    phi_steps : theirs
    traced : ours, with its experiment
    tolerance : relative difference up to which rows are equal
    """

    theirs: Mapping[str, Array]
    ours: Mapping[str, Array]
    phi_steps: Sequence[Mapping[str, float]]
    traced: TracedPixel
    tolerance: float

    def has(self, *names: str) -> bool:
        """Whether both chains have these rows."""
        return all(name in self.theirs and name in self.ours for name in names)

    def pair(self, name: str) -> tuple[float, float]:
        """Theirs and ours of a row that is a number."""
        return float(self.theirs[name][0]), float(self.ours[name][0])

    def oriented(self, phi: float) -> Array:
        """(3, 3) rows a, b, c of mosaic domain 0 at an angle of the spindle [rad], [Å]."""
        experiment = self.traced.experiment
        turned = experiment.exposures[self.traced.frame].rotation_at(phi)
        return np.asarray(experiment.crystal.direct_vectors @ turned.T)

    def close(self, one: Array | float, other: Array | float) -> bool:
        """Whether a cause explains the numbers."""
        return _off(one, other) <= max(self.tolerance, _EXPLAINED)


def other_unit(e: Evidence, names: Sequence[str]) -> str:
    """Whether vectors of theirs are ours times a power of ten, as if in another unit.

    That may be told even where they depart by a little for another reason.
    """
    by_power: dict[int, list[str]] = {}
    for name in names:
        if not e.has(name) or len(e.ours[name]) == 1 or not np.any(e.theirs[name]):
            continue
        ratio = float(np.linalg.norm(e.theirs[name]) / np.linalg.norm(e.ours[name]))
        power = round(math.log10(ratio)) if math.isfinite(ratio) else 0
        if power and _off(e.theirs[name] / 10.0**power, e.ours[name]) < _SAME_BUT_FOR_UNIT:
            by_power.setdefault(power, []).append(name)
    told = [f"{', '.join(some)} ours times 1e{power:+03d}" for power, some in by_power.items()]
    return f"another unit: their {'; '.join(told)}" if told else ""


def _carried_over(e: Evidence) -> str:
    """Which of the two keeps the orientation of the last phi step where phi is 0."""
    if not e.has(*_AXES):
        return ""
    experiment = e.traced.experiment
    angles = experiment.exposures[e.traced.frame].angles
    if angles[0] != 0.0 or len(angles) == 1:
        return ""
    theirs, ours = (np.array([chain[name] for name in _AXES]) for chain in (e.theirs, e.ours))
    last, still = e.oriented(angles[-1]), e.oriented(0.0)
    degrees = math.degrees(angles[-1])
    where = f"phi step {len(angles) - 1}, {degrees:.6g}°"
    fault = (
        "nanoBragg.c does not turn the crystal where phi is 0, so that it keeps the orientation of "
        "the step before (docs/differences.md, 1)"
    )
    if e.close(theirs, last) and e.close(ours, still):
        return (
            f"phi = 0 carry-over: their a, b, c are ours of the last {where}, to "
            f"{_off(theirs, last):.1g}, and not those of phi 0; {fault}; --c-compat replays it"
        )
    if e.close(ours, last) and e.close(theirs, still):
        return (
            f"phi = 0 carry-over: ours under --c-compat are those of the last {where}; theirs are "
            f"those of phi 0, to {_off(theirs, still):.1g}; {fault}"
        )
    return ""


def _turned(e: Evidence) -> str:
    """By what rotation their crystal is ours."""
    if not e.has(*_AXES) or _carried_over(e):
        return ""
    theirs, ours = (np.array([chain[name] for name in _AXES]) for chain in (e.theirs, e.ours))
    if not e.close(theirs @ theirs.T, ours @ ours.T):
        return ""
    axis, angle = _rotation_between(ours, theirs)
    told = f"their crystal is ours turned by {math.degrees(angle):.6g}° about ({_numbers(axis)})"
    exposures = e.traced.experiment.exposures
    spindle = exposures[e.traced.frame].spindle
    along = float(axis @ unit(spindle)) if isinstance(exposures, Rotation) else 0.0
    if abs(along) < 1.0 - 1e-6 or not isinstance(exposures, Rotation):
        return f"{told}: another missetting, or another spindle"
    told = f"{told}, the spindle: their first step is at another phi"
    if exposures.step and _off(angle * along, exposures.step / 2.0) < 1e-6:
        told += ", the middle of our step; nanoBragg.c and we take its left edge"
    return told


def _other_cell(e: Evidence) -> str:
    """How the edges of their cell differ."""
    if not e.has(*_AXES):
        return ""
    ratios = [
        float(np.linalg.norm(e.theirs[name]) / np.linalg.norm(e.ours[name])) for name in _AXES
    ]
    if all(abs(ratio - 1.0) <= _EXPLAINED for ratio in ratios):
        return ""
    return "another unit cell: their a, b, c are ours times " + ", ".join(
        f"{ratio:.9g}" for ratio in ratios
    )


def _other_reciprocal_cell(e: Evidence) -> str:
    """Whether their reciprocal cell is ours turned, or another."""
    names = [name.replace("_angstroms", "_star_A_inv") for name in _AXES]
    if not e.has(*names):
        return ""
    theirs, ours = (np.array([chain[name] for name in names]) for chain in (e.theirs, e.ours))
    if e.close(theirs @ theirs.T, ours @ ours.T):
        axis, angle = _rotation_between(ours, theirs)
        return (
            f"the same cell, turned by {math.degrees(angle):.6g}° about ({_numbers(axis)}): "
            "another missetting or matrix, or a program that prints it at the first phi step"
        )
    ratios = np.linalg.norm(theirs, axis=1) / np.linalg.norm(ours, axis=1)
    return "another unit cell: their a*, b*, c* are ours times " + ", ".join(
        f"{ratio:.9g}" for ratio in ratios
    )


def _moved_detector(e: Evidence) -> str:
    """How far the corner of their detector is from ours, along its own axes."""
    names = ("pix0_vector_meters", "fdet_vec", "sdet_vec")
    if not e.has(*names) or not all(e.close(e.theirs[n], e.ours[n]) for n in names[1:]):
        return ""
    panel = e.traced.experiment.detector.panels[e.traced.panel]
    moved = e.theirs[names[0]] - e.ours[names[0]]
    fast, slow = (
        float(moved @ e.ours[name]) / side
        for name, side in zip(names[1:], reversed(panel.pixel_size), strict=True)
    )
    away = float(moved @ np.array(panel.normal)) * 1000.0
    told = (
        f"their detector lies {_signed(fast)} pixels along fast, {_signed(slow)} along slow and "
        f"{_signed(away)} mm along its normal from ours"
    )
    if all(abs(abs(shift) - 0.5) < 1e-6 for shift in (fast, slow)):
        told += (
            ": the half pixel that MOSFLM's convention adds to the beam centre and CUSTOM does not "
            "(docs/differences.md, 6)"
        )
    return told


def _turned_detector(e: Evidence) -> str:
    """By what rotation their detector's axes are ours."""
    names = ("fdet_vec", "sdet_vec")
    if not e.has(*names) or all(e.close(e.theirs[name], e.ours[name]) for name in names):
        return ""
    theirs, ours = (_frame(chain) for chain in (e.theirs, e.ours))
    if not e.close(theirs @ theirs.T, ours @ ours.T):
        return ""
    axis, angle = _rotation_between(ours, theirs)
    return (
        f"their detector is ours turned by {math.degrees(angle):.6g}° about ({_numbers(axis)}): "
        "another convention, or other detector rotations"
    )


def _no_unit_vectors(*names: str) -> Callable[[Evidence], str]:
    """A function that tells which of their directions are no unit vectors."""

    def tell(e: Evidence) -> str:
        lengths = {name: float(np.linalg.norm(e.theirs[name])) for name in names if e.has(name)}
        told = [
            f"{name} has the length {length:.12g}"
            for name, length in lengths.items()
            if abs(length - 1.0) > e.tolerance
        ]
        return f"not made a unit vector: their {', their '.join(told)}" if told else ""

    return tell


def _other_wavelength(e: Evidence) -> str:
    name = "lambda_angstroms"
    if not e.has(name) or e.close(e.theirs[name], e.ours[name]):
        return ""
    theirs, ours = e.pair(name)
    return f"their wavelength is {theirs:.9g} Å, ours {ours:.9g} Å"


def _other_beam(e: Evidence) -> str:
    name = "incident_vec"
    if not e.has(name) or e.close(e.theirs[name], e.ours[name]):
        return ""
    apart = np.linalg.norm(unit(e.theirs[name]) - unit(e.ours[name]))
    angle = 2.0 * math.asin(min(float(apart) / 2.0, 1.0))
    return f"their beam comes in at {math.degrees(angle):.6g}° to ours"


def _other_cells(e: Evidence) -> str:
    """Whether their lattice factors are those of another number of cells, or of another sign."""
    told: list[str] = []
    crystal = e.traced.experiment.crystal
    for axis, delta, cells in zip("abc", e.ours.get("hkl_frac", ()), crystal.cells, strict=False):
        name = f"F_latt_{axis}"
        if not e.has(name) or e.close(e.theirs[name], e.ours[name]):
            continue
        theirs, ours = e.pair(name)
        if e.close(-theirs, ours):
            told.append(f"{name} has the other sign, which F_latt² forgets")
            continue
        found = _cells_of(abs(theirs), float(delta))
        if found is not None:
            told.append(f"their {name} is that of {found} cells along {axis}, ours of {cells}")
    return "; ".join(told)


def _cells_of(factor: float, index: float) -> int | None:
    """Number of cells whose lattice factor at an index has this size, if exactly one has."""
    delta = index - round(index)
    if delta == 0.0:
        return round(factor)
    numbers = np.arange(1, _LARGEST_CRYSTAL + 1)
    factors = np.abs(np.sin(math.pi * delta * numbers) / math.sin(math.pi * delta))
    (found,) = np.nonzero(np.abs(factors - factor) <= _EXPLAINED * max(factor, 1.0))
    return int(numbers[found[0]]) if len(found) == 1 else None


def _absent_F(e: Evidence) -> str:
    """Whether one side has no structure factor there."""
    if not e.has("F_cell", "hkl_rounded"):
        return ""
    theirs, ours = e.pair("F_cell")
    node = " ".join(f"{index:g}" for index in e.ours["hkl_rounded"])
    probe = f"`tiled-sim probe --reflection {node}` shows what each file gives"
    for who, value, other in (("they", theirs, ours), ("we", ours, theirs)):
        if value == 0.0:
            return f"{who} have no F for ({node}), where the other has {other:.9g}; {probe}"
    default = e.traced.experiment.structure_factors.default_F
    if default and default in (theirs, ours):
        who = "theirs" if theirs == default else "ours"
        return f"{who} is default_F, {default:g}: the list in use does not give ({node}); {probe}"
    return f"another F for ({node}); {probe}"


def _other_phi_steps(e: Evidence) -> str:
    theirs, ours = len(e.phi_steps), len(e.traced.trace.phi_steps)
    return "" if theirs == ours else f"they have {theirs} phi steps, we {ours}"


def _scaled_sum(e: Evidence) -> str:
    """Whether their sum is ours times something that comes later in the chain."""
    if not e.has("I_before_scaling"):
        return ""
    theirs, ours = e.pair("I_before_scaling")
    if ours == 0.0:
        return ""
    ratio = theirs / ours
    later = {
        "polar: they polarize it before they print it": e.ours["polar"][0],
        "1/steps: they print a mean": 1.0 / e.ours["steps"][0],
        "polar/steps: they print a polarized mean": e.ours["polar"][0] / e.ours["steps"][0],
    }
    for what, factor in later.items():
        if factor != 1.0 and e.close(ratio, factor):
            return f"theirs is ours times {what}"
    return ""


def _default_fluence(e: Evidence) -> str:
    theirs, ours = e.pair("fluence_photons_per_m2")
    if e.close(theirs, FLUENCE):
        return "theirs is nanoBragg.c's default: neither -fluence nor -flux reached it"
    return f"theirs is ours times {theirs / ours:.9g}"


def _other_radius(e: Evidence) -> str:
    theirs, ours = e.pair("r_e_sqr" if e.has("r_e_sqr") else "r_e_meters")
    return f"another value of a constant, by {theirs / ours - 1.0:.3g}: it scales every pixel alike"


def _factor_of_steps(e: Evidence) -> str:
    """Which factor their number of steps lacks or has more."""
    theirs, ours = e.pair("steps")
    experiment = e.traced.experiment
    factors = {
        "sources": len(experiment.beam.spectrum),
        "mosaic domains": experiment.crystal.domains.count,
        "phi steps": experiment.exposures.steps,
        "subpixels": experiment.sampling.oversample**2,
    }
    for what, factor in factors.items():
        if factor > 1 and theirs == factor:
            return f"theirs counts the {what} alone"
        if factor > 1 and theirs * factor == ours:
            return f"theirs lacks the {factor} {what}"
    return f"theirs is ours times {theirs / ours:.9g}"


def _other_solid_angle(e: Evidence) -> str:
    """Whether theirs lacks the obliquity, or is that of a point."""
    name = "omega_pixel" if e.has("omega_pixel") else "omega_pixel_sr"
    if not e.has(name, "R_distance_meters", "obliquity_factor"):
        return ""
    theirs, ours = e.pair(name)
    distance = float(e.ours["R_distance_meters"][0])
    if e.close(theirs, 1.0 / distance**2):
        return "theirs is 1/R², that of -point_pixel"
    if e.close(theirs, ours / float(e.ours["obliquity_factor"][0])):
        return "theirs lacks the obliquity factor"
    return ""


def _other_polarization(e: Evidence) -> str:
    """Whether theirs is that of no polarization or of an unpolarized beam."""
    if not e.has("polar", "cos_2theta"):
        return ""
    theirs, ours = e.pair("polar")
    unpolarized = 0.5 * (1.0 + float(e.ours["cos_2theta"][0]) ** 2)
    known = {"-nopolar, 1": 1.0, "an unpolarized beam, (1 + cos² 2θ)/2": unpolarized}
    for who, value in (("theirs", theirs), ("ours", ours)):
        for what, expected in known.items():
            if e.close(value, expected):
                return f"{who} is that of {what}"
    return ""


def _off(one: Array | float, other: Array | float) -> float:
    """Difference over the length of the other; infinite where that is 0 and they differ."""
    length, apart = float(np.linalg.norm(other)), float(np.linalg.norm(np.subtract(one, other)))
    if apart == 0.0:
        return 0.0
    return apart / length if length else math.inf


def _frame(chain: Mapping[str, Array]) -> Array:
    """(3, 3) rows: fast and slow axis of a detector, and their normal."""
    fast, slow = chain["fdet_vec"], chain["sdet_vec"]
    return np.array([fast, slow, np.cross(fast, slow)])


def _rotation_between(ours: Array, theirs: Array) -> tuple[Array, float]:
    """Unit axis and angle [rad] by which three vectors, as rows, become three others."""
    turned = np.linalg.solve(ours, theirs)
    # as it stands left of rows; its transpose stands left of columns
    axial = np.array(
        [
            turned[1, 2] - turned[2, 1],
            turned[2, 0] - turned[0, 2],
            turned[0, 1] - turned[1, 0],
        ]
    )
    angle = math.atan2(float(np.linalg.norm(axial)), float(np.trace(turned)) - 1.0)
    return unit(axial), angle


def _numbers(vector: Array) -> str:
    return " ".join(f"{_rounded(component):.6g}" for component in vector)


def _signed(value: float) -> str:
    return f"{_rounded(value):+.6g}"


def _rounded(value: float) -> float:
    """Without what rounding left of a zero."""
    return round(float(value), 9) + 0.0


#: Causes that are known of each stage of `tiled_sim.instruments.chain_comparison.STAGES`.
REASONS: Final[dict[str, tuple[Callable[[Evidence], str], ...]]] = {
    "detector": (
        _moved_detector,
        _turned_detector,
        _no_unit_vectors("fdet_vec", "sdet_vec", "odet_vec"),
    ),
    "solid angle": (_other_solid_angle,),
    "wavelength": (_other_wavelength,),
    "beam direction": (_other_beam, _no_unit_vectors("incident_vec")),
    "unit cell": (_other_reciprocal_cell,),
    "crystal orientation": (_carried_over, _turned, _other_cell),
    "lattice factors": (_other_cells,),
    "structure factor": (_absent_F,),
    "phi steps": (_other_phi_steps,),
    "sum over steps": (_scaled_sum,),
    "exposure": (_default_fluence,),
    "electron radius": (_other_radius,),
    "number of steps": (_factor_of_steps,),
    "polarization": (_other_polarization,),
}
