"""Of what is larger than the beam, only a part may count: the user says so."""

from tiled_sim.errors import ExperimentError
from tiled_sim.read.nanobragg.conflicts import Conflicts


def in_beam(
    what: str,
    size: float,
    beam_size: float,
    clip_to_beam: bool | None,
    conflicts: Conflicts,
) -> float:
    """Height or width that counts of something larger than the beam [mm].

    The C program clips, with a beam of 0.1 mm if none is given.

    Parameters
    ----------
    what : is larger, with its size, for messages
    size, beam_size : [mm]
    clip_to_beam : whether only what the beam hits counts; None: not said
    conflicts : told of what is done

    Raises
    ------
    ExperimentError
        if it is not said, unless ``conflicts.c_compat``
    """
    if clip_to_beam is None and not conflicts.c_compat:
        raise ExperimentError(
            f"{what} is larger than the beam, {beam_size:g} mm (-beamsize). Say --clip-to-beam to "
            "simulate the part in the beam, as the C program does, or --no-clip-to-beam for all "
            "of it"
        )
    if clip_to_beam is False:
        conflicts.note(f"{what} is larger than the beam, {beam_size:g} mm, and is not clipped")
        return size
    conflicts.note(f"{what} is clipped to the beam size {beam_size:g} mm")
    return beam_size
