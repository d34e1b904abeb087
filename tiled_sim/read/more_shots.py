"""Shots for a run that has some: what they leave out is what the run's experiment says."""

from dataclasses import replace

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed, Rotation
from tiled_sim.model.more_frames import with_more_frames
from tiled_sim.read.shots import Shots, listed_shots

_TURNS = ("start", "oscillation")


def with_more_shots(experiment: Experiment, shots: Shots) -> Experiment:
    """The experiment with more shots after those that it has.

    What is random of a shot is drawn by its number among all: random orientations by the seed of
    those before continue them, as if all had been asked for at once.

    Parameters
    ----------
    experiment : of shots
    shots : as they are asked for; without a seed by that of the shots before, and with cells that
        vary as theirs

    Raises
    ------
    UsageError
        for an experiment whose frames are a rotation, and turns that those before do not have
    InputFileError, ExperimentError
        as `listed_shots`
    """
    listed = experiment.exposures
    if not isinstance(listed, Listed):
        raise UsageError(
            "the frames of the run are a rotation or stills, to which no shots can be added: "
            "submit them to another --out"
        )
    source, notes = listed.source, list[str]()
    if source is not None:
        seed = source.seed if shots.seed is None else shots.seed
        shots = replace(shots, seed=seed, cell_spread=source.cell_spread)
    start, oscillation = (_of_all(listed, name) for name in _TURNS)
    rotation = Rotation(
        listed.spindle,
        start=start or 0.0,
        step=(oscillation or 0.0) / listed.steps,
        steps=listed.steps,
        oscillation=oscillation or 0.0,
    )
    light = experiment.beam, None if source is None else source.pulses
    more = listed_shots(shots, rotation, experiment.crystal, light, notes, len(listed))
    _refuse_other_turns(listed, more)
    joined = with_more_frames(experiment, more)
    return replace(joined, notes=(*experiment.notes, *(f"added: {note}" for note in notes)))


def _of_all(listed: Listed, name: str) -> float | None:
    """The value of a column that all frames share; None: they do not say it, or differ."""
    values = getattr(listed, name)
    return None if values is None or np.ptp(values) else float(values[0])


def _refuse_other_turns(listed: Listed, more: Listed) -> None:
    """Refuse shots that turn as the experiment does not say."""
    turning = any(getattr(listed, name) is not None for name in _TURNS)
    for name in _TURNS:
        before, after = getattr(listed, name), getattr(more, name)
        if after is not None and not turning:
            raise UsageError(
                f"the shots of the run do not turn, and those to be added have a column {name}: "
                "leave it out, or submit them to another --out"
            )
        if before is not None and after is None and np.ptp(before):
            raise UsageError(
                f"each shot of the run has a {name} of its own, and those to be added leave it "
                "out: give it, in a table of shots"
            )
