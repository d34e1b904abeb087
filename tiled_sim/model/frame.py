"""What one frame is made with: beam, crystal and detector as its exposure has them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.model.beam import Beam
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.detector import Detector
from tiled_sim.model.exposures import Exposures, Listed
from tiled_sim.physics.cell import dual
from tiled_sim.physics.vectors import Array, as_tuple, rotation_between

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment


#: Columns of `Listed` that a frame has of its own beside orientation and phi.
_OF_FRAMES = (
    *("vectors", "cells", "fluence", "wavelength", "beam_direction", "detector_shift", "spectrum"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; parts that its exposure does not change are the experiment's own objects.

    Parameters
    ----------
    beam, crystal, detector : see their classes; of several crystals it is the first
    """

    beam: Beam
    crystal: Crystal
    detector: Detector


def frame_of(experiment: "Experiment", number: int) -> Frame:
    """A frame of an experiment.

    Parameters
    ----------
    experiment : what is simulated
    number : of the frame
    """
    exposures = experiment.exposures
    if not isinstance(exposures, Listed):
        return Frame(experiment.beam, experiment.crystal, experiment.detector)
    return Frame(
        beam_of(experiment, number),
        _crystal(experiment.crystal, exposures, number),
        _detector(experiment.detector, exposures, number),
    )


def beam_of(experiment: "Experiment", number: int) -> Beam:
    """The beam of a frame; the experiment's own object where its exposure does not change it.

    Parameters
    ----------
    experiment : what is simulated
    number : of the frame
    """
    exposures = experiment.exposures
    if not isinstance(exposures, Listed):
        return experiment.beam
    return _beam(experiment.beam, exposures, number)


def as_frame_has_it(experiment: "Experiment", number: int) -> "Experiment":
    """An experiment with the beam, crystals and detector of one of its frames, in all of them."""
    frame, exposures = frame_of(experiment, number), experiment.exposures
    further = [frame_of(alone, number).crystal for alone in each_alone(experiment)[1:]]
    if isinstance(exposures, Listed):
        unsaid: dict[str, Any] = dict.fromkeys((*_OF_FRAMES, "spectra"))
        exposures = replace(exposures, **unsaid)
    return replace(
        experiment,
        beam=frame.beam,
        crystal=frame.crystal,
        further_crystals=tuple(further),
        detector=frame.detector,
        exposures=exposures,
    )


def require_frames(frames: tuple[int, int], count: int, all_of: str = "") -> range:
    """Frames by the first and the one after the last.

    Parameters
    ----------
    frames : the two
    count : number of all
    all_of : whose they are, for the message; empty: it is plain

    Raises
    ------
    UsageError
        for frames that are not there
    """
    first, stop = frames
    if not 0 <= first < stop <= count:
        whose = f" of {all_of}" if all_of else ""
        raise UsageError(
            f"--frames {first}:{stop} is no part of 0:{count}, which are all{whose}: give the "
            "first frame and the one after the last"
        )
    return range(first, stop)


def differing(exposures: Exposures, frames: range) -> set[str]:
    """In which columns some frames differ from each other, but for how the crystal stands.

    Parameters
    ----------
    exposures : of an experiment
    frames : numbers of some
    """
    if not isinstance(exposures, Listed):
        return set()
    return {
        name
        for name, values in exposures.columns.items()
        if name in _OF_FRAMES and len(np.unique(values[frames.start : frames.stop], axis=0)) > 1
    }


def extreme_frames(exposures: Exposures) -> list[int]:
    """Frames that differ most in how a pixel sees the light: the first, if none differ.

    Parameters
    ----------
    exposures : whose wavelengths, beam directions and shifts of the detector count
    """
    found = {0}
    if isinstance(exposures, Listed):
        for name in ("wavelength", "beam_direction", "detector_shift"):
            values = exposures.columns.get(name)
            if values is not None:
                every = values.reshape(len(values), -1)
                found |= {*every.argmin(axis=0).tolist(), *every.argmax(axis=0).tolist()}
    return sorted(found)


def _beam(beam: Beam, listed: Listed, number: int) -> Beam:
    spectrum, fields = beam.spectrum, dict[str, Any]()
    if listed.spectrum is not None and listed.spectra is not None:
        spectrum = replace(spectrum, weight=listed.spectra[listed.spectrum[number]])
    if listed.wavelength is not None:
        fields["wavelength"] = wavelength = float(listed.wavelength[number])
        scaled = spectrum.wavelength * (wavelength / beam.wavelength)
        spectrum = replace(spectrum, wavelength=scaled)
    if listed.beam_direction is not None:
        direction = as_tuple(listed.beam_direction[number])
        if direction != beam.direction:  # else to the last bit as if it were not said
            fields["direction"] = direction
            turn = rotation_between(np.array(beam.direction), np.array(direction))
            spectrum = replace(spectrum, incident=_of_unit_length(spectrum.incident @ turn.T))
    if listed.fluence is not None:
        fields["fluence"] = float(listed.fluence[number])
    if spectrum is beam.spectrum and not fields:
        return beam
    return replace(beam, spectrum=spectrum, **fields)


def _of_unit_length(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _crystal(crystal: Crystal, listed: Listed, number: int) -> Crystal:
    fields = dict[str, Any]()
    if listed.cells is not None:
        na, nb, nc = listed.cells[number].tolist()
        fields["cells"] = (na, nb, nc)
    rows = None if listed.vectors is None else listed.vectors[number]
    # those of the crystal are to the last bit as if they were not said
    if rows is not None and not np.array_equal(rows, crystal.direct_vectors):
        names = ("a", "b", "c", "a_star", "b_star", "c_star")
        every = np.concatenate([rows, dual(rows)])
        fields |= {name: as_tuple(row) for name, row in zip(names, every, strict=True)}
    return replace(crystal, **fields) if fields else crystal


def _detector(detector: Detector, listed: Listed, number: int) -> Detector:
    if listed.detector_shift is None:
        return detector
    shift = listed.detector_shift[number]
    panels = tuple(
        replace(panel, origin=as_tuple(np.array(panel.origin) + shift)) for panel in detector.panels
    )
    return replace(detector, panels=panels)
