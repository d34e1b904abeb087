"""The files that the viewer's page consists of."""

import functools
from importlib import resources

#: Of every answer. Nothing but these files: a string that became markup could run nothing.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}


@functools.cache
def page_files() -> tuple[str, ...]:
    """Their paths below the page's own folder."""
    root = resources.files("tiled_sim.viewer") / "web"
    names = [entry.name for entry in root.iterdir() if entry.is_file()]
    names += [f"js/{entry.name}" for entry in (root / "js").iterdir() if entry.is_file()]
    return tuple(sorted(name for name in names if name.rsplit(".", 1)[-1] in _TYPES))


def content_of(name: str) -> bytes:
    """One of `page_files`."""
    return resources.files("tiled_sim.viewer").joinpath("web", *name.split("/")).read_bytes()


def type_of(name: str) -> str:
    """Of what kind it is, as HTTP has it."""
    return _TYPES[name.rsplit(".", 1)[-1]]
