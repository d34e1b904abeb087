"""The ``[background]`` of a TOML file."""

from tiled_sim.io.stol import read_stol
from tiled_sim.model.background import ABSCISSAS, Background
from tiled_sim.physics.constants import WATER_DENSITY, WATER_MOLAR_MASS
from tiled_sim.read.toml.table import Table


def read_background(table: Table) -> Background:
    """Read how much there is of an amorphous material, water if no table is named.

    Parameters
    ----------
    table : ``[background]``

    Raises
    ------
    ExperimentError
        for values that are missing or cannot be
    InputFileError
        for a table that cannot be read
    """
    path = table.path("table") if "table" in table else None
    abscissa = table.text("abscissa", "stol")
    if abscissa not in ABSCISSAS:
        raise table.error(f"abscissa = {abscissa!r} must be one of {', '.join(ABSCISSAS)}")
    if path is None and abscissa != "stol":
        raise table.error(f"abscissa = {abscissa!r} of no table: the one of water has stol")
    with table.reading("table"):
        _, sha256 = read_stol(path, ABSCISSAS[abscissa])
    expected = table.text("table_sha256", sha256)
    if sha256 != expected:
        raise table.error(
            f"the table is not the one meant: its SHA-256 is {sha256}, table_sha256 says {expected}"
        )
    return table.build(
        Background,
        path=path,
        sha256=sha256,
        abscissa=abscissa,
        thickness=table.number("thickness"),
        area=table.number("area"),
        density=table.number("density", WATER_DENSITY),
        molar_mass=table.number("molar_mass", WATER_MOLAR_MASS),
    )
