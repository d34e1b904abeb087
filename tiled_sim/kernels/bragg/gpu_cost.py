"""What following spots takes on a GPU, beside what every pixel and step would: not measured.

Instructions were counted in what compiles for an H100 (sm_90), those of float64 twice, as it has
half as many units for them. How long any of them takes, nobody has measured.
"""

import math
from dataclasses import dataclass

import numpy as np

from tiled_sim.kernels.bragg.cells import REGION, SIDE
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.model.detector import Panel
from tiled_sim.model.experiment import Experiment

#: Of a warp of 32 threads that finds the nodes of a region, both times: for 32 steps, a line of
#: each, a node of each, and how many nodes a line has that are looked at.
_STEPS, _PER_STEPS, _PER_LINE, _PER_NODE, _NODES_OF_A_LINE = 32, 800, 180, 230, 1.5
#: Of one that looks for those of a cell among them, both times: for 32 nodes.
_PER_NODES = 260
#: Of a warp that adds a spot to the 64 subpixels of a cell: by whether spots are alone, and whether
#: the exponential is none, float32 or float64.
_PER_SPOT = {
    (True, "flat"): 61, (True, "mixed"): 83, (True, "float64"): 202,
    (False, "flat"): 210, (False, "mixed"): 232, (False, "float64"): 362,
}  # fmt: skip
#: Of the dense kernel, for as many subpixels and a step.
_PER_DENSE_STEP = {"flat": 180, "mixed": 204, "float64": 340}


@dataclass(frozen=True, slots=True)
class GpuCost:
    """Instructions of warps, for a crystal in all frames.

    Parameters
    ----------
    spots : where spots are followed
    dense : where every subpixel and step is evaluated
    """

    spots: float
    dense: float


def gpu_cost(experiment: Experiment, negligible: float, precision: str) -> GpuCost:
    """Instructions that a crystal takes, from how many nodes there are on average near some pixels.

    Parameters
    ----------
    experiment : with one crystal
    negligible : as `SpotsKernel`
    precision : as `Settings.precision`
    """
    spot = Spot.of(experiment.crystal, negligible)
    kind = precision if spot.gaussian else "flat"
    per_spot = _PER_SPOT[spot.alone, kind]
    oversample, detector = experiment.sampling.oversample, experiment.detector
    steps = experiment.steps // oversample**2
    spots = dense = 0.0
    for number, panel in enumerate(detector.panels):
        pixels = panel.pixels_of_interest * detector.layers_of(number) * experiment.shape[0]
        cells = pixels / SIDE**2
        lines, nodes = _near(experiment, spot, panel, REGION)
        finding = _PER_STEPS + lines * (_PER_LINE + _NODES_OF_A_LINE * _PER_NODE)
        spots += pixels / REGION**2 * math.ceil(steps / _STEPS) * finding
        spots += cells * max(steps * nodes / _STEPS, 1.0) * _PER_NODES
        _, nodes = _near(experiment, spot, panel, SIDE)
        spots += cells * steps * nodes * per_spot * oversample**2
        dense += cells * steps * oversample**2 * _PER_DENSE_STEP[kind]
    return GpuCost(spots, dense)


def _near(experiment: Experiment, spot: Spot, panel: Panel, side: int) -> tuple[float, float]:
    """Lines of the lattice that meet a square of pixels in the middle of a panel, and its nodes."""
    wavelength, crystal = experiment.beam.wavelength, experiment.crystal
    sides = [n * size / 2.0 for n, size in zip(panel.pixels, panel.pixel_size, strict=True)]
    axes = np.array([panel.slow_axis, panel.fast_axis])
    middle = float(np.linalg.norm(np.array(panel.origin) + np.array(sides) @ axes))
    width = side * math.sqrt(panel.pixel_area * panel.close_distance / middle**3)
    reach = wavelength * spot.radius
    *across, _ = sorted(np.linalg.norm(crystal.direct_vectors, axis=1) / wavelength)
    around = 2.0 * (width / math.sqrt(2.0) + reach)
    # of 32 steps those with most lines decide
    lines = math.prod(2.0 + length * around for length in across)
    # spots on the sphere are as wide as their reach, others narrower
    area = (min(width, 2.0) + 1.5 * reach) ** 2
    return lines, abs(crystal.volume) / wavelength**3 * area * 2.0 * reach
