"""Values that the C program takes for not given, or for others: told, or refused."""

from tiled_sim.errors import ExperimentError
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given

_AS_NOT_GIVEN = "it counts as not given"
#: What C makes of a negative value, and of 0, too, unless that says what it means.
_DROPPED: dict[str, str] = {
    **dict.fromkeys(
        (
            *("-osc", "-phistep", "-divergence", "-hdivrange", "-vdivrange", "-dispersion"),
            *("-hdivstep", "-vdivstep", "-hdivsteps", "-vdivsteps", "-divsteps", "-dispsteps"),
            *("-xtal_size", "-xtal_x", "-xtal_y", "-xtal_z", "-scale", "-pgmscale", "-oversample"),
            *("-detector_thicksteps", "-mosaic_domains"),
        ),
        _AS_NOT_GIVEN,
    ),
    **dict.fromkeys(("-N", "-Na", "-Nb", "-Nc"), "1 cell is taken"),
    "-phisteps": "0 is 1 step, and less counts as not given",
    "-dmin": "there is no limit",
    "-flux": "it counts as not given, and -fluence is taken",
}
#: Options of which 0 says what it means.
_MEANT = (
    *("-osc", "-divergence", "-hdivrange", "-vdivrange", "-dispersion", "-dmin"),
    *("-phistep", "-oversample"),
)
#: Options whose sign might be meant.
_DIRECTED = ("-osc", "-phistep")


def settle_dropped(given: Given, conflicts: Conflicts) -> None:
    """Tell of values that count for nothing, and refuse a rotation that is to run backwards.

    Parameters
    ----------
    given : the options
    conflicts : told of what is done

    Raises
    ------
    ExperimentError
        for a negative angle of what C lets run forwards alone, unless ``conflicts.c_compat``
    """
    for option, does in _DROPPED.items():
        values = given.values(option)
        value = 1.0 if values is None else float(values[0])
        if value < 0 and option in _DIRECTED and not conflicts.c_compat:
            raise ExperimentError(
                f"{option} {value:g} must not be negative: the C program takes it for not given, "
                "which --c-compat replays; to turn the other way reverse -spindle_axis"
            )
        if value < 0 or (value == 0 and option not in _MEANT):
            conflicts.note(f"{option} {value:g}: {does}, as in C")
