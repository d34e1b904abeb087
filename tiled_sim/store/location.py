"""Where a run is, and whether what is there is one."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.io.file_names import require_ending
from tiled_sim.model.canonical import HASH_VERSION
from tiled_sim.store import durable, files, strict_json
from tiled_sim.store.cloud import Cloud
from tiled_sim.store.disk import Disk
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place, RunURL

FORMAT = 2
"""Format of the run stores that this program writes; it reads those before."""


def objects_of(place: Place) -> Objects:
    """What can be done with the contents of a run.

    Parameters
    ----------
    place : of the run, which need not be there

    Raises
    ------
    MissingExtraError
        a package is missing that its URL needs
    CloudError
        the environment lacks what is needed there
    """
    return Disk(place) if isinstance(place, Path) else Cloud(place)


@contextlib.contextmanager
def told_if_not_writable(place: Place) -> Iterator[None]:
    """Tell in a sentence that what was computed cannot be kept: the disk is full, say.

    Parameters
    ----------
    place : of the run

    Raises
    ------
    StoreError
        saying why
    """
    try:
        yield
    except StoreError:
        raise  # told already
    except OSError as error:
        raise StoreError(
            f"{place} cannot be written ({durable.reason(error)}): the tiles could not be kept. "
            f"{objects_of(place).to_write}"
        ) from error


def require_run_name(path: str | Path | RunURL) -> None:
    """Make sure that the name of a new run does not end as another format's.

    Raises
    ------
    UsageError
        if it does, with the way to a file of that format
    """
    require_ending("a run", str(path), "zarr")


def require_nothing(place: Place) -> None:
    """Make sure that nothing is where a new run is to be.

    Raises
    ------
    StoreError
        something is, or that cannot be told of a URL
    """
    if objects_of(place).is_there():
        raise _exists(place)


def make(place: Place) -> Objects:
    """Take the place for a new run.

    Raises
    ------
    UsageError
        its name ends as that of a file of another format
    StoreError
        something is there, or it cannot be made
    """
    require_run_name(place)
    objects = objects_of(place)
    try:
        objects.make()
    except FileExistsError as error:
        raise _exists(place) from error
    except StoreError:
        raise  # told already
    except OSError as error:
        raise StoreError(f"{place} cannot be made: {error.strerror}; give another --out") from error
    return objects


def _exists(place: Place) -> StoreError:
    return StoreError(
        f"{place} exists already; give another --out, or go on with it by "
        f"`tiled-sim resume {place}`"
    )


def run_attributes(path: Place) -> dict[str, Any]:
    """Read the ``tiled_sim`` attribute of a run, without zarr so as to say plainly what is wrong.

    Raises
    ------
    StoreError
        there is nothing, it is no zarr store, no run or half of one, or of a newer format
    """
    objects = objects_of(path)
    try:
        document = strict_json.loads(objects.get("zarr.json"))
    except (FileNotFoundError, NotADirectoryError) as error:
        if not objects.is_there():
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
