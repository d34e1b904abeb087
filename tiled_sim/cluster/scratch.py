"""Folders that processes of one machine share for as long as one of them holds them.

Whoever holds an entry has it locked, and the system takes back the locks of a process that dies,
however it dies: what nobody holds is left over, and anybody may remove it.
"""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is shared
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_PARTIAL = ".partial"
#: For another process that makes an entry; after that one goes without.
_SECONDS_TO_MAKE = 300.0
_SECONDS_BETWEEN_LOOKS = 0.1
#: Times that the folder may vanish between being made and being locked.
_TRIES = 100


class Held:
    """An entry that this process holds.

    Parameters
    ----------
    scratch : that it is in
    path : of the entry
    descriptor : of its lock
    """

    def __init__(self, scratch: "Scratch", path: Path, descriptor: int) -> None:
        self.path = path
        self._scratch = scratch
        self._descriptor = descriptor
        # a process that ends releases what it holds
        self._once = Finalize(None, self._release, exitpriority=0)

    def release(self) -> None:
        """Hold it no longer; it is removed if nobody does."""
        self._once()

    def _release(self) -> None:
        os.close(self._descriptor)
        try:
            self._scratch.sweep()
        except OSError:  # whoever comes next sweeps
            logger.info("%s may be left over", self.path, exc_info=True)

    def discard(self) -> None:
        """The same of an entry that is damaged, which others who hold it lose sight of."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


class Scratch:
    """A folder whose entries, folders too, are there as long as a process holds them.

    Parameters
    ----------
    folder : made when it is needed, removed when it is empty; its parent must be there
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, name: str, make: Callable[[Path], None]) -> Held:
        """Hold an entry, which is made if it is not there; of several processes one makes it.

        Parameters
        ----------
        name : of the entry
        make : fills an empty folder; whatever it raises is raised, and nothing is left behind

        Raises
        ------
        OSError
            the folder cannot be written or locked, is not this user's alone, or another process
            takes too long to make the entry
        """
        entry, partial = self._folder / name, self._folder / f"{name}{_PARTIAL}"
        deadline = time.monotonic() + _SECONDS_TO_MAKE
        while True:
            with self._alone():
                if entry.is_dir() and (held := _locked(entry, fcntl.LOCK_SH)) is not None:
                    return Held(self, entry, held)
                partial.mkdir(mode=0o700, exist_ok=True)
                making = _locked(partial, fcntl.LOCK_EX)
            if making is not None:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process does not finish {entry}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        try:
            for left in partial.iterdir():  # by one that died
                left.unlink()
            make(partial)
            with self._alone():
                partial.rename(entry)
                fcntl.flock(making, fcntl.LOCK_SH)
        except BaseException:
            os.close(making)
            with contextlib.suppress(OSError):
                self.sweep()
            raise
        return Held(self, entry, making)

    def sweep(self) -> None:
        """Remove every entry that nobody holds, and the folder if none is left."""
        if fcntl is None or not self._folder.is_dir():
            return
        with self._alone():
            for entry in list(self._folder.iterdir()):
                unheld = _locked(entry, fcntl.LOCK_EX)
                if unheld is not None:
                    shutil.rmtree(entry, ignore_errors=True)
                    os.close(unheld)
            if not any(self._folder.iterdir()):
                self._folder.rmdir()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time, in the folder; for moments."""
        if fcntl is None:
            raise OSError("this system has no locks of files")
        descriptor = self._lock()
        try:
            yield
        finally:
            os.close(descriptor)

    def _lock(self) -> int:
        """Make the folder and lock it; whoever had it may have removed it meanwhile."""
        for _ in range(_TRIES):
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except FileNotFoundError:
                if not self._folder.parent.is_dir():
                    raise
                continue
            try:
                opened = os.fstat(descriptor)
                if opened.st_uid != os.getuid() or opened.st_mode & 0o077:
                    raise PermissionError(f"{self._folder} is open to other users")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(opened, os.stat(self._folder)):
                    return descriptor
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        raise FileNotFoundError(f"{self._folder} is removed again and again")


def _locked(entry: Path, kind: int) -> int | None:
    """Descriptor of an entry with its lock; None if others have it."""
    descriptor = os.open(entry, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
