"""Files that are on disk when a function returns, whatever happens to the machine then."""

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

#: What file systems say that give no file a second name.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@contextlib.contextmanager
def ready(
    path: Path, content: bytes | Sequence[bytes], *, synced: bool = True, private: bool = False
) -> Iterator[Path]:
    """A file beside another, to take its place: all of it is on disk; it is not left behind."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    mode = 0o600 if private else 0o666
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        yield temporary
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(
    path: Path, content: bytes | Sequence[bytes], *, synced: bool = True, private: bool = False
) -> None:
    """Write a file so that it is there whole or not at all, after a crash too if it is synced.

    Parameters
    ----------
    path : of it
    content : all of it, or its parts in order
    synced : whether it has to outlast a crash
    private : whether nobody but its owner may read it
    """
    with ready(path, content, synced=synced, private=private) as temporary:
        temporary.replace(path)
    if synced:
        sync(path.parent)


def write_if_absent(path: Path, content: bytes) -> None:
    """The same, where there is none yet.

    Raises
    ------
    FileExistsError
        there is one
    """
    with ready(path, content) as temporary:
        try:
            os.link(temporary, path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with path.open("xb") as file:
                file.write(content)
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def reason(error: OSError) -> str:
    """Why a file cannot be read or written, with its name if that is known."""
    why = error.strerror or str(error)
    return why if error.filename is None else f"{why}: {error.filename}"


def sync(path: Path) -> None:
    """Have a file or a directory on disk; where directories cannot be synced, go on without."""
    with contextlib.suppress(PermissionError):  # Windows opens no directories
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
