"""Following spots beside computing every pixel: the table of docs/benchmarks.md.

    python benchmarks/spots.py [--repeat N] [--against COMMIT]
    python benchmarks/spots.py --device cuda [--repeat N]

Processor time of whole images on one thread, by the kernels `spots` (in float64, and mixed where it
uses float32) and `compiled` (float64), each beside what the plan predicts of it; smallest of so many.
Where the compiled kernel is predicted to take more than ten seconds it is not run. ``--against``:
`simulate` by the `spots` kernel of a commit, too, with what it reads and plans, in a process of its
own that is warm.

``--device cuda``: instead, time by the clock of the kernels `spots` and `triton` on that device, in
both precisions, after one run that compiles; what `spots` is predicted to take of the time of the
dense kernel; and the largest error of a bright pixel beside the loops in C++.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from builds import Inside, of_commit
from cases import DATA

from tiled_sim.kernels.bragg.gpu_cost import gpu_cost
from tiled_sim.kernels.spots import mixes
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import NEGLIGIBLE, PRECISIONS, Settings
from tiled_sim.plan.choice import predicted_seconds
from tiled_sim.plan.planning import make_plan
from tiled_sim.plan.workers import Workers
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.simulator import Simulator

_LONGEST = 10.0
_CELL = "-cell 70 80 90 90 90 90 -misset 10 20 30"
_BEAM = "-hkl p1.hkl -lambda 1 -oversample 1"
_WIDE = "-mosaic 0.5 -mosaic_domains 25 -dispersion 1 -dispsteps"
_NEAR = f"{_BEAM} {_CELL} -gauss_xtal -distance 200 -pixel 0.1 -default_F 10"
CASES = {
    "F: 512², N 10, 1250 steps, a region": f"{_NEAR} -N 10 -detpixels 512 -roi 0 127 0 127 {_WIDE} 50",
    "G: 3000², N 10, 2500 steps": f"{_NEAR} -N 10 -detpixels 3000 -pixel 0.11 {_WIDE} 100",
    "the same, a region of 96²": f"{_NEAR} -N 10 -detpixels 3000 -pixel 0.11 -roi 1536 1631 1536 1631 {_WIDE} 100",
    "512², N 10, 100 steps": f"{_NEAR} -N 10 -detpixels 512 {_WIDE} 4",
    "512², N 20, 100 steps": f"{_NEAR} -N 20 -detpixels 512 {_WIDE} 4",
    "512², N 30, 1000 steps": f"{_NEAR} -N 30 -detpixels 512 {_WIDE} 40",
    "1024², N 20, 10 phi steps": f"{_NEAR} -N 20 -detpixels 1024 -osc 1 -phi 1 -phisteps 10",
    "1024², N 15, wide angle": f"{_NEAR} -N 15 -detpixels 1024 -distance 50 -phi 1 -osc 1 -phisteps 10",
    "top-hat, 512², 25 steps": f"{_NEAR.replace('-gauss_xtal', '-tophat_spots')} -N 10 -detpixels 512 -mosaic 0.5 -mosaic_domains 25",
    "280 Å cell, N 10, 1024², 20 steps": f"{_NEAR.replace('70 80 90 90', '280 280 280 90')} -N 10 -detpixels 1024 -mosaic 0.5 -mosaic_domains 20",
    "N 4, spots overlap, 512², 25 steps": f"{_NEAR} -N 4 -detpixels 512 -mosaic 0.5 -mosaic_domains 25",
    "3 layers, N 10, 512², 100 steps": f"{_NEAR} -N 10 -detpixels 512 -detector_thick 450 -detector_abs 500 -detector_thicksteps 3 {_WIDE} 4",
    "subpixels 3 × 3, N 10, 512², 100 steps": f"{_NEAR.replace('-oversample 1', '-oversample 3')} -N 10 -detpixels 512 {_WIDE} 4",
}  # fmt: skip


def shot_of_panels(cells: int, shape: str) -> str:
    """Case H: a still of 256 panels, 20 wavelengths, 25 domains, as TOML."""
    places = [-155.0 + 19.4 * n for n in range(16)]
    panels = "".join(
        f"[[detector.panels]]\norigin_mm = [{fast}, {slow}, 150]\n"
        "fast_axis = [1, 0, 0]\nslow_axis = [0, 1, 0]\n"
        for slow in places
        for fast in places
    )
    return f"""
        [beam]
        wavelength_A = 1.0
        dispersion_percent = 1
        dispersion_steps = 20
        fluence_photons_per_m2 = 1e24
        [crystal]
        cell_A = [70, 80, 90]
        cell_angles_deg = [90, 90, 90]
        misset_deg = [10, 20, 30]
        shape = "{shape}"
        cells = {cells}
        mosaic_spread_deg = 0.5
        mosaic_domains = 25
        [structure_factors]
        hkl = "{DATA / "p1.hkl"}"
        default_F = 10
        [sampling]
        oversample = 1
        interpolate = false
        [detector]
        pixels = [254, 254]
        pixel_size_mm = 0.075
        {panels}"""


PANELS = {
    "H: 256 panels of 254², N 40, 500 steps": (40, "gauss_star"),
    "the same, N 10": (10, "gauss_star"),
    "the same, N 40 by h, k, l": (40, "gauss_hkl"),
}


def measure(
    experiment: Experiment, kernel: str, repeat: int, precision: str = "float64"
) -> tuple[float, float, int]:
    """Seconds of a kernel, those predicted, and the evaluations that count."""
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, Settings(kernel, precision))
    predicted = predicted_seconds(plan.settings, experiment, cores=1)
    serves = precision == "float64" or mixes(experiment, NEGLIGIBLE)
    if predicted > _LONGEST or not serves:
        return float("nan"), predicted, 0
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    spent, done = [], 0
    for _ in range(repeat):
        began = time.process_time()
        done = sum(simulator.simulate_tile(tile).evaluations.done for tile in plan)
        spent.append(time.process_time() - began)
    return min(spent), predicted, done


def on_device(
    experiment: Experiment, settings: Settings, device: str, repeat: int
) -> tuple[float, np.ndarray]:
    """Seconds of a kernel by the clock, and the image."""
    inputs = load_inputs(experiment)
    workers = Workers(device=torch.device(device).type)
    plan = make_plan(experiment, inputs, settings, workers=workers)
    simulator = Simulator(experiment, inputs, plan, torch.device(device))
    image = np.zeros(experiment.shape, dtype=np.float32)
    spent = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        for tile in plan:
            image[tile.region] = simulator.simulate_tile(tile).image
        spent.append(time.perf_counter() - began)
    return min(spent[1:]), image


def row_on_device(experiment: Experiment, device: str, repeat: int) -> list[str]:
    """Times of both kernels in both precisions, predicted ratios, and errors."""
    _, truth = on_device(experiment, Settings("spots"), "cpu", 1)
    bright = truth > 1e-3 * truth.max()
    row = []
    for precision in PRECISIONS:
        spent = []
        for kernel, negligible in (("spots", NEGLIGIBLE), ("triton", 0.0)):
            settings = Settings(kernel, precision, negligible)
            seconds, image = on_device(experiment, settings, device, repeat)
            error = np.abs(image[bright] / truth[bright].astype(float) - 1.0).max()
            spent.append(seconds)
            row += [f"{seconds * 1e3:.3g}", f"{error:.1e}"]
        cost = gpu_cost(experiment, NEGLIGIBLE, precision)
        row += [f"{spent[0] / spent[1]:.2g}", f"{cost.spots / cost.dense:.2g}"]
    return row


def print_on_device(device: str, repeat: int) -> None:
    """Print the table of a device."""
    head = "case | planned"
    for precision in PRECISIONS:
        head += f" | spots {precision} [ms] | error | triton {precision} [ms] | error"
        head += " | spots / triton | predicted"
    print(f"| {head} |\n|{' --- |' * (head.count('|') + 1)}")
    for name, experiment, _ in experiments():
        row = [name, f"{experiment.evaluations:.2g}", *row_on_device(experiment, device, repeat)]
        print(f"| {' | '.join(row)} |", flush=True)


def experiments() -> Iterator[tuple[str, Experiment, list[str]]]:
    """Each with its name, and what a command would name it by."""
    with tempfile.TemporaryDirectory() as folder:
        for name, words in [*CASES.items(), *PANELS.items()]:
            if isinstance(words, str):
                asked = words.split()
                yield name, Experiment.from_nanobragg(asked), asked
                continue
            path = Path(folder) / f"{len(name)}.toml"
            path.write_text(shot_of_panels(*words))
            yield name, Experiment.from_toml(path), [str(path)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--against", metavar="COMMIT")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    then = of_commit(options.against) if options.against else None
    torch.set_num_threads(1)
    os.chdir(DATA)
    if options.device != "cpu":
        print_on_device(options.device, options.repeat)
        return
    head = "case | planned | that count | spots [ms] | predicted | mixed [ms] | predicted"
    head += " | compiled [ms] | predicted"
    head += f" | spots of {then.name} [ms] | times faster" if then else ""
    print(f"| {head} |\n|{' --- |' * (head.count('|') + 1)}")
    for name, experiment, asked in experiments():
        row = [name, f"{experiment.evaluations:.2g}"]
        spots, predicted, done = measure(experiment, "spots", options.repeat)
        row += [f"{done:.2g}", f"{spots * 1e3:.3g}", f"{predicted * 1e3:.3g}"]
        for kernel, precision in (("spots", "mixed"), ("compiled", "float64")):
            spent, predicted, _ = measure(experiment, kernel, options.repeat, precision)
            known = spent == spent
            row.append(f"{spent * 1e3:.3g}" if known else "")
            row.append(f"{predicted * 1e3:.3g}" if known or kernel == "compiled" else "")
        if then:
            with Inside(then, None) as process:
                for at_least in (0.0, 0.3):  # the first one warms up
                    process.ask(
                        folder=str(DATA),
                        words=asked,
                        kernel="spots float64",
                        at_least=at_least,
                    )
                    answer = process.answer()
            if "error" in answer:
                row += ["refused", ""]
            else:
                before = min(answer["seconds"])
                row += [f"{before * 1e3:.3g}", f"{before / spots:.2g}"]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
