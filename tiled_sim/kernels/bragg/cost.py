"""What a run takes, predicted from a few steps and patches of it."""

import bisect
import itertools
import math
from dataclasses import dataclass, replace

import torch

from tiled_sim.kernels.bragg.candidates import Finder
from tiled_sim.kernels.bragg.patches import Patch, PatchGrid
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.kernels.bragg.windows import parts
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table

# Seconds on one core, measured; only their ratios to those of other kernels decide.
_PER_SUBPIXEL, _PER_SUBPIXEL_AND_DIRECTION = 18e-9, 5e-9
_PER_LIT_PIXEL = 60e-9
_PER_PATCH_AND_DIRECTION = 0.7e-3
_PER_STEP = 0.4e-6
_PER_LINE = 25e-9
_PER_NODE = 150e-9
#: By whether spots are alone.
_PER_EVALUATION = {True: 10e-9, False: 30e-9}
#: From so many, evenly over all, the cost of a run is predicted.
_SAMPLED_PATCHES, _SAMPLED_DIRECTIONS, _SAMPLED_STEPS = 8, 3, 6


@dataclass(slots=True)
class Cost:
    """What a run is predicted to take.

    Parameters
    ----------
    lines : of the reciprocal lattice that are followed
    nodes : that may light a pixel
    evaluations : done, negligible ones included
    seconds : on one core
    """

    lines: float = 0.0
    nodes: float = 0.0
    evaluations: float = 0.0
    seconds: float = 0.0

    def add(self, other: "Cost", times: float) -> None:
        """Add the cost of something that is done a number of times."""
        self.lines += other.lines * times
        self.nodes += other.nodes * times
        self.evaluations += other.evaluations * times
        self.seconds += other.seconds * times


def predicted_cost(
    experiment: Experiment, negligible: float, table: StructureFactorTable | None = None
) -> Cost:
    """Cost of a whole run, from the nodes that a sample of steps brings to a sample of patches.

    Nodes are found and projected as `SpotsKernel` does it, for a few patches of the first frame;
    no pixel is looked at. That takes some hundredths of a second, whatever the size of the run.

    Parameters
    ----------
    experiment : one without an `obstacle`
    negligible : as `SpotsKernel`
    table : of structure factors, on CPU; None: no node has F = 0
    """
    default_F = experiment.structure_factors.default_F
    if table is None:
        default_F = 1.0
        table = constant_table(default_F, torch.device("cpu"))
    spot = Spot.of(experiment.crystal, negligible)
    oversample = experiment.sampling.oversample
    panels = enumerate(experiment.detector.panels)
    grids = [PatchGrid(panel, oversample, number) for number, panel in panels]
    *starts, number_of = itertools.accumulate(map(len, grids), initial=0)
    sample = _evenly(number_of, _SAMPLED_PATCHES)
    times = number_of / len(sample) * len(experiment.exposures)
    cost = Cost()
    # where candidates lie is the same at all energies
    scene = replace(Scene.of(experiment, 0), grids=())
    finder = Finder(scene, table, default_F, spot, keep=False)
    for number in sample:
        panel = bisect.bisect_right(starts, number) - 1
        cost.add(_of_patch(finder, grids[panel][number - starts[panel]]), times)
    return cost


def _of_patch(finder: Finder, patch: Patch) -> Cost:
    """Cost of a patch, from the nodes that a sample of steps brings to it."""
    pixels, subpixels = math.prod(patch.shape), math.prod(patch.subpixels)
    cost = Cost(seconds=subpixels * _PER_SUBPIXEL)
    sample = _evenly(len(finder.directions), _SAMPLED_DIRECTIONS)
    for number in sample:
        every = finder.directions[number]
        numbers = _evenly(len(every), _SAMPLED_STEPS)
        share = len(numbers) / len(every)
        of_direction = Cost()
        steps = Steps.of(every.some(numbers))
        of_direction.add(_of_steps(finder, patch, steps), 1.0 / share)
        lit = min(pixels, of_direction.evaluations)
        of_direction.seconds += _PER_PATCH_AND_DIRECTION + lit * _PER_LIT_PIXEL
        of_direction.seconds += subpixels * _PER_SUBPIXEL_AND_DIRECTION
        cost.add(of_direction, len(finder.directions) / len(sample))
    return cost


def _of_steps(finder: Finder, patch: Patch, steps: Steps) -> Cost:
    """Cost of finding and evaluating the spots of some steps."""
    cost = Cost(seconds=len(steps.weights) * _PER_STEP)
    for lines in finder.lines(patch, steps):
        footprint = finder.on_lines(patch, steps, lines).footprint
        cost.lines += lines.number
        cost.nodes += len(footprint.row)
        for part in parts(footprint):
            rows, columns = footprint.largest(part)
            cost.evaluations += rows * columns * (part.stop - part.start)
    cost.seconds += cost.lines * _PER_LINE + cost.nodes * _PER_NODE
    cost.seconds += cost.evaluations * _PER_EVALUATION[finder.spot.alone]
    return cost


def _evenly(number: int, most: int) -> list[int]:
    """At most so many of a number of things, evenly over all."""
    sampled = min(number, most)
    return [(2 * n + 1) * number // (2 * sampled) for n in range(sampled)]
