"""What an experiment list says of the crystal and of how it turns, in the lab of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tiled_sim.model.exposures import Listed
from tiled_sim.model.recorded import IndexedCrystal, RecordedExperiment
from tiled_sim.physics.cell import stood_from
from tiled_sim.physics.constants import RADIAN
from tiled_sim.physics.vectors import Array, Vector, as_tuple, unit
from tiled_sim.read.matrices import cell_of, in_words

#: Angles that are said twice may differ by this [rad], and unit vectors by this length.
_SAME = 1e-6 / RADIAN
_SAME_DIRECTION = 1e-6


class Disagreement(NamedTuple):
    """What is said beside a file, and what the file says.

    Parameters
    ----------
    quantity : ``spindle``, ``start``, ``oscillation`` or ``count``
    said, stated : with their units
    """

    quantity: str
    said: str
    stated: str


@dataclass(frozen=True, slots=True)
class StatedSweep:
    """How a file says that the crystal turns, in the lab.

    Parameters
    ----------
    spindle : unit vector of the right-handed rotation
    start : angle at the beginning of the first frame [rad]; None: not said
    oscillation : of a frame [rad], not negative; None: not said
    count : number of frames; None: not said
    """

    spindle: Vector
    start: float | None = None
    oscillation: float | None = None
    count: int | None = None

    def disagreements(
        self,
        *,
        spindle: Vector | None = None,
        start: float | None = None,
        oscillation: float | None = None,
        count: int | None = None,
    ) -> Iterator[Disagreement]:
        """Of what is said, if not None, what the file says otherwise."""
        if spindle is not None:
            said = unit(spindle)
            if float(np.linalg.norm(said - np.array(self.spindle))) > _SAME_DIRECTION:
                yield Disagreement("spindle", _vector(said), _vector(self.spindle))
        for quantity, angle, stated in (
            ("start", start, self.start),
            ("oscillation", oscillation, self.oscillation),
        ):
            if angle is not None and stated is not None and abs(angle - stated) > _SAME:
                yield Disagreement(quantity, _degrees(angle), _degrees(stated))
        if count is not None and self.count is not None and count != self.count:
            yield Disagreement("count", str(count), str(self.count))

    def note(self, steps: int) -> str:
        """What to tell of frames that are as the file says.

        Parameters
        ----------
        steps : of phi in a frame
        """
        about = f"the spindle {_vector(self.spindle)} of the geometry file's goniometer"
        if self.oscillation is None or self.start is None:
            return f"the crystal turns about {about}"
        frames = f"{self.count} frame{'' if self.count == 1 else 's'}"
        return (
            f"the frames are those of the geometry file's scan: {frames} of "
            f"{_degrees(self.oscillation)} from {_degrees(self.start)} on, in {steps} phi "
            f"step{'' if steps == 1 else 's'} each, about {about}"
        )


def sweep_of(recorded: RecordedExperiment, turn: Array) -> StatedSweep | None:
    """How the crystal of an experiment turns; None: the experiment has no goniometer.

    Parameters
    ----------
    recorded : in the frame of geometry files
    turn : that frame into the lab, (3, 3)
    """
    if recorded.goniometer is None:
        return None
    spindle, scan = turn @ np.array(recorded.goniometer.spindle), recorded.scan
    if scan is None:
        return StatedSweep(as_tuple(unit(spindle)))
    # dxtbx's stills may have a scan of no width, which begins anywhere
    backwards = -1.0 if scan.width < 0.0 else 1.0
    return StatedSweep(
        spindle=as_tuple(backwards * unit(spindle)),
        start=backwards * scan.start if scan.width or scan.start else None,
        oscillation=abs(scan.width) or None,
        count=scan.count,
    )


def crystal_of(recorded: RecordedExperiment, turn: Array) -> IndexedCrystal | None:
    """The crystal of an experiment in the lab, where the spindle is at 0; None: it has none.

    Parameters
    ----------
    recorded, turn : as `sweep_of`
    """
    crystal = recorded.crystal_at_zero()
    return None if crystal is None else crystal.turned(turn)


def stills_of(
    recorded: RecordedExperiment, turn: Array, misset: Array | None = None
) -> Listed | None:
    """The stills of a whole list in the lab; None: the experiment is one of the list.

    Parameters
    ----------
    recorded, turn : as `sweep_of`
    misset : what turns every still further in the lab, (3, 3); None: nothing
    """
    stills, crystal = recorded.stills, recorded.crystal
    if stills is None or crystal is None:
        return None
    if misset is not None:
        turn = misset @ turn
    orientation, vectors = stood_from(
        crystal.direct_vectors @ turn.T, stills.direct_vectors @ turn.T
    )
    return Listed(orientation, vectors=vectors, wavelength=stills.wavelengths)


def crystal_notes(crystal: IndexedCrystal, instead: str) -> list[str]:
    """What to tell of the crystal of a geometry file that is taken.

    Parameters
    ----------
    crystal : in the lab
    instead : what gives another
    """
    notes = [
        f"the crystal is that of the geometry file, {in_words(cell_of(crystal.reciprocal_vectors))}"
        f", as its goniometer holds it at phi 0; {instead} gives another"
    ]
    points = crystal.reciprocal_at_scan_points
    if points is not None:
        notes.append(
            f"what was refined of the crystal at {len(points)} scan points is left: it stands as "
            "the file's one A says throughout"
        )
    return notes


def _degrees(angle: float) -> str:
    return f"{angle * RADIAN:.10g}°"


def _vector(vector: Array | Vector) -> str:
    return "(" + ", ".join(f"{component + 0.0:.7g}" for component in vector) + ")"
