"""The exposures of a run: frames of phi steps about one spindle."""

import operator
from dataclasses import dataclass

import numpy as np

from tiled_sim.model.checks import require, require_count, require_finite, require_unit
from tiled_sim.physics.vectors import Array, Vector, about_axes

_MOST_FRAMES = 10**7


@dataclass(frozen=True, slots=True)
class Exposure:
    """One frame: the angles at which the crystal stands while it is exposed.

    Parameters
    ----------
    angles : phi of each step [rad]
    spindle : unit vector of the right-handed rotation
    """

    angles: tuple[float, ...]
    spindle: Vector

    @property
    def rotations(self) -> Array:
        """Rotation matrices of the steps, (phi, 3, 3)."""
        axes = np.tile(self.spindle, (len(self.angles), 1))
        return about_axes(axes, np.array(self.angles))


@dataclass(frozen=True, slots=True)
class Rotation:
    """Exposures about one spindle. Steps start at the left edge of a frame, as in nanoBragg.

    ``rotation[frame]`` is the `Exposure` of a frame; ``len(rotation)`` says how many there are.

    Parameters
    ----------
    spindle : unit vector of the right-handed rotation
    start : phi of the first step of frame 0 [rad]
    step : between steps of a frame [rad]
    steps : in a frame
    oscillation : from the start of one frame to the next, which the steps fill [rad]
    count : number of frames
    """

    spindle: Vector
    start: float = 0.0
    step: float = 0.0
    steps: int = 1
    oscillation: float = 0.0
    count: int = 1

    def __post_init__(self) -> None:
        require_finite(self, "frames")
        require_unit(self.spindle, "frames.spindle")
        require(self.steps >= 1, f"frames.steps = {self.steps} must be at least 1")
        require_count(self.count, "frames.count", _MOST_FRAMES)
        require(
            self.fills_oscillation(self.oscillation),
            f"frames.steps = {self.steps} of {self.step} rad and frames.oscillation = "
            f"{self.oscillation} rad contradict each other: the steps make "
            f"{self.steps * self.step:.9g} rad; change them together, as Experiment.with_ does",
        )

    def fills_oscillation(self, oscillation: float) -> bool:
        """Whether the steps of a frame make an oscillation [rad], but for less than a step.

        A single step, and steps that all stand at one angle, make any.
        """
        if self.steps == 1 or self.step == 0.0:
            return True
        return abs(self.steps * self.step - oscillation) <= abs(self.step) * (1.0 + 1e-6)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, frame: int) -> Exposure:
        number = operator.index(frame)
        if not 0 <= number < self.count:
            raise IndexError(f"frame {number} of {self.count}")
        start = self.start + self.oscillation * number if number else self.start
        return Exposure(tuple(start + self.step * t for t in range(self.steps)), self.spindle)


Exposures = Rotation
