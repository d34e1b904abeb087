"""Counting what the look-ups of a few pixels meet, for kernels that do not count as they go."""

import torch

from tiled_sim.kernels.anchors import STEPS_AT_A_TIME, StepTable, anchor, steps_of
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.kinds import FORBIDDEN
from tiled_sim.physics.structure_factor import StructureFactorTable

#: Steps times pixels looked at in one go. Memory and time depend on it, results do not.
PAIRS_AT_A_TIME = 1 << 16


def count_lookups(scene: Scene, table: StructureFactorTable, pixels: Pixels) -> Lookups:
    """What the look-ups of some pixels meet, all steps of them.

    Parameters
    ----------
    scene : the frame
    table : of structure factors
    pixels : those that are not live are left out
    """
    live = pixels.some(pixels.live)
    if scene.detector.curvature_radius is None and not scene.detector.has_own_sensors:
        return _count(scene, table, live, panel=0)
    lookups = Lookups()
    for some in live.by_panel():
        assert isinstance(some.panel, int)
        lookups.add(_count(scene, table, some, some.panel))
    return lookups


def _count(scene: Scene, table: StructureFactorTable, live: Pixels, panel: int) -> Lookups:
    """What the look-ups of live pixels meet, on panels with the layers of one of them."""
    optics, lookups = Optics(scene), Lookups()
    steps = steps_of(scene, live.slow.device, most_kept=0)
    at_a_time = max(PAIRS_AT_A_TIME // max(len(live.slow), 1), 1)
    for layer, subpixel in optics.places(panel):
        diffracted, _ = optics.to_subpixel(live, subpixel, layer)
        for of_direction in steps:
            for some in of_direction.parts(min(at_a_time, STEPS_AT_A_TIME)):
                lookups.add(_met(scene.sampling, table, diffracted, some))
    return lookups


def _met(
    sampling: Sampling, table: StructureFactorTable, diffracted: Vectors, steps: StepTable
) -> Lookups:
    """What some steps of some pixels meet."""
    difference = Vectors(*(d - i for d, i in zip(diffracted, steps.incident, strict=True)))
    table = table.grids[steps.grid]
    anchors = anchor(steps.vectors, difference, table.minimum)
    last = table.last_indices()
    h, k, l = anchors.node[..., 0].clamp(0).minimum(last[:, None]).unbind(1)
    kind = table.kind_of(((h * (last[1] + 1) + k) * (last[2] + 1) + l).flatten())
    refused = torch.zeros_like(kind, dtype=torch.bool)
    if sampling.interpolate:
        index = anchors.node + anchors.remainder
        reach = last[:, None, None] - 3
        refused = ~((index >= 3) & (index <= reach)).all(dim=1).flatten()
    if sampling.dmin > 0:
        wavelengths = steps.wavelengths[:, None]
        d_spacing = wavelengths / difference.length().clamp(min=1e-300)
        seen = (d_spacing >= sampling.dmin).flatten()
        kind, refused = kind[seen], refused[seen]
    counts = torch.bincount(kind, minlength=FORBIDDEN + 1).tolist()
    return Lookups.of_kinds(counts, int(refused.sum()))
