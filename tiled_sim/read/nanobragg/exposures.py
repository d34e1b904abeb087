"""The sweep of a nanoBragg command: phi, oscillation, steps."""

from dataclasses import dataclass, replace

from tiled_sim.model.exposures import Exposures, Rotation
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Vector
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.image_headers import ImageHeaders
from tiled_sim.read.nanobragg.options import Given
from tiled_sim.read.stepping import Steps, phi_sweep


@dataclass(frozen=True, slots=True)
class PhiSweep:
    """The sweep as it is given, which need not be one that its steps make.

    Parameters
    ----------
    start : phi of the first step [rad]
    steps : of the sweep
    """

    start: float
    steps: Steps


def read_sweep(given: Given, headers: ImageHeaders, conflicts: Conflicts) -> PhiSweep:
    """Resolve start, range and steps of phi."""

    def radians(option: str, key: str) -> float | None:
        value = given.number(option)
        if value is None:
            value = headers.number(key)
        return None if value is None else value / RADIAN

    oscillation = radians("-osc", "OSC_RANGE")
    if oscillation == 0.0 and "-osc" not in given and not conflicts.c_compat:
        oscillation = None  # the header of a still, of which C makes two equal steps
    phistep = given.number("-phistep")
    steps = phi_sweep(
        oscillation,
        None if phistep is None else phistep / RADIAN,
        given.integer("-phisteps"),
    )
    conflicts.note(steps.note)
    return PhiSweep(radians("-phi", "PHI") or 0.0, steps)


def make_exposures(sweep: PhiSweep, spindle: Vector, conflicts: Conflicts) -> Exposures:
    """The single frame of a sweep about a spindle.

    Raises
    ------
    ExperimentError
        if its steps do not make its range
    """
    steps, count = sweep.steps, max(sweep.steps.count, 1)
    rotation = Rotation(spindle, sweep.start, steps.step, count, steps.step * count)
    if rotation.fills_oscillation(steps.range):
        return replace(rotation, oscillation=steps.range)
    conflicts.settle(
        f"an oscillation of {steps.range * RADIAN:.6g}° and {count} steps of "
        f"{steps.step * RADIAN:.6g}°, which make {rotation.oscillation * RADIAN:.6g}°, contradict "
        "each other",
        "the steps are as given",
    )
    return rotation
