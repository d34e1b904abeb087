"""TOML files of the cluster: a SLURM profile, and the user's own configuration."""

import os
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.read.toml.table import Table, plain

Number = TypeVar("Number", int, float)

_WORD = re.compile(r"\S+")
_LINE = re.compile(r"[^\n\r\0]+")
_MEMORY = re.compile(r"\d+(?:\.\d+)? ?(?:[kMGT]i?)?B", re.ASCII)
_WALLTIME = re.compile(r"\d+(?::\d\d){0,2}|\d+-\d+(?::\d\d){0,2}", re.ASCII)


@dataclass(frozen=True)  # without slots: the defaults are read off the class
class SlurmProfile:
    """What one job of a SLURM cluster is, and how many there are.

    Parameters
    ----------
    cores : of a job; each is a worker process with one thread unless ``processes`` says otherwise
    memory : of a job, such as ``16 GB``
    jobs : to keep running while the run lasts
    processes : worker processes of a job; ``cores`` must be a multiple
    queue, account, walltime : as ``sbatch`` takes them; None: the site's defaults
    interface : network interface of the scheduler and the workers, such as ``ib0``
    host : address of this machine that the nodes reach, if ``interface`` does not give it
    directives : more lines for ``#SBATCH``, such as ``--constraint=skylake``
    setup : shell lines that go before the worker, such as ``module load gcc``
    python : that the nodes run; None: this one
    shared_directory : that this machine and the nodes see: logs and temporary certificates
    wait_minutes : for the first job to start
    """

    cores: int
    memory: str
    jobs: int = 1
    processes: int = 0
    queue: str | None = None
    account: str | None = None
    walltime: str | None = None
    interface: str | None = None
    host: str | None = None
    directives: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    python: str | None = None
    shared_directory: str = "~/.local/state/tiled_sim/slurm"
    wait_minutes: float = 1440.0


def read_profile(path: str | Path) -> SlurmProfile:
    """Read a SLURM profile.

    Raises
    ------
    InputFileError
        naming the file and the key that is unknown, missing or malformed
    """
    table = read_table(Path(path), tuple(field.name for field in fields(SlurmProfile)))
    try:
        return _profile(table)
    except ExperimentError as error:
        raise InputFileError(str(error)) from None


def read_table(file: Path, keys: tuple[str, ...]) -> Table:
    """The top level of a TOML file that may have these keys.

    Raises
    ------
    InputFileError
        for a file that cannot be read, is no TOML or has another key
    """
    try:
        return Table(file, "", tomllib.loads(file.read_text("utf-8")), plain(*keys))
    except ExperimentError as error:
        raise InputFileError(str(error)) from None
    except OSError as error:
        raise InputFileError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, a NUL in the name
        raise InputFileError(f"{file}: not a TOML file: {error}") from None


def _profile(table: Table) -> SlurmProfile:
    cores = _positive(table, "cores", table.integer("cores"))
    processes = _positive(table, "processes", table.integer("processes", cores))
    if cores % processes:
        raise table.error(
            f"cores = {cores} must be a multiple of processes = {processes}: every worker "
            "process gets the same number of threads"
        )
    table.value("memory", "of a job, such as '16 GB'")
    return SlurmProfile(
        cores=cores,
        memory=str(_matching(table, "memory", _MEMORY, "a size such as '16 GB'")),
        jobs=int(_positive(table, "jobs", table.integer("jobs", SlurmProfile.jobs))),
        processes=processes,
        walltime=_matching(table, "walltime", _WALLTIME, "a time such as '1-12:00:00'"),
        python=_matching(table, "python", _LINE, "one line"),
        directives=_lines(table, "directives"),
        setup=_lines(table, "setup"),
        shared_directory=os.path.expanduser(
            _matching(table, "shared_directory", _WORD, "a path without spaces") or _state_folder()
        ),
        wait_minutes=_positive(
            table, "wait_minutes", table.number("wait_minutes", SlurmProfile.wait_minutes)
        ),
        **{
            key: _matching(table, key, _WORD, "one word")
            for key in ("queue", "account", "interface", "host")
        },
    )


def _state_folder() -> str:
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return os.path.join(home, "tiled_sim", "slurm")


def _positive(table: Table, key: str, number: Number) -> Number:
    if number <= 0:
        raise table.error(f"{key} = {number} must be more than 0")
    return number


def _matching(table: Table, key: str, pattern: re.Pattern[str], must_be: str) -> str | None:
    """The text under a key; None if it is absent."""
    if key not in table:
        return None
    text = table.text(key)
    if not pattern.fullmatch(text):
        raise table.error(f"{key} = {text!r} must be {must_be}")
    return text


def _lines(table: Table, key: str) -> tuple[str, ...]:
    if key not in table:
        return ()
    must_be = "a list of texts, each one line"
    values = table.value(key, must_be)
    if not isinstance(values, list) or not all(
        isinstance(value, str) and _LINE.fullmatch(value) for value in values
    ):
        raise table.error(f"{key} = {values!r} must be {must_be}")
    return tuple(values)
