"""Measure the viewer's page in a real browser: figures of docs/viewer.md.

    python benchmarks/viewer.py [--repeat N] [--minutes M] [--folder PATH] [--only first|spots|memory]

Runs are filled with random numbers, without being computed. *First picture*: `tiled-sim view --web`
is started anew each time, so that nothing is kept; then, in a browser that is open, from the address
being asked for until every tile that is seen is drawn, the least of the repeats. *Spots*: in a page
that is drawn, from asking for them until their circles are there, and until the photons of all are
known; the server has not been asked for any before. *Memory*: of the
processes of the tab while a run of a gigapixel is panned and zoomed without a pause, the most that
was seen, every second: proportional set size (PSS) of its renderer and of the process that draws.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tornado.websocket import websocket_connect

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.stores import sidecar_of
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import BY_REFERENCE
from tiled_sim.plan.prepare import prepare
from tiled_sim.run.creation import create_run
from tiled_sim.run.run import Run
from tiled_sim.store.run_store import RunStore

CHROMIUM = "/usr/bin/chromium"
CRYSTAL = "-cell 78 78 38 90 90 90 -lambda 1 -N 20 -default_F 100 -oversample 1"
EXAMPLES = Path(__file__).parents[1] / "examples"
SETTLED = "#first-stage[data-settled=yes]"


def experiment_of(name: str) -> Experiment:
    """One of those that are looked at."""
    if name == "Jungfrau 16M":
        return Experiment.from_toml(EXAMPLES / "jungfrau" / "jungfrau.toml")
    if name == "Eiger2 16M":
        words = f"-distance 200 {CRYSTAL}".split()
        return Experiment.from_nanobragg(words, detector=name)
    words = f"-distance 500 -detpixels 32768 -pixel 0.02 {CRYSTAL}".split()
    return Experiment.from_nanobragg(words)


def make(name: str, path: Path) -> Run:
    """A finished run of random photons, none of which was computed."""
    experiment = experiment_of(name)
    tile = (1024, 1024) if name == "gigapixel" else None
    run = create_run(prepare(experiment, BY_REFERENCE, tile=tile, require_coverage=0), path)
    store = RunStore.open(path, "r+")
    generator = np.random.default_rng(1)
    for tile_ in run.plan:
        image = np.floor(16 * generator.gamma(0.5, 4.0, tile_.shape)).astype(np.float32) / 16
        store.write_tile(tile_, image)
        if experiment.noise is not None:
            store.write_counts(tile_, generator.poisson(image).astype(np.int32))
        document = sidecar_of(run.plan.id_of(tile_)) | {"run_id": run.run_id, "hashes": run.hashes}
        document["tile"]["index"] = tile_.index
        for axis, ends in zip(("frames", "panels", "slow", "fast"), tile_.ranges, strict=True):
            document["tile"][axis] = list(ends)
        if experiment.noise is None:
            document["counts"] = None
        store.write_sidecar(document)
    store.finish()
    return Run(path)


@contextlib.contextmanager
def server(*words: str) -> Iterator[str]:
    """Address of the page, from a process of its own."""
    command = [sys.executable, "-m", "tiled_sim", "view", *words, "--web", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def first_picture(browser: Any, words: list[str]) -> float:
    """From asking for the page until all that is seen is drawn [s]."""
    with server(*words) as url:
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        began = time.perf_counter()
        tab.goto(url, wait_until="commit")
        tab.wait_for_selector(SETTLED, timeout=120_000)
        took = time.perf_counter() - began
        tab.close()
    return took


def first_pictures(folder: Path, repeat: int) -> None:
    """Print those of two detectors, sorted."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        browser.new_page()
        for name in ("Eiger2 16M", "Jungfrau 16M"):
            run = make(name, folder / f"{name.split()[0]}.zarr")
            for words in [[], ["--counts"]] if run.experiment.noise is not None else [[]]:
                times = [first_picture(browser, [str(run.path), *words]) for _ in range(repeat)]
                shown = ", ".join(f"{one:.2f}" for one in sorted(times))
                what = " ".join(words) or "photons"
                print(f"first picture, {name} {what}: {shown} s", flush=True)
        browser.close()


def spots(folder: Path, repeat: int) -> None:
    """Print how soon those of a detector of 256 panels are there, sorted."""
    from playwright.sync_api import sync_playwright

    run = make("Jungfrau 16M", folder / "spots.zarr")
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for _ in range(repeat):
            with server(str(run.path)) as url:
                tab = browser.new_page(viewport={"width": 1400, "height": 900})
                tab.goto(url)
                tab.wait_for_selector(SETTLED, timeout=120_000)
                began, taken = time.perf_counter(), []
                tab.check("#spots")
                for condition in ("viewer.spots.marks.length > 0", "!viewer.spots.asking"):
                    # by turns: the page's policy lets nobody wait for an expression in it
                    while not tab.evaluate(condition):
                        time.sleep(0.01)
                    taken.append(time.perf_counter() - began)
                times.append(tuple(taken))
                tab.close()
        browser.close()
    shown = ", ".join(f"{circles:.2f} and {photons:.2f}" for circles, photons in sorted(times))
    print(f"spots, Jungfrau 16M, circles and all photons: {shown} s", flush=True)


class Tab:
    """A tab of a browser that nobody listens to.

    Playwright has the renderer keep the bodies of all answers, 100 MB of them, for whoever asks; here
    they would be taken for the page's.
    """

    def __init__(self, socket: Any, process: subprocess.Popen[Any]) -> None:
        self._socket, self._process, self._number = socket, process, 0

    @classmethod
    async def opened(cls, folder: Path, url: str) -> "Tab":
        """A browser of its own with the page."""
        words = [
            "--headless",
            "--no-sandbox",
            "--window-size=1400,900",
            "--remote-debugging-port=0",
        ]
        process = subprocess.Popen(
            [CHROMIUM, *words, f"--user-data-dir={folder}", url], stderr=subprocess.DEVNULL
        )
        port = folder / "DevToolsActivePort"
        while not port.exists() or not port.read_text():
            await asyncio.sleep(0.1)
        root = f"http://127.0.0.1:{port.read_text().split()[0]}/json"
        while True:
            with urllib.request.urlopen(root) as answer:
                pages = [one for one in json.load(answer) if one["url"].startswith(url)]
            if pages:
                break
            await asyncio.sleep(0.1)
        return cls(await websocket_connect(pages[0]["webSocketDebuggerUrl"]), process)

    async def ask(self, method: str, **words: Any) -> Any:
        """What the browser answers."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": words}
        await self._socket.write_message(json.dumps(message))
        while True:
            told = json.loads(await self._socket.read_message())
            if told.get("id") == number:
                return told["result"]

    async def evaluate(self, text: str) -> Any:
        """The value of an expression in the page."""
        found = await self.ask("Runtime.evaluate", expression=text, returnByValue=True)
        return found["result"].get("value")

    async def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """An event of the pointer."""
        await self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def most(self) -> dict[str, float]:
        """Memory of the largest renderer, and of the process that draws, now [MB]."""
        found = {"renderer": 0.0, "gpu-process": 0.0}
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                # of chromium's children some have their words apart by blanks
                words = status.read_bytes().decode(errors="replace").replace("\0", " ")
                for kind in found:
                    if f"--type={kind}" in words and self._is_mine(int(status.parent.name)):
                        size = memory(int(status.parent.name)) / 1e6
                        found[kind] = max(found[kind], size)
        return found

    def _is_mine(self, pid: int) -> bool:
        while pid > 1:
            if pid == self._process.pid:
                return True
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        return False

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()


def memory(pid: int) -> int:
    """Proportional set size of a process [byte]."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


async def pan(tab: Tab, generator: random.Random) -> None:
    """Move, or zoom, by pointer and wheel."""
    x, y = generator.uniform(200, 800), generator.uniform(250, 600)
    await tab.mouse("mouseMoved", x, y)
    if generator.random() < 0.35:
        way = generator.choice((-600, -300, 300, 500))
        await tab.mouse("mouseWheel", x, y, deltaX=0, deltaY=way)
    else:
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        await tab.mouse("mousePressed", x, y, **held)
        to_x, to_y = x + generator.uniform(-400, 400), y + generator.uniform(-300, 300)
        for step in range(1, 7):
            place = (x + (to_x - x) * step / 6, y + (to_y - y) * step / 6)
            await tab.mouse("mouseMoved", *place, **held)
        await tab.mouse("mouseReleased", to_x, to_y, **held)
    await asyncio.sleep(0.08)


async def most_memory(run: Path, folder: Path, minutes: float) -> dict[str, float]:
    """The most that the processes of a tab had while it was panned [MB]."""
    most: dict[str, float] = {"moves": 0}
    generator = random.Random(1)
    with server(str(run)) as url:
        tab = await Tab.opened(folder, url)
        try:
            while not await tab.evaluate(f"!!document.querySelector('{SETTLED}')"):
                await asyncio.sleep(0.2)
            ends, look = time.monotonic() + 60 * minutes, 0.0
            while time.monotonic() < ends:
                await pan(tab, generator)
                most["moves"] += 1
                if time.monotonic() < look:
                    continue
                look = time.monotonic() + 1
                now = tab.most()
                heap = await tab.evaluate("performance.memory.usedJSHeapSize")
                for kind, size in {**now, "heap": heap / 1e6}.items():
                    most[kind] = max(most.get(kind, 0.0), size)
                most["last"] = now["renderer"]
        finally:
            tab.close()
    return most


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, help="where runs are made (default: temporary)")
    parser.add_argument("--only", choices=("first", "spots", "memory"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.only in (None, "first"):
            first_pictures(Path(folder), options.repeat)
        if options.only in (None, "spots"):
            spots(Path(folder), options.repeat)
        if options.only in (None, "memory"):
            run = make("gigapixel", Path(folder) / "gigapixel.zarr")
            profile = Path(folder) / "profile"
            found = asyncio.run(most_memory(run.path, profile, options.minutes))
            print(
                f"memory of a tab within {options.minutes:g} min of {found['moves']:.0f} moves "
                f"over a gigapixel: renderer {found['renderer']:.0f} MB ({found['last']:.0f} MB at "
                f"the end), process that draws {found['gpu-process']:.0f} MB, JavaScript heap "
                f"{found['heap']:.0f} MB"
            )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
