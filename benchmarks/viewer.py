"""Measure the viewer's page in a real browser: figures of docs/viewer.md.

    python benchmarks/viewer.py [--repeat N] [--minutes M] [--folder PATH] [--only first|memory]

Runs are filled with random numbers, without being computed. *First picture*: `tiled-sim view --web`
is started anew each time, so that nothing is kept; then, in a browser that is open, from the address
being asked for until every tile that is seen is drawn, the least of the repeats. *Memory*: of the
processes of the tab while a run of a gigapixel is panned and zoomed without a pause, the most that
was seen, every second: proportional set size (PSS) of its renderer and of the process that draws.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

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


def processes(browser: Any) -> dict[str, list[int]]:
    """Of the browser, by kind."""
    told = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    found: dict[str, list[int]] = {}
    for one in told:
        found.setdefault(one["type"], []).append(one["id"])
    return found


def memory(pid: int) -> int:
    """Proportional set size of a process [byte]."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def pan(tab: Any, generator: random.Random) -> None:
    """Move, or zoom, by pointer and wheel."""
    box = tab.locator("#first-stage canvas").bounding_box()
    x, y = (
        box[start] + generator.uniform(0.2, 0.8) * box[side]
        for start, side in (("x", "width"), ("y", "height"))
    )
    tab.mouse.move(x, y)
    if generator.random() < 0.35:
        tab.mouse.wheel(0, generator.choice((-600, -300, 300, 500)))
    else:
        tab.mouse.down()
        tab.mouse.move(x + generator.uniform(-400, 400), y + generator.uniform(-300, 300), steps=6)
        tab.mouse.up()
    tab.wait_for_timeout(80)


def most_memory(browser: Any, run: Path, minutes: float) -> dict[str, float]:
    """The most that the processes of a tab had while it was panned [MB]."""
    most: dict[str, float] = {"renderer": 0, "gpu": 0, "heap": 0, "moves": 0}
    generator = random.Random(1)
    with server(str(run)) as url:
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(url)
        tab.wait_for_selector(SETTLED, timeout=300_000)
        ends, look = time.monotonic() + 60 * minutes, 0.0
        while time.monotonic() < ends:
            pan(tab, generator)
            most["moves"] += 1
            if time.monotonic() < look:
                continue
            look = time.monotonic() + 1
            kinds = processes(browser)
            most["renderer"] = max(
                most["renderer"], *(memory(pid) / 1e6 for pid in kinds["renderer"])
            )
            most["gpu"] = max([most["gpu"], *(memory(pid) / 1e6 for pid in kinds.get("GPU", ()))])
            heap = tab.evaluate("performance.memory ? performance.memory.usedJSHeapSize : 0")
            most["heap"] = max(most["heap"], heap / 1e6)
        tab.close()
    return most


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, help="where runs are made (default: temporary)")
    parser.add_argument("--only", choices=("first", "memory"))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(dir=options.folder) as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        browser.new_page()
        for name in ("Eiger2 16M", "Jungfrau 16M") if options.only != "memory" else ():
            run = make(name, Path(folder) / f"{name.split()[0]}.zarr")
            for words in [[], ["--counts"]] if run.experiment.noise is not None else [[]]:
                times = [
                    first_picture(browser, [str(run.path), *words]) for _ in range(options.repeat)
                ]
                shown = ", ".join(f"{one:.2f}" for one in sorted(times))
                print(
                    f"first picture, {name} {' '.join(words) or 'photons'}: {shown} s", flush=True
                )
        if options.only != "first":
            run = make("gigapixel", Path(folder) / "gigapixel.zarr")
            found = most_memory(browser, run.path, options.minutes)
            print(
                f"memory of a tab after {options.minutes:g} min of {found['moves']:.0f} moves over "
                f"a gigapixel: renderer {found['renderer']:.0f} MB, process that draws "
                f"{found['gpu']:.0f} MB, JavaScript heap {found['heap']:.0f} MB"
            )
        browser.close()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
