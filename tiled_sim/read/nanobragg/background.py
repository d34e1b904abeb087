"""The amorphous background that nanoBragg options ask for."""

from tiled_sim.errors import ExperimentError
from tiled_sim.io.stol import read_stol
from tiled_sim.model.background import ABSCISSAS, Background
from tiled_sim.physics.constants import WATER_DENSITY, WATER_MOLAR_MASS
from tiled_sim.read.nanobragg.clipping import in_beam
from tiled_sim.read.nanobragg.conflicts import Conflicts
from tiled_sim.read.nanobragg.options import Given

_TABLES = {"-stol": "stol", "-4stol": "4stol", "-Q": "Q"}
_MATERIAL = ("-density", "-MW")
_WATER = {"density": WATER_DENSITY, "molar_mass": WATER_MOLAR_MASS}


def read_background(
    given: Given, beam_size: float, clip_to_beam: bool | None, conflicts: Conflicts
) -> Background | None:
    """The droplet of ``-water``, of the material of ``-stol``, ``-4stol`` or ``-Q``.

    It is a cube as in the C program, ``-water`` along the beam, high and wide; without a table it
    is water.

    Parameters
    ----------
    given : the options
    beam_size : [m]
    clip_to_beam : whether only what the beam hits of a larger droplet counts; None: not said
    conflicts : found among the options so far

    Raises
    ------
    ExperimentError
        for options that contradict each other, or lack another
    InputFileError
        for a table that cannot be read
    """
    water = (given.number("-water") or 0.0) / 1e6
    tables = given.any_of(*_TABLES)
    if water < 0:
        raise ExperimentError(f"-water {water * 1e6:g} µm must not be negative")
    if water == 0.0:
        idle = [*tables, *given.any_of(*_MATERIAL)]
        if idle:
            conflicts.settle(
                f"{' '.join(idle)} {'have' if idle[1:] else 'has'} no effect without -water, which "
                "says how thick the material is [µm]",
                "there is no background",
            )
        return None
    if len(set(tables)) > 1:
        raise ExperimentError(f"{' and '.join(tables)} both give the table of the background")
    option = tables[0] if tables else None
    path = None if option is None else given.text(option)
    abscissa = "stol" if option is None else _TABLES[option]
    _, sha256 = read_stol(path, ABSCISSAS[abscissa])
    material = {
        "density": given.number("-density"),
        "molar_mass": given.number("-MW"),
    }
    if path is not None and None in material.values():
        conflicts.note(
            f"the material of {path} has {_missing(material)}: -density and -MW say otherwise"
        )
    side = water
    if 0 <= beam_size < water:
        what = f"the droplet of -water {water * 1e6:g} µm"
        side = in_beam(what, water * 1e3, beam_size * 1e3, clip_to_beam, conflicts) / 1e3
    return Background(
        path=path,
        sha256=sha256,
        abscissa=abscissa,
        thickness=water,
        area=side * side,
        **{name: _WATER[name] if value is None else value for name, value in material.items()},
    )


def _missing(material: dict[str, float | None]) -> str:
    """What a material is taken to have of water."""
    words = {
        "density": f"water's density, {WATER_DENSITY:g} g/cm³",
        "molar_mass": f"water's mass, {WATER_MOLAR_MASS:g} g/mol",
    }
    return " and ".join(words[name] for name, value in material.items() if value is None)
