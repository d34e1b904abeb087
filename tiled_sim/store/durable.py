"""Files that are on disk when a function returns, whatever happens to the machine then."""

import contextlib
import os
import uuid
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, after a crash too."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
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
