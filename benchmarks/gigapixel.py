"""Case J, one image of a gigapixel, in turn with a commit: the figures of docs/benchmarks.md.

    python benchmarks/gigapixel.py --against COMMIT [--side 32768] [--workers 2] [--repeat 1] [--json]

Whole commands: `tiled-sim submit` of a square image of one step a pixel, start of processes, store
and smaller images included, of the commit and of this checkout in turn, each with the tiles of its
own plan. Told are seconds by the clock, and processor time, user and system, of all processes,
which other work on the machine disturbs less.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from builds import Build, BuildError, finished, of_commit, this_checkout
from scale import LINE

KERNEL = "compiled float64"


def measure(build: Build, side: int, workers: int) -> dict[str, float]:
    """One command: seconds by the clock, of the processor, and of that of the system."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        words = [*LINE.split(), str(side)]
        finished(build.submit(Path(folder) / "run.zarr", KERNEL, words, cluster=f"local:{workers}"))
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    system = after.ru_stime - before.ru_stime
    return {
        "wall": wall,
        "processor": after.ru_utime - before.ru_utime + system,
        "system": system,
        "load": os.getloadavg()[0],
    }


def measure_pairs(
    builds: tuple[Build, Build], side: int, workers: int, repeat: int
) -> dict[str, list[dict[str, float]]]:
    """Commands of both builds in turn, after a small one of each, which compiles kernels."""
    for build in builds:
        measure(build, 1024, 1)
    found: dict[str, list[dict[str, float]]] = {"then": [], "now": []}
    for _ in range(repeat):
        for of_build, build in zip(found.values(), builds, strict=True):
            of_build.append(measure(build, side, workers))
            told = ", ".join(f"{name} {value:.3g}" for name, value in of_build[-1].items())
            print(f"{build.name}: {told}", file=sys.stderr)
    return found


def table(found: dict[str, list[dict[str, float]]], names: tuple[str, str]) -> str:
    """The least of each, and the median of the ratios of pairs, as a Markdown table."""
    lines = [f"| | {names[0]} | {names[1]} | ratio |", "| --- | --- | --- | --- |"]
    for what, told in (("wall", "by the clock"), ("processor", "processor time")):
        then, now = ([one[what] for one in of_build] for of_build in found.values())
        ratio = statistics.median(b / a for a, b in zip(then, now, strict=True))
        lines.append(f"| {told} [s] | {min(then):.4g} | {min(now):.4g} | {ratio:.3f} |")
    return "\n".join(lines)


def main() -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--against", metavar="COMMIT", required=True)
    parser.add_argument("--side", type=int, default=32_768, help="of the image [pixel]")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1, help="pairs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        builds = of_commit(options.against), this_checkout()
        found = measure_pairs(builds, options.side, options.workers, options.repeat)
    except BuildError as error:
        print(f"gigapixel.py: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print(table(found, (builds[0].name, builds[1].name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
