"""What stands beside the results of a run while it goes on: who computes it, what failed, stop.

``control/driver.json`` is written anew every two seconds by the process that hands out the tiles,
``control/cancel`` asks it to stop, ``control/token`` lets others do so by the page on the
dashboard, and ``control/failures`` holds a record of each tile that was given up. None of it
decides what is done: that the sidecars do.
"""

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, get_type_hints

from tiled_sim.errors import StoreError
from tiled_sim.store import strict_json
from tiled_sim.store.location import objects_of
from tiled_sim.store.objects import Version
from tiled_sim.store.place import Place
from tiled_sim.store.sidecar import ids_of, key_of

_DRIVER, _CANCEL, _FAILURES = "control/driver.json", "control/cancel", "control/failures"
#: Whoever shows what stands there may stop the run by the page on the dashboard.
TOKEN = "control/token"

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
    left : tiles that are not done either, and that it leaves to others: of other frames
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
    left: int = 0

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


class Look(NamedTuple):
    """What is said of the driver of a run.

    Parameters
    ----------
    driver : the last, whether it still lives or not; None if there was none, or what it said of
        itself is damaged
    version : of what is said; None if nothing is
    """

    driver: Driver | None
    version: Version | None


class Control:
    """The ``control`` folder of a run.

    Parameters
    ----------
    place : of the run
    """

    def __init__(self, place: Place) -> None:
        self._objects = objects_of(place)

    def driver(self) -> Driver | None:
        """The last driver, whether it still lives or not; None if there was none.

        Raises
        ------
        CloudError
            that cannot be told
        """
        return _decoded(Driver, self._content(_DRIVER))

    def look(self) -> Look:
        """The last driver, and what `write_driver` has to know to replace it.

        Raises
        ------
        OSError
            that cannot be told
        """
        try:
            found = self._objects.look(_DRIVER)
        except FileNotFoundError:
            return Look(None, None)
        return Look(_decoded(Driver, found.content), found.version)

    def write_driver(self, driver: Driver, before: Version | None) -> Version:
        """Describe the driver, if nobody has done so since somebody looked.

        Parameters
        ----------
        driver : unlike any that was written before, by its token and beat
        before : version of what the look found, or of what was written last

        Returns
        -------
        version of what is written

        Raises
        ------
        ChangedError
            somebody has; `look` tells who
        OSError
            it cannot be written
        """
        content = strict_json.dumps(asdict(driver)).encode()
        if before is None:
            return self._objects.put_if_absent(_DRIVER, content)
        return self._objects.put_if_unchanged(_DRIVER, content, before)

    def cancel(self) -> None:
        """Ask whoever computes the run to stop."""
        self._objects.put(_CANCEL, b"")

    def write_token(self, token: str) -> None:
        """Leave a token for those who want to stop the run by the page on the dashboard."""
        self._objects.put(TOKEN, token.encode(), synced=False, private=True)

    def go_on(self) -> None:
        """Take back what `cancel` asked, and forget the tiles that were given up."""
        self._objects.delete(_CANCEL)
        for key in self._objects.keys(_FAILURES):
            self._objects.delete(key)

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop, as far as that can be told."""
        with contextlib.suppress(OSError):
            return self._objects.exists(_CANCEL)
        return False

    def write_failure(self, failure: Failure) -> None:
        """Record a tile that is given up."""
        key = key_of(_FAILURES, failure.tile)
        self._objects.put(key, strict_json.dumps(asdict(failure)).encode())

    def failures(self) -> Iterator[Failure]:
        """Tiles that were given up, in the order of their ids."""
        for tile in ids_of(self._objects.keys(_FAILURES), _FAILURES):
            found = _decoded(Failure, self._content(f"{_FAILURES}/{tile}.json"))
            if found is not None:
                yield found

    def _content(self, key: str) -> bytes:
        """Of a document; none where it cannot be read, as if it were damaged."""
        try:
            return self._objects.get(key)
        except StoreError:
            raise  # nobody knows what is there
        except OSError:
            return b""


def new_token() -> str:
    """For a driver, or those who may stop it: nobody can guess it."""
    return uuid.uuid4().hex


def _decoded(kind: Any, content: bytes) -> Any:
    """A record from its text; None if it is damaged: it decides nothing."""
    try:
        found = kind(**strict_json.loads(content))
    except (ValueError, TypeError):
        return None
    kinds = get_type_hints(kind)
    return found if all(isinstance(getattr(found, name), kinds[name]) for name in kinds) else None
