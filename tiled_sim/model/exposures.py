"""The exposures of a run: frames of phi steps about one spindle, or stills that are listed."""

import hashlib
import operator
import typing
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tiled_sim.model.checks import require, require_count, require_finite, require_unit
from tiled_sim.physics.vectors import Array, Vector, about_axes, as_tuple

_MOST_FRAMES = 10**7
#: How far products of the rows of a rotation may be from those of unit vectors across each other.
_ROUNDING = 1e-9
_ALONG_X: Vector = (1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Exposure:
    """One frame: the angles at which the crystal stands while it is exposed.

    Parameters
    ----------
    angles : phi of each step [rad]
    spindle : unit vector of the right-handed rotation
    orientation : rows of the rotation of the crystal at phi 0, from where `Crystal` has it; None:
        it stands there
    """

    angles: tuple[float, ...]
    spindle: Vector
    orientation: tuple[Vector, Vector, Vector] | None = None

    @property
    def rotations(self) -> Array:
        """Rotation matrices of the steps, (phi, 3, 3)."""
        axes = np.tile(self.spindle, (len(self.angles), 1))
        turned = about_axes(axes, np.array(self.angles))
        return turned if self.orientation is None else turned @ np.array(self.orientation)

    def rotation_at(self, angle: float) -> Array:
        """Rotation matrix of the crystal at an angle of the spindle [rad], (3, 3)."""
        return np.asarray(replace(self, angles=(angle,)).rotations[0])


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


@dataclass(frozen=True, eq=False)
class Listed:
    """Stills, each of the crystal in an orientation of its own.

    ``listed[frame]`` is the `Exposure` of a frame; ``len(listed)`` says how many there are.

    Parameters
    ----------
    orientation : rotation matrices of the crystal in each frame, from where `Crystal` has it,
        float64 (frames, 3, 3)
    """

    orientation: Array

    #: As of `Rotation`: a still is one step.
    steps: typing.ClassVar[int] = 1

    def __post_init__(self) -> None:
        values = np.array(self.orientation, dtype=np.float64)
        require(
            values.ndim == 3 and values.shape[1:] == (3, 3),
            f"frames.orientation has the shape {values.shape}; it must be (frames, 3, 3)",
        )
        require_count(len(values), "the number of frames.orientation", _MOST_FRAMES)
        unity = values @ values.transpose(0, 2, 1)
        across = (np.abs(unity - np.eye(3)) < _ROUNDING).all(axis=(1, 2)).reshape(-1, 1, 1)
        handed = np.linalg.det(np.where(across, values, -np.eye(3)))
        worst = int(np.argmin(handed))
        require(
            bool(handed[worst] > 0.0),
            f"frames.orientation of frame {worst}, {values[worst].tolist()}, is no rotation: its "
            "rows must be unit vectors across each other, and right-handed",
        )
        values.setflags(write=False)
        object.__setattr__(self, "orientation", values)

    def __len__(self) -> int:
        return len(self.orientation)

    def __getitem__(self, frame: int) -> Exposure:
        number = operator.index(frame)
        if not 0 <= number < len(self):
            raise IndexError(f"frame {number} of {len(self)}")
        x, y, z = (as_tuple(row) for row in self.orientation[number])
        return Exposure((0.0,), _ALONG_X, (x, y, z))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listed) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> tuple[typing.Any, ...]:
        # made anew, so that the array cannot be written to there either
        return Listed, (self.orientation,)

    @cached_property
    def sha256(self) -> str:
        """Hash of the orientations."""
        return hashlib.sha256(self.orientation.astype("<f8").tobytes()).hexdigest()


Exposures = Rotation | Listed
