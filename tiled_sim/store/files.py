"""Files of a run: read without a wait, and never made where the run is gone."""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from tiled_sim.errors import StoreError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


#: What zarr and its codecs raise of damaged files.
DAMAGE = (OSError, ValueError, RuntimeError, LookupError)
_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class NoFileError(OSError):
    """Something else than a file where one should be; a pipe there would never answer."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def is_shortage(error: BaseException) -> bool:
    """Whether something cannot be read for want of descriptors, memory or a network.

    It may be sound.
    """
    return isinstance(error, OSError) and (
        error.errno in _SHORTAGES or isinstance(error, StoreError)
    )


def open_file(path: Path) -> BinaryIO:
    """Open a file to read; never waits for whoever might write to a pipe of its name.

    Raises
    ------
    NoFileError
        it is a folder, a pipe or another thing that is no file
    OSError
        it is not there, or cannot be read
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise NoFileError(
            errno.EINVAL, f"it is {_KINDS.get(kind, 'something else')} and no file", path
        )
    return os.fdopen(descriptor, "rb")


def read_file(path: Path) -> bytes:
    """All of a file. Raises as `open_file`."""
    with open_file(path) as file:
        return file.read()


def make_folders(root: Path, folder: Path) -> None:
    """Make a folder of a run, and those between; the run's own directory is never made.

    Parameters
    ----------
    root : directory of the run
    folder : in it

    Raises
    ------
    FileNotFoundError
        the run's directory is not there (any more)
    OSError
        it cannot be made
    """
    if folder == root:
        root.stat()
        return
    with contextlib.suppress(FileExistsError):
        try:
            folder.mkdir()
        except FileNotFoundError:
            if root not in folder.parents or folder.parent == root:
                raise
            make_folders(root, folder.parent)
            folder.mkdir()


def sweep(root: Path) -> None:
    """Remove what interrupted writes left behind in a run; nobody else may be writing."""
    patterns = (
        *("traces/**/.*.tmp", "control/**/.*.tmp", "tiles/**/.*.tmp", ".*.tmp"),
        *("0/image/**/.*.tmp", "0/counts/**/.*.tmp", "0/frame/**/.*.tmp", "frames/**/.*.tmp"),
        *("0/image/**/*.partial", "0/counts/**/*.partial", "[0-9]*/*.partial", "*.partial"),
    )
    for pattern in patterns:
        for leftover in root.glob(pattern):
            leftover.unlink(missing_ok=True)
