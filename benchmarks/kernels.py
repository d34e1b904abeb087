"""The kernels, and beside them nanoBragg.c, in turn within a case and on one core each.

Seconds are processor time: of the sum over the image for tiled_sim (start-up, compilation and the
store are told apart), of the whole process for nanoBragg.c; on a GPU they are of the clock.
Accuracy is against the image of nanoBragg.c, or else of the reference kernel.
"""

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from beside import run_c
from cases import DATA, Case

from tiled_sim.kernels.compiled import packages_of
from tiled_sim.kernels.packages import build, is_built
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import NEGLIGIBLE, Settings
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.simulator import Simulator

ON_GPU = ("triton float64", "triton mixed") if torch.cuda.is_available() else ()


class Ours:
    """A case on one kernel, ready to be timed."""

    def __init__(self, experiment: Experiment, kernel: str) -> None:
        name, precision = kernel.split()
        settings = Settings(name, precision, NEGLIGIBLE if name == "spots" else 0.0)
        inputs = load_inputs(experiment)
        plan = make_plan(experiment, inputs, settings, tile=(512, 512))
        device = torch.device("cuda" if name == "triton" else "cpu")
        self.clock = time.perf_counter if name == "triton" else time.process_time
        self.simulator = Simulator(experiment, inputs, plan, device)
        whole = (slice(0, side) for side in experiment.detector.pixels)
        self.live = int((inputs.mask(0, *whole) == 0).sum())
        self._image = np.zeros(experiment.shape, dtype=np.float32)

    @property
    def image(self) -> np.ndarray:
        """Of the only panel in the only frame."""
        return self._image[0, 0]

    def seconds(self) -> float:
        """Time of the whole image [s]."""
        began = self.clock()
        for tile in self.simulator.plan:
            self.simulator.simulate_tile(tile, image=self._image[tile.region])
        return self.clock() - began


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
    kernels = case.kernels + ON_GPU
    for kernel in kernels:
        name, precision = kernel.split()
        if name == "compiled":
            for graph in packages_of(experiment, precision):
                build(graph) if not is_built(graph) else None
    ours = {kernel: Ours(experiment, kernel) for kernel in kernels}
    evaluations = next(iter(ours.values())).live * experiment.steps
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
