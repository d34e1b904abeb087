"""What object stores answer when they do not do what they are asked, in sentences.

The texts of servers and libraries are not passed on: they may name keys, signatures and users.
"""

import contextlib
import errno
import re
from collections.abc import Iterator
from typing import NamedTuple

from tiled_sim.errors import StoreError
from tiled_sim.store.place import RunURL

_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.I)
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
#: Where a machine of the cloud would be asked for those that it has.
_NO_CREDENTIALS = re.compile(
    r"Missing ?(AccessKeyId|SecretAccessKey|Account)|Account must be specified"
    r"|169\.254\.169\.254|metadata\.google"
)


class Variables(NamedTuple):
    """Environment variables that obstore reads, as words in a sentence.

    Parameters
    ----------
    who : asks: credentials
    where : the server is
    """

    who: str
    where: str


#: By the scheme of the URL.
VARIABLES = {
    "s3": Variables(
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "AWS_REGION and, away from Amazon, AWS_ENDPOINT_URL",
    ),
    "gs": Variables("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": Variables(
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCOUNT_NAME"
    ),
}


class CloudError(StoreError, OSError):
    """An object store that does not answer, or refuses what it is asked."""


@contextlib.contextmanager
def told(url: RunURL, key: str = "") -> Iterator[None]:
    """Tell in a sentence what an object store does not do.

    Parameters
    ----------
    url : of the run
    key : of the object that is asked for; empty: of none

    Raises
    ------
    FileNotFoundError
        there is no such object, but a bucket
    CloudError
        anything else
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except (FileNotFoundError, BaseError) as error:
        if isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(str(error)):
            raise FileNotFoundError(errno.ENOENT, "no such object", f"{url}/{key}") from None
        raise CloudError(f"{url}: {_sentence(url, error)}") from None


def _sentence(url: RunURL, error: Exception) -> str:
    """What is wrong, and what to do."""
    from obstore.exceptions import InvalidPathError, PermissionDeniedError, UnauthenticatedError

    text, variables = str(error), VARIABLES[url.scheme]
    status, code = _STATUS.search(text), _CODE.search(text)
    answer = " ".join(found[1] for found in (status, code) if found)
    if _NO_BUCKET.search(text):
        return (
            f"there is no bucket {url.bucket}; make it, or correct the URL, or see where this "
            f"process looks for it: {variables.where}"
        )
    if _NO_CREDENTIALS.search(text):
        return f"there are no credentials in the environment; set {variables.who}"
    denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if denied or answer.startswith(("401", "403")):
        return (
            f"the server does not allow it ({answer or 'no permission'}); see whether "
            f"{variables.who} are right, and may read, list, write and delete there"
        )
    if isinstance(error, InvalidPathError):
        return (
            "among its objects is one with a name that no file could have, with .. in it say; "
            "remove it by the program that made it"
        )
    if "builder error" in text:
        return "a server at http:// is used with AWS_ALLOW_HTTP=true alone; set that, or https://"
    if answer:
        return f"the server does not do it ({answer}); try again, or ask those who run it"
    return (
        "there is no answer from the server; see whether this machine reaches it, by what is said "
        f"in {variables.where}"
    )
