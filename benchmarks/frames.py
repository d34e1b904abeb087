"""What many small frames cost: the figures of docs/benchmarks.md, 'Large detectors'.

    python benchmarks/frames.py [--steps 10] [--shape square_xtal] [--precision float64]

128 frames of 254 × 254 pixels against 128 panels, and against one flat panel of as many pixels, in
this process on one core. The cases take turns; of a turn counts the processor time of all tiles,
kernels of the frames included, against that of the flat panel in the same turn.
"""

import argparse
import dataclasses
import os
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.settings import Settings
from tiled_sim.plan.prepare import Prepared, prepare
from tiled_sim.simulation.simulator import Simulator

COUNT, SIDE = 128, 254
#: Of a flat panel of as many pixels.
FLAT = round((COUNT * SIDE * SIDE) ** 0.5)


def experiment_of(side: int, shape: str, steps: int) -> Experiment:
    """A crystal in front of one panel."""
    words = (
        "-default_F 10 -cell 70 80 90 75 85 95 -misset 10 20 30 -lambda 1 -N 5 -distance 100 "
        f"-pixel 0.1 -oversample 1 -detpixels {side} -{shape} -osc 1 -phisteps {steps}"
    )
    return Experiment.from_nanobragg(words.split())


def with_panels(experiment: Experiment) -> Experiment:
    """So many panels, in rows of sixteen."""
    detector = experiment.detector
    (panel,) = detector.panels
    slow, fast = (
        SIDE * panel.pixel_size[0] * np.array(axis) for axis in (panel.slow_axis, panel.fast_axis)
    )
    places = (
        np.array(panel.origin) + row * slow + column * fast
        for row, column in (divmod(number, 16) for number in range(COUNT))
    )
    panels = tuple(dataclasses.replace(panel, origin=tuple(place.tolist())) for place in places)
    return dataclasses.replace(experiment, detector=dataclasses.replace(detector, panels=panels))


def with_frames(experiment: Experiment) -> Experiment:
    """So many frames of a scan."""
    scan = dataclasses.replace(experiment.exposures, count=COUNT)
    return dataclasses.replace(experiment, exposures=scan)


def with_stills(experiment: Experiment) -> Experiment:
    """So many shots, each with an orientation and a wavelength of its own."""
    numbers = np.random.default_rng(1)
    turns, _ = np.linalg.qr(numbers.normal(size=(COUNT, 3, 3)))
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    scan = experiment.exposures
    shots = Listed(
        turns,
        wavelength=1.0 + 0.01 * numbers.uniform(size=COUNT),
        start=np.zeros(COUNT),
        oscillation=np.full(COUNT, scan.oscillation),
        spindle=scan.spindle,
        steps=scan.steps,
    )
    return dataclasses.replace(experiment, exposures=shots)


def seconds_of(prepared: Prepared) -> float:
    """Processor time of all tiles by a simulator that has not computed any of them [s]."""
    simulator = Simulator(prepared.experiment, prepared.inputs, prepared.plan, torch.device("cpu"))
    began = time.process_time()
    for tile in prepared.plan:
        simulator.simulate_tile(tile)
    return time.process_time() - began


def main() -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10, help="phi steps of a frame")
    parser.add_argument("--shape", default="square_xtal", help="nanoBragg's word, without the dash")
    parser.add_argument("--precision", default="float64")
    parser.add_argument("--turns", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    small, flat = (experiment_of(side, options.shape, options.steps) for side in (SIDE, FLAT))
    cases = {
        f"a flat panel, {FLAT} x {FLAT}": flat,
        f"{COUNT} panels": with_panels(small),
        f"{COUNT} frames of a scan": with_frames(small),
        f"{COUNT} stills": with_stills(small),
    }
    settings = Settings("compiled", options.precision)
    every = {
        name: prepare(case, settings, tile=None, require_coverage=None)
        for name, case in cases.items()
    }
    spent: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(options.turns + 1):
        for name, prepared in every.items():
            seconds = seconds_of(prepared)
            if turn:  # the first loads the compiled kernel
                spent[name].append(seconds)
    flat_spent, *_ = spent.values()
    print("| what | least [s] | of the flat panel: median (least-most) |\n| --- | --- | --- |")
    for name, seconds_each in spent.items():
        ratios = [one / other for one, other in zip(seconds_each, flat_spent, strict=True)]
        middle = statistics.median(ratios)
        ends = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(f"| {name} | {min(seconds_each):.3f} | {middle:.2f} ({ends}) |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
