"""Time the kernels, and beside them nanoBragg.c, on the cases of the table in docs/benchmarks.md.

    python benchmarks/run.py [--nanobragg PATH] [--cases A,B] [--repeat N] [--json]
    python benchmarks/run.py --commands [--nanobragg PATH] [--repeat N] [--json]

The programs take turns within each case, one core each. Seconds are processor time: of the sum
over the image for tiled_sim (start-up, compilation and the store are told apart), of the whole
process for nanoBragg.c; on a GPU they are of the clock. Accuracy is against the image of
nanoBragg.c, or else of the reference kernel.

``--commands`` times whole processes by the clock, on all cores: `tiled-sim submit` and nanoBragg.c
on the flagship, and what it takes to start, to compile, and to have the first tile done.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from tiled_sim.kernels.compiled import graphs_of
from tiled_sim.kernels.packages import build, is_built
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import NEGLIGIBLE
from tiled_sim.plan.plan import TilePlan
from tiled_sim.read.inputs import load_structure_factors
from tiled_sim.simulation.simulator import Simulator

DATA = Path(__file__).parents[1] / "tests" / "data"
P1 = "-hkl p1.hkl -cell 70 80 90 90 90 90 -misset 10 20 30 -lambda 1 -distance 200 -pixel 0.1"
PILATUS = (
    "-hkl 2erl.hkl -cell 53.91 23.1 23.1 90 110.4 90 -misset 12 34 56 -nointerpolate -oversample 1 "
    "-flux 1e18 -exposure 1 -beamsize 1 -lambda 0.9768 -distance 231.27466 -pixel 0.172 "
    "-detpixels_x 2463 -detpixels_y 2527 -Na 14 -Nb 33 -Nc 33 -osc 0.1 -phi 1 -phisteps 10"
)


GAUSS = ("reference float64", "compiled float64", "compiled mixed", "spots float64")


@dataclass(frozen=True)
class Case:
    """One row: a nanoBragg command line, and the kernels that can do it."""

    letter: str
    name: str
    options: str
    kernels: tuple[str, ...] = ("reference float64", "compiled float64", "compiled mixed")

    @property
    def on_this_machine(self) -> tuple[str, ...]:
        """Its kernels, and those of a GPU if there is one."""
        on_gpu = ("triton float64", "triton mixed") if torch.cuda.is_available() else ()
        return self.kernels + on_gpu


CASES = (
    Case("A", "single step, square", f"{P1} -N 10 -oversample 1 -detpixels 1024"),
    Case("B", "10 phi steps, square", f"{P1} -N 10 -oversample 1 -detpixels 768 -phi 1 -osc 1 -phisteps 10"),
    Case("C", "100 mosaic domains, square", f"{P1} -N 10 -oversample 1 -detpixels 256 -mosaic 0.5 -mosaic_domains 100"),
    Case("D", "Pilatus 6M, 10 phi steps, square", PILATUS),
    Case("E", "tricubic, 10 phi steps", f"{P1} -N 10 -oversample 1 -detpixels 256 -phi 1 -osc 1 -phisteps 10 -interpolate"),
    Case("F", "1250 steps, gauss", f"{P1} -N 10 -gauss_xtal -oversample 1 -detpixels 128 -mosaic 0.5 -mosaic_domains 25 -dispersion 1 -dispsteps 50", GAUSS),
    Case("G", "stills: 100 wavelengths, 25 domains, gauss, a region", f"{P1} -N 10 -gauss_xtal -oversample 1 -detpixels 3000 -pixel 0.11 -mosaic 0.5 -mosaic_domains 25 -dispersion 1 -dispsteps 100 -roi 1536 1631 1536 1631", GAUSS),
)  # fmt: skip


class Ours:
    """A case on one kernel, ready to be timed."""

    def __init__(self, experiment: Experiment, kernel: str) -> None:
        name, precision = kernel.split()
        negligible = NEGLIGIBLE if name == "spots" else 0.0
        self.plan = TilePlan.of(experiment, kernel=name, precision=precision, negligible=negligible)
        factors = load_structure_factors(experiment)
        self.device = torch.device("cuda" if name == "triton" else "cpu")
        self.clock = time.perf_counter if name == "triton" else time.process_time
        self.simulator = Simulator(experiment, factors, self.plan, self.device)
        self.shape = experiment.detector.pixels
        self.mask = np.zeros(self.shape, dtype=np.uint8)
        region = experiment.detector.panels[0].region
        if region is not None:
            self.mask[:] = 1
            self.mask[
                region.slow_start : region.slow_stop, region.fast_start : region.fast_stop
            ] = 0
        self.image = np.zeros(self.shape, dtype=np.float32)

    def seconds(self) -> float:
        """Time of the whole image [s]."""
        began = self.clock()
        for tile in self.plan:
            place = (slice(*tile.slow), slice(*tile.fast))
            self.image[place] = self.simulator.simulate_tile(tile, self.mask[place]).image
        return self.clock() - began


def run_c(program: Path, options: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run the C program in a folder, which gets the lists of F and its ``image.bin``."""
    for name in ("p1.hkl", "2erl.hkl"):
        (Path(folder) / name).symlink_to(DATA / name)
    subprocess.run(
        [program, *options, "-nonoise", "-nopgm", "-floatfile", "image.bin"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def seconds_of_c(
    program: Path, options: list[str], shape: tuple[int, int]
) -> tuple[float, np.ndarray]:
    """Processor time of the C program, and its image."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_c(program, options, folder, {**os.environ, "OMP_NUM_THREADS": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        image = np.fromfile(Path(folder) / "image.bin", dtype="<f4").reshape(shape)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, image


def errors(image: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Largest relative error above 1e-3 of the maximum, and of the sum."""
    bright = truth > 1e-3 * truth.max()
    relative = np.abs(image[bright] / truth[bright].astype(float) - 1.0).max()
    total = truth.sum(dtype=float)
    return float(relative), abs(float(image.sum(dtype=float)) / total - 1.0)


def measure(case: Case, program: Path | None, repeat: int) -> list[dict]:
    """All rows of a case: the programs take turns, and the median counts."""
    os.chdir(DATA)
    options = case.options.split()
    experiment = Experiment.from_nanobragg(options)
    kernels = case.on_this_machine
    for kernel in kernels:
        name, precision = kernel.split()
        if name == "compiled":
            for graph in graphs_of(experiment, precision):
                build(graph) if not is_built(graph) else None
    ours = {kernel: Ours(experiment, kernel) for kernel in kernels}
    evaluations = int((next(iter(ours.values())).mask == 0).sum()) * experiment.steps
    times: dict[str, list[float]] = {name: [] for name in ("nanoBragg.c", *kernels)}
    truth = None
    for turn in range(repeat + 1):
        if program is not None:
            spent, truth = seconds_of_c(program, options, experiment.detector.pixels)
            times["nanoBragg.c"].append(spent)
        for kernel, prepared in ours.items():
            spent = prepared.seconds()
            if turn:  # the first turn warms up
                times[kernel].append(spent)
    truth = ours["reference float64"].image if truth is None else truth
    of_c = statistics.median(times["nanoBragg.c"]) if times["nanoBragg.c"] else None
    rows = []
    for name, spent in times.items():
        if not spent:
            continue
        median = statistics.median(spent)
        row = {
            "case": case.letter,
            "name": case.name,
            "program": name,
            "evaluations": evaluations,
            "seconds": median,
            "ns_per_evaluation": median / evaluations * 1e9,
            "ns_min_max": [min(spent) / evaluations * 1e9, max(spent) / evaluations * 1e9],
            "faster_than_c": None if of_c is None else of_c / median,
        }
        if name in ours:
            row["largest_error"], row["error_of_sum"] = errors(ours[name].image, truth)
        rows.append(row)
    return rows


def table(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| case | program | evaluations | ns/evaluation (min–max) | × nanoBragg.c | largest error | of the sum |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high = row["ns_min_max"]
        ratio = "" if row["faster_than_c"] is None else f"{row['faster_than_c']:.3g}"
        error = f"{row['largest_error']:.1e}" if "largest_error" in row else ""
        total = f"{row['error_of_sum']:.1e}" if "error_of_sum" in row else ""
        lines.append(
            f"| {row['case']} {row['name']} | {row['program']} | {row['evaluations']:.3g} | "
            f"{row['ns_per_evaluation']:.3g} ({low:.3g}–{high:.3g}) | {ratio} | {error} | {total} |"
        )
    return "\n".join(lines)


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


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nanobragg", type=Path, help="the C program, to be timed beside")
    parser.add_argument("--commands", action="store_true", help="whole processes, by the clock")
    parser.add_argument("--cases", default=",".join(case.letter for case in CASES))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    program = options.nanobragg.resolve() if options.nanobragg else None
    if options.commands:
        rows = measure_commands(program, options.repeat)
        print(json.dumps(rows, indent=2) if options.json else table_of_commands(rows))
        return
    wanted = options.cases.split(",")
    rows = [
        row
        for case in CASES
        if case.letter in wanted
        for row in measure(case, program, options.repeat)
    ]
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
