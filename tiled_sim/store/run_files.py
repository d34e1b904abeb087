"""The zarr store of a run on a local disk: as zarr's own, but for what a run must not suffer."""

import asyncio
import os
import uuid
from pathlib import Path
from typing import Any

from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    SuffixByteRequest,
)
from zarr.buffer.cpu import buffer_prototype
from zarr.storage import LocalStore

from tiled_sim.store import files


class RunFiles(LocalStore):
    """Files of a run by their keys.

    zarr's own store makes every folder of a file that it writes: a run that was removed while it
    is computed would come back in parts. And it waits for ever where a pipe stands in place of a
    file.

    Parameters
    ----------
    root : directory of the run, which must be there
    read_only : whether nothing may be written
    """

    async def _open(self, **_: Any) -> None:
        self._ensure_open_sync()

    def _ensure_open_sync(self) -> None:
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root} does not exist")
        self._is_open = True

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Content of a file, or a part of it; None if it is not there."""
        return await asyncio.to_thread(
            self.get_sync, key, prototype=prototype, byte_range=byte_range
        )

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """The same without an event loop."""
        made = prototype or buffer_prototype
        try:
            content = _read(self.root / key, byte_range)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return made.buffer.from_bytes(content)

    async def set(self, key: str, value: Buffer) -> None:
        """Write a file, whole or not at all."""
        await asyncio.to_thread(self.set_sync, key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a file unless there is one."""
        if not await self.exists(key):
            await self.set(key, value)

    def set_sync(self, key: str, value: Buffer) -> None:
        """As `set`, without an event loop."""
        self._check_writable()
        file = self.root / key
        files.make_folders(self.root, file.parent)
        partial = file.with_name(f"{file.name}.{uuid.uuid4().hex}.partial")
        try:
            with partial.open("xb") as opened:
                opened.write(value.as_buffer_like())
            os.replace(partial, file)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _read(path: Path, part: ByteRequest | None) -> bytes:
    with files.open_file(path) as file:
        if part is None:
            return file.read()
        if isinstance(part, RangeByteRequest):
            file.seek(part.start)
            return file.read(part.end - part.start)
        if isinstance(part, OffsetByteRequest):
            file.seek(part.offset)
        elif isinstance(part, SuffixByteRequest):
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - part.suffix))
        return file.read()
