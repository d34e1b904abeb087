"""An experiment as a file of geometry records it: the way back of the readers of such files.

Everything is turned out of the run's lab into the frame with z along the beam, y up, x left looking
downstream: that in which pictures show the detector.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.model.assembly import BeamFrame
from tiled_sim.model.beam import Beam
from tiled_sim.model.detector import Detector, Panel, Sensor
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Exposures, Rotation
from tiled_sim.model.frame import frame_of
from tiled_sim.model.geometry import Geometry, Light
from tiled_sim.model.recorded import Goniometer, IndexedCrystal, RecordedExperiment, Scan
from tiled_sim.physics.vectors import Array, Vector, as_tuple, unit


def record(
    experiment: Experiment, frames: range, panels: Sequence[int] | None = None
) -> list[RecordedExperiment]:
    """Frames of an experiment: one scan where the crystal turns from frame to frame, else stills.

    A scan has its axis such that it turns forwards, and the crystal as it stands at angle 0. The
    image of frame 0 has number 1. A still has crystal, light and detector of its frame. Panels have
    the sensor that counts for them.

    Parameters
    ----------
    experiment : of a run
    frames : numbers of some that follow each other
    panels : numbers of those of its detector; None: all
    """
    frame = BeamFrame.of(experiment.detector, experiment.beam.direction)
    turn, exposures = np.array([frame.x, frame.y, frame.z]), experiment.exposures
    numbers = range(len(experiment.detector.panels)) if panels is None else panels
    if not isinstance(exposures, Rotation) or not turns(exposures):
        return list(_stills(experiment, frames, numbers, turn))
    crystal = IndexedCrystal(experiment.crystal.direct_vectors)
    geometry = _geometry(experiment.beam, experiment.detector, numbers, turn)
    sign = 1.0 if exposures.oscillation > 0.0 else -1.0
    axis = as_tuple(sign * (turn @ np.array(exposures.spindle)))
    scan = Scan(
        start=sign * exposures[frames.start].angles[0],
        width=abs(exposures.oscillation),
        count=len(frames),
        first_image=image_number(frames.start),
    )
    goniometer = Goniometer(axis, np.eye(3), np.eye(3))
    return [RecordedExperiment(geometry, goniometer, scan, crystal.turned(turn))]


def _stills(
    experiment: Experiment, frames: range, panels: Sequence[int], turn: Array
) -> Iterator[RecordedExperiment]:
    """Each frame as a still; those of one beam and detector share their geometry."""
    beam = detector = geometry = None
    for number in frames:
        seen = frame_of(experiment, number)
        if geometry is None or seen.beam != beam or seen.detector != detector:
            beam, detector = seen.beam, seen.detector
            geometry = _geometry(beam, detector, panels, turn)
        crystal = IndexedCrystal(seen.crystal.direct_vectors)
        standing = crystal.turned(experiment.exposures[number].rotations[0])
        yield RecordedExperiment(geometry, crystal=standing.turned(turn))


def _geometry(beam: Beam, detector: Detector, panels: Sequence[int], turn: Array) -> Geometry:
    """Beam and panels, by their numbers, in another frame."""
    shown = [detector.panels[number] for number in panels]
    return Geometry(
        panels=tuple(_turned(panel, turn, detector.sensor) for panel in shown),
        light=_light(beam, turn),
        dead=(None,) * len(shown),
        sensors=(None,) * len(shown),
    )


def turns(exposures: Exposures) -> bool:
    """Whether the crystal turns from frame to frame: else they are stills."""
    return isinstance(exposures, Rotation) and exposures.oscillation != 0.0


def require_flat(experiment: Experiment, to: str) -> None:
    """Refuse a detector that no file of geometry has a word for.

    Parameters
    ----------
    experiment : of a run
    to : name of the format

    Raises
    ------
    UsageError
        it is curved
    """
    if experiment.detector.curvature_radius is not None:
        raise UsageError(
            f"--to {to}: the detector is curved, and the format has flat ones alone; --to npy "
            "writes the pixels without saying where they are"
        )


def notes_of_light(experiment: Experiment) -> tuple[str, ...]:
    """What a file of geometry leaves out of the beam, if it leaves out anything."""
    sources = len(experiment.beam.spectrum)
    if sources == 1:
        return ()
    return (
        f"the {sources} sources of the beam are written as its central one, of "
        f"{experiment.beam.wavelength:.6g} Å: --to nxmx writes their spectrum and their spread",
    )


def notes_of_crystals(experiment: Experiment) -> tuple[str, ...]:
    """What a file that has one crystal leaves out, if it leaves out anything."""
    number = len(experiment.crystals)
    if number == 1:
        return ()
    return (
        f"of the {number} crystals of the image the first is written: --to expt has an experiment "
        "for each",
    )


def image_number(frame: int) -> int:
    """Number of a frame's image in names of files and in scans, which count from 1."""
    return frame + 1


def _turned(panel: Panel, turn: Array, sensor: Sensor | None) -> Panel:
    """A panel in another frame, with its sensor or that of the detector."""

    def by(vector: Vector) -> Vector:
        return as_tuple(turn @ np.array(vector))

    return dataclasses.replace(
        panel,
        origin=by(panel.origin),
        fast_axis=by(panel.fast_axis),
        slow_axis=by(panel.slow_axis),
        normal=by(panel.normal),
        sensor=panel.sensor or sensor,
    )


def _light(beam: Beam, turn: Array) -> Light:
    """The central beam; without polarization in the image there is none in the light."""
    along = np.array(beam.direction)
    across = np.array(beam.polarization_axis)
    across = across - float(across @ along) * along
    return Light(
        wavelength=(beam.wavelength,),
        weight=(1.0,),
        direction=as_tuple(turn @ along),
        polarization_axis=as_tuple(turn @ unit(across)) if across.any() else None,
        polarization=beam.polarization,
    )
