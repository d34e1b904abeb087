"""Where a run is, and whether what is there is one."""

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tiled_sim.errors import StoreError
from tiled_sim.io.file_names import require_ending
from tiled_sim.model.canonical import HASH_VERSION
from tiled_sim.store import files, strict_json

FORMAT = 2
"""Format of the run stores that this program writes; it reads those before."""


def local_path(path: str | Path) -> Path:
    """Directory that a path or a ``file://`` URL names.

    Raises
    ------
    StoreError
        a URL of something else
    """
    text = str(path)
    url = urlsplit(text)
    if url.scheme == "file" and url.netloc in ("", "localhost"):
        return Path(url2pathname(url.path))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        raise StoreError(f"{text}: runs live in local directories only; give a path")
    return Path(path)


def require_run_name(path: str | Path) -> None:
    """Make sure that the name of a new run does not end as another format's.

    Raises
    ------
    UsageError
        if it does, with the way to a file of that format
    """
    require_ending("a run", path, "zarr")


def make_directory(path: Path) -> None:
    """Make the directory of a new run, and those above it.

    Raises
    ------
    UsageError
        its name ends as that of a file of another format
    StoreError
        it exists, or cannot be made
    """
    require_run_name(path)
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise StoreError(
            f"{path} exists already; give another --out, or go on with it by "
            f"`tiled-sim resume {path}`"
        ) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}; give another --out") from error


def run_attributes(path: Path) -> dict[str, Any]:
    """Read the ``tiled_sim`` attribute of a run, without zarr so as to say plainly what is wrong.

    Raises
    ------
    StoreError
        there is nothing, it is no zarr store, no run or half of one, or of a newer format
    """
    try:
        document = strict_json.loads(files.read_file(path / "zarr.json"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if not os.path.lexists(path):
            raise StoreError(
                f"{path}: no such run; `tiled-sim submit … --out {path}` makes one"
            ) from error
        raise StoreError(f"{path} is no zarr store, so no run; give the path of one") from error
    except (OSError, ValueError) as error:
        if files.is_shortage(error):
            raise
        raise StoreError(f"{path}: its zarr.json cannot be read ({_reason(error)})") from error
    attributes = document.get("attributes") if isinstance(document, dict) else None
    run = attributes.get("tiled_sim") if isinstance(attributes, dict) else None
    if not isinstance(run, dict) or type(run.get("format")) is not int:
        raise StoreError(
            f"{path} is a zarr store without the attributes of a run: making it was interrupted, "
            "or another program made it; if it is yours, remove it and submit again"
        )
    for name, newest in (("format", FORMAT), ("hash_version", HASH_VERSION)):
        found = run.get(name, 0)
        if not isinstance(found, int) or found > newest:
            raise StoreError(
                f"{path} has {name.replace('_', ' ')} {found}, and this program knows up to "
                f"{newest}; update tiled_sim"
            )
    return run


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
