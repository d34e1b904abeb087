"""What kernels take of the memory of a process, beyond what it takes before its first tile.

The numbers are those of peaks of worker processes, Linux, torch 2.13 on CPU.
"""

import math
from dataclasses import dataclass

from tiled_sim.kernels.anchors import BYTES_PER_STEP, STEPS_AT_A_TIME, STEPS_KEPT
from tiled_sim.kernels.blocks import LANES
from tiled_sim.kernels.bragg.candidates import bytes_of_crystals
from tiled_sim.kernels.bragg.patches import PATCH_SIDE
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK

_FLOAT = 8
#: Of an orientation, and of a mosaic domain while it is drawn.
_PER_ORIENTATION, _PER_DRAWN_DOMAIN = 72, 440
#: Of a trace, which takes all steps of a sweep at once.
_PER_TRACED_ORIENTATION = 150
_PER_SOURCE = 3000
#: Of a node of the structure factors: as they were loaded; padded, with what a look-up meets;
#: and while that is made.
_LOADED_NODE, _PADDED_NODE, _MADE_NODE = 9, 9, 11
#: Of a table of steps while it is made, over its own size.
_MADE_STEPS = 2
#: Of a patch, where spots are evaluated.
_PER_SUBPIXEL = 34
#: Tensors of pixels that are summed source by source: of each source, if terms have factors of
#: their own and if not.
_TENSORS_OF_A_SOURCE = {True: 6, False: 3}


@dataclass(frozen=True, slots=True)
class _Take:
    """What a kernel takes of any scene, and of each of the blocks that it works on.

    Parameters
    ----------
    first_tile : code and heap that stay [bytes]
    blocks : at a time
    tensors : of them
    tensors_by_source : if pixels are summed source by source
    per_pixel : of a tile [bytes]
    """

    first_tile: int
    blocks: int
    tensors: int
    tensors_by_source: int
    per_pixel: float


_TAKES = {
    "reference": _Take(15_500_000, 32, 20, 20, 13),
    "compiled": _Take(14_500_000, 256, 12, 25, 13),
    "spots": _Take(22_000_000, (PATCH_SIDE // BLOCK) ** 2, 1, 1, 9),
    "triton": _Take(14_500_000, 8192, 0, 0, 13),  # tensors are on the device
}
#: Of the background, as many tensors of so many blocks.
_BACKGROUND_TENSORS, _BACKGROUND_BLOCKS = 28, 64


def bytes_of_scene(kernel: str, experiment: Experiment, nodes: int) -> int:
    """What a kernel takes in a process for the scenes of an experiment, whatever the tile.

    Parameters
    ----------
    kernel : name
    experiment : what to simulate
    nodes : of the grid of structure factors
    """
    domains, sources = experiment.crystal.domains.count, len(experiment.beam.spectrum)
    orientations = domains * experiment.exposures.steps
    held = sources * _PER_SOURCE + nodes * (_LOADED_NODE + _PADDED_NODE)
    sweeps = 2 if experiment.c_compat else 1
    scene = (sweeps * orientations + domains) * _PER_ORIENTATION
    scene += _bytes_of_tables(kernel, experiment, nodes)
    working = max(_bytes_of_blocks(kernel, experiment), orientations * _PER_TRACED_ORIENTATION)
    computing = _TAKES[kernel].first_tile + scene + working
    return held + max(nodes * _MADE_NODE, domains * _PER_DRAWN_DOMAIN, computing)


def bytes_per_pixel(kernel: str, experiment: Experiment) -> int:
    """What a kernel takes in a process for each pixel of a tile.

    Parameters
    ----------
    kernel : name
    experiment : what to simulate
    """
    return math.ceil(_TAKES[kernel].per_pixel)


def _bytes_of_tables(kernel: str, experiment: Experiment, nodes: int) -> int:
    """Squared structure factors, and steps with their crystals."""
    if kernel in ("reference", "triton"):
        return 0
    squares = 0 if experiment.sampling.interpolate else nodes * _FLOAT
    domains, sources = experiment.crystal.domains.count, len(experiment.beam.spectrum)
    steps = sources * domains * experiment.exposures.steps
    made = steps if steps <= STEPS_KEPT else STEPS_AT_A_TIME
    tables = made * BYTES_PER_STEP * _MADE_STEPS
    if kernel == "spots":
        tables += bytes_of_crystals(steps)
    return squares + tables


def _bytes_of_blocks(kernel: str, experiment: Experiment) -> int:
    """What is computed of the blocks that are worked on."""
    take, sampling = _TAKES[kernel], experiment.sampling
    sides = [-(-side // BLOCK) for side in experiment.detector.pixels]
    every = math.prod(sides)
    of_tensor = min(take.blocks, every) * LANES * _FLOAT
    weighed = experiment.detector.sensor is not None or (
        sampling.oversample_polar or sampling.oversample_omega
    )
    plain = not (
        weighed
        or experiment.detector.curvature_radius is not None
        or sampling.dmin > 0.0
        or experiment.c_compat
    )
    number = take.tensors if plain else take.tensors_by_source
    if kernel == "reference" or (kernel == "compiled" and not plain):
        number += _TENSORS_OF_A_SOURCE[weighed] * len(experiment.beam.spectrum)
    size = number * of_tensor
    if kernel == "spots":
        rows, columns = (min(side * BLOCK, PATCH_SIDE) for side in sides)
        size += rows * columns * _PER_SUBPIXEL
    if experiment.background is not None:
        blocks = min(_BACKGROUND_BLOCKS, every)
        size += _BACKGROUND_TENSORS * blocks * LANES * _FLOAT
    return size
