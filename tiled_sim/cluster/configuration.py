"""Where a run is computed if the command line does not say: environment, then the user's file."""

import os
from pathlib import Path

from tiled_sim.cluster.forms import parse_cluster
from tiled_sim.cluster.profiles import read_table
from tiled_sim.errors import ExperimentError, InputFileError

VARIABLE = "TILED_SIM_CLUSTER"
FILE_VARIABLE = "TILED_SIM_CONFIG"
_NAMING_A_FILE = ("scheduler-file:", "slurm:")


def default_cluster() -> str:
    """The value of ``--cluster`` if none is given.

    That of the variable TILED_SIM_CLUSTER; else ``cluster`` in the file that TILED_SIM_CONFIG
    names, or in ``tiled_sim/tiled_sim.toml`` in the user's configuration folder; else ``local``.

    Raises
    ------
    UsageError
        for a value of the environment or the file that is none of the forms
    InputFileError
        for a file that cannot be read or has an unknown key
    """
    if named := os.environ.get(VARIABLE):
        parse_cluster(named, VARIABLE)
        return named
    file = _file()
    return "local" if file is None else _of_file(file)


def _file() -> Path | None:
    """The configuration file, if there is one; one that is named must be there."""
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    usual = Path(home).expanduser() / "tiled_sim" / "tiled_sim.toml"
    return usual if usual.is_file() else None


def _of_file(file: Path) -> str:
    table = read_table(file, ("cluster",))
    try:
        cluster = table.text("cluster", "local")
    except ExperimentError as error:
        raise InputFileError(str(error)) from None
    for form in _NAMING_A_FILE:
        if cluster.startswith(form):
            path = os.path.expanduser(cluster.removeprefix(form))
            cluster = form + os.path.join(file.absolute().parent, path)
    parse_cluster(cluster, f"{file}: cluster =")
    return cluster
