"""What stands beside the results of a run while it goes on: who computes it, what failed, stop.

``control/driver.json`` is written anew every two seconds by the process that hands out the tiles,
``control/cancel`` asks it to stop, and ``control/failures`` holds a record of each tile that was
given up. None of it decides what is done: that the sidecars do.
"""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

from tiled_sim.store import durable, files, strict_json
from tiled_sim.store.sidecar import check_tile_id

RUNNING, FINISHED, CANCELLED, FAILED = "running", "finished", "cancelled", "failed"
#: What others say of a driver that last said that it is running, and then nothing more.
SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Driver:
    """The process that hands out the tiles of a run, as it last described itself.

    Parameters
    ----------
    token : of this one, unlike any other's
    host, pid : where it runs
    state : ``running``, ``finished``, ``cancelled`` or ``failed``
    beat : grows by one with every sign of life
    began : UTC, by its own clock
    seconds : for which it has been running [s]
    missing : tiles that it set out to compute
    done, failed : of them
    evaluations : that it has seen done, those of tiles under way included
    dashboard : address of the page to watch; empty if there is none
    error : why it failed; empty if it did not
    under_way : what is done of tiles that are not yet counted as done, in tiles
    """

    token: str
    host: str
    pid: int
    state: str
    beat: int
    began: str
    seconds: float
    missing: int
    done: int
    failed: int
    evaluations: int
    dashboard: str
    error: str
    under_way: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until it is through, at the pace so far [s]; None before something is done."""
        done = self.done + self.under_way
        return (self.missing - done - self.failed) * self.seconds / done if done else None


@dataclass(frozen=True, slots=True)
class Failure:
    """A tile that was given up.

    Parameters
    ----------
    tile : its id
    attempts : made
    error : the last one
    worker : where that was
    """

    tile: str
    attempts: int
    error: str
    worker: str


class Control:
    """The ``control`` folder of a run.

    Parameters
    ----------
    path : of the run
    """

    def __init__(self, path: Path) -> None:
        self._root = path
        self._folder = path / "control"

    def driver(self) -> Driver | None:
        """The last driver, whether it still lives or not; None if there was none."""
        return _read(Driver, self._folder / "driver.json")

    def write_driver(self, driver: Driver) -> None:
        """Describe the driver."""
        files.make_folders(self._root, self._folder)
        durable.write_atomically(
            self._folder / "driver.json", strict_json.dumps(asdict(driver)).encode()
        )

    def cancel(self) -> None:
        """Ask whoever computes the run to stop."""
        files.make_folders(self._root, self._folder)
        durable.write_atomically(self._folder / "cancel", b"")

    def go_on(self) -> None:
        """Take back what `cancel` asked, and forget the tiles that were given up."""
        (self._folder / "cancel").unlink(missing_ok=True)
        for file in self._failure_files():
            file.unlink(missing_ok=True)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return (self._folder / "cancel").exists()

    def write_failure(self, failure: Failure) -> None:
        """Record a tile that is given up."""
        check_tile_id(failure.tile)
        file = self._folder / "failures" / f"{failure.tile}.json"
        files.make_folders(self._root, file.parent)
        durable.write_atomically(file, strict_json.dumps(asdict(failure)).encode())

    def failures(self) -> Iterator[Failure]:
        """Tiles that were given up, in the order of their ids."""
        return (
            found for file in self._failure_files() if (found := _read(Failure, file)) is not None
        )

    def _failure_files(self) -> list[Path]:
        return sorted((self._folder / "failures").glob("f*/p*/r*.json"))


def new_token() -> str:
    """For a driver."""
    return uuid.uuid4().hex


def _read(kind: Any, file: Path) -> Any:
    """A record from its file; None if it is not there or is damaged: it decides nothing."""
    try:
        found = kind(**strict_json.loads(files.read_file(file)))
    except (OSError, ValueError, TypeError):
        return None
    kinds = get_type_hints(kind)
    return found if all(isinstance(getattr(found, name), kinds[name]) for name in kinds) else None
