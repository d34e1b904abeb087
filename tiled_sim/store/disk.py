"""The contents of a run as files of one directory."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tiled_sim.store import durable, files
from tiled_sim.store.objects import ChangedError, Stored, Version

if TYPE_CHECKING:
    from tiled_sim.store.run_files import RunFiles

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: Version of what is there and is no file.
_NO_FILE = "no file"


class Disk:
    """Files of a run, as `tiled_sim.store.objects.Objects` has it.

    Parameters
    ----------
    root : directory of the run; it is made by `make` alone, so that a run that is removed while it
        is computed does not come back in parts
    """

    shared = "the store must lie on a file system that every worker shares"
    to_write = "Make room, or let this user write there"
    at_once = 1

    def __init__(self, root: Path) -> None:
        self._root = root

    def is_there(self) -> bool:
        """Whether something of this name is there, be it a link to nothing."""
        return os.path.lexists(self._root)

    def make(self) -> None:
        """Make the directory, and those above it."""
        self._root.mkdir(parents=True)

    def remove(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self._root, ignore_errors=True)

    def identity(self) -> tuple[int, int] | None:
        """Of the directory; None where there is no run in it."""
        try:
            os.stat(self._root / "zarr.json")
            found = os.stat(self._root)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino

    def get(self, key: str) -> bytes:
        """All of a file."""
        return files.read_file(self._root / key)

    def look(self, key: str) -> Stored:
        """All of a file, and its digest; of a pipe or the like nothing."""
        try:
            content = self.get(key)
        except files.NoFileError:
            return Stored(b"", _NO_FILE)  # a file can take the place of most
        return Stored(content, _version(content))

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """The end of a file, and its size."""
        with files.open_file(self._root / key) as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, size - length))
            return opened.read(), size

    def exists(self, key: str) -> bool:
        """Whether there is a file of this name, or something else."""
        return (self._root / key).exists()

    def present(self, keys: Iterable[str]) -> set[str]:
        """Those of some files that are there."""
        root = f"{self._root}/"
        return {key for key in keys if os.path.lexists(root + key)}

    def put(
        self,
        key: str,
        content: bytes | Sequence[bytes],
        *,
        synced: bool = True,
        private: bool = False,
    ) -> None:
        """Write a file, whole or not at all."""
        file = self._root / key
        try:
            durable.write_atomically(file, content, synced=synced, private=private)
        except FileNotFoundError:  # the folder, mostly
            files.make_folders(self._root, file.parent)
            durable.write_atomically(file, content, synced=synced, private=private)

    def put_if_absent(self, key: str, content: bytes) -> Version:
        """Write a file that is not there yet."""
        file = self._root / key
        files.make_folders(self._root, file.parent)
        try:
            durable.write_if_absent(file, content)
        except FileExistsError as error:
            raise ChangedError(key) from error
        except FileNotFoundError as error:
            self._require_root(error)
            raise ChangedError(key) from error  # swept away by one who was quicker
        return _version(content)

    def put_if_unchanged(self, key: str, content: bytes, version: Version) -> Version:
        """Write a file in place of another.

        Where a file system knows no locks, two may take turns between the look and the writing:
        then the one who comes first is told so by his next `put_if_unchanged`.
        """
        file = self._root / key
        try:
            with _locked(file.parent):
                if self.look(key).version != version:
                    raise ChangedError(key)
                durable.write_atomically(file, content)
        except FileNotFoundError as error:
            self._require_root(error)
            raise ChangedError(key) from error
        return _version(content)

    def _require_root(self, error: OSError) -> None:
        """Tell of a file that is not there only if the run is."""
        if not self.is_there():
            raise error

    def delete(self, key: str) -> None:
        """Remove a file."""
        (self._root / key).unlink(missing_ok=True)

    def keys(self, folder: str) -> list[str]:
        """Files in a folder and those below it."""
        before = len(str(self._root)) + 1
        return sorted(
            f"{parent}/{name}"[before:].replace(os.sep, "/")
            for parent, _, names in os.walk(self._root / folder)
            for name in names
        )

    def names(self, folder: str = "") -> list[str]:
        """Names in the directory, or in one within."""
        try:
            return sorted(os.listdir(self._root / folder))
        except FileNotFoundError:
            return []

    def sweep(self) -> None:
        """Remove files that were not renamed in the end."""
        files.sweep(self._root)

    def arrays(self, *, read_only: bool) -> "RunFiles":
        """The same for zarr."""
        # not imported for what is no array: control, sidecars, attributes
        from tiled_sim.store.run_files import RunFiles

        return RunFiles(self._root, read_only=read_only)


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone in a folder, as far as its file system knows how."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
