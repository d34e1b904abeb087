"""Who may stop a run by the page: somebody on the scheduler's machine, or who has the run's token.

A browser sends requests on behalf of any page that it shows, also to this machine. Such a page
knows no token; what it sends without one is told by its headers, of which these it cannot choose:
``Origin`` and ``Sec-Fetch-Site`` say where it comes from, and ``Host`` whom it asked for, also
where its own name was made to lead here (DNS rebinding).
"""

import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

#: What a proxy adds: then the machine that asks is not the one that is connected.
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def digest_of(token: str) -> str:
    """What the scheduler knows of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_token(given: str, digest: str) -> bool:
    """Whether a token is the one of a digest; never, of an empty one."""
    return bool(digest) and hmac.compare_digest(digest_of(given), digest)


def is_here(request: HTTPServerRequest) -> bool:
    """Whether somebody on this machine asks this machine, by a name that is nobody else's."""
    forwarded = any(name in request.headers for name in _FORWARDED)
    return not forwarded and _is_loopback(request.remote_ip) and _names_loopback(request.host)


def is_own(request: HTTPServerRequest) -> bool:
    """Whether no other page sends this, as far as a browser tells; scripts tell nothing."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2].lower() != request.host.lower():
        return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str | None) -> bool:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
