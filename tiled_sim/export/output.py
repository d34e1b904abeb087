"""Where an export is written: nothing looks finished before all of it is, and it can go on.

Everything is made in the folder ``PATH.partial`` beside the place where it will stand, each file
under a temporary name until it is on disk. ``export.jsonl`` there says what is exported, and has a
line for each file that is done. When all are, they are moved to where they belong. Whatever stops
an export before leaves that folder alone, and the same command goes on from it.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tiled_sim.errors import StoreError
from tiled_sim.store import durable

_JOURNAL, _LOCK, _TEMPORARY = "export.jsonl", "export.lock", ".tmp"


class Output:
    """Files of an export, from the first to the last.

    A context: left by an error it keeps what is done, for the same command to go on with.

    Parameters
    ----------
    path : of what is made: a file, others of the export beside it, or a folder of all its files
    is_folder : whether it is a folder
    identity : of what is exported, plain JSON values: only the same is gone on with

    Raises
    ------
    StoreError
        the path exists, its folder cannot be written, an export of something else was begun there,
        or another process is at it
    """

    def __init__(self, path: Path, is_folder: bool, identity: Mapping[str, Any]) -> None:
        if not path.name:
            raise StoreError(f"--out {path} has no name that could be made: give one")
        self.path = path
        self.is_folder = is_folder
        self._identity = json.loads(json.dumps(identity))
        self._staging = path.with_name(f"{path.name}.partial")
        self._done: dict[str, int] = {}
        self._lock: FileLock | None = None
        self._is_ours = False

    def __enter__(self) -> "Output":
        if os.path.lexists(self.path):
            raise StoreError(f"{self.path} exists already; name another --out")
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()
            if self._is_ours and not self._done:
                shutil.rmtree(self._staging, ignore_errors=True)  # nothing to go on with

    def begin(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Say which files will be made; those of them that are done already.

        Called once, when nothing is left to be refused: until then nothing is on disk.

        Parameters
        ----------
        names : of all files, in the order in which they will be moved to their place

        Raises
        ------
        StoreError
            as the class says, or a file would be overwritten
        """
        try:
            self._staging.mkdir(exist_ok=True)
            self._require_no_others()
            self._lock = self._locked()
            self._done = self._recorded()
            self._is_ours = True
            self._write_journal()
            for leftover in self._staging.rglob(f"*{_TEMPORARY}"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be made: {durable.reason(error)}; give another --out"
            ) from None
        for name in names:
            self._require_free(name)
        return tuple(name for name in names if self._is_done(name))

    @contextlib.contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """A file or folder to make: the path under which it is; when it ends, it is done.

        Parameters
        ----------
        name : one of those of `begin`; may lie in folders

        Raises
        ------
        StoreError
            it cannot be written
        """
        place = self._staging / name
        temporary = self._staging / f"{name}{_TEMPORARY}"
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            durable.sync(temporary)
            temporary.replace(place)
            durable.sync(place.parent)
            self._record(name, _size(place))
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be written ({durable.reason(error)}): make room, and the same "
                "command goes on"
            ) from error

    def place_of(self, name: str) -> Path:
        """Where a file that is done is until the end."""
        return self._staging / name

    def finish(self, names: tuple[str, ...]) -> tuple[Path, ...]:
        """Move everything to its place, the last of the names last; where each is."""
        folder = self.path if self.is_folder else self.path.parent
        if self.is_folder:
            if os.path.lexists(self.path):  # by now
                raise StoreError(f"{self.path} exists already; name another --out")
            self._staging.rename(self.path)
            for name in (_JOURNAL, _LOCK):  # without which nothing would be known to be ours
                (self.path / name).unlink(missing_ok=True)
        else:
            for name in names:
                if (self._staging / name).exists():
                    self._require_free(name)
                    (self._staging / name).rename(folder / name)
            durable.sync(folder)
            shutil.rmtree(self._staging)
        durable.sync(self.path.parent)
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        return tuple(folder / name for name in names)

    def write_alone(self, content: bytes) -> None:
        """Make the one file of an export, of this content."""
        name = self.path.name
        self.begin((name,))
        with self.file(name) as place:
            place.write_bytes(content)
        self.finish((name,))

    def _require_no_others(self) -> None:
        """Refuse a folder of something else, which would be moved or removed with ours."""
        there = os.listdir(self._staging)
        if _JOURNAL not in there and any(name != _LOCK and not _is_journal(name) for name in there):
            raise StoreError(
                f"{self._staging} is where the export would be made, and holds other files: move "
                "it away, or give another --out"
            )

    def _locked(self) -> FileLock:
        lock = FileLock(self._staging / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                f"{self._staging} is being written by another process; wait for it, or give "
                "another --out"
            ) from None
        return lock

    def _is_done(self, name: str) -> bool:
        size = self._done.get(name)
        places = [self._staging / name, *([] if self.is_folder else [self.path.with_name(name)])]
        return any(place.exists() and _size(place) == size for place in places)

    def _require_free(self, name: str) -> None:
        """Refuse to overwrite what was there before; a file of ours may be, if we were stopped."""
        if self.is_folder:
            return
        place = self.path.with_name(name)
        if os.path.lexists(place) and (
            os.path.lexists(self._staging / name) or not self._is_done(name)
        ):
            raise StoreError(f"{place} exists already and would be overwritten; name another --out")

    def _recorded(self) -> dict[str, int]:
        """Sizes of the files that are done."""
        try:
            lines = (self._staging / _JOURNAL).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        found: dict[str, Any] | None = None
        done: dict[str, int] = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                break  # the process was killed while it wrote
            if found is None:
                found = entry
            else:
                done[entry["file"]] = entry["size"]
        if found is not None and found != self._identity:
            which = next(key for key in self._identity if found.get(key) != self._identity[key])
            raise StoreError(
                f"{self._staging} holds an export that was begun of something else (its {which} is "
                f"{found.get(which)!r}, not {self._identity[which]!r}): remove it, or give another "
                "--out"
            )
        return done

    def _write_journal(self) -> None:
        """Begin the journal anew, with the files that are done."""
        written = [self._identity, *(_entry(name, size) for name, size in self._done.items())]
        content = "".join(f"{json.dumps(entry)}\n" for entry in written)
        durable.write_atomically(self._staging / _JOURNAL, content.encode())

    def _record(self, name: str, size: int) -> None:
        with (self._staging / _JOURNAL).open("ab") as file:
            file.write(f"{json.dumps(_entry(name, size))}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        self._done[name] = size


def _is_journal(name: str) -> bool:
    """Whether a name is that of a journal that was being written."""
    return name.startswith(f".{_JOURNAL}.") and name.endswith(_TEMPORARY)


def _entry(name: str, size: int) -> dict[str, Any]:
    """Line of a file that is done."""
    return {"file": name, "size": size}


def _size(place: Path) -> int:
    """Of a file [byte]; 0 of a folder."""
    return 0 if place.is_dir() else place.stat().st_size
