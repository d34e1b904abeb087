"""Measure tiled_sim: the tables of docs/benchmarks.md.

    python benchmarks/run.py [--nanobragg PATH] [--cases A,B] [--repeat N] [--json]
    python benchmarks/run.py --commands [--nanobragg PATH] [--repeat N] [--json]
    python benchmarks/run.py --against COMMIT [--cases A,B] [--repeat N] [--json]
    python benchmarks/run.py --against COMMIT --bytes [--json]

Cases I and J are whole commands and have scripts of their own, shots.py and gigapixel.py.

Without more: the kernels on the cases, one core each, in turn with nanoBragg.c. ``--commands``:
whole processes, by the clock, on all cores. ``--against``: this checkout in turn with a commit,
kernels and the memory of workers; exit code 1 if a kernel is slower or a worker larger than the
limits, which are printed. ``--bytes``: whether both make the same images; exit code 1 if not.
Exit code 2: the commit cannot be had, or a build fails.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from builds import Build, BuildError, Inside, of_commit, this_checkout
from cases import CASES, TILES, pictures


def time_kernels(options: argparse.Namespace) -> None:
    """The kernels, beside nanoBragg.c."""
    import torch
    from kernels import measure, table

    torch.set_num_threads(1)
    rows = [
        row for case in options.cases for row in measure(case, options.nanobragg, options.repeat)
    ]
    print(json.dumps(rows, indent=2) if options.json else table(rows))


def time_commands(options: argparse.Namespace) -> None:
    """Whole processes."""
    from commands import measure_commands, table_of_commands

    rows = measure_commands(options.nanobragg, options.repeat)
    print(json.dumps(rows, indent=2) if options.json else table_of_commands(rows))


def hold_against(options: argparse.Namespace, builds: tuple[Build, Build]) -> int:
    """Kernels and workers of two builds; the exit code."""
    import against

    facts = facts_of(builds)
    kernels = against.measure_kernels(builds, options.cases, options.repeat)
    load = os.getloadavg()[-1]
    workers = against.measure_workers(builds, TILES)
    if options.json:
        print(json.dumps({**facts, "load": load, "kernels": kernels, "workers": workers}, indent=2))
    else:
        tables = against.table_of_kernels(kernels), against.table_of_workers(workers)
        said = (
            f"Load while kernels were timed: {load:.1f} on {os.cpu_count()} cores, of which this "
            "program is 1; others make times differ by chance."
        )
        parts = (introduction(facts), *tables, said, against.verdict(kernels, workers))
        print("\n\n".join(parts))
    return int(any(row["over"] for row in kernels + workers))


def hold_bytes(options: argparse.Namespace, builds: tuple[Build, Build]) -> int:
    """Images of two builds; the exit code."""
    import digests

    facts = facts_of(builds)
    rows = digests.compare_bytes(builds, pictures())
    different = sum(not row["same"] for row in rows)
    if options.json:
        print(json.dumps({**facts, "images": rows}, indent=2))
    else:
        said = f"Of {len(rows)} images {different or 'none'} differ."
        print("\n\n".join((introduction(facts), digests.table_of_bytes(rows), said)))
    return int(different > 0)


def facts_of(builds: tuple[Build, Build]) -> dict[str, dict[str, str]]:
    """Commit and versions of ``then`` and ``now``."""
    facts = {}
    for name, build in zip(("then", "now"), builds, strict=True):
        with Inside(build) as process:
            facts[name] = {"commit": build.name, **process.versions}
    return facts


def introduction(facts: dict[str, dict[str, str]]) -> str:
    """The facts as a sentence."""
    builds = (
        f"{name}: {', '.join(f'{fact} {value}' for fact, value in build.items())}"
        for name, build in facts.items()
    )
    return f"{'; '.join(builds)}."


def main() -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nanobragg", type=Path, help="the C program, to be timed beside")
    parser.add_argument("--commands", action="store_true", help="whole processes, by the clock")
    parser.add_argument("--against", metavar="COMMIT", help="this checkout in turn with a commit")
    parser.add_argument("--bytes", action="store_true", help="compare images, not times")
    parser.add_argument("--cases", default=",".join(case.letter for case in CASES))
    parser.add_argument(
        "--repeat", type=int, default=3, help="rounds; against a commit pairs of processes (3)"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.bytes and not options.against:
        parser.error("--bytes compares this checkout with a commit: say --against COMMIT")
    letters = options.cases.split(",")
    options.cases = [case for case in CASES if case.letter in letters]
    options.nanobragg = options.nanobragg and options.nanobragg.resolve()
    if not options.against:
        (time_commands if options.commands else time_kernels)(options)
        return 0
    try:
        builds = of_commit(options.against), this_checkout()
        return (hold_bytes if options.bytes else hold_against)(options, builds)
    except BuildError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
