"""What object stores answer when they do not do what they are asked, in sentences.

The texts of servers and libraries are not passed on: they may name keys, signatures and users.
"""

import contextlib
import errno
import re
from collections.abc import Iterator

from tiled_sim.errors import StoreError
from tiled_sim.store.place import RunURL

_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.I)
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_WITHOUT_CREDENTIALS = re.compile(
    r"Missing ?(AccessKeyId|SecretAccessKey|Account)|must be specified|169\.254\.169\.254"
    r"|metadata\.google|instance credentials|InstanceCredentials",
    re.I,
)
#: Environment variables that say where a store is and who asks, by the scheme of its URLs.
VARIABLES = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, away from Amazon, "
    "AWS_ENDPOINT_URL",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
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
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    text, variables = str(error), VARIABLES[url.scheme]
    code = _CODE.search(text)
    status = _STATUS.search(text)
    answer = " ".join(part for part in (status and status[1], code and code[1]) if part)
    if _NO_BUCKET.search(text):
        return (
            f"there is no bucket {url.bucket} where this process looks; make it, or correct the "
            f"URL or {variables}"
        )
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or answer[:3] in (
        *("401", "403"),
    ):
        return (
            f"the server does not allow it ({answer or 'no permission'}); give these credentials "
            f"the right to read, list, write and delete there, or others by {variables}"
        )
    if _WITHOUT_CREDENTIALS.search(text):
        return f"there are no credentials in the environment; set {variables}"
    if "builder error" in text:
        return (
            "the address of the server is not one that is used; for http:// set AWS_ALLOW_HTTP=true"
        )
    if answer:
        return f"the server does not do it ({answer}); try again, or ask those who run it"
    return (
        f"no answer from the server; see whether this machine reaches it, and whether {variables} "
        "are right"
    )
