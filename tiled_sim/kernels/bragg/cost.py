"""What a run takes, predicted from a few steps and patches of it."""

import bisect
import itertools
import math
from dataclasses import dataclass, replace

import torch

from tiled_sim.kernels.anchors import StepList, steps_made
from tiled_sim.kernels.bragg.loops import Counts, Loops
from tiled_sim.kernels.bragg.patches import Patch, PatchGrid
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK
from tiled_sim.physics.structure_factor import StructureFactorTable, constant_table

# Seconds on one core, measured; only their ratios to those of other kernels decide.
_PER_PIXEL, _PER_LIT_PIXEL = 1.5e-9, 5e-9
#: Of those that are looked at, in blocks that a spot reaches.
_PER_SUBPIXEL, _PER_SUBPIXEL_AND_DIRECTION = 1.5e-9, 0.5e-9
#: Blocks that a spot reaches, and steps whose spots are not on the blocks of those before.
_BLOCKS_OF_A_SPOT, _STEPS_APART = 1.5, 8
_PER_PATCH, _PER_PATCH_AND_DIRECTION = 0.1e-3, 0.05e-3
#: Of a step of a pixel, for the sample of look-ups that are counted.
_PER_PLANNED = 4e-12
_PER_STEP = 0.1e-6
_PER_LINE = 5e-9
_PER_NODE = 17e-9
#: By whether spots are alone; in float32.
_PER_EVALUATION, _PER_SINGLE = {True: 0.85e-9, False: 1.4e-9}, 0.4e-9
#: From so many, evenly over all, the cost of a run is predicted.
_SAMPLED_PATCHES, _SAMPLED_DIRECTIONS, _SAMPLED_STEPS = 16, 4, 24


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
    experiment: Experiment,
    negligible: float,
    precision: str = "float64",
    table: StructureFactorTable | None = None,
) -> Cost:
    """Cost of a whole run, from the nodes that a sample of steps brings to a sample of patches.

    Nodes are found and projected as `SpotsKernel` does it, for a few patches of the first frame;
    no pixel is looked at. That takes some hundredths of a second, whatever the size of the run.

    Parameters
    ----------
    experiment : one without an `obstacle`
    negligible, precision : as `SpotsKernel`
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
    # where spots lie is the same at all energies
    scene = replace(Scene.of(experiment, 0), grids=())
    # the height is of no account
    single = precision == "mixed" and spot.suits_float32(experiment)
    loops = Loops(spot, 1.0, table, default_F, single)
    directions = steps_made(scene, torch.device("cpu"), most_kept=0)
    for number in sample:
        panel = bisect.bisect_right(starts, number) - 1
        patch = grids[panel][number - starts[panel]]
        layers = scene.detector.layers_of(panel)
        cost.add(_of_patch(loops, directions, patch, scene), times * layers)
    return cost


def _of_patch(loops: Loops, directions: list[StepList], patch: Patch, scene: Scene) -> Cost:
    """Cost of a patch, from the nodes that a sample of steps brings to it."""
    pixels, subpixels = math.prod(patch.shape), math.prod(patch.subpixels)
    cost = Cost(seconds=_PER_PATCH + pixels * _PER_PIXEL)
    of_block, looked_at = (BLOCK * patch.oversample) ** 2, 0.0
    sample = _evenly(len(directions), _SAMPLED_DIRECTIONS)
    for number in sample:
        every = directions[number]
        numbers = _evenly(len(every), _SAMPLED_STEPS)
        steps = Steps.of(every.some(numbers))
        counts = loops.count(patch, scene.panels[patch.panel], steps)
        of_direction = Cost()
        of_direction.add(_of_counts(counts, loops), len(every) / len(numbers))
        lit = min(pixels, of_direction.evaluations)
        apart = min(len(every), _STEPS_APART) / len(every)
        looked = min(subpixels, of_direction.nodes * apart * _BLOCKS_OF_A_SPOT * of_block)
        looked_at += looked * len(directions) / len(sample)
        of_direction.seconds += _PER_PATCH_AND_DIRECTION + lit * _PER_LIT_PIXEL
        of_direction.seconds += looked * _PER_SUBPIXEL_AND_DIRECTION + len(every) * _PER_STEP
        of_direction.seconds += subpixels * len(every) * _PER_PLANNED
        cost.add(of_direction, len(directions) / len(sample))
    cost.seconds += min(subpixels, looked_at) * _PER_SUBPIXEL
    return cost


def _of_counts(counts: Counts, loops: Loops) -> Cost:
    """Cost of finding and evaluating spots."""
    seconds = counts.lines * _PER_LINE + counts.nodes * _PER_NODE
    each = _PER_SINGLE if loops.single else _PER_EVALUATION[loops.alone]
    seconds += counts.evaluations * each
    return Cost(counts.lines, counts.nodes, counts.evaluations, seconds)


def _evenly(number: int, most: int) -> list[int]:
    """At most so many of a number of things, evenly over all."""
    sampled = min(number, most)
    return [(2 * n + 1) * number // (2 * sampled) for n in range(sampled)]
