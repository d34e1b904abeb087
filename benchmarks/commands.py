"""Whole processes by the clock, on all cores: `tiled-sim submit`, nanoBragg.c, and what starts.

That is the flagship, and what it takes to start, to compile, and to have the first tile done.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from beside import run_c
from cases import DATA, P1, PILATUS

#: What starts, in a process of its own.
STARTS = {
    "importing torch": "import torch",
    "importing the worker": "import tiled_sim.cluster.worker",
    "loading the compiled kernel": """
import time
from tiled_sim.kernels.packages import Graph, load
began = time.perf_counter()
for graph in (Graph("directions"), Graph("sweep", "square", "float64")):
    load(graph)
print(time.perf_counter() - began)
""",
    "compiling it": """
import time
from tiled_sim.kernels.packages import Graph, build
began = time.perf_counter()
for graph in (Graph("directions"), Graph("sweep", "square", "float64")):
    build(graph)
print(time.perf_counter() - began)
""",
}
LARGE = f"{P1} -N 10 -oversample 1 -detpixels 2048 -mosaic 0.5 -mosaic_domains 800 --tile 256"
WHOLE = {
    "a small job": f"{P1} -N 5 -oversample 1 -detpixels 256",
    "the flagship": PILATUS,
    "a large job, one worker": f"{LARGE} --cluster local:1",
    "a large job, a worker a core": f"{LARGE} --cluster local",
}


def seconds_to_start(code: str) -> float:
    """What a script says that it took, or how long it ran [s]; nothing is compiled before it."""
    with tempfile.TemporaryDirectory() as empty:
        environment = dict(os.environ)
        if "build" in code:
            environment["XDG_CACHE_HOME"] = empty
        began = time.perf_counter()
        told = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
        ).stdout
        return float(told) if told else time.perf_counter() - began


def seconds_of_submit(options: list[str]) -> dict[str, float]:
    """Of a whole `tiled-sim submit` by the clock, to its first tile, and of its tiles [s]."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run.zarr"
        began, now = time.time(), time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tiled_sim", "submit", "--out", run, "--no-progress", *options],
            cwd=DATA,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        whole = time.perf_counter() - now
        times = [json.loads(file.read_bytes())["time"] for file in run.glob("traces/f*/p*/*.json")]
    starts = [datetime.fromisoformat(time["start"]).timestamp() for time in times]
    ends = [
        start + sum(time["seconds"].values()) for start, time in zip(starts, times, strict=True)
    ]
    first = min(starts)
    return {"whole": whole, "first tile began": first - began, "all tiles": max(ends) - first}


def seconds_of_whole_c(program: Path, options: list[str]) -> float:
    """Of the C program by the clock, on all cores [s]."""
    with tempfile.TemporaryDirectory() as folder:
        all_cores = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        began = time.perf_counter()
        run_c(program, options, folder, all_cores)
        return time.perf_counter() - began


def measure_commands(program: Path | None, repeat: int) -> list[dict]:
    """Whole processes, by the clock; the flagship in turn with nanoBragg.c."""
    times: dict[str, list[float]] = {}
    for _ in range(repeat):
        for name, code in STARTS.items():
            times.setdefault(name, []).append(seconds_to_start(code))
        for name, line in WHOLE.items():
            for part, spent in seconds_of_submit(line.split()).items():
                times.setdefault(f"{name}, {part}", []).append(spent)
        if program is not None:
            spent = seconds_of_whole_c(program, PILATUS.split())
            times.setdefault("the flagship, nanoBragg.c", []).append(spent)
    return [
        {"what": name, "seconds": statistics.median(spent), "min_max": [min(spent), max(spent)]}
        for name, spent in times.items()
    ]


def table_of_commands(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | seconds, median (min–max) |", "| --- | --- |"]
    lines += [
        f"| {row['what']} | {row['seconds']:.3g} ({row['min_max'][0]:.3g}–{row['min_max'][1]:.3g}) |"
        for row in rows
    ]
    return "\n".join(lines)
