"""What the plan predicts beside what is measured, for all cases of docs/benchmarks.md.

    python benchmarks/prediction.py [--repeat N] [--longest SECONDS]

Processor time of whole images on one thread, tiles with their look-up samples and traces; smallest of
so many. What is predicted to take longer than that many seconds is left out. Exit code 1 if a
prediction is further from what was measured than the limit.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from cases import CASES, DATA, P1
from spots import CASES as SPOTS
from spots import PANELS, shot_of_panels

from tiled_sim.kernels.compiled import packages_of
from tiled_sim.kernels.packages import build, is_built
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import NEGLIGIBLE, Settings
from tiled_sim.plan.planning import make_plan
from tiled_sim.read.inputs import load_inputs
from tiled_sim.simulation.simulator import Simulator

LIMIT = 1.5
#: By another shape, and beside those: few pixels, layers, factors of subpixels.
_LAYERS = "-detector_thick 450 -detector_abs 500 -detector_thicksteps 3"
_OWN = "-oversample_thick -oversample_polar -oversample_omega"
_DOMAINS = "-oversample 1 -mosaic 0.5 -mosaic_domains 100 -detpixels 256"
_DENSE = ("reference float64", "compiled float64", "compiled mixed")
MORE = {
    "256², a step": (f"{P1} -N 10 -oversample 1 -detpixels 256", _DENSE),
    "gauss, 256², 100 domains": (f"{P1} -N 10 -gauss_xtal {_DOMAINS}", (*_DENSE, "spots float64", "spots mixed")),
    "round, 256², 100 domains": (f"{P1} -N 10 -round_xtal {_DOMAINS}", _DENSE),
    "tophat, 256², 100 domains": (f"{P1} -N 10 -tophat_spots {_DOMAINS}", _DENSE),
    "layers, a step": (f"{P1} -N 10 -oversample 1 -detpixels 256 {_LAYERS}", _DENSE),
    "layers, 100 domains": (f"{P1} -N 10 {_DOMAINS} {_LAYERS}", _DENSE[1:]),
    "layers, 3 x 3": (f"{P1} -N 10 -oversample 3 -detpixels 256 {_LAYERS}", _DENSE),
    "layers, 3 x 3, factors of each": (f"{P1} -N 10 -oversample 3 -detpixels 256 {_LAYERS} {_OWN}", _DENSE),
    "gauss, 3 x 3, 10 phi steps": (f"{P1} -N 10 -gauss_xtal -oversample 3 -detpixels 256 -osc 1 -phisteps 10", (*_DENSE[1:], "spots float64")),
}  # fmt: skip


def every_case(folder: Path) -> Iterator[tuple[str, Experiment, tuple[str, ...]]]:
    """Names, experiments, and kernels with their precision."""
    for case in CASES:
        yield case.letter, Experiment.from_nanobragg(case.options.split()), case.kernels
    for name, words in SPOTS.items():
        kernels = ("compiled float64", "spots float64")
        yield name, Experiment.from_nanobragg(words.split()), kernels
    for number, (name, (cells, shape)) in enumerate(PANELS.items()):
        path = folder / f"{number}.toml"
        path.write_text(shot_of_panels(cells, shape))
        yield name, Experiment.from_toml(path), ("spots float64",)
    for name, (options, kernels) in MORE.items():
        yield name, Experiment.from_nanobragg(options.split()), kernels


def measure(
    experiment: Experiment, kernel: str, options: argparse.Namespace
) -> tuple[float, float]:
    """Seconds that are predicted, and that it takes; nan where that is not measured."""
    name, precision = kernel.split()
    settings = Settings(name, precision, NEGLIGIBLE if name == "spots" else 0.0)
    for package in packages_of(experiment, precision) if name == "compiled" else ():
        build(package) if not is_built(package) else None
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, settings)
    if plan.seconds > options.longest:
        return plan.seconds, float("nan")
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    spent = []
    for _ in range(options.repeat):
        began = time.process_time()
        for tile in plan:
            simulator.simulate_tile(tile)
        spent.append(time.process_time() - began)
    return plan.seconds, min(spent)


def main() -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--longest", type=float, default=3.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.chdir(DATA)
    wrong = 0
    print("| case | kernel | predicted [ms] | measured [ms] | predicted / measured |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, experiment, kernels in every_case(Path(folder)):
            for kernel in kernels:
                predicted, spent = measure(experiment, kernel, options)
                if spent != spent:
                    continue
                ratio = predicted / spent
                wrong += not 1.0 / LIMIT <= ratio <= LIMIT
                row = name, kernel, f"{predicted * 1e3:.3g}", f"{spent * 1e3:.3g}", f"{ratio:.2f}"
                print(f"| {' | '.join(row)} |", flush=True)
    print(f"\n{wrong} predictions are wrong by more than {LIMIT}.")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
