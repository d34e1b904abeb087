"""The exposures of a run: frames of phi steps about one spindle, or shots that are listed."""

import dataclasses
import hashlib
import operator
import typing
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.beam import LONGEST, SHORTEST
from tiled_sim.model.checks import UNHASHED, require, require_count, require_finite, require_unit
from tiled_sim.model.crystal import MOST_CELLS
from tiled_sim.model.settings import SHOTS_SEED
from tiled_sim.physics.vectors import Array, Vector, about_axes, as_tuple

MOST_FRAMES = 10**7
#: How far products of the rows of a rotation may be from those of unit vectors across each other.
_ROUNDING = 1e-9
#: Frames whose numbers stay in the cache while they are looked at.
_AT_ONCE = 1 << 13
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
        require_count(self.count, "frames.count", MOST_FRAMES)
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


@dataclass(frozen=True, slots=True)
class ListedFrom:
    """Where a list of exposures comes from, to be made again.

    Parameters
    ----------
    path : of the table; None: of none
    sha256 : of the table's bytes
    random : number of random orientations; 0: those of the table
    seed : of what is random of them
    pulses : of which each shot has one of its own; None: the spectrum of all is the beam's, or the
        table's
    cell_spread : standard deviations of a, b and c, as shares of them, by which each shot has a
        cell of its own; None: the crystal's, or the table's
    """

    path: str | None = None
    sha256: str = ""
    random: int = 0
    seed: int = SHOTS_SEED
    pulses: Bandwidth | None = None
    cell_spread: Vector | None = None


#: Shape of a frame's value in each array of `Listed`, and its type.
COLUMNS: dict[str, tuple[tuple[int, ...], type]] = {
    "orientation": ((3, 3), np.float64),
    "vectors": ((3, 3), np.float64),
    "cells": ((3,), np.int64),
    "fluence": ((), np.float64),
    "wavelength": ((), np.float64),
    "beam_direction": ((3,), np.float64),
    "detector_shift": ((3,), np.float64),
    "start": ((), np.float64),
    "oscillation": ((), np.float64),
    "spectrum": ((), np.int64),
}


@dataclass(frozen=True, eq=False)
class Listed:
    """Exposures that are listed, a row of arrays each; what is left out is the experiment's.

    ``listed[frame]`` is the `Exposure` of a frame; ``len(listed)`` says how many there are. What a
    frame changes of beam, crystal and detector is `tiled_sim.model.frame.frame_of`.

    Parameters
    ----------
    orientation : rotation matrices of the crystal in each frame, from where `Crystal` has it,
        float64 (frames, 3, 3)
    vectors : rows a, b, c before that rotation, in place of the crystal's, float64 (frames, 3, 3)
        [Å]
    cells : number of unit cells along a, b, c, int64 (frames, 3)
    fluence : float64 (frames,) [photons/m²]
    wavelength : of the central beam, float64 (frames,) [Å]; those of all sources change by the
        same factor
    beam_direction : unit vectors along which the central beam travels, float64 (frames, 3); all
        sources turn with it
    detector_shift : by which all panels are moved, float64 (frames, 3) [m]
    start : phi of the first step, float64 (frames,) [rad]
    oscillation : that the steps of a frame fill, float64 (frames,) [rad]
    spectrum : number of each frame's row of `spectra`, int64 (frames,)
    spectra : weights of the beam's sources, float64 (spectra, sources)
    spindle : unit vector of the right-handed rotation
    steps : in a frame
    source : where the list comes from; None: it is only here
    """

    orientation: Array
    vectors: Array | None = None
    cells: npt.NDArray[np.int64] | None = None
    fluence: Array | None = None
    wavelength: Array | None = None
    beam_direction: Array | None = None
    detector_shift: Array | None = None
    start: Array | None = None
    oscillation: Array | None = None
    spectrum: npt.NDArray[np.int64] | None = None
    spectra: Array | None = None
    spindle: Vector = _ALONG_X
    steps: int = 1
    source: ListedFrom | None = field(default=None, metadata=UNHASHED)

    def __post_init__(self) -> None:
        count = len(np.atleast_1d(self.orientation))
        require_count(count, "the number of frames.orientation", MOST_FRAMES)
        for name, (shape, kind) in COLUMNS.items():
            if getattr(self, name) is not None:
                self._freeze(name, (count, *shape), kind)
        if self.spectra is not None:
            self._freeze("spectra", (len(self.spectra), *np.shape(self.spectra)[1:2]), np.float64)
        self._require_rotations()
        require_unit(self.spindle, "frames.spindle")
        require(self.steps >= 1, f"frames.steps = {self.steps} must be at least 1")
        require(
            self.steps == 1 or self.oscillation is not None,
            f"frames.steps = {self.steps} of what? give an oscillation for each frame",
        )
        self._require_values()

    def _freeze(self, name: str, shape: tuple[int, ...], kind: type) -> None:
        """Keep an array of our own that cannot be written to; one that is so already as it is."""
        given = getattr(self, name)
        values: npt.NDArray[typing.Any]
        if isinstance(given, np.ndarray) and given.dtype == kind and _is_frozen(given):
            values = given
        else:
            values = np.array(given, dtype=kind)
        wanted = ", ".join(("frames", *map(str, shape[1:])))
        require(
            values.shape == shape,
            f"frames.{name} has the shape {values.shape}; it must be ({wanted}), of "
            f"{shape[0]} frames",
        )
        values.setflags(write=False)
        object.__setattr__(self, name, values)

    def _require_rotations(self) -> None:
        able = np.empty(len(self.orientation), dtype=np.bool_)
        for start in range(0, len(able), _AT_ONCE):
            able[start : start + _AT_ONCE] = _are_rotations(
                self.orientation[start : start + _AT_ONCE]
            )
        self._require_each(
            able,
            "orientation",
            "is no rotation: its rows must be unit vectors across each other, and right-handed",
        )

    def _require_values(self) -> None:
        """Refuse values that cannot be, by the first frame that has one."""
        for name in ("fluence", "start", "oscillation"):
            if (values := getattr(self, name)) is not None:
                self._require_each(np.isfinite(values), name, "must be finite")
        if self.fluence is not None:
            self._require_each(self.fluence >= 0.0, "fluence", "must not be negative")
        if self.wavelength is not None:
            able = (self.wavelength >= SHORTEST) & (self.wavelength <= LONGEST)
            self._require_each(
                able, "wavelength", f"must lie between {SHORTEST:g} and {LONGEST:g} Å"
            )
        if self.beam_direction is not None:
            length = np.linalg.norm(self.beam_direction, axis=1)
            self._require_each(
                np.abs(length - 1.0) < _ROUNDING, "beam_direction", "must be a unit vector"
            )
        if self.detector_shift is not None:
            self._require_each(
                np.isfinite(self.detector_shift).all(axis=1), "detector_shift", "must be finite"
            )
        if self.cells is not None:
            possible = ((self.cells >= 1) & (self.cells <= MOST_CELLS)).all(axis=1)
            self._require_each(possible, "cells", f"must be whole numbers from 1 to {MOST_CELLS}")
        if self.vectors is not None:
            finite = np.asarray(np.isfinite(self.vectors).all(axis=(1, 2)))
            volume = np.linalg.det(np.where(finite[:, None, None], self.vectors, -np.eye(3)))
            self._require_each(
                volume > 0.0, "vectors", "must be right-handed and span a cell: rows a, b, c [Å]"
            )
        require(
            (self.spectrum is None) == (self.spectra is None),
            "frames.spectrum says which row of frames.spectra is a frame's: give both",
        )
        if self.spectrum is not None and self.spectra is not None:
            there = (self.spectrum >= 0) & (self.spectrum < len(self.spectra))
            last = len(self.spectra) - 1
            self._require_each(there, "spectrum", f"must be a number from 0 to {last}")
            sound = np.isfinite(self.spectra) & (self.spectra >= 0.0)
            lit = np.asarray(sound.all(axis=1) & (self.spectra > 0.0).any(axis=1))
            worst = int(np.argmin(lit))
            require(
                bool(lit[worst]),
                f"frames.spectra: the weights of spectrum {worst} must be finite and not negative, "
                "and one of them positive",
            )

    def _require_each(self, able: npt.ArrayLike, name: str, must: str) -> None:
        """Refuse an array by the first frame whose value is not able."""
        able = np.asarray(able)
        worst = int(np.argmin(able))
        require(
            bool(able[worst]),
            f"frames.{name} of frame {worst}, {getattr(self, name)[worst].tolist()}, {must}",
        )

    def __len__(self) -> int:
        return len(self.orientation)

    def __getitem__(self, frame: int) -> Exposure:
        number = operator.index(frame)
        if not 0 <= number < len(self):
            raise IndexError(f"frame {number} of {len(self)}")
        x, y, z = (as_tuple(row) for row in self.orientation[number])
        start = 0.0 if self.start is None else float(self.start[number])
        step = 0.0 if self.oscillation is None else float(self.oscillation[number]) / self.steps
        # as `phi` has them
        angles = tuple(start + step * t for t in range(self.steps))
        return Exposure(angles, self.spindle, (x, y, z))

    @property
    def phi(self) -> Array:
        """Angle of each step of each frame, (frames, steps) [rad]."""
        start = np.zeros(len(self)) if self.start is None else self.start
        filled = np.zeros(len(self)) if self.oscillation is None else self.oscillation
        return np.asarray(start[:, None] + (filled / self.steps)[:, None] * np.arange(self.steps))

    @property
    def columns(self) -> dict[str, npt.NDArray[typing.Any]]:
        """The arrays that are given, by name; all have the frame axis but ``spectra``."""
        names = (*COLUMNS, "spectra")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def moves_light(self) -> bool:
        """Whether a pixel sees another q from frame to frame, whatever the crystal does."""
        moving = (self.wavelength, self.beam_direction, self.detector_shift)
        return any(values is not None for values in moving)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listed) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[typing.Any, ...]:
        return tuple(sorted(self.hashes.items())), self.spindle, self.steps

    def __reduce__(self) -> tuple[typing.Any, ...]:
        # made anew, so that the arrays cannot be written to there either
        return Listed, tuple(getattr(self, item.name) for item in dataclasses.fields(self))

    @cached_property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each array that is given."""
        little = (
            (name, np.ascontiguousarray(values, values.dtype.newbyteorder("<")))
            for name, values in self.columns.items()
        )
        return {name: hashlib.sha256(values.data).hexdigest() for name, values in little}


def _is_frozen(values: npt.NDArray[typing.Any]) -> bool:
    """Whether an array, whose memory is its own, cannot be written to."""
    return values.flags.owndata and not values.flags.writeable


def _are_rotations(matrices: Array) -> npt.NDArray[np.bool_]:
    """Which matrices (matrix, 3, 3) are right-handed rotations, but for rounding; (matrix,)."""
    # numbers of one place in all matrices beside each other: many times faster than matrix products
    places = np.ascontiguousarray(matrices.reshape(-1, 9).T)
    x, y, z = rows = places.reshape(3, 3, -1)
    with np.errstate(invalid="ignore", over="ignore"):  # of numbers that are none
        able = np.ones(len(matrices), dtype=np.bool_)
        for row in rows:
            able &= np.abs((row * row).sum(axis=0) - 1.0) < _ROUNDING
        for one, other in ((x, y), (x, z), (y, z)):
            able &= np.abs((one * other).sum(axis=0)) < _ROUNDING
        across = np.cross(x, y, axis=0)
        return np.asarray(able & ((across * z).sum(axis=0) > 0.0))


Exposures = Rotation | Listed
