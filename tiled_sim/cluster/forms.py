"""The forms of ``--cluster``, and ``--tls``: read here, and nowhere else; dask is not needed."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tiled_sim.cluster.profiles import SlurmProfile, read_profile
from tiled_sim.errors import InputFileError, UsageError

FORMS = (
    "local, local:WORKERS, local:WORKERSxTHREADS, gpu, gpu:WORKERS, tcp://HOST:PORT, "
    "tls://HOST:PORT, scheduler-file:PATH or slurm:PROFILE.toml"
)
#: Seconds below which a run is not worth processes of its own.
QUICK = 10.0
_LOCAL = re.compile(r"local(?::(?P<workers>[1-9][0-9]{0,3})(?:x(?P<threads>[1-9][0-9]{0,3}))?)?")
_GPU = re.compile(r"gpu(?::(?P<workers>[1-9][0-9]{0,3}))?")
_REMOTE = ("tcp://", "tls://")
_FILES = {"ca": "--tls-ca", "certificate": "--tls-cert", "key": "--tls-key"}


@dataclass(frozen=True, slots=True)
class Local:
    """Worker processes on this machine.

    Parameters
    ----------
    workers : processes; None: one a core, and no more than there are tiles
    threads : dask threads in each, computing one tile each
    """

    workers: int | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Gpu:
    """Worker processes on this machine that see one GPU each.

    Parameters
    ----------
    workers : processes; None: one for each GPU that this process sees
    """

    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A scheduler that is already running.

    Parameters
    ----------
    address : ``tcp://…`` or ``tls://…``
    """

    address: str


@dataclass(frozen=True, slots=True)
class Slurm:
    """Jobs of SLURM, with the scheduler in this process.

    Parameters
    ----------
    profile : of the jobs
    """

    profile: SlurmProfile


@dataclass(frozen=True, slots=True)
class Tls:
    """That a cluster is to be encrypted, and with what.

    Without files they are those of dask's configuration, or else temporary ones that live as long
    as the cluster.

    Parameters
    ----------
    ca : file of the authority that signed the certificates of all
    certificate : file of ours
    key : file of its key; None: it stands in the file of the certificate
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        given = [option for name, option in _FILES.items() if getattr(self, name)]
        missing = [_FILES[name] for name in ("ca", "certificate") if not getattr(self, name)]
        if given and missing:
            raise UsageError(
                f"{' and '.join(given)} without {' and '.join(missing)}: give them all"
            )


Where = Local | Gpu | Remote | Slurm


def parse_cluster(text: str, source: str = "--cluster") -> Where:
    """Read the value of ``--cluster``, and the file that it may name.

    Parameters
    ----------
    text : the value
    source : that gave it, for the message

    Raises
    ------
    UsageError
        listing the forms
    InputFileError
        for a scheduler file or a profile that is missing or malformed
    """
    if not isinstance(text, str):  # from Python: a dask cluster or client, say
        raise UsageError(
            f"{source} is a {type(text).__name__}, and takes a text: of a dask cluster or client "
            "its scheduler's address, tcp://HOST:PORT"
        )
    if text.startswith(_REMOTE):
        return Remote(text)
    if match := _LOCAL.fullmatch(text):
        return Local(_number(match["workers"]), _number(match["threads"]) or 1)
    if match := _GPU.fullmatch(text):
        return Gpu(_number(match["workers"]))
    form, _, path = text.partition(":")
    if path and form == "scheduler-file":
        return Remote(_address_in(Path(os.path.expanduser(path))))
    if path and form == "slurm":
        return Slurm(read_profile(os.path.expanduser(path)))
    raise UsageError(f"{source} {text!r} is none of the forms {FORMS}")


def tls_of(
    wanted: bool, ca: str | None = None, certificate: str | None = None, key: str | None = None
) -> Tls | None:
    """What ``--tls``, ``--tls-ca``, ``--tls-cert`` and ``--tls-key`` ask for; None: nothing.

    Raises
    ------
    UsageError
        if one of the files is missing
    """
    return Tls(ca, certificate, key) if wanted or ca or certificate or key else None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _address_in(file: Path) -> str:
    """Address of the scheduler that wrote a file."""
    remedy = "write one with `dask scheduler --scheduler-file PATH`"
    try:
        address = json.loads(file.read_text("utf-8"))["address"]
    except OSError as error:
        raise InputFileError(
            f"cannot read the scheduler file {file}: {error.strerror}; {remedy}"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputFileError(f"{file} is not a scheduler file; {remedy}") from None
    if not isinstance(address, str) or not address.startswith(_REMOTE):
        raise InputFileError(
            f"{file} gives the address {address!r}, which is neither tcp://… nor tls://…; {remedy}"
        )
    return address
