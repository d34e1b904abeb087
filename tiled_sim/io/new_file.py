"""Files that appear whole or not at all, and never in the place of another."""

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tiled_sim.errors import StoreError


def write_new(path: str | Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write a file under a passing name beside its own, and give it its own when it is whole.

    Parameters
    ----------
    path : file to make
    pieces : of its content, in their order

    Raises
    ------
    StoreError : the file exists already or cannot be written; there is then no new file
    """
    with new_file(path) as temporary, temporary.open("xb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """A passing name to write a file under, which gets its own when the context ends well.

    Parameters
    ----------
    path : file to make

    Raises
    ------
    StoreError : as `write_new`
    """
    require_new(path)  # refuses folders as well, an empty name for one
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        _publish(temporary, target)
    except FileExistsError:
        raise StoreError(f"{path}: it exists already: choose another name or remove it") from None
    except OSError as error:
        raise StoreError(
            f"{path}: it cannot be written ({error}): check folder, rights and space"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def require_new(path: str | Path) -> None:
    """Refuse the name of a file that exists, before it costs anything to find its content.

    Raises
    ------
    StoreError : the file exists already
    """
    if Path(path).exists():
        raise StoreError(f"{path}: it exists already: choose another name or remove it")


def _publish(temporary: Path, path: Path) -> None:
    """Give the file its name. A link, unlike a rename, fails where the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.rename(path)
