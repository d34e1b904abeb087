"""Certificates of a cluster, and a word of warning where there are none."""

import ipaddress
import logging
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from distributed import Security

from tiled_sim.cluster.forms import Tls
from tiled_sim.errors import InputFileError, MissingExtraError, UsageError

logger = logging.getLogger(__name__)

_ROLES = ("client", "scheduler", "worker")


def security_for_ours(tls: Tls | None) -> Security | None:
    """For a cluster that is started here; None: unencrypted.

    Raises
    ------
    InputFileError
        for certificates that cannot be read
    TiledSimError
        if temporary ones are needed and the package that makes them is not installed
    """
    if tls is None:
        return None
    if tls.ca:
        return _checked(_of_files(tls))
    configured = Security(require_encryption=True)
    if all(_is_complete(configured, role) for role in _ROLES):
        return _checked(configured)
    try:
        return Security.temporary()
    except ImportError:
        raise MissingExtraError(
            "tls", "--tls without certificates of your own (--tls-ca, --tls-cert, --tls-key)"
        ) from None


def security_for_theirs(address: str, tls: Tls | None) -> Security | None:
    """For a scheduler that is already running; None: unencrypted.

    Raises
    ------
    UsageError
        if the address is encrypted and there are no certificates, or the other way round
    InputFileError
        for certificates that cannot be read
    """
    if not address.startswith("tls://"):
        if tls is not None:
            raise UsageError(f"--tls does not go with {address}; is it tls://… there?")
        return None
    if tls is not None and tls.ca:
        return _checked(_of_files(tls))
    configured = Security(require_encryption=True)
    if not _is_complete(configured, "client"):
        raise UsageError(
            f"{address} needs certificates: name them by --tls-ca, --tls-cert and --tls-key, or in "
            "dask's configuration under distributed.comm.tls"
        )
    return _checked(configured)


@contextmanager
def on_disk(security: Security | None, folder: str) -> Iterator[Security | None]:
    """The same with its certificates in files that only the user can read, and gone afterwards.

    Parameters
    ----------
    security : whose certificates may be temporary ones, in memory
    folder : that all machines of the cluster see
    """
    settings = security.get_tls_config_for_role("worker") if security else {}
    content = {what: settings.get(what) or "" for what in ("ca_file", "cert", "key")}
    if not all("\n" in text for text in content.values()):
        yield security
        return
    with tempfile.TemporaryDirectory(prefix=".certificates-", dir=folder) as private:
        for what, text in content.items():
            Path(private, what).write_text(text)
        yield _of_files(Tls(*(os.path.join(private, what) for what in content)))


def warn_if_open(address: str, security: Security | None) -> None:
    """Say so if a scheduler listens beyond this machine without encryption."""
    if security is None and not _is_loopback(urlsplit(address).hostname or ""):
        logger.warning(
            "%s is not encrypted: whoever reaches it can read the run and execute programs as its "
            "user; --tls encrypts a cluster that is started here, tls://… reaches one that is",
            address,
        )


def _of_files(tls: Tls) -> Security:
    ca, certificate = os.path.abspath(str(tls.ca)), os.path.abspath(str(tls.certificate))
    # where dask starts a worker by a command it has no way to leave the key out
    key = certificate if tls.key is None else os.path.abspath(tls.key)
    certificates = {f"tls_{role}_cert": certificate for role in _ROLES}
    keys = {f"tls_{role}_key": key for role in _ROLES}
    return Security(require_encryption=True, tls_ca_file=ca, **certificates, **keys)


def _is_complete(security: Security, role: str) -> bool:
    files = security.get_tls_config_for_role(role)
    return bool(files["ca_file"] and files["cert"])


def _checked(security: Security) -> Security:
    """The same, once its files have been read; what is wrong with them is said of their names."""
    settings = security.get_tls_config_for_role("client")
    files = [settings[what] for what in ("ca_file", "cert", "key") if settings[what]]
    for file in files:
        _require_readable(file)
    try:
        security.get_connection_args("client")
    except (ssl.SSLError, OSError) as error:
        raise InputFileError(f"{', '.join(files)} cannot be used together: {error}") from None
    return security


def _require_readable(file: str) -> None:
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise InputFileError(f"cannot read the certificate {file}: {error.strerror}") from None


def _is_loopback(host: str) -> bool:
    """Whether a host is this machine alone; one that cannot be looked up is not."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in found)
