"""The ``[frames]`` of a TOML file."""

import dataclasses

from tiled_sim.errors import ExperimentError, UsageError
from tiled_sim.model.bandwidth import Bandwidth
from tiled_sim.model.beam import Beam
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.exposures import Exposures, Listed, Rotation
from tiled_sim.physics.vectors import Vector
from tiled_sim.read.recorded import StatedSweep
from tiled_sim.read.shots import Shots, listed_shots
from tiled_sim.read.toml.beam import across
from tiled_sim.read.toml.table import Table

_ROTATION = tuple(field.name for field in dataclasses.fields(Rotation))
_BESIDE_SHOTS = ("shots_sha256", "shots_seed", "shots_cell_spread")
_SHOTS = ("shots", "random_shots", *_BESIDE_SHOTS)
_LISTED = ("orientation", "vectors", "wavelengths")


def read_frames(
    table: Table,
    light: tuple[Beam, Bandwidth | None],
    crystal: Crystal,
    notes: list[str],
    stated: StatedSweep | None = None,
) -> Exposures:
    """Read exposures, about the beam's horizontal and in even steps if nothing else is said.

    Parameters
    ----------
    table : ``[frames]``
    light : the beam, and the numbers of its spectrum; None: it has none by numbers
    crystal : that stands in them
    notes : take what the user should know
    stated : how a geometry file says that the crystal turns, which stands for what is not said
        here; None: it does not

    Raises
    ------
    ExperimentError
        for values that contradict each other or the file, are missing or cannot be
    """
    if table.choose("what the frames are", _LISTED, (*_ROTATION, *_SHOTS)) == _LISTED:
        return _listed(table, stated)
    rotation = _rotation(table, light[0].direction, notes, stated)
    shots = _shots(table)
    if shots is None:
        return rotation
    with table.reading("shots" if "shots" in table else "random_shots"):
        try:
            return listed_shots(shots, rotation, crystal, light, notes)
        except (ExperimentError, UsageError) as error:
            raise table.error(str(error)) from None


def _shots(table: Table) -> Shots | None:
    """Shots that the table asks for."""
    way = table.choose("what the frames are", ("shots",), ("random_shots", "count"))
    if way != ("shots",) and "random_shots" not in table:
        for name in _BESIDE_SHOTS:
            if name in table:
                raise table.error(f"{name} goes with shots or random_shots: add it")
        return None
    return Shots(
        table.path("shots") if "shots" in table else None,
        table.integer("random_shots") if "random_shots" in table else None,
        table.integer("shots_seed") if "shots_seed" in table else None,
        table.text("shots_sha256") if "shots_sha256" in table else None,
        _three(table.numbers("shots_cell_spread", 3)) if "shots_cell_spread" in table else None,
    )


def _three(numbers: tuple[float, ...]) -> tuple[float, float, float]:
    a, b, c = numbers
    return a, b, c


def _rotation(table: Table, beam: Vector, notes: list[str], stated: StatedSweep | None) -> Rotation:
    """Frames about a spindle."""
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
    orientation, others = table.nine_a_frame("orientation"), {}
    if "vectors" in table:
        others["vectors"] = table.nine_a_frame("vectors")
    if "wavelengths" in table:
        others["wavelength"] = table.number_a_frame("wavelengths", len(orientation))
    return table.build(Listed, orientation=orientation, **others)


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
