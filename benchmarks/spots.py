"""Following spots beside computing every pixel: the table of docs/benchmarks.md.

    python benchmarks/spots.py [--repeat N] [--against COMMIT]

Processor time of whole images on one thread, by the kernels `spots` and `compiled` (float64), each
beside what the plan predicts of it; smallest of so many. Where the compiled kernel is predicted to
take more than ten seconds it is not run. ``--against``: `simulate` by the `spots` kernel of a commit,
too, with what it reads and plans, in a process of its own that is warm.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from builds import Inside, of_commit
from cases import DATA

from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import Settings
from tiled_sim.plan.choice import predicted_seconds
from tiled_sim.plan.planning import make_plan
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


def measure(experiment: Experiment, kernel: str, repeat: int) -> tuple[float, float, int]:
    """Seconds of a kernel, those predicted, and the evaluations that count."""
    inputs = load_inputs(experiment)
    plan = make_plan(experiment, inputs, Settings(kernel, "float64"))
    predicted = predicted_seconds(plan.settings, experiment, cores=1)
    if predicted > _LONGEST:
        return float("nan"), predicted, 0
    simulator = Simulator(experiment, inputs, plan, torch.device("cpu"))
    spent, done = [], 0
    for _ in range(repeat):
        began = time.process_time()
        done = sum(simulator.simulate_tile(tile).evaluations.done for tile in plan)
        spent.append(time.process_time() - began)
    return min(spent), predicted, done


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--against", metavar="COMMIT")
    options = parser.parse_args()
    then = of_commit(options.against) if options.against else None
    torch.set_num_threads(1)
    os.chdir(DATA)
    head = "case | planned | that count | spots [ms] | predicted | compiled [ms] | predicted"
    head += f" | spots of {then.name} [ms] | times faster" if then else ""
    print(f"| {head} |\n|{' --- |' * (head.count('|') + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        for name, words in [*CASES.items(), *PANELS.items()]:
            if isinstance(words, str):
                asked = words.split()
                experiment = Experiment.from_nanobragg(asked)
            else:
                path = Path(folder) / f"{len(name)}.toml"
                path.write_text(shot_of_panels(*words))
                asked = [str(path)]
                experiment = Experiment.from_toml(path)
            planned = experiment.steps * experiment.detector.layered_pixels
            planned *= experiment.sampling.oversample**2 if experiment.sampling else 1
            row = [name, f"{planned:.2g}"]
            spots, predicted, done = measure(experiment, "spots", options.repeat)
            row += [f"{done:.2g}", f"{spots * 1e3:.3g}", f"{predicted * 1e3:.3g}"]
            dense, predicted, _ = measure(experiment, "compiled", options.repeat)
            row += ["" if dense != dense else f"{dense * 1e3:.3g}", f"{predicted * 1e3:.3g}"]
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
