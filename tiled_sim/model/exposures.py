"""The exposures of a run: frames of phi steps about one spindle."""

from dataclasses import dataclass

from tiled_sim.model.checks import require, require_finite, require_unit
from tiled_sim.physics.vectors import Array, Vector, about_axis


@dataclass(frozen=True, slots=True)
class Frames:
    """Exposures about one spindle. Steps start at the left edge of a frame, as in nanoBragg.

    Parameters
    ----------
    spindle : unit vector of the right-handed rotation
    start : phi of the first step of frame 0 [rad]
    step : between steps of a frame [rad]
    steps : in a frame
    oscillation : from the start of one frame to the next [rad]
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
        require(self.count >= 1, f"frames.count = {self.count} must be at least 1")

    def angles(self, frame: int) -> tuple[float, ...]:
        """Phi of each step of a frame [rad]."""
        start = self.start + self.oscillation * frame if frame else self.start
        return tuple(start + self.step * t for t in range(self.steps))

    def rotation(self, angle: float) -> Array:
        """Rotation matrix about the spindle by ``angle`` [rad]."""
        return about_axis(self.spindle, angle)
