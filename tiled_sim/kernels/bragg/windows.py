"""Windows: the subpixels under some candidates, evaluated in one go."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.bragg.candidates import Candidates
from tiled_sim.kernels.bragg.footprint import Rectangles
from tiled_sim.kernels.bragg.patches import Patch
from tiled_sim.kernels.bragg.spot import Spot
from tiled_sim.kernels.bragg.steps import Steps
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.lattice import nearest_node

# What is worked on at a time. Memory and time depend on these numbers, results do not.
_SPOTS_AT_A_TIME = 512
_PAIRS_AT_A_TIME = 1 << 15


class Windows(NamedTuple):
    """Some candidates over rectangles of one size.

    Parameters
    ----------
    candidates : the spots
    place : of each subpixel in the patch, int64 (spots, subpixels)
    """

    candidates: Candidates
    place: Tensor

    def add_to(self, total: Tensor, directions: Vectors, steps: Steps, spot: Spot) -> int:
        """Add them to subpixels of the patch; returns the number of evaluations that count.

        Parameters
        ----------
        total : sums over steps [electron²]
        directions : to the subpixels
        steps : of the candidates
        spot : of the crystal
        """
        place = self.place.view(-1)
        seen = Vectors(*(part.index_select(0, place).view(self.place.shape) for part in directions))
        if spot.alone:
            distance_sqr = _from_centre(seen, steps, self.candidates)
        else:
            distance_sqr = _from_nearest_node(seen, steps, self.candidates, spot)
        factor = spot.squared_factor(distance_sqr)
        evaluated = int(factor.count_nonzero())
        # one after the other: on CPU index_add_ keeps the order, which is that of the steps
        total.index_add_(0, place, factor.mul_(self.candidates.intensity[:, None]).view(-1))
        return evaluated


def windows_of(patch: Patch, candidates: Candidates) -> Iterator[Windows]:
    """Some candidates at a time, over rectangles as large as the largest of them."""
    height, width = patch.subpixels
    for part in parts(candidates.footprint):
        rows, columns = candidates.footprint.largest(part)
        some = candidates.some(part)
        row = some.footprint.row.clamp(max=height - rows)
        column = some.footprint.column.clamp(max=width - columns)
        window = torch.arange(rows)[:, None] * width + torch.arange(columns)
        yield Windows(some, (row * width + column)[:, None] + window.view(-1))


def parts(footprint: Rectangles) -> Iterator[slice]:
    """Which candidates are evaluated in one go."""
    every = len(footprint.row)
    for start in range(0, every, _SPOTS_AT_A_TIME):
        stop = min(start + _SPOTS_AT_A_TIME, every)
        rows, columns = footprint.largest(slice(start, stop))
        at_a_time = max(_PAIRS_AT_A_TIME // (rows * columns), 1)
        for first in range(start, stop, at_a_time):
            yield slice(first, min(first + at_a_time, stop))


def _from_centre(directions: Vectors, steps: Steps, candidates: Candidates) -> Tensor:
    """Squared distances of pixels from nodes [1/Å²]; overwrites the directions."""
    for component, centre in zip(directions, candidates.centre, strict=True):
        component.sub_(centre[:, None])
        component.mul_(component)
    total = directions.x.add_(directions.y).add_(directions.z)
    wavelengths = steps.wavelengths[candidates.nodes.step]
    return total.mul_((1.0 / (wavelengths * wavelengths))[:, None])


def _from_nearest_node(
    directions: Vectors, steps: Steps, candidates: Candidates, spot: Spot
) -> Tensor:
    """Squared distances of pixels from the node, infinite if another is nearer [1/Å²].

    For spots that reach into the cells of other nodes, and cells whose a*, b*, c* are not
    dual to a, b, c.
    """
    step, *node = candidates.nodes
    direct = steps.direct[step][..., None]
    x, y, z = (d - i for d, i in zip(directions, steps.incident, strict=True))
    delta, nearest = [], torch.ones_like(x, dtype=torch.bool)
    for axis, own in enumerate(node):
        a = direct[:, axis]
        index = a[:, 0] * x + a[:, 1] * y + a[:, 2] * z
        whole = nearest_node(index)
        nearest &= whole == own[:, None]
        delta.append(index - whole)
    h, k, l = delta
    (aa, ab, ac), (_, bb, bc), (_, _, cc) = spot.metric.tolist()
    distance_sqr = h * (aa * h + 2.0 * (ab * k + ac * l)) + k * (bb * k + 2.0 * bc * l) + cc * l * l
    return torch.where(nearest, distance_sqr, math.inf)
