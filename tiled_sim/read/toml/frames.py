"""The ``[frames]`` of a TOML file."""

import dataclasses

import numpy as np

from tiled_sim.model.exposures import Exposures, Listed, Rotation
from tiled_sim.model.values import finite_list
from tiled_sim.physics.vectors import Vector
from tiled_sim.read.recorded import StatedSweep
from tiled_sim.read.toml.beam import across
from tiled_sim.read.toml.keys import NINE_A_FRAME
from tiled_sim.read.toml.table import Table

_ROTATION, _LISTED = (
    tuple(field.name for field in dataclasses.fields(model)) for model in (Rotation, Listed)
)


def read_frames(
    table: Table, beam: Vector, notes: list[str], stated: StatedSweep | None = None
) -> Exposures:
    """Read exposures, about the beam's horizontal and in even steps if nothing else is said.

    Parameters
    ----------
    table : ``[frames]``
    beam : direction of the direct beam
    notes : take what the user should know
    stated : how a geometry file says that the crystal turns, which stands for what is not said
        here; None: it does not

    Raises
    ------
    ExperimentError
        for values that contradict each other or the file, are missing or cannot be
    """
    if table.choose("what the frames are", _LISTED, _ROTATION) == _LISTED:
        return _listed(table, stated)
    if stated is None:
        stated = StatedSweep(across(beam))
    else:
        _require_agreement(table, stated)
        notes.append(stated.note(table.integer("steps", 1)))
    steps = table.integer("steps", 1)
    said = "oscillation" in table or stated.oscillation is not None
    oscillation = table.number("oscillation", stated.oscillation or 0.0)
    if "step" in table and not said and steps > 1:
        oscillation = steps * table.number("step")
    if steps > 1 and "step" not in table and not said:
        raise table.error(f"steps = {steps} of what? give oscillation_deg too")
    return table.build(
        Rotation,
        spindle=table.direction("spindle", stated.spindle),
        start=table.number("start", stated.start or 0.0),
        step=table.number("step", oscillation / max(steps, 1)),
        steps=steps,
        oscillation=oscillation,
        count=table.integer("count", stated.count or 1),
    )


def _listed(table: Table, stated: StatedSweep | None) -> Listed:
    """Stills by the nine numbers of each one's orientation, row by row."""
    if stated is not None:
        raise table.error(
            "orientation and the geometry file, whose goniometer turns the crystal, both say what "
            "the frames are: leave one of them out"
        )
    rows = table.value("orientation", NINE_A_FRAME)
    numbers = [finite_list(row, 9) for row in rows] if isinstance(rows, list) else []
    if not numbers or None in numbers:
        raise table.error(f"orientation must be {NINE_A_FRAME}")
    return table.build(Listed, orientation=np.array(numbers).reshape(-1, 3, 3))


def _require_agreement(table: Table, stated: StatedSweep) -> None:
    """Refuse what is said here and otherwise in a file, with both."""
    for wrong in stated.disagreements(
        spindle=table.direction("spindle") if "spindle" in table else None,
        start=table.number("start") if "start" in table else None,
        oscillation=table.number("oscillation") if "oscillation" in table else None,
        count=table.integer("count") if "count" in table else None,
    ):
        key = table.named(wrong.quantity)
        raise table.error(
            f"{key} ({wrong.said}) and the geometry file, which says {wrong.stated}, contradict "
            f"each other: leave {key} out"
        )
