"""Where a run is: a directory, or a URL of an object store."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tiled_sim.errors import StoreError

SCHEMES = ("s3", "gs", "az")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True, slots=True)
class RunURL:
    """Where a run is in an object store; of a `pathlib.Path` it has what is asked of both.

    Parameters
    ----------
    scheme : one of `SCHEMES`
    bucket : or container
    key : what the names of all objects of the run begin with, without a slash at its end
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return PurePosixPath(self.key).stem

    def absolute(self) -> "RunURL":
        """The same, as it is the same from everywhere."""
        return self


Place: TypeAlias = Path | RunURL


def is_url(text: str) -> bool:
    """Whether a text is a URL, and not a path."""
    return _URL.match(text) is not None


def place_of(where: str | Path | RunURL) -> Place:
    """Directory or object store that a path or a URL names.

    Raises
    ------
    StoreError
        a URL of something else, or with a password or the like in it, which is not told
    """
    if isinstance(where, RunURL):
        return where
    text = str(where)
    if not is_url(text):
        return Path(where)
    url = urlsplit(text)
    if url.scheme == "file" and url.netloc in ("", "localhost"):
        return Path(url2pathname(url.path))
    if url.scheme not in SCHEMES:
        raise StoreError(
            f"{url.scheme}://…: runs live in directories and at URLs of "
            f"{', '.join(f'{scheme}://' for scheme in SCHEMES)}; give one of these"
        )
    if "@" in url.netloc or ":" in url.netloc or url.query or url.fragment:
        raise StoreError(
            f"{url.scheme}://…: the URL of a run is {url.scheme}://BUCKET/NAME.zarr and nothing "
            "more: no user, password, port, ? or #. Credentials belong in the environment"
        )
    key = url.path.strip("/")
    if not url.netloc or not key or {"", ".", ".."} & set(key.split("/")):
        raise StoreError(
            f"{text}: the URL of a run names a bucket and a name in it: "
            f"{url.scheme}://BUCKET/NAME.zarr"
        )
    return RunURL(url.scheme, url.netloc, key)
