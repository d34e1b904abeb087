"""What verbs take to start, and `submit` to its first tile: a table of docs/benchmarks.md.

    python benchmarks/startup.py [--beside CHECKOUT] [--repeat N] [--json]

Verbs: processor time of the whole process, on a finished run of one tile. `submit`: by the clock,
from the command to the begin of the first tile, and of the whole. The smallest of the repeats, with
Python's byte code cached, as an installed package has it. ``--beside``: another checkout, in turn
with this one.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from cases import DATA, P1, ROOT

STILL = f"{P1} -N 5 -oversample 1 -detpixels"
VERBS = {
    "--help": "--help",
    "status": "status RUN",
    "watch": "watch RUN",
    "cancel": "cancel RUN",
    "verify": "verify RUN",
    "config": f"config {STILL} 256",
    "probe, a reflection of a list": "probe --hkl p1.hkl --reflection 1 2 3",
    "probe, a reflection and its coverage": f"probe {STILL} 256 --reflection 1 2 3",
    "probe, a pixel": f"probe {STILL} 256 --pixel 100 100",
    "plan": f"plan {STILL} 256",
}
SUBMITS = {
    "submit, in its own process": f"{STILL} 256",
    "submit, one worker process": f"{STILL} 1024 --tile 256 --cluster local:1",
    "submit, two worker processes": f"{STILL} 1024 --tile 256 --cluster local:2",
}
#: Not 0 where a run has nothing left to do, or a reflection is not there; else they failed.
MEANT = (0, 10, 11)


def run(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Processor time of a command and its children, and its time by the clock [s]."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "tiled_sim", *words],
        cwd=DATA,
        env=environment,
        capture_output=True,
        text=True,
    )
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in MEANT:
        sys.exit(f"tiled-sim {' '.join(words)}: {done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock


def time_submit(options: str, environment: dict[str, str]) -> dict[str, float]:
    """Of one run: to its first tile and of the whole by the clock, and processor time [s]."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.zarr"
        began = time.time()
        words = ["submit", "--out", str(path), "--no-progress", *options.split()]
        processor, clock = run(words, environment)
        times = [json.loads(file.read_bytes())["time"] for file in path.glob("traces/f*/p*/*.json")]
    first = min(datetime.fromisoformat(time["start"]).timestamp() for time in times)
    return {"to the first tile": first - began, "whole": clock, "processor": processor}


def measure(checkouts: list[Path], repeat: int) -> list[dict[str, object]]:
    """Rows of what was measured, each the smallest of some, a number a checkout [s]."""
    found: dict[tuple[str, str], list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        environments = [
            {
                **{name: value for name, value in os.environ.items() if name != _NO_CACHE},
                "PYTHONPATH": str(checkout),
                "PYTHONPYCACHEPREFIX": f"{folder}/{number}",
            }
            for number, checkout in enumerate(checkouts)
        ]
        finished = f"{folder}/run.zarr"
        submit = ["submit", "--out", finished, *f"{STILL} 256".split()]
        run(submit, environments[0])
        for turn in range(repeat + 1):  # the first fills the caches
            for number, environment in enumerate(environments):
                seconds = {}
                for name, line in VERBS.items():
                    words = line.replace("RUN", finished).split()
                    seconds[name, "processor"] = run(words, environment)[0]
                for name, line in SUBMITS.items():
                    for part, spent in time_submit(line, environment).items():
                        seconds[name, part] = spent
                for key, spent in seconds.items():
                    of_each = found.setdefault(key, [[] for _ in checkouts])
                    if turn:
                        of_each[number].append(spent)
    return [
        {"what": what, "part": part, "seconds": [min(each) for each in of_each]}
        for (what, part), of_each in found.items()
    ]


_NO_CACHE = "PYTHONDONTWRITEBYTECODE"


def table(rows: list[dict[str, object]], names: list[str]) -> str:
    """The rows as a Markdown table."""
    lines = [
        f"| what | | {' | '.join(names)} |",
        f"| --- | --- | {' | '.join('---' for _ in names)} |",
    ]
    for row in rows:
        seconds = " | ".join(f"{spent:.2f}" for spent in row["seconds"])  # type: ignore[attr-defined]
        lines.append(f"| {row['what']} | {row['part']} | {seconds} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--beside", type=Path, help="another checkout, in turn with this one")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    checkouts = [ROOT] if options.beside is None else [options.beside.absolute(), ROOT]
    rows = measure(checkouts, options.repeat)
    names = ["seconds"] if options.beside is None else [options.beside.name, "this checkout"]
    print(json.dumps(rows, indent=2) if options.json else table(rows, names))


if __name__ == "__main__":
    main()
