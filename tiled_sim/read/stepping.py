"""nanoBragg's rules that turn a range, a step and a count into steps."""

import math
from dataclasses import dataclass

from tiled_sim.errors import ExperimentError
from tiled_sim.physics.constants import RADIAN


@dataclass(frozen=True, slots=True)
class Steps:
    """A swept quantity: full range, spacing and number of steps, and how they came about."""

    range: float
    step: float
    count: int
    note: str = ""


_MOST_STEPS = 10_000_000
SINGLE = Steps(0.0, 0.0, 1)


def _steps_in(name: str, range_: float, step: float) -> int:
    """The range over the step, rounded up without a guard against rounding, as in C."""
    quotient = range_ / step
    if not quotient <= _MOST_STEPS:
        raise ExperimentError(
            f"{name}: a range of {range_:g} in steps of {step:g} makes {quotient:.3g} steps, more "
            f"than {_MOST_STEPS}"
        )
    return math.ceil(quotient)


def sweep(name: str, range_: float | None, step: float | None, count: int | None) -> Steps:
    """Steps of divergence or dispersion, by the C program's rules.

    Parameters
    ----------
    name : for the note
    range_, step : in one unit; None if not given
    count : None if not given
    """
    step = step if step is not None and step > 0 else None
    count = count if count is not None and count > 0 else None
    range_ = range_ if range_ is not None and range_ >= 0 else None
    steps = _resolve(name, range_, step, count)
    if steps.range > 0 and steps.step > 0:
        return steps
    if count is not None and count > 1:
        return Steps(0.0, 0.0, 1, f"{name}: 1 step, not {count}: the range is 0")
    return SINGLE


def _resolve(name: str, range_: float | None, step: float | None, count: int | None) -> Steps:
    if range_ is None:
        if step is not None:
            note = f"{name}: a step without a range gives 2 steps over one step"
            if count not in (None, 2):
                note += f", not the {count} asked for; give the range too"
            return Steps(step, step, 2, note)
        if count is not None:
            return Steps(1.0, 1.0 / count, count, f"{name}: a count alone gives a range of 1 rad")
        return SINGLE
    if step is None:
        if count is None:
            return Steps(range_, range_, 2, f"{name}: a range alone gives its two ends")
        note = f"{name}: a range needs 2 steps, not {count}" if count < 2 and range_ > 0 else ""
        return Steps(range_, range_ / (max(count, 2) - 1), max(count, 2), note)
    if count is None:
        count = _steps_in(name, range_, step)
    steps = Steps(range_, step, count)
    middle = steps.step * (steps.count - 1) / 2.0 - range_ / 2.0
    if abs(middle) > 1e-9 * range_:
        note = f"{name}: {count} steps lie off the centre by {middle:g}, as in C"
        return Steps(range_, step, count, note)
    return steps


def phi_sweep(range_: float | None, step: float | None, count: int | None) -> Steps:
    """Steps of phi [rad]: they begin at the left edge and do not reach the right one.

    Parameters
    ----------
    range_, step : [rad]; None if not given
    count : None if not given; 0 acts as 1
    """
    range_ = range_ if range_ is not None and range_ >= 0 else None
    count = None if count is None or count < 0 else max(count, 1)
    if step == 0 and range_ is not None and count is not None:
        return Steps(range_, 0.0, count, "phi: -phistep 0 puts every step at the same angle")
    step = step if step is not None and step > 0 else None
    if range_ is None and step is not None:
        note = "phi: a step without -osc gives 2 steps"
        if count not in (None, 2):
            note += f", not the {count} of -phisteps; give -osc too"
        return Steps(step, step, 2, note)
    if range_ is None:
        if count is None:
            return SINGLE
        degree = 1.0 / RADIAN
        return Steps(degree, degree / count, count, "phi: -phisteps alone gives a range of 1°")
    if step is None:
        if count is None:
            return Steps(range_, range_ / 2.0, 2, "phi: -osc alone gives 2 steps")
        return Steps(range_, range_ / count, count)
    if count is not None:
        return Steps(range_, step, count)
    count = max(_steps_in("phi", range_, step), 1)
    return Steps(range_, step, count, f"phi: -osc over -phistep, rounded up, gives {count} steps")
