"""Two chains of one pixel, row by row: where they first depart, and why if that can be told."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tiled_sim.instruments.departures import REASONS, Evidence, other_unit
from tiled_sim.instruments.tracing import TracedPixel
from tiled_sim.io.trace_log import TraceLog, Value, phi_numbers

#: Logs have 15 digits, and two programs round differently; relative to a row's length.
TOLERANCE: Final = 1e-9
_FLOAT32: Final = 1.2e-7

EQUAL, DEPARTS, THEIRS_ONLY, OURS_ONLY = "equal", "departs", "only theirs", "only ours"


@dataclass(frozen=True, slots=True)
class Stage:
    """A link of the chain.

    Parameters
    ----------
    name : of the link
    rows : that tell it
    needs : stages that it is computed from
    made_of : what else decides it
    """

    name: str
    rows: tuple[str, ...]
    needs: tuple[str, ...]
    made_of: str


#: In the order of the computation.
STAGES: Final = (
    Stage(
        "detector",
        ("pix0_vector_meters", "fdet_vec", "sdet_vec", "odet_vec", "close_distance_meters"),
        (),
        "distance, beam centre, convention, pivot and detector rotations",
    ),
    Stage(
        "pixel position",
        ("pixel_pos_meters", "R_distance_meters"),
        ("detector",),
        "the detector's corner and axes, the pixel's number and size, the subpixel",
    ),
    Stage("direction", ("diffracted_vec",), ("pixel position",), "the pixel's position"),
    Stage(
        "solid angle",
        ("obliquity_factor", "omega_pixel_sr", "omega_pixel"),
        ("detector", "pixel position"),
        "pixel size, distance of the pixel, obliquity",
    ),
    Stage(
        "wavelength",
        ("lambda_meters", "lambda_angstroms"),
        (),
        "wavelength or energy, dispersion, source file",
    ),
    Stage("beam direction", ("incident_vec",), (), "convention, divergence, source file"),
    Stage(
        "scattering vector",
        ("scattering_vec_A_inv", "cos_2theta"),
        ("direction", "beam direction", "wavelength"),
        "diffracted less incident direction, over the wavelength",
    ),
    Stage(
        "unit cell",
        ("rot_a_star_A_inv", "rot_b_star_A_inv", "rot_c_star_A_inv"),
        ("wavelength",),
        "cell or matrix (a MOSFLM matrix is divided by the wavelength), missetting",
    ),
    Stage(
        "crystal orientation",
        ("rot_a_angstroms", "rot_b_angstroms", "rot_c_angstroms"),
        ("unit cell",),
        "the unit cell, turned about the spindle to the first phi step, and by mosaic domain 0",
    ),
    Stage(
        "Miller indices",
        ("hkl_frac", "hkl_rounded"),
        ("scattering vector", "crystal orientation"),
        "a·q, b·q, c·q",
    ),
    Stage(
        "lattice factors",
        ("F_latt_a", "F_latt_b", "F_latt_c"),
        ("Miller indices",),
        "the indices and the number of cells along a, b, c",
    ),
    Stage(
        "lattice factor",
        ("F_latt",),
        ("Miller indices", "lattice factors"),
        "the shape of the crystal and its number of cells",
    ),
    Stage(
        "structure factor",
        ("F_cell",),
        ("Miller indices",),
        "the list of structure factors, default_F, interpolation",
    ),
    Stage(
        "phi steps",
        (),
        ("scattering vector", "crystal orientation", "lattice factors", "lattice factor"),
        "phi, osc and the number of phi steps",
    ),
    Stage(
        "sum over steps",
        ("I_before_scaling", "I_before_scaling_post_polar"),
        ("lattice factor", "structure factor", "phi steps"),
        "F_cell² · F_latt² of all steps: sources, phi, mosaic domains, subpixels",
    ),
    Stage("electron radius", ("r_e_meters", "r_e_sqr"), (), "a constant"),
    Stage("exposure", ("fluence_photons_per_m2",), (), "fluence, or flux, exposure and beam size"),
    Stage("number of steps", ("steps",), (), "sources · mosaic domains · phi steps · oversample²"),
    Stage(
        "sampling of factors",
        ("oversample_thick", "oversample_polar", "oversample_omega"),
        (),
        "the options of these names",
    ),
    Stage("sensor", ("capture_fraction",), (), "thickness and absorption of the sensor"),
    Stage(
        "polarization",
        ("polar",),
        ("direction", "beam direction"),
        "polarization factor and axis, cos 2θ",
    ),
    Stage(
        "other crystals",
        ("crystal_share", "other_crystals_photons"),
        ("direction", "beam direction", "solid angle", "exposure", "polarization"),
        "how further crystals stand, and the shares of all: what is before is of the first alone",
    ),
    Stage(
        "diffuse scattering",
        ("diffuse_photons",),
        ("direction", "beam direction", "solid angle", "exposure", "polarization"),
        "displacements of atoms: gamma, sigma and reach, structure factors around the pixel",
    ),
    Stage(
        "background",
        ("background_photons",),
        ("direction", "beam direction", "solid angle", "exposure"),
        "the amorphous material: table, density, molar mass, thickness and area",
    ),
    Stage(
        "photons",
        ("I_pixel_final", "floatimage_accumulated"),
        (
            "sum over steps",
            "electron radius",
            "exposure",
            "number of steps",
            "sensor",
            "polarization",
            "solid angle",
            "other crystals",
            "diffuse scattering",
            "background",
        ),
        "r_e² · fluence · I / steps · capture · polar · omega, and what is beside the crystal's "
        "reflections",
    ),
)

#: Rows of theirs that are one of ours by another name.
SAME_ROW: Final = {
    "close_distance_m": "close_distance_meters",
    "pix0_after_twotheta": "pix0_vector_meters",
    "pix0_vector": "pix0_vector_meters",
    "fdet_after_twotheta": "fdet_vec",
    "sdet_after_twotheta": "sdet_vec",
    "odet_after_twotheta": "odet_vec",
    "F_cell_nearest": "F_cell",
    "I_before_scaling_pre_polar": "I_before_scaling",
}
#: Rows of theirs that follow from ours.
_DERIVED: Final[dict[str, Callable[[Mapping[str, Any]], float]]] = {
    "I_before_scaling_post_polar": lambda row: row["I_before_scaling"] * row["polar"],
}
#: What two programs mean by one name, or one thing by two names.
_MEANINGS: Final = {
    "scattering_vec_A_inv": "labelled 1/Å in every program, and in 1/m in all of them",
    "beam_center_m": "labelled m, but divided by 1000 twice: multiply by 1000",
    "rot_a_star_A_inv": "before phi and mosaic turn it in nanoBragg.c and here, at the first phi "
    "step in the torch port; so are b* and c*",
    "pixel_pos_meters": "centre of the last subpixel in nanoBragg.c and here, of the pixel in the "
    "torch port",
    "omega_pixel_sr": "at the first subpixel in nanoBragg.c and here, at the pixel's centre in the "
    "torch port",
    "F_latt": "of the first phi step, source and mosaic domain alone; I_before_scaling has all",
    "F_cell": "of the first phi step, source and mosaic domain alone; I_before_scaling has all",
    "F_cell_interpolated": "interpolated for the trace alone; the image takes F_cell_nearest",
    "I_before_scaling": "a sum over all steps, before it is divided by their number and polarized",
    "I_before_scaling_pre_polar": "what nanoBragg.c calls I_before_scaling",
    "I_before_scaling_post_polar": "the torch port's own: I_before_scaling times polar",
    "steps": "all terms of a pixel's sum; older torch ports print the phi steps alone",
    "floatimage_accumulated": "float32 in nanoBragg.c and here: compared to 1.2e-7",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of both chains.

    Parameters
    ----------
    name : theirs
    theirs, ours : numbers or words; None where there is no such row
    difference : of the two, over the longer; None where one is missing
    verdict : ``equal``, ``departs``, ``only theirs`` or ``only ours``
    stage : of the chain; empty where it is of none
    meaning : what must be known to compare the two
    """

    name: str
    theirs: Value | None
    ours: Value | None
    difference: float | None
    verdict: str
    stage: str
    meaning: str = ""

    @property
    def theirs_name_only(self) -> bool:
        """Whether only their program knows the name."""
        return self.name in SAME_ROW or self.name in _DERIVED or self.verdict == THEIRS_ONLY

    def worst_component(self, tolerance: float) -> float:
        """Largest relative difference of a component that makes the row depart."""
        if not isinstance(self.theirs, tuple) or not isinstance(self.ours, tuple):
            return 0.0
        length = max(_length(self.theirs), _length(self.ours))
        return max(
            (
                abs(a - b) / max(abs(a), abs(b))
                for a, b in zip(self.theirs, self.ours, strict=False)
                if abs(a - b) > tolerance * length
            ),
            default=0.0,
        )


@dataclass(frozen=True, slots=True)
class Departure:
    """A stage that departs, though all it is computed from agrees or by another unit.

    Parameters
    ----------
    stage : its name
    row : of the stage, that departs most by a component
    others : rows of the stage that depart with it
    made_of : what decides the stage
    reasons : that were recognised and checked
    """

    stage: str
    row: str
    others: tuple[str, ...]
    made_of: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChainComparison:
    """What two chains of a pixel have in common.

    Parameters
    ----------
    path, program : of the other chain
    tolerance : relative difference up to which rows are equal
    rows : of both
    departures : the first one, then those that do not follow from one before
    """

    path: str
    program: str
    tolerance: float
    rows: tuple[Row, ...]
    departures: tuple[Departure, ...]

    @property
    def equal(self) -> bool:
        """Whether every row that both have agrees."""
        return not self.departures

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        document = dataclasses.asdict(self)
        for row in document["rows"]:
            if row["difference"] is not None and not math.isfinite(row["difference"]):
                row["difference"] = None
        return {"equal": self.equal, **document}


def compare_chains(
    log: TraceLog, traced: TracedPixel, tolerance: float = TOLERANCE
) -> ChainComparison:
    """Hold another program's chain against ours.

    A vector is compared as one, relative to its length, so that a component near 0 cries no wolf;
    indices and lattice factors relative to 1 where they are less, because they come from larger
    numbers.

    Parameters
    ----------
    log : of the other program
    traced : the same pixel here
    tolerance : relative difference up to which rows are equal
    """
    rows = [
        *_rows(log, traced, tolerance),
        *_phi_rows(log, traced, tolerance),
    ]
    return ChainComparison(
        log.path, log.program, tolerance, tuple(rows), _departures(rows, log, traced, tolerance)
    )


def _rows(log: TraceLog, traced: TracedPixel, tolerance: float) -> list[Row]:
    ours = traced.trace.values
    stages = {name: stage.name for stage in STAGES for name in stage.rows}
    rows, met = [], set()
    for name, theirs in log.rows.items():
        here = SAME_ROW.get(name, name)
        met.add(here)
        value = _DERIVED[name](ours) if name in _DERIVED else ours.get(here)
        stage = stages.get(here, "")
        rows.append(_row(name, theirs, None if value is None else _tuple(value), stage, tolerance))
    rows += [
        _row(name, None, _tuple(value), stages.get(name, ""), tolerance)
        for name, value in ours.items()
        if name not in met
    ]
    return rows


def _phi_rows(log: TraceLog, traced: TracedPixel, tolerance: float) -> list[Row]:
    """Phi steps of both; the first follows from the crystal's orientation, as its rows do."""
    if not log.phi_steps:
        return []
    ours = [
        phi_numbers(step, angle)
        for step, angle in zip(traced.trace.phi_steps, traced.angles, strict=True)
    ]
    rows = []
    for number in range(max(len(ours), len(log.phi_steps))):
        here = ours[number] if number < len(ours) else {}
        there = log.phi_steps[number] if number < len(log.phi_steps) else {}
        for name in ("phi_deg", "k_frac", "F_latt_b", "F_latt"):
            pair = [(float(step[name]),) if name in step else None for step in (there, here)]
            if pair != [None, None]:
                row = _row(name, pair[0], pair[1], "phi steps", tolerance)
                # a chain that lacks a whole step departs
                verdict = row.verdict if here and there else DEPARTS
                name = f"phi_tic {number} {name}"
                rows.append(dataclasses.replace(row, name=name, verdict=verdict, meaning=""))
    return rows


def _row(name: str, theirs: Value | None, ours: Value | None, stage: str, tolerance: float) -> Row:
    meaning = _MEANINGS.get(name.partition(".")[0], "")
    if theirs is None or ours is None:
        return Row(
            name, theirs, ours, None, THEIRS_ONLY if ours is None else OURS_ONLY, stage, meaning
        )
    difference = _difference(name, theirs, ours)
    within = max(tolerance, _FLOAT32) if name == "floatimage_accumulated" else tolerance
    verdict = EQUAL if difference <= within else DEPARTS
    return Row(name, theirs, ours, difference, verdict, stage, meaning)


def _difference(name: str, theirs: Value, ours: Value) -> float:
    """Relative difference; infinite where the two cannot be compared."""
    if theirs == ours:
        return 0.0
    if isinstance(theirs, str) or isinstance(ours, str) or len(theirs) != len(ours):
        return math.inf
    scale = max(_length(theirs), _length(ours))
    if name.startswith(("F_latt", "hkl", "k_frac")):
        scale = max(scale, 1.0)
    difference = math.dist(theirs, ours) / scale
    return math.inf if math.isnan(difference) else difference


def _length(row: tuple[float, ...]) -> float:
    return math.hypot(*row)


def _tuple(value: Any) -> tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, list) else (float(value),)


def _departures(
    rows: list[Row], log: TraceLog, traced: TracedPixel, tolerance: float
) -> tuple[Departure, ...]:
    """Stages that depart on their own account, in the order of the chain."""
    apart: dict[str, list[Row]] = {}
    for row in rows:
        if row.verdict == DEPARTS:
            apart.setdefault(row.stage, []).append(row)
    evidence = Evidence(
        {
            SAME_ROW.get(name, name): np.array(row)
            for name, row in log.rows.items()
            if not isinstance(row, str)
        },
        {name: np.array(_tuple(value)) for name, value in traced.trace.values.items()},
        log.phi_steps,
        traced,
        tolerance,
    )
    other_units = {stage.name for stage in STAGES if other_unit(evidence, stage.rows)}
    return tuple(
        _departure(stage, apart[stage.name], evidence)
        for stage in STAGES
        if stage.name in apart
        # what departs by a power of ten does not follow from what departs by less
        if not (other_units if stage.name in other_units else apart.keys()) & _all_needs(stage)
    )


def _all_needs(stage: Stage) -> set[str]:
    """Every stage that a stage is computed from, directly or not."""
    stages = {one.name: one for one in STAGES}
    needs = set(stage.needs)
    for name in stage.needs:
        needs |= _all_needs(stages[name])
    return needs


def _departure(stage: Stage, rows: list[Row], evidence: Evidence) -> Departure:
    worst = max(rows, key=lambda row: row.worst_component(evidence.tolerance))
    reasons = [other_unit(evidence, stage.rows)]
    if not reasons[0]:
        reasons = [tell(evidence) for tell in REASONS.get(stage.name, ())]
    return Departure(
        stage.name,
        worst.name,
        tuple(row.name for row in rows if row is not worst),
        stage.made_of,
        tuple(reason for reason in reasons if reason),
    )
