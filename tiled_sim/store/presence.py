"""Whether the directory of a run is still there, and still that run's."""

import os
from pathlib import Path

from tiled_sim.errors import StoreError
from tiled_sim.store import files, strict_json


class RunRemovedError(StoreError):
    """A run whose directory was removed, or replaced by another, while it was computed."""


class Presence:
    """A look at the directory of a run, cheap enough for every tile.

    Parameters
    ----------
    path : of the run
    run_id : of it
    """

    def __init__(self, path: Path, run_id: str) -> None:
        self._path = path
        self._run_id = run_id
        self._seen: tuple[int, int] | None = None
        self._seen = self._identity_now()

    def require(self) -> None:
        """Make sure that the run is there.

        Raises
        ------
        RunRemovedError
            it is gone, or another has taken its place
        """
        found = self._identity_now()
        if found is not None and found == self._seen:
            return
        # some file systems give a directory another number when they look at it again
        if found is None or not self._is_this_run():
            raise RunRemovedError(
                f"{self._path} was {'removed' if found is None else 'replaced by another run'} "
                "while it was computed: nothing more is computed, and nothing written"
            )
        self._seen = found

    def _identity_now(self) -> tuple[int, int] | None:
        """Of the directory; None if it is gone; what it was if that cannot be seen."""
        try:
            os.stat(self._path / "zarr.json")
            found = os.stat(self._path)
            return found.st_dev, found.st_ino
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return self._seen  # of a file system that hangs or is cut off, writing will tell

    def _is_this_run(self) -> bool:
        try:
            document = strict_json.loads(files.read_file(self._path / "zarr.json"))
            return bool(document["attributes"]["tiled_sim"]["run_id"] == self._run_id)
        except FileNotFoundError:
            return False
        except (OSError, ValueError, LookupError, TypeError):
            return True  # damaged, but that is not for us to tell
