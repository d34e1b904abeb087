"""Whether a build has become slower, or its workers larger: two builds in turn, in one run.

Seconds are processor time of `tiled_sim.simulate` on one core, in processes that are warm, less
what the same kernel takes for one block of 16 x 16 pixels: files, plan, tables and tiles, all but
the sum. Memory is the peak of a worker process that computes one tile, as its
sidecar tells it.
"""

import itertools
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

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
_ONE_BLOCK = "-roi 0 15 0 15"


@dataclass
class _Timed:
    """Turns of a kernel in a build, and of each turn its seconds.

    Parameters
    ----------
    whole : of the case
    block : of one block of it
    """

    whole: list[list[float]] = field(default_factory=list)
    block: list[list[float]] = field(default_factory=list)

    @property
    def smallest(self) -> float:
        """Of the kernel alone [s]."""
        return min(map(min, self.whole)) - min(map(min, self.block))

    @property
    def turns(self) -> list[float]:
        """Of the kernel alone, the median of each turn [s]."""
        return [statistics.median(turn) - self.beside for turn in self.whole]

    @property
    def beside(self) -> float:
        """All but the kernel, median [s]."""
        return statistics.median(map(statistics.median, self.block))


#: Of each kernel: (then, now).
Times = dict[str, tuple[_Timed, _Timed]]


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
    times: Times = {kernel: (_Timed(), _Timed()) for kernel in case.kernels}
    slow: Sequence[str] = case.kernels
    for _ in range(_TRIES):
        for _ in range(repeat):
            print(f"timing {case.letter}: {', '.join(slow)}", file=sys.stderr)
            _time(builds, case, slow, times)
        rows = [_row(case, kernel, *timed) for kernel, timed in times.items()]
        slow = [row["kernel"] for row in rows if row["over"]]
        if not slow:
            break
    return rows


def _time(builds: tuple[Build, Build], case: Case, kernels: Sequence[str], times: Times) -> None:
    """Some times more, of a pair of new processes."""
    with ExitStack() as stack:
        pair = [stack.enter_context(Inside(build, _core())) for build in builds]
        for turn in range(_TURNS + 1):
            for kernel, part in itertools.product(kernels, ("whole", "block")):
                for process, timed in zip(pair, times[kernel], strict=True):
                    words = [
                        *case.options.split(),
                        *(_ONE_BLOCK.split() if part == "block" else ()),
                    ]
                    seconds = _seconds(process, case, kernel, words, _TURN if turn else 0.0)
                    if turn:  # the first one warms up
                        getattr(timed, part).append(seconds)


def _seconds(
    process: Inside, case: Case, kernel: str, words: list[str], at_least: float
) -> list[float]:
    """Time of some words, as often as it takes to fill a turn [s]."""
    process.ask(folder=str(DATA), words=words, kernel=kernel, at_least=at_least)
    answer = process.answer()
    if "error" in answer:
        name = process.build.name
        raise BuildError(f"{name}, case {case.letter}, {kernel}: {answer['error']}")
    return answer["seconds"]


def _core() -> int | None:
    """The core that both builds are timed on; None where a process cannot be kept to one."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _row(case: Case, kernel: str, then: _Timed, now: _Timed) -> dict:
    """Smallest and median time, and the ratio of neighbouring turns, each less all but the kernel.

    The smallest do not decide: a core is much faster for the moment that its twin has nothing to do.
    """
    ratio = statistics.median(b / a for a, b in zip(then.turns, now.turns, strict=True))
    times = {
        name: {
            "min": timed.smallest,
            "median": statistics.median(timed.turns),
            "beside": timed.beside,
        }
        for name, timed in (("then", then), ("now", now))
    }
    return {
        "case": case.letter,
        "name": case.name,
        "kernel": kernel,
        "turns": len(then.whole),
        **times,
        "ratio": ratio,
        "over": ratio > SLOWER,
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
        "| case | kernel | then, ms: min (median) | now, ms: min (median) | now / then | "
        "all but the kernel, ms: then, now |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        then, now = (
            f"{row[build]['min'] * 1e3:.4g} ({row[build]['median'] * 1e3:.4g})"
            for build in ("then", "now")
        )
        lines.append(
            f"| {row['case']} {row['name']} | {row['kernel']} | {then} | {now} | {_ratio(row)} | "
            f"{row['then']['beside'] * 1e3:.3g}, {row['now']['beside'] * 1e3:.3g} |"
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
