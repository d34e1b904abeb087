"""What a run needs of the place where it is: a few things that can be done to named contents.

A key is a path in the run, such as ``traces/f00000/p000/r0000c0000.json``. Whoever reads finds the
whole of what was written last, or nothing; what was put stays, whatever happens to the machine
then. `tiled_sim.store.disk` does so with files, `tiled_sim.store.cloud` with an object store.
"""

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import zarr.abc.store

Item = TypeVar("Item")
Found = TypeVar("Found")
#: Tells one content of a key from those before and after it; `tiled_sim.store.objects.Objects`
#: gives and takes it, and nobody else looks into it.
Version = Hashable


class ChangedError(Exception):
    """What was to be written by condition is not there as it was: another was quicker."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is there under a key.

    Parameters
    ----------
    content : all of it
    version : of it
    """

    content: bytes
    version: Version


class Objects(Protocol):
    """The contents of one run.

    `FileNotFoundError` says that there is nothing under a key, any other `OSError` that it cannot
    be told or done.
    """

    #: What workers need, so that they see the run: the end of a sentence.
    shared: str
    #: What may help where nothing can be written: a sentence without its dot.
    to_write: str
    #: How many things are best done at once.
    at_once: int

    def is_there(self) -> bool:
        """Whether there is anything in the place of the run."""

    def make(self) -> None:
        """Take the place for a new run.

        Raises
        ------
        FileExistsError
            something is there; of those who ask at once one gets it
        """

    def remove(self) -> None:
        """Remove all that is in the place of the run, as far as that can be done."""

    def identity(self) -> Hashable | None:
        """Of what is in the place, the same as long as it is; None where there is no run."""

    def get(self, key: str) -> bytes:
        """All that is under a key."""

    def look(self, key: str) -> Stored:
        """All that is under a key, and its version."""

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """So many of the last bytes under a key, or all where they are fewer; how many all are."""

    def exists(self, key: str) -> bool:
        """Whether there is something under a key."""

    def present(self, keys: Iterable[str]) -> set[str]:
        """Those of some keys, of one folder, under which there is something."""

    def put(
        self,
        key: str,
        content: bytes | Sequence[bytes],
        *,
        synced: bool = True,
        private: bool = False,
    ) -> None:
        """Write a content in place of what may be there.

        Parameters
        ----------
        key : to write
        content : all of it, or its parts in order
        synced : whether it has to outlast a crash of the machine right after; else it may be cut
            then
        private : whether nobody but the owner of a file may read it
        """

    def put_if_absent(self, key: str, content: bytes) -> Version:
        """Write a content where nothing is; its version.

        Raises
        ------
        ChangedError
            something is there
        """

    def put_if_unchanged(self, key: str, content: bytes, version: Version) -> Version:
        """Write a content in place of another; its version.

        Parameters
        ----------
        key : of both
        content : unlike any other that was ever written there, lest one is taken for the other
        version : of what is to be replaced

        Raises
        ------
        ChangedError
            something else is there, or nothing
        """

    def delete(self, key: str) -> None:
        """Remove what is under a key, if there is something."""

    def keys(self, folder: str) -> list[str]:
        """Keys in a folder and those below it, in order."""

    def names(self, folder: str = "") -> list[str]:
        """Names in a folder, or at the top of the run, in order; none where it is not there."""

    def sweep(self) -> None:
        """Remove what interrupted writes left behind; nobody else may be writing."""

    def arrays(self, *, read_only: bool) -> "zarr.abc.store.Store":
        """The same for zarr."""


def each(
    objects: Objects, function: Callable[[Item], Found], items: Iterable[Item]
) -> Generator[Found, None, None]:
    """As ``map``, several at once where each waits for a network.

    Parameters
    ----------
    objects : that the function asks
    function, items : as ``map``
    """
    if objects.at_once == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(objects.at_once)
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)


def plain_version(found: Any) -> Version:
    """Version of what an object store says of a content."""
    return tuple((name, found[name]) for name in ("e_tag", "version") if found.get(name))
