"""The contents of a run as objects of an object store, through obstore."""

import contextlib
import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tiled_sim.errors import MissingExtraError
from tiled_sim.store.cloud_errors import VARIABLES, CloudError, told
from tiled_sim.store.objects import ChangedError, Stored, Version, plain_version
from tiled_sim.store.place import RunURL

if TYPE_CHECKING:
    from tiled_sim.store.cloud_arrays import CloudArrays

#: Begins what is put into the place of a new run first; see `Cloud.make`.
_EMPTY_GROUP = b'{"zarr_format": 3, "node_type": "group", "attributes": {}}\n'
#: Of the environment variables that say who asks and where.
_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_")
#: Keys that are asked for one by one; where there are more, all are listed.
_FEW = 8
_RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}


class Cloud:
    """Objects of a run, as `tiled_sim.store.objects.Objects` has it.

    Parameters
    ----------
    url : of the run

    Raises
    ------
    MissingExtraError
        obstore is not installed
    CloudError
        the environment lacks what is needed
    """

    at_once = 16

    def __init__(self, url: RunURL) -> None:
        self._url = url
        self._client = client_of(url)
        variables = VARIABLES[url.scheme]
        self.shared = (
            f"each worker opens it by the environment in which it was started: {variables.who}, "
            f"and {variables.where}"
        )
        self.to_write = f"See what {variables.who} may do there"

    def is_there(self) -> bool:
        """Whether there is an object whose name begins as those of the run would."""
        import obstore

        with told(self._url):
            return any(obstore.list(self._client, chunk_size=1))

    def make(self) -> None:
        """Put the metadata of an empty group, which is no run yet, where there is nothing."""
        if self.is_there():
            raise FileExistsError(str(self._url))
        try:
            self.put_if_absent("zarr.json", _EMPTY_GROUP)
        except ChangedError as error:
            raise FileExistsError(str(self._url)) from error

    def remove(self) -> None:
        """Remove all objects."""
        import obstore

        with contextlib.suppress(OSError), told(self._url):
            obstore.delete(self._client, self.keys(""))

    def identity(self) -> Version | None:
        """Of the metadata of the root; None where there are none."""
        import obstore

        try:
            with told(self._url):
                return plain_version(obstore.head(self._client, "zarr.json"))
        except FileNotFoundError:
            return None

    def get(self, key: str) -> bytes:
        """All of an object."""
        return self.look(key).content

    def look(self, key: str) -> Stored:
        """All of an object, and what the server calls this state of it."""
        import obstore

        with told(self._url):
            found = obstore.get(self._client, key)
            return Stored(bytes(found.bytes()), plain_version(found.meta))

    def get_tail(self, key: str, length: int) -> tuple[bytes, int]:
        """The end of an object, and its size."""
        import obstore
        from obstore.exceptions import GenericError, NotSupportedError

        with told(self._url):
            try:
                found = obstore.get(self._client, key, options={"range": {"suffix": length}})
                return bytes(found.bytes()), found.meta["size"]
            except (GenericError, NotSupportedError):
                # Azure knows no such range, and of an empty object there is none
                size = obstore.head(self._client, key)["size"]
                start = max(0, size - length)
                if start == size:
                    return b"", size
                return bytes(obstore.get_range(self._client, key, start=start, end=size)), size

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        import obstore

        try:
            with told(self._url):
                obstore.head(self._client, key)
        except FileNotFoundError:
            return False
        return True

    def present(self, keys: Iterable[str]) -> set[str]:
        """Those of some objects that are there."""
        wanted = list(keys)
        if len(wanted) <= _FEW:
            return {key for key in wanted if self.exists(key)}
        return set(wanted).intersection(self.keys(wanted[0].split("/")[0]))

    def put(
        self,
        key: str,
        content: bytes | Sequence[bytes],
        *,
        synced: bool = True,
        private: bool = False,
    ) -> None:
        """Write an object, which stays in any case; who may read it is up to the bucket."""
        whole = content if isinstance(content, bytes) else b"".join(content)
        self._put(key, whole, "overwrite")

    def put_if_absent(self, key: str, content: bytes) -> Version:
        """Write an object that is not there yet."""
        return self._put_by_condition(key, content, "create")

    def put_if_unchanged(self, key: str, content: bytes, version: Version) -> Version:
        """Write an object in place of another."""
        return self._put_by_condition(key, content, dict(version))  # type: ignore[call-overload]

    def delete(self, key: str) -> None:
        """Remove an object."""
        import obstore

        with contextlib.suppress(FileNotFoundError), told(self._url):
            obstore.delete(self._client, key)

    def keys(self, folder: str) -> list[str]:
        """Objects whose names begin so."""
        import obstore

        with told(self._url):
            found = obstore.list(self._client, folder or None)
            return sorted(item["path"] for part in found for item in part)

    def names(self, folder: str = "") -> list[str]:
        """The first parts of the names, or those that follow a folder's."""
        import obstore

        with told(self._url):
            found = obstore.list_with_delimiter(self._client, folder or None)
        paths = [*found["common_prefixes"], *(item["path"] for item in found["objects"])]
        return sorted(path.removeprefix(f"{folder}/") for path in paths)

    def sweep(self) -> None:
        """Remove what those left behind who tried whether they can write."""
        for name in self.names():
            if name.startswith(".") and name.endswith(".tmp"):
                self.delete(name)

    def arrays(self, *, read_only: bool) -> "CloudArrays":
        """The same for zarr."""
        from tiled_sim.store.cloud_arrays import CloudArrays

        return CloudArrays(self._url, read_only=read_only)

    def _put(self, key: str, content: bytes, mode: Any) -> Version:
        import obstore

        with told(self._url):
            # in one piece: of parts that are never put together nobody would know
            found = obstore.put(self._client, key, content, mode=mode, use_multipart=False)
        return plain_version(found)

    def _put_by_condition(self, key: str, content: bytes, mode: Any) -> Version:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with told(self._url):
            try:
                found = obstore.put(self._client, key, content, mode=mode, use_multipart=False)
                return plain_version(found)
            except (AlreadyExistsError, PreconditionError):
                pass
        # a request that was done, but whose answer was lost, was sent again
        with contextlib.suppress(FileNotFoundError):
            there = self.look(key)
            if there.content == content and content != _EMPTY_GROUP:
                return there.version
        raise ChangedError(key)


def client_of(url: RunURL) -> Any:
    """Obstore's client of a run, made anew when the environment has changed."""
    said = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(_PREFIXES)}
    for name, value in said.items():
        if "ENDPOINT" in name and not _is_address(value):
            raise CloudError(
                f"{url}: {name} is not http://HOST:PORT or https://HOST; correct or unset it"
            )
    return _client_of(url, hashlib.sha256(repr(said).encode()).digest())


def _is_address(text: str) -> bool:
    """Whether a text is the URL of a server; obstore falls over others."""
    try:
        found = urlsplit(text)
        return found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:  # a port that is none
        return False


@functools.lru_cache(maxsize=32)
def _client_of(url: RunURL, _: bytes) -> Any:
    try:
        from obstore import store
    except ImportError as error:
        raise MissingExtraError("cloud", f"a run at {url.scheme}://") from error
    kinds = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}
    with told(url):
        # any client_options would replace those of the environment, such as AWS_ALLOW_HTTP
        return kinds[url.scheme](url.bucket, prefix=url.key, retry_config=_RETRIES)
