"""Picks the values of one pixel out of the tensors that make the image."""

from typing import Any

from torch import Tensor

from tiled_sim.physics.geometry import Vectors

Recorded = float | list[float]


class Recorder:
    """What the kernel computed for one pixel, as plain numbers.

    Parameters
    ----------
    index : of the pixel among those that the kernel is given
    every_step : whether a chain tells every step of the sum, too
    """

    def __init__(self, index: int, *, every_step: bool = False) -> None:
        self.index = index
        self.every_step = every_step
        self.steps: list[dict[str, Any]] = []
        self.values: dict[str, Recorded] = {}
        self.phi_steps: list[dict[str, Any]] = []

    def record(self, **values: Any) -> None:
        """Keep the pixel's value of every tensor; a later one replaces an earlier one."""
        self.values.update({name: self._pick(value) for name, value in values.items()})

    def record_phi_step(self, **values: Any) -> None:
        """Append one phi step of the last subpixel, first source, first domain."""
        self.phi_steps.append({name: self._pick(value) for name, value in values.items()})

    def _pick(self, value: Any) -> Recorded:
        if isinstance(value, Vectors):
            return [float(component[self.index]) for component in value]
        if isinstance(value, Tensor):
            return float(value[self.index])
        if isinstance(value, tuple | list):
            return [float(self._pick(item)) for item in value]  # type: ignore[arg-type]
        return float(value)


class SweepRecorder(Recorder):
    """What a chain computed for every step of a sweep over one pixel, as lists.

    Where a `Recorder` takes the value of its pixel out of many, here every value is a step's.
    """

    def __init__(self) -> None:
        super().__init__(0)

    def _pick(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.tolist()
        return [self._pick(part) for part in value] if isinstance(value, tuple) else value
