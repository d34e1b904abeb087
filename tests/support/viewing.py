"""Runs that are looked at, and the server that shows them, as a user has it."""

import asyncio
import contextlib
import functools
import http.server
import json
import threading
import urllib.request

from tiled_sim.cluster.worker import compute_batch
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.run_store import RunStore
from tiled_sim.viewer.server import listen


def computed_run(experiment, path, *, tiles=None, tile=(256, 256), finish=True):
    """A run of which some tiles are done; None: all, with their levels if it is to be finished."""
    run = create_run(prepare(experiment, BY_REFERENCE, tile=tile, require_coverage=0), path)
    compute(run, range(len(run.plan)) if tiles is None else tiles)
    if tiles is None and finish:
        RunStore.open(path, "r+").finish()
    return Run(path)


def compute(run, tiles):
    """Compute some tiles of a run, here."""
    for index in tiles:
        compute_batch(str(run.path), run.run_id, "cpu", [(index, 1)])


@contextlib.contextmanager
def served(*runs, frame=0, quantity="image"):
    """Address of a page that shows runs, from a server that listens."""
    found, ready = [], threading.Event()

    async def forever():
        stop = asyncio.Event()
        viewer = listen(runs, 0, {"frame": frame, "quantity": quantity})
        found.extend((viewer, asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        viewer.stop()

    thread = threading.Thread(target=lambda: asyncio.run(forever()))
    thread.start()
    assert ready.wait(30)
    try:
        yield found[0].url
    finally:
        found[1].call_soon_threadsafe(found[2].set)
        thread.join()


def answer(url, **headers):
    """Bytes and headers of an answer."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as found:
        return found.read(), dict(found.headers)


def document(url):
    """What is told in JSON."""
    return json.loads(answer(url)[0])


@contextlib.contextmanager
def files_served(folder, *, ranges):
    """Address of a folder on a plain web server, with byte ranges or without."""
    handler = _Ranges if ranges else _Quiet
    given = functools.partial(handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), given)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Python's own, which knows no ranges."""

    def log_message(self, *_):
        """Say nothing."""


class _Ranges(_Quiet):
    """The same with ranges of bytes, as every other web server has them."""

    def do_GET(self):
        """Answer."""
        asked = self.headers.get("Range")
        if asked is None:
            return super().do_GET()
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        with open(self.translate_path(self.path), "rb") as file:
            file.seek(first)
            part = file.read(last - first + 1)
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)
        return None
