"""nanoBragg's rules that turn a range, a step and a count into steps."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Steps:
    """A swept quantity: full range, spacing and number of steps, and how they came about."""

    range: float
    step: float
    count: int
    note: str = ""


SINGLE = Steps(0.0, 0.0, 1)


def whole(quotient: float) -> int:
    """Round up, but take the whole number where the quotient is one but for rounding."""
    return math.ceil(quotient - 1e-9)


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
    return steps if steps.range > 0 and steps.step > 0 else SINGLE


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
        return Steps(range_, range_ / (max(count, 2) - 1), max(count, 2))
    if count is None:
        # as in C, without its guard against rounding: 1.1/0.1 gives 12
        return Steps(range_, step, math.ceil(range_ / step))
    return Steps(range_, step, count)


def phi_sweep(range_: float | None, step: float | None, count: int | None) -> Steps:
    """Steps of phi [rad]: they begin at the left edge and do not reach the right one.

    Parameters
    ----------
    range_, step : [rad]; None if not given
    count : None if not given; 0 acts as 1
    """
    step = step if step is not None and step > 0 else None
    range_ = range_ if range_ is not None and range_ >= 0 else None
    count = None if count is None or count < 0 else max(count, 1)
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
    return Steps(range_, step, math.ceil(range_ / step) if count is None else count)


#: Degrees in a radian exactly as the C program computes them (180 times 1/π in float64), so
#: that a phi step is exactly 0 here when it is there.
RADIAN = 180.0 * 0.31830988618379067154
