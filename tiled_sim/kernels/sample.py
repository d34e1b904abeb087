"""Counting what the look-ups of a few pixels meet, for kernels that do not count as they go."""

import itertools
from collections.abc import Iterator, Sequence

import torch

from tiled_sim.kernels.anchors import (
    STEPS_AT_A_TIME,
    StepList,
    StepTable,
    anchor,
    joined,
    steps_of,
)
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene
from tiled_sim.model.sampling import Sampling
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.kinds import FORBIDDEN
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Vector

#: Steps times pixels looked at in one go. Memory and time depend on it, results do not.
PAIRS_AT_A_TIME = 1 << 16


def count_lookups(scenes: Sequence[Scene], table: StructureFactorTable, pixels: Pixels) -> Lookups:
    """What the look-ups of some pixels meet, all steps of them.

    Parameters
    ----------
    scenes : one crystal in some frames
    table : of structure factors
    pixels : of each frame; those that are not live are left out
    """
    live = pixels.some(pixels.live)
    lookups = Lookups()
    for _, alike in itertools.groupby(scenes, lambda scene: scene.panels):
        some = list(alike)
        detector = some[0].detector
        if detector.curvature_radius is None and not detector.has_own_sensors:
            lookups.add(_count(some, table, live, panel=0))
            continue
        for of_panel in live.by_panel():
            assert isinstance(of_panel.panel, int)
            lookups.add(_count(some, table, of_panel, of_panel.panel))
    return lookups


def _count(
    scenes: Sequence[Scene], table: StructureFactorTable, live: Pixels, panel: int
) -> Lookups:
    """What the look-ups of live pixels meet, on panels with the layers of one of them.

    Parameters
    ----------
    scenes : that differ in crystal and light
    """
    optics, sampling, lookups = Optics(scenes[0]), scenes[0].sampling, Lookups()
    device = live.slow.device
    steps = [alike for scene in scenes for alike in steps_of(scene, device)]
    at_a_time = min(max(PAIRS_AT_A_TIME // max(len(live.slow), 1), 1), STEPS_AT_A_TIME)
    # subpixels of few steps together
    together = max(at_a_time // max(sum(map(len, steps)), 1), 1)
    places = optics.places(panel)
    number = live.panel if isinstance(live.panel, int) else live.panel[:, None]
    apart = Pixels(live.slow[:, None], live.fast[:, None], live.live[:, None], number)
    while some_places := list(itertools.islice(places, together)):
        directions = []
        for layer, of_layer in itertools.groupby(some_places, lambda place: place[0]):
            subpixels = torch.tensor([subpixel for _, subpixel in of_layer], device=device)
            directions.append(optics.to_subpixel(apart, subpixels, layer)[0])
        diffracted = Vectors(
            *(torch.cat([d.flatten() for d in every]) for every in zip(*directions, strict=True))
        )
        for some in _parts(steps, at_a_time):
            lookups.add(_met(sampling, table, diffracted, some))
    return lookups


def _parts(lists: Sequence[StepList], size: int) -> Iterator[StepTable]:
    """All steps, at most so many at a time; few of many frames together."""
    grouped: dict[tuple[Vector, int], list[StepList]] = {}
    for steps in lists:
        grouped.setdefault((steps.incident, steps.grid), []).append(steps)
    for alike in grouped.values():
        if sum(map(len, alike)) <= size:
            yield joined([steps.part(0, len(steps)) for steps in alike])
        else:
            yield from itertools.chain.from_iterable(steps.parts(size) for steps in alike)


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
