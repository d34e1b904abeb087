"""New files of HDF5 on disks that may be full."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: What every HDF5 since 1.10 reads; virtual datasets need that.
_LIBRARY = ("earliest", "v110")


class Storage(io.FileIO):
    """The bytes of a file that HDF5 writes.

    HDF5 2.0 under h5py 3.16 crashes when it closes a file that could not be written. Here it can
    always be, as far as HDF5 knows: the first error is kept, and what comes after it goes nowhere.

    Parameters
    ----------
    path : of the file, which is made
    """

    def __init__(self, path: Path) -> None:
        self._error: OSError | None = None
        super().__init__(path, "w+")

    def require_written(self) -> None:
        """Raise the error that was kept, if there is one."""
        if self._error is not None:
            raise self._error

    def write(self, content: Any) -> int:
        """Write all of a content."""
        rest = memoryview(content).cast("B")
        size = len(rest)
        try:
            while self._error is None and rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Make the file so long."""
        try:
            return super().truncate(size) if self._error is None else size or 0
        except OSError as error:
            self._error = error
            return size or 0


@contextmanager
def new_hdf5(path: Path) -> Iterator[tuple[Any, Storage]]:
    """A new file, open for writing, and its bytes.

    Raises
    ------
    OSError
        it could not be written
    """
    import h5py

    with Storage(path) as storage:
        try:
            with h5py.File(storage, "w", libver=_LIBRARY) as file:
                yield file, storage
        finally:  # what else went wrong came of that
            storage.require_written()
