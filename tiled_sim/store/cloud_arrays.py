"""The zarr store of a run at a URL: zarr's own, but for errors and what is told of it."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

from zarr.abc.buffer import Buffer, BufferPrototype
from zarr.abc.store import ByteRequest
from zarr.storage import ObjectStore

from tiled_sim.store.cloud import client_of
from tiled_sim.store.cloud_errors import told
from tiled_sim.store.place import RunURL


class CloudArrays(ObjectStore):
    """Objects of a run by their keys.

    zarr's own store tells errors as obstore does, and where it is sent to another process the
    credentials go with it: this one is its URL there, too, and opened by the environment.

    Parameters
    ----------
    url : of the run
    read_only : whether nothing may be written
    """

    def __init__(self, url: RunURL, *, read_only: bool = False) -> None:
        super().__init__(client_of(url), read_only=read_only)
        self._url = url

    def __str__(self) -> str:
        return str(self._url)

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (self._url, self.read_only)

    def with_read_only(self, read_only: bool = False) -> "CloudArrays":
        """The same to read only, or to write, too."""
        return CloudArrays(self._url, read_only=read_only)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Content of an object, or a part of it; None if it is not there."""
        with told(self._url):
            return await super().get(key, prototype, byte_range)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Parts of objects."""
        with told(self._url):
            return await super().get_partial_values(prototype, key_ranges)

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        with told(self._url):
            return await super().exists(key)

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object."""
        with told(self._url):
            await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write an object unless there is one."""
        with told(self._url):
            await super().set_if_not_exists(key, value)

    async def delete(self, key: str) -> None:
        """Remove an object."""
        with told(self._url):
            await super().delete(key)

    async def delete_dir(self, prefix: str) -> None:
        """Remove objects."""
        with told(self._url):
            await super().delete_dir(prefix)

    async def list(self) -> AsyncGenerator[str, None]:
        """All keys."""
        with told(self._url):
            async for key in super().list():
                yield key

    async def list_prefix(self, prefix: str) -> AsyncGenerator[str, None]:
        """Keys that begin so."""
        with told(self._url):
            async for key in super().list_prefix(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncGenerator[str, None]:
        """Names in a folder."""
        with told(self._url):
            async for name in super().list_dir(prefix):
                yield name


def _opened(url: RunURL, read_only: bool) -> CloudArrays:
    return CloudArrays(url, read_only=read_only)
