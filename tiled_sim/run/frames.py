"""The frames of an experiment as a table: what each exposure was."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tiled_sim.io.shots import BEAM, CELLS, RECIPROCAL_VECTORS, SHIFT
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed, Rotation
from tiled_sim.physics.cell import dual
from tiled_sim.physics.vectors import Array, about_axes

if TYPE_CHECKING:
    import pandas


def frames_table(experiment: Experiment, frames: range | None = None) -> "pandas.DataFrame":
    """A row a frame, by the names of a table of shots, and `A`.

    ``a_star_x_per_A`` … are those of the crystal at the first step of the frame, in the run's lab;
    ``A`` holds them as rows a*, b*, c* [1/Å], (3, 3).

    Parameters
    ----------
    experiment : of a run
    frames : numbers of some that follow each other; None: all
    """
    import pandas

    numbers = range(len(experiment.exposures)) if frames is None else frames
    columns = shots_columns(experiment, numbers)
    reciprocal = np.stack([columns[f"{name}_per_A"] for name in RECIPROCAL_VECTORS], axis=-1)
    table = pandas.DataFrame(columns, index=pandas.RangeIndex(numbers, name="frame"))
    table["A"] = list(reciprocal.reshape(-1, 3, 3))
    return table


def shots_columns(experiment: Experiment, frames: range) -> dict[str, Any]:
    """What each frame was, by the columns of a table of shots, each (frames,).

    Parameters
    ----------
    experiment : of a run
    frames : numbers of some that follow each other
    """
    exposures, some = experiment.exposures, slice(frames.start, frames.stop)
    listed = exposures.columns if isinstance(exposures, Listed) else {}

    def of_all(name: str, value: Any) -> Any:
        if name in listed:
            return listed[name][some]
        return np.broadcast_to(np.asarray(value), (len(frames), *np.shape(value)))

    reciprocal = _reciprocal_vectors(experiment, frames).reshape(len(frames), 9)
    columns = {
        **{f"{name}_per_A": reciprocal[:, n] for n, name in enumerate(RECIPROCAL_VECTORS)},
        "fluence_photons_per_m2": of_all("fluence", experiment.beam.fluence),
        "wavelength_A": of_all("wavelength", experiment.beam.wavelength),
    }
    for names, column, value, unit in (
        (CELLS, "cells", experiment.crystal.cells, ""),
        (BEAM, "beam_direction", experiment.beam.direction, ""),
        (SHIFT, "detector_shift", (0.0, 0.0, 0.0), "_m"),
    ):
        every = of_all(column, value)
        columns |= {f"{name}{unit}": every[:, n] for n, name in enumerate(names)}
    # a single step of a rotation stands still, wherever the next frame begins
    filled = exposures.step * exposures.steps if isinstance(exposures, Rotation) else 0.0
    columns["oscillation_rad"] = of_all("oscillation", filled)
    return columns


def _reciprocal_vectors(experiment: Experiment, frames: range) -> Array:
    """Rows a*, b*, c* of frames at their first step, (frames, 3, 3) [1/Å]."""
    exposures, some = experiment.exposures, slice(frames.start, frames.stop)
    # of a, b, c, which make the image: a*, b*, c* of C's triclinic cells are longer by a factor
    reciprocal = dual(experiment.crystal.direct_vectors)
    orientation: Array = np.eye(3)[None]
    starts = np.array([exposures[frame].angles[0] for frame in frames])
    if isinstance(exposures, Listed):
        orientation = exposures.orientation[some]
        if exposures.vectors is not None:
            inverse = np.linalg.inv(exposures.vectors[some].transpose(0, 2, 1))
            reciprocal = np.asarray(inverse, dtype=np.float64)
    spindles = np.broadcast_to(np.array(exposures.spindle), (len(frames), 3))
    turn = about_axes(spindles, starts) @ orientation
    return np.asarray(reciprocal @ turn.transpose(0, 2, 1), dtype=np.float64)
