"""Copying a run to another place: from a disk to an object store, back, or within one of them."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tiled_sim.errors import StoreError
from tiled_sim.run.run import Run
from tiled_sim.store import location
from tiled_sim.store.durable import reason
from tiled_sim.store.objects import Objects, each
from tiled_sim.store.place import Place, RunURL, place_of

_ROOT = "zarr.json"
#: Who computes the run says nothing of the copy.
_LEFT = "control/"
_UNFINISHED = (".tmp", ".partial")


@dataclass(frozen=True, slots=True)
class Copied:
    """A run that was copied.

    Parameters
    ----------
    run : the copy
    files : that it is made of
    size : of all of them together [byte]
    """

    run: Run
    files: int
    size: int


def copy_run(
    run: Run,
    target: str | Path | RunURL,
    told: Callable[[int, int], None] = lambda done, files: None,
) -> Copied:
    """Copy a run, finished or not, byte for byte, and read back all that was written.

    Until everything is there, the copy is no run; what fails leaves nothing behind. Nobody may
    be computing the run.

    Parameters
    ----------
    run : to copy; it stays as it is
    target : directory to make, or a URL
    told : is called with the number of files that are there, and of all

    Raises
    ------
    StoreError
        something is there already, it cannot be written, or what was read back is not the same
    """
    place = place_of(target)
    source = run.store.objects
    if _is_inside(place, run.path):
        raise StoreError(f"{place} is inside the run {run.path}: name a place beside it")
    if location.objects_of(place).is_there():
        raise StoreError(
            f"{place} exists already; name another place for the copy, or remove it if it is half "
            "of one that was killed"
        )
    keys = _keys(run)
    made = location.make(place)
    try:
        size = _copied(source, made, [key for key in keys if key != _ROOT], place, told)
        size += _copy(source, made, _ROOT, place)
    except BaseException:
        made.remove()
        raise
    told(len(keys), len(keys))
    return Copied(Run(place), len(keys), size)


def _is_inside(place: Place, run: Place) -> bool:
    """Whether a place is among the files of a run."""
    if isinstance(place, RunURL) and isinstance(run, RunURL):
        return f"{place}/".startswith(f"{run}/") and place != run
    if isinstance(place, Path) and isinstance(run, Path):
        inner, outer = place.resolve(), run.resolve()
        return inner.is_relative_to(outer) and inner != outer
    return False


def _copied(
    source: Objects,
    made: Objects,
    keys: list[str],
    place: Place,
    told: Callable[[int, int], None],
) -> int:
    """Copy all but the metadata of the root; how many bytes they are."""
    slower = max(source, made, key=lambda objects: objects.at_once)
    size = 0
    # closed before anything is removed again: nobody may be writing then
    with closing(each(slower, lambda key: _copy(source, made, key, place), keys)) as sizes:
        for done, one in enumerate(sizes, start=1):
            size += one
            told(done, len(keys) + 1)
    return size


def _keys(run: Run) -> list[str]:
    """Of what a copy is made of, the sidecars of the tiles after their pixels."""
    keys = [
        key
        for key in run.store.objects.keys("")
        if not key.startswith(_LEFT) and not key.endswith(_UNFINISHED)
    ]
    return sorted(keys, key=lambda key: (key.startswith(("traces/", "tiles/")), key))


def _copy(source: Objects, made: Objects, key: str, place: Place) -> int:
    """Copy a file; its size."""
    content = source.get(key)
    try:
        made.put(key, content)
        there = made.get(key)
    except StoreError:
        raise  # told already
    except OSError as error:
        raise StoreError(
            f"{place} cannot be written ({reason(error)}); {made.to_write}, and copy once more"
        ) from error
    if hashlib.sha256(there).digest() != hashlib.sha256(content).digest():
        raise StoreError(
            f"{place}: {key} is not what was written there; copy once more, and if that is told "
            "again look after the disk or the server"
        )
    return len(content)
