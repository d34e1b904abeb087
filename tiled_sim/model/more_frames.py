"""An experiment with more frames after its own: columns that either leaves out are filled in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tiled_sim.model.checks import require
from tiled_sim.model.exposures import COLUMNS, Listed, ListedFrom

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment


def with_more_frames(experiment: "Experiment", more: Listed) -> "Experiment":
    """The experiment with more frames after those that it has, which stay as they are.

    Parameters
    ----------
    experiment : of frames that are listed
    more : by the same steps and spindle; a column that only one of the two has is filled with what
        the experiment says for all frames

    Raises
    ------
    ExperimentError
        for columns of the two that cannot be joined, and frames that cannot be
    """
    listed = experiment.exposures
    assert isinstance(listed, Listed)
    plain = _plain_values(experiment)
    both = {**listed.columns, **more.columns}
    columns: dict[str, Any] = {}
    for name in COLUMNS:
        if name in both and name != "spectrum":
            parts = (_column(one, name, plain) for one in (listed, more))
            columns[name] = np.concatenate(list(parts))
    if "spectra" in both:
        weights = experiment.beam.spectrum.weight[None]
        before, after = (weights if one.spectra is None else one.spectra for one in (listed, more))
        require(
            before.shape[1] == after.shape[1],
            f"the shots that are there have {before.shape[1]} weights in a row of spectra, and the "
            f"new ones {after.shape[1]}; each spectrum weighs every source of the beam",
        )
        columns["spectra"] = np.concatenate([before, after])
        first, others = (_column(one, "spectrum", plain) for one in (listed, more))
        columns["spectrum"] = np.concatenate([first, len(before) + others])
    source = _joined(listed.source, more.source)
    joined = Listed(**columns, spindle=listed.spindle, steps=listed.steps, source=source)
    return replace(experiment, exposures=joined)


def _plain_values(experiment: "Experiment") -> Mapping[str, Any]:
    """What frames have that do not say it, by column."""
    return {
        "vectors": experiment.crystal.direct_vectors,
        "cells": experiment.crystal.cells,
        "fluence": experiment.beam.fluence,
        "wavelength": experiment.beam.wavelength,
        "beam_direction": experiment.beam.direction,
        "detector_shift": (0.0, 0.0, 0.0),
        "start": 0.0,
        "oscillation": 0.0,
        "spectrum": 0,
    }


def _column(listed: Listed, name: str, plain: Mapping[str, Any]) -> Any:
    values = getattr(listed, name)
    if values is not None:
        return values
    shape, kind = COLUMNS[name]
    return np.broadcast_to(np.asarray(plain[name], dtype=kind), (len(listed), *shape))


def _joined(before: ListedFrom | None, after: ListedFrom | None) -> ListedFrom | None:
    """Where all of them come from; None: from nothing that makes them all again."""
    if before is None or after is None or not (before.random and after.random):
        return None
    together = replace(before, random=after.random) == after
    return replace(before, random=before.random + after.random) if together else None
