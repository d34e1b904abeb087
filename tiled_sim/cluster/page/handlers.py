"""What the HTTP server of a scheduler answers below ``/tiled-sim``.

Nothing is changed by it, but that it asks the driver of a run to stop.
"""

import json
import logging
import re
from collections.abc import Callable, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, ClassVar

from tornado import web

from tiled_sim.cluster.page import guard
from tiled_sim.cluster.page.preview import COUNTS, KINDS, PHOTONS
from tiled_sim.cluster.page.registry import Registry
from tiled_sim.cluster.page.state import RunState
from tiled_sim.store.control import TOKEN

logger = logging.getLogger(__name__)

SCHEMA = "tiled_sim tiles 2"
#: Workers that the page lists; a script gets them all.
_WORKERS_OF_PAGE = 100
#: The dashboard may have a prefix of its own before this.
_ROOT = r"(?:/.*)?/tiled-sim"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/schema+json",
}
_HEADERS = {
    # nothing but these files: a string that became markup by mistake could run and fetch nothing
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def application(
    registry: Registry, pages: Sequence[str], stop: Callable[[RunState], None]
) -> web.Application:
    """The page, its data for scripts, and the two binary pieces that it draws.

    Parameters
    ----------
    registry : the runs to show
    pages : names of the dashboard's tabs, for links to them
    stop : asks the driver of a run to stop
    """
    given = {"registry": registry, "pages": pages}
    files = "|".join(map(re.escape, _files()))
    return web.Application(
        [
            (_ROOT, Page),
            (rf"{_ROOT}/", web.RedirectHandler, {"url": "../tiled-sim", "permanent": False}),
            (rf"{_ROOT}/({files})", File),
            (rf"{_ROOT}/tiles\.json", Tiles, given),
            (rf"{_ROOT}/states", States, given),
            (rf"{_ROOT}/preview", Preview, given),
            (rf"{_ROOT}/panels", Panels, given),
            (rf"{_ROOT}/geometry", Geometry, given),
            (rf"{_ROOT}/cancel", Cancel, {**given, "stop": stop}),
        ]
    )


class Handler(web.RequestHandler):
    """Answers GET, and says no more than it must when it cannot."""

    SUPPORTED_METHODS: ClassVar[tuple[str, ...]] = ("GET", "HEAD")  # type: ignore[misc]

    def initialize(self, **given: Any) -> None:
        """Take what `application` gives."""
        self.registry: Registry | None = given.get("registry")
        self.pages: Sequence[str] = given.get("pages", ())
        self.stop: Callable[[RunState], None] = given.get("stop", lambda run: None)

    def set_default_headers(self) -> None:
        """Of every answer, errors included."""
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def head(self, *words: str) -> None:
        """Answer as GET; tornado leaves the body out."""
        self.get(*words)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say in JSON what is wrong."""
        self.finish({"error": self._reason})

    @property
    def run(self) -> RunState:
        """The run that is asked for; the newest unless ``run`` names one."""
        return self.find(self.get_query_argument("run", ""))

    def find(self, run_id: str) -> RunState:
        """The run of an id, which must be there; the newest of an empty one."""
        assert self.registry is not None
        found = self.registry.find(run_id)
        if found is None:
            raise web.HTTPError(404, reason="no such run")
        return found

    @property
    def every_panel(self) -> bool:
        """Whether all panels of the frame are asked for."""
        return self.get_query_argument("panel", "") == "all"

    @property
    def panel(self) -> tuple[int, int]:
        """The frame and the panel that are asked for."""
        return self.number("frame"), self.number("panel")

    def number(self, name: str) -> int:
        """A number in the query; 0 if it is not there."""
        try:
            return int(self.get_query_argument(name, "0"))
        except ValueError:
            raise web.HTTPError(400, reason=f"{name} is not a number") from None


class Page(Handler):
    """The page."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(resources.files(__package__).joinpath("page.html").read_bytes())


class File(Handler):
    """What the page consists of."""

    def get(self, name: str) -> None:
        """Answer."""
        self.set_header("Content-Type", _TYPES[Path(name).suffix])
        self.finish(_files()[name].read_bytes())


class Tiles(Handler):
    """``tiles.json``: the runs, and everything about one of them."""

    def get(self) -> None:
        """Answer; ``brief=yes`` leaves out the states, and workers after the first hundred."""
        assert self.registry is not None
        brief = self.get_query_argument("brief", "") == "yes"
        workers = _WORKERS_OF_PAGE if brief else None
        runs = list(self.registry)
        wanted = runs or self.get_query_argument("run", "")
        now = self.registry.clock()
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "runs": [run.summary() for run in runs],
            "run": None,
            "pages": list(self.pages),
        }
        if wanted:
            threads = self.registry.threads()
            document["run"] = self.run.document(
                now, states=not brief, workers=workers, threads=threads
            )
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(document, allow_nan=False))


class States(Handler):
    """The letters of the tiles of a panel, or of all with ``panel=all``."""

    def get(self) -> None:
        """Answer."""
        try:
            if self.every_panel:
                states = self.run.states_of_frame(self.number("frame"))
            else:
                states = self.run.states_of(*self.panel)
        except IndexError:
            raise web.HTTPError(404, reason="no such panel") from None
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(states)


class Preview(Handler):
    """The codes of the preview of a panel, or of all in turn, little-endian uint16."""

    def get(self) -> None:
        """Answer; with nothing if there is nothing, or nothing newer than ``since``."""
        assert self.registry is not None
        told, previews = self.run.description, self.registry.previews
        kind = self.get_query_argument("of", PHOTONS)
        if kind not in KINDS or (kind == COUNTS and not told.counts):
            raise web.HTTPError(404, reason="no such preview")
        if self.every_panel:
            plane = previews.of_frame(told.run_id, self.number("frame"), told.layout, kind)
        else:
            plane = previews.get(told.run_id, *self.panel, kind)
        version = 0 if plane is None else plane.version
        self.set_header("Tiled-Sim-Version", str(version))
        if plane is None or version == self.number("since"):
            self.set_status(204)
            self.finish()
            return
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(plane.codes.astype("<u2", copy=False).tobytes())


class Panels(Handler):
    """Where the panels of a run are drawn; null of a run whose panels are drawn one by one."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.run.description.arrangement, allow_nan=False))


class Geometry(Handler):
    """Where the pixels of a run are, for resolutions; null of a curved detector."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.run.description.geometry, allow_nan=False))


class Cancel(Handler):
    """Stopping a run, as ``tiled-sim cancel`` does."""

    SUPPORTED_METHODS: ClassVar[tuple[str, ...]] = ("GET", "HEAD", "POST")  # type: ignore[misc]

    def get(self) -> None:
        """Say whether whoever asks needs the run's token, and where that stands."""
        needed = not (guard.is_here(self.request) and guard.is_own(self.request))
        self.finish({"token_needed": needed, "token_file": f"{self.run.description.path}/{TOKEN}"})

    def post(self) -> None:
        """Ask the driver to stop, if JSON says which ``run``, and its ``token`` where needed."""
        run, token = self._asked()
        if token is not None:
            if not guard.is_token(token, run.description.token):
                raise web.HTTPError(403, reason="that is not the token of the run")
        elif not guard.is_here(self.request):
            raise web.HTTPError(403, reason="from another machine it takes the token of the run")
        elif not guard.is_own(self.request):
            raise web.HTTPError(403, reason="another page asks for it")
        if not run.can_stop:
            raise web.HTTPError(409, reason="nobody is computing it")
        logger.info("%s: asked to stop from %s", run.description.path, self.request.remote_ip)
        run.stopping = True
        self.stop(run)
        self.set_status(202)
        self.finish({"said": "its driver has been asked to stop"})

    def _asked(self) -> tuple[RunState, str | None]:
        """The run that is meant, and the token that is given; None: none is."""
        # no form of another page can send JSON, and its script may not
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise web.HTTPError(415, reason="the body has to be application/json")
        try:
            asked = json.loads(self.request.body)
            run_id, token = asked["run"], asked.get("token")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise web.HTTPError(400, reason="the body names no run") from None
        if not isinstance(run_id, str) or not run_id or not isinstance(token, str | None):
            raise web.HTTPError(400, reason="the body names no run")
        return self.find(run_id), token


def _files() -> dict[str, Traversable]:
    """What the page consists of, by name: its own files, and the component that shows images."""
    own = resources.files(__package__)
    component = resources.files("tiled_sim.viewer") / "web" / "js"
    return {
        prefix + file.name: file
        for prefix, folder in (("", own), ("image/", component))
        for file in folder.iterdir()
        if Path(file.name).suffix in _TYPES
    }
