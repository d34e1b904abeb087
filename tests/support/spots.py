"""Small crystals whose spots end, and the blocks of their panels."""

import itertools
import math

import numpy as np
import torch

from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.bragg import lists
from tiled_sim.model.beam import Beam, Source, Spectrum
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Detector, Panel
from tiled_sim.model.domains import Domains
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.exposures import Rotation
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.cell import dual
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import as_tuple

CPU = torch.device("cpu")
NEGLIGIBLE = 1e-4
#: Of (Δr* · N)² fudge, where evaluations end.
_GAUSS_ENDS = -math.log(NEGLIGIBLE) * 0.63 / 2.0
ENDS = {
    "gauss_star": _GAUSS_ENDS, "tophat": 0.3969, "gauss_hkl": _GAUSS_ENDS, "tophat_hkl": 0.3969,
}  # fmt: skip
LOW, GRID = (-6, -5, -7), (13, 12, 15)


def table(default_F=0.0, device=CPU):
    """Amplitudes of a small grid, some nodes zero."""
    generator = np.random.default_rng(20260102)
    amplitude = generator.uniform(5.0, 500.0, GRID)
    amplitude[generator.random(GRID) > 0.8] = 0.0
    given_nodes = np.ones(GRID, dtype=bool)
    return StructureFactorTable(amplitude, given_nodes, LOW, default_F, device)


def fudge_for(reach, spacing, cells, shape):
    """Fudge with which spots reach so many times the spacing of the nodes [1/Å]."""
    if shape.endswith("hkl"):
        return ENDS[shape] / (reach * math.prod(cells) ** (1 / 3)) ** 2
    return ENDS[shape] / (reach * spacing * math.prod(cells)) ** 2


BESIDE, CENTRED = (0.05, 0.1), (0.5, 0.52)


def cubic(*, reach=0.2, shape="gauss_star", cells=(10, 10, 10), pixels=(48, 48), pixel=2e-4,
          beam_at=BESIDE, distance=0.1, lengths=(100.0, 100.0, 100.0), sources=None, domains=1,
          oversample=1, default_F=40.0, region=None):  # fmt: skip
    """A crystal whose axes are those of panel and beam, so that lines graze and roots are whole.

    ``beam_at``: where the beam meets the panel, as shares of its height and width.
    """
    reciprocal = np.diag(1.0 / np.array(lengths))
    spectrum = Spectrum.of(sources or [Source((0.0, 0.0, 1.0), 1.0)])
    across, down = (
        -share * side * pixel for share, side in zip(beam_at[::-1], pixels[::-1], strict=True)
    )
    return Experiment(
        Beam((0.0, 0.0, 1.0), spectrum[0].wavelength, 1e24, 0.9, (1.0, 0.0, 0.0), spectrum),
        Crystal(
            *(as_tuple(vector) for vector in (*dual(reciprocal), *reciprocal)),
            cells,
            shape,
            fudge_for(reach, 0.01, cells, shape),
            Domains(0.01 if domains > 1 else 0.0, domains),
        ),
        Detector((Panel((across, down, distance), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0),
                        (0.0, 0.0, 1.0), pixels, (pixel, pixel), region),)),
        Sampling(oversample),
        Rotation((1.0, 0.0, 0.0)),
        Reflections(default_F=default_F),
    )  # fmt: skip


def blocks_of(experiment):
    """All blocks of the panel."""
    slow, fast = experiment.detector.pixels
    corners = list(itertools.product(range(0, slow, 16), range(0, fast, 16)))
    down, along = torch.tensor(corners, dtype=torch.float64).T
    lane = torch.arange(256)
    live = (down[:, None] + lane // 16 < slow) & (along[:, None] + lane % 16 < fast)
    return Blocks(down, along, live, bool(live.all()))


def with_nodes_at_a_time(number, compute, *arguments):
    """Compute something in this process with so many nodes listed at a time."""
    usual, lists.NODES_AT_A_TIME = lists.NODES_AT_A_TIME, number
    try:
        return compute(*arguments)
    finally:
        lists.NODES_AT_A_TIME = usual


def told_of(kernel, blocks):
    """Evaluations that a kernel tells its progress of."""
    told = []
    kernel.photons_of_blocks(blocks, told.append)
    return sum(told)


def assert_dead_pixels_are_dark_and_not_counted(kernel, blocks):
    """Of a kernel, with some pixels dead, and with the others."""
    whole, before = kernel.photons_of_blocks(blocks)
    live = torch.rand(blocks.live.shape, generator=torch.Generator().manual_seed(5)) > 0.4
    masked, after = kernel.photons_of_blocks(blocks._replace(live=live, whole=False))
    others, rest = kernel.photons_of_blocks(blocks._replace(live=~live, whole=False))
    assert torch.equal(masked, torch.where(live, whole, 0.0))
    assert torch.equal(others, torch.where(live, 0.0, whole))
    assert after.total + rest.total == before.total
    assert 0 < after.total < before.total


def some(blocks, numbers):
    live = blocks.live[numbers]
    return Blocks(blocks.slow[numbers], blocks.fast[numbers], live, bool(live.all()))
