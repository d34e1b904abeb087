"""The sweep of a nanoBragg command: phi, oscillation, steps, and frames of a geometry file."""

from dataclasses import dataclass, replace

from tiled_sim.errors import ExperimentError
from tiled_sim.model.exposures import Rotation
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Vector
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.recorded import StatedSweep
from tiled_sim.read.stepping import Steps, phi_sweep


@dataclass(frozen=True, slots=True)
class PhiSweep:
    """The sweep as it is given, which need not be one that its steps make.

    Parameters
    ----------
    start : phi of the first step [rad]
    steps : of the sweep
    count : number of frames, each of such a sweep, that follow each other
    """

    start: float
    steps: Steps
    count: int = 1


#: The options that say what a geometry file may say of frames.
_OPTIONS = {"spindle": "-spindle_axis", "start": "-phi", "oscillation": "-osc"}


def read_sweep(
    given: Given, headers: ImageHeaders, conflicts: Conflicts, stated: StatedSweep | None = None
) -> PhiSweep:
    """Resolve start, range and steps of phi.

    Parameters
    ----------
    given : the options
    headers : of ``-mask`` and ``-img``, which give defaults
    conflicts : found among the options so far
    stated : by a geometry file, which options must agree with; None: by none

    Raises
    ------
    ExperimentError
        for an option that contradicts the file, with both numbers
    """

    def radians(option: str, key: str) -> float | None:
        value = given.number(option)
        if value is None:
            value = headers.number(key)
        return None if value is None else value / RADIAN

    start, oscillation = radians("-phi", "PHI"), radians("-osc", "OSC_RANGE")
    if stated is not None:
        for wrong in stated.disagreements(
            spindle=given.vector("-spindle_axis"), start=start, oscillation=oscillation
        ):
            option = _OPTIONS[wrong.quantity]
            raise ExperimentError(
                f"{option} {wrong.said} and the geometry file, which says {wrong.stated}, "
                f"contradict each other; leave {option} out"
            )
        start = stated.start if start is None else start
        oscillation = stated.oscillation if oscillation is None else oscillation
    if oscillation == 0.0 and "-osc" not in given and not conflicts.c_compat:
        oscillation = None  # the header of a still, of which C makes two equal steps
    phistep = given.number("-phistep")
    steps = phi_sweep(
        oscillation,
        None if phistep is None else phistep / RADIAN,
        given.integer("-phisteps"),
    )
    if stated is None or "-osc" in given:
        conflicts.note(steps.note)
    if stated is None:
        return PhiSweep(start or 0.0, steps)
    conflicts.note(stated.note(steps.count))
    return PhiSweep(start or 0.0, steps, stated.count or 1)


def make_exposures(sweep: PhiSweep, spindle: Vector, conflicts: Conflicts) -> Rotation:
    """The frames of a sweep about a spindle.

    Raises
    ------
    ExperimentError
        if its steps do not make its range
    """
    steps, count = sweep.steps, max(sweep.steps.count, 1)
    rotation = Rotation(
        spindle, sweep.start, steps.step, count, steps.step * count, count=sweep.count
    )
    if rotation.fills_oscillation(steps.range):
        return replace(rotation, oscillation=steps.range)
    conflicts.settle(
        f"an oscillation of {steps.range * RADIAN:.6g}° and {count} steps of "
        f"{steps.step * RADIAN:.6g}°, which make {rotation.oscillation * RADIAN:.6g}°, contradict "
        "each other",
        "the steps are as given",
    )
    return rotation
