"""Whether a build has become slower, or its workers larger: two builds in turn, in one run.

Seconds are processor time of `tiled_sim.simulate` on one core, in processes that are warm, less
what the same call takes to compute one block of 16 x 16 pixels: files, plan and tiles, all but the
kernel, which has a row of its own. Memory is the peak of a worker process that computes one tile, as its
sidecar tells it.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from builds import Build, BuildError, Inside, finished
from cases import DATA, Case, OneTile

#: A kernel may take so many times what it took, by the median of neighbouring turns.
SLOWER = 1.05
#: A worker may be so many times as large as it was.
LARGER = 1.02
#: In a pair of processes each kernel has so many turns, of so many seconds or else one image.
_TURNS, _TURN = 3, 0.2
#: What is too slow is timed anew, so often at most in all; all times count.
_TRIES = 4
#: Peaks differ by a few thousandths from process to process; the smallest of so many counts.
_WORKERS = 3
_BESIDE = "all but the kernel"
_ONE_BLOCK = "-roi 0 15 0 15"
#: Of each kernel the turns of each build, (then, now), and of each turn its seconds.
Times = dict[str, tuple[list[list[float]], list[list[float]]]]


def measure_kernels(builds: tuple[Build, Build], cases: Iterable[Case], repeat: int) -> list[dict]:
    """A row for each kernel of each case.

    Parameters
    ----------
    builds : then, now
    cases : to time
    repeat : pairs of processes; two processes that do the same may differ by some per cent
    """
    return [row for case in cases for row in _rows_of_case(builds, case, repeat)]


def _rows_of_case(builds: tuple[Build, Build], case: Case, repeat: int) -> list[dict]:
    times: Times = {kernel: ([], []) for kernel in (_BESIDE, *case.kernels)}
    slow: Sequence[str] = case.kernels
    for _ in range(_TRIES):
        for _ in range(repeat):
            print(f"timing {case.letter}: {', '.join(slow)}", file=sys.stderr)
            _time(builds, case, slow, times)
        rows = [_row(case, kernel, times) for kernel in times]
        slow = [row["kernel"] for row in rows if row["over"]]
        if not slow:
            break
    return rows


def _time(builds: tuple[Build, Build], case: Case, kernels: Sequence[str], times: Times) -> None:
    """Some times more, of a pair of new processes."""
    with ExitStack() as stack:
        pair = [stack.enter_context(Inside(build, _core())) for build in builds]
        for turn in range(_TURNS + 1):
            for kernel in (_BESIDE, *kernels):
                for process, turns in zip(pair, times[kernel], strict=True):
                    seconds = _seconds(process, case, kernel, _TURN if turn else 0.0)
                    if turn:  # the first one warms up
                        turns.append(seconds)


def _seconds(process: Inside, case: Case, kernel: str, at_least: float) -> list[float]:
    """Time of a case, as often as it takes to fill a turn [s]."""
    asked: dict[str, Any] = {"words": case.options.split(), "kernel": kernel}
    if kernel == _BESIDE:
        asked = {"words": [*asked["words"], *_ONE_BLOCK.split()], "kernel": "compiled float64"}
    process.ask(folder=str(DATA), at_least=at_least, **asked)
    answer = process.answer()
    if "error" in answer:
        name = process.build.name
        raise BuildError(f"{name}, case {case.letter}, {kernel}: {answer['error']}")
    return answer["seconds"]


def _core() -> int | None:
    """The core that both builds are timed on; None where a process cannot be kept to one."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _row(case: Case, kernel: str, times: Times) -> dict:
    """Smallest and median time, and the ratio of neighbouring turns, each less all but the kernel.

    The smallest do not decide: a core is much faster for the moment that its twin has nothing to do.
    """
    low: list[float] = []
    middle: list[list[float]] = []
    for turns, beside in zip(times[kernel], times[_BESIDE], strict=True):
        of_beside = min(map(min, beside)), statistics.median(map(statistics.median, beside))
        less = (0.0, 0.0) if kernel == _BESIDE else of_beside
        low.append(min(map(min, turns)) - less[0])
        middle.append([statistics.median(turn) - less[1] for turn in turns])
    ratio = statistics.median(now / then for then, now in zip(*middle, strict=True))
    then, now = (
        {"min": smallest, "median": statistics.median(turns)}
        for smallest, turns in zip(low, middle, strict=True)
    )
    return {
        "case": case.letter,
        "name": case.name,
        "kernel": kernel,
        "turns": len(middle[0]),
        "then": then,
        "now": now,
        "ratio": ratio,
        "over": kernel != _BESIDE and ratio > SLOWER,
    }


def measure_workers(builds: tuple[Build, Build], tiles: Iterable[OneTile]) -> list[dict]:
    """A row for each tile and kernel.

    Parameters
    ----------
    builds : then, now
    tiles : whose worker is looked at
    """
    rows = []
    for tile in tiles:
        for kernel in tile.kernels:
            print(f"a worker for {tile.name}, {kernel}", file=sys.stderr)
            peaks: tuple[list[int], list[int]] = ([], [])
            for _ in range(_WORKERS):
                for build, found in zip(builds, peaks, strict=True):
                    found.append(_peak_of_worker(build, tile, kernel))
            then, now = map(min, peaks)
            rows.append(
                {
                    "tile": tile.name,
                    "kernel": kernel,
                    "then": then,
                    "now": now,
                    "ratio": now / then,
                    "over": now / then > LARGER,
                }
            )
    return rows


def _peak_of_worker(build: Build, tile: OneTile, kernel: str) -> int:
    """Largest resident size of the worker process of a run of one tile [bytes]."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run.zarr"
        words = ["--tile", "512", *tile.options.split()]
        try:
            finished(build.submit(run, kernel, words, cluster="local:1"))
        except BuildError as error:
            raise BuildError(f"{build.name}, {tile.name}, {kernel}: {error}") from error
        sidecars = list(run.glob("traces/**/*.json"))
        if len(sidecars) != 1:
            raise BuildError(f"{build.name} made {len(sidecars)} tiles of {tile.name}, not one")
        return json.loads(sidecars[0].read_bytes())["memory"]["peak_bytes"]


def table_of_kernels(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| case | kernel | then, ms: min (median) | now, ms: min (median) | now / then |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        then, now = (
            f"{row[build]['min'] * 1e3:.4g} ({row[build]['median'] * 1e3:.4g})"
            for build in ("then", "now")
        )
        lines.append(
            f"| {row['case']} {row['name']} | {row['kernel']} | {then} | {now} | {_ratio(row)} |"
        )
    return "\n".join(lines)


def table_of_workers(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| tile | kernel | then, MB | now, MB | now / then |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['tile']} | {row['kernel']} | {row['then'] / 1e6:.1f} | {row['now'] / 1e6:.1f} | "
        f"{_ratio(row)} |"
        for row in rows
    ]
    return "\n".join(lines)


def _ratio(row: dict) -> str:
    return f"**{row['ratio']:.3f}**" if row["over"] else f"{row['ratio']:.3f}"


def verdict(kernels: list[dict], workers: list[dict]) -> str:
    """What is over its limit, in two sentences."""
    slower = [f"{row['case']} {row['kernel']}" for row in kernels if row["over"]]
    larger = [f"{row['tile']} {row['kernel']}" for row in workers if row["over"]]
    return (
        f"Slower than {SLOWER} x: {', '.join(slower) or 'no kernel'}. "
        f"Larger than {LARGER} x: {', '.join(larger) or 'no worker'}."
    )
