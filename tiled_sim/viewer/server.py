"""The HTTP server of the viewer, on loopback; nothing is changed by it.

Whoever asks has to know the token that is the beginning of every path, and to ask by a name of this
machine's own: a page from elsewhere whose name was made to point here can do neither.
"""

import asyncio
import json
import math
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from tornado import httpserver, netutil, web

from tiled_sim.errors import TiledSimError, UsageError, written
from tiled_sim.run.run import Run
from tiled_sim.viewer.description import Frames, describe_run
from tiled_sim.viewer.details import Details
from tiled_sim.viewer.encoding import encode
from tiled_sim.viewer.files import HEADERS, content_of, page_files, type_of
from tiled_sim.viewer.mosaic import Mosaic, Place
from tiled_sim.viewer.spots import Spots

#: Of its own machine; only who is on it, or comes through a tunnel to it, can ask.
ADDRESS = "127.0.0.1"
_HOSTS = {"localhost", "127.0.0.1", "[::1]"}
_THREADS = 4
_NUMBER = re.compile("[0-9]{1,15}")
#: Of detectors that are larger nothing is read before somebody asks [cell].
_MOST_READY = 1 << 26


class Served:
    """A run that is shown.

    Parameters
    ----------
    run : finished or not
    """

    def __init__(self, run: Run) -> None:
        self.mosaic = Mosaic(run)
        self.frames = Frames(run.experiment)
        self.details = Details(run, self.mosaic.done)
        self.spots = Spots(run, self.mosaic.pixels)
        self.description = {
            **describe_run(self.mosaic),
            "offers": {"chain": True, "spots": True, "status": True},
        }

    def make_ready(self, settings: dict[str, Any]) -> None:
        """Make the coarsest tiles of what is shown first, and keep them for whoever asks.

        Parameters
        ----------
        settings : ``frame`` and ``quantity``
        """
        if math.prod(self.mosaic.assembly.shape) > _MOST_READY:
            return
        places = self.mosaic.places(settings["quantity"], settings["frame"])
        for place in places:
            if place.level == self.mosaic.levels - 1:
                self.mosaic.tile(place)


@dataclass(frozen=True, slots=True)
class Viewer:
    """A server that is ready.

    Parameters
    ----------
    http : that listens
    url : to open in a browser
    port : that it listens on
    pool : threads that read
    """

    http: httpserver.HTTPServer
    url: str
    port: int
    pool: ThreadPoolExecutor

    def stop(self) -> None:
        """Listen no more."""
        self.http.stop()
        self.pool.shutdown(wait=False, cancel_futures=True)


def serve(
    runs: Sequence[Run],
    port: int,
    ready: Callable[[Viewer], None],
    settings: dict[str, Any],
) -> None:
    """Serve until the process is interrupted.

    Parameters
    ----------
    runs : one, or two to compare
    port : to listen on; 0: any that is free
    ready : is told when it listens
    settings : what the page shows first: ``frame`` and ``quantity``

    Raises
    ------
    UsageError
        if the port is taken
    """

    async def forever() -> None:
        viewer = listen(runs, port, settings)
        try:
            ready(viewer)
            await asyncio.Event().wait()
        finally:
            viewer.stop()

    asyncio.run(forever())


def listen(runs: Sequence[Run], port: int, settings: dict[str, Any]) -> Viewer:
    """Begin to serve, on the event loop that runs. Parameters and errors are those of `serve`."""
    token = secrets.token_urlsafe(12)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="viewer")
    served = [Served(run) for run in runs]
    given = {"served": served, "pool": pool, "settings": settings}
    root = f"/{token}"
    application = web.Application(
        [
            (root, web.RedirectHandler, {"url": f"{root}/", "permanent": False}),
            (rf"{root}/data/start\.json", Start, given),
            (rf"{root}/data/([01])/run\.json", Description, given),
            (rf"{root}/data/([01])/frames/([0-9]+)\.json", Frame, given),
            (rf"{root}/data/([01])/tiles/(image|counts)" + 4 * "/([0-9]+)", Tile, given),
            (rf"{root}/data/([01])/(sidecar|chain|status)\.json", Detail, given),
            (rf"{root}/data/([01])/spots\.json", FrameSpots, given),
            (rf"{root}/data/([01])/photons\.json", PanelPhotons, given),
            (rf"{root}/(.*)", File),
        ],
        log_function=lambda handler: None,
    )
    http = httpserver.HTTPServer(application)
    try:
        sockets = netutil.bind_sockets(port, ADDRESS, family=socket.AF_INET)
    except OSError as error:
        pool.shutdown()
        raise UsageError(
            f"--port {port} cannot be listened on ({error.strerror or error}): name another, or "
            "leave it out"
        ) from error
    http.add_sockets(sockets)
    for one in served:
        pool.submit(one.make_ready, settings)
    found = int(sockets[0].getsockname()[1])
    return Viewer(http, f"http://{ADDRESS}:{found}{root}/", found, pool)


class Handler(web.RequestHandler):
    """Answers GET, to those who ask by a name of this machine."""

    SUPPORTED_METHODS: ClassVar[tuple[str, ...]] = ("GET", "HEAD")  # type: ignore[misc]

    def initialize(
        self,
        served: Sequence[Served] = (),
        pool: ThreadPoolExecutor | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Take what `listen` gives."""
        self._served, self._pool, self._settings = served, pool, settings
        self._gone = False

    def set_default_headers(self) -> None:
        """Of every answer, errors included."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse who asks by another name."""
        if self.request.host.rsplit(":", 1)[0].lower() not in _HOSTS:
            raise web.HTTPError(403, reason="asked by a name that is not localhost")

    def on_connection_close(self) -> None:
        """Whoever asked no longer waits."""
        self._gone = True

    async def head(self, *words: str) -> None:
        """Answer as GET; tornado leaves the body out."""
        await self.get(*words)

    async def get(self, *words: str) -> None:
        """Answer."""
        raise NotImplementedError

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say in JSON what is wrong."""
        self.finish({"error": self._reason})

    def numbers(self, name: str) -> list[int]:
        """Whole numbers of the query, with commas between them; 0: none is given."""
        words = self.get_query_argument(name, "0").split(",")
        if not all(_NUMBER.fullmatch(word) for word in words):
            raise web.HTTPError(400, reason=f"{name} is not a number")
        return [int(word) for word in words]

    def run_of(self, number: str) -> Served:
        """A run by its number."""
        if int(number) >= len(self._served):
            raise web.HTTPError(404, reason="no such run")
        return self._served[int(number)]

    async def made(self, make: Callable[[], Any]) -> Any:
        """What a function makes, in a thread of its own; errors become an answer."""

        def unless_gone() -> Any:
            return None if self._gone else make()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, unless_gone)
        except (ValueError, IndexError) as error:
            raise web.HTTPError(404, reason=_in_a_line(error)) from error
        except TiledSimError as error:
            raise web.HTTPError(409, reason=_in_a_line(error)) from error

    def answer(self, document: Any) -> None:
        """Answer in JSON."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _in_a_line(error: Exception) -> str:
    """A message that fits where HTTP has it."""
    text = " ".join(written(error).split())
    return text.encode("latin-1", "replace").decode("latin-1")


class Start(Handler):
    """What the page begins with."""

    async def get(self) -> None:  # type: ignore[override]
        """Answer."""
        self.answer({"kind": "served", "runs": len(self._served), **(self._settings or {})})


class Description(Handler):
    """A run."""

    async def get(self, run: str) -> None:  # type: ignore[override]
        """Answer."""
        self.answer(self.run_of(run).description)


class Frame(Handler):
    """A frame."""

    async def get(self, run: str, frame: str) -> None:  # type: ignore[override]
        """Answer."""
        served = self.run_of(run)
        if int(frame) >= len(served.mosaic.run.experiment.exposures):
            raise web.HTTPError(404, reason="no such frame")
        self.answer(await self.made(partial(served.frames.describe, int(frame))))


class Tile(Handler):
    """A tile of the pyramid."""

    async def get(self, run: str, quantity: str, *numbers: str) -> None:  # type: ignore[override]
        """Answer."""
        mosaic = self.run_of(run).mosaic
        place = Place(quantity, *map(int, numbers))
        found = await self.made(lambda: encode(mosaic.tile(place)))
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(found)


class Detail(Handler):
    """What is told of a pixel, a panel or a frame."""

    async def get(self, run: str, what: str) -> None:  # type: ignore[override]
        """Answer."""
        details = self.run_of(run).details
        names = ("frame",) if what == "status" else ("frame", "panel", "slow", "fast")
        numbers = {name: self.numbers(name)[0] for name in names}
        self.answer(await self.made(partial(getattr(details, what), **numbers)))


class FrameSpots(Handler):
    """The predicted spots of a frame."""

    async def get(self, run: str) -> None:  # type: ignore[override]
        """Answer."""
        spots, frame = self.run_of(run).spots, self.numbers("frame")[0]
        self.answer(await self.made(partial(spots.of_frame, frame)))


class PanelPhotons(Handler):
    """Photons of the spots of some panels."""

    async def get(self, run: str) -> None:  # type: ignore[override]
        """Answer."""
        spots, frame = self.run_of(run).spots, self.numbers("frame")[0]
        self.answer(await self.made(partial(spots.photons, frame, self.numbers("panels"))))


class File(Handler):
    """What the page consists of."""

    async def get(self, name: str) -> None:  # type: ignore[override]
        """Answer."""
        name = name or "index.html"
        if name not in page_files():
            raise web.HTTPError(404, reason="no such page")
        self.set_header("Content-Type", type_of(name))
        self.finish(content_of(name))
