"""Nodes near the Ewald sphere: the reciprocal lattice line by line.

A node is i + u a* + v b* + w c* (times λ, from the sample, i the incident direction); along w, with
u and v fixed, it moves on a line, which meets a sphere where a quadratic has its roots.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.bragg.steps import Steps

# What is worked on at a time. Memory and time depend on it, results do not.
_LINES_AT_A_TIME = 1 << 16


class Nodes(NamedTuple):
    """Nodes of the lattices of some steps.

    Parameters
    ----------
    step : number, int64 (nodes,)
    h, k, l : whole, float64 (nodes,)
    """

    step: Tensor
    h: Tensor
    k: Tensor
    l: Tensor

    def some(self, which: Tensor | slice) -> "Nodes":
        """Some of the nodes."""
        return Nodes(*(part[which] for part in self))


class Lines(NamedTuple):
    """Lines of the lattices of some steps, along w, one for each u and v.

    Parameters
    ----------
    axes : which of h, k, l are u, v, w
    low, high : ranges of h, k, l, whole, float64 (steps, 3)
    steps : whose lattices they are
    first_step : number of the first of these
    reach : how far from the sphere a node may be, over its radius, float64 (steps,)
    """

    axes: tuple[int, int, int]
    low: Tensor
    high: Tensor
    steps: Steps
    first_step: int
    reach: Tensor

    @property
    def number(self) -> int:
        """Of the lines that are followed."""
        u, v = (_widest(self.low, self.high, axis) for axis in self.axes[:2])
        return len(self.low) * u * v

    def nodes_near_sphere(self) -> Nodes:
        """Nodes within ``reach`` of the Ewald sphere, in the order of the steps."""
        u, v = (
            self.low[:, axis, None] + torch.arange(_widest(self.low, self.high, axis))
            for axis in self.axes[:2]
        )
        first, number = self._intervals(u[:, :, None], v[:, None, :])
        line = number.view(-1).nonzero()[:, 0]
        counts = number.view(-1)[line].long()
        of_node = torch.repeat_interleave(counts)
        before = counts.cumsum(0) - counts
        line = line[of_node]
        w = first.view(-1)[line] + (torch.arange(len(line)) - before[of_node])
        above, column = _split(line, v.shape[1])
        side, row = _split(above, u.shape[1])
        step, _ = _split(side, 2)
        index = dict(zip(self.axes, (u[step, row], v[step, column], w), strict=True))
        return Nodes(step + self.first_step, index[0], index[1], index[2])

    def _intervals(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """First w and number of w between the shells on this and on the far side of the sphere.

        The shells are spheres of radius 1 - reach and 1 + reach. (steps, 2, u, v) each.
        """
        ahead, beyond, cc = self._quadratic(u, v)
        reach = self.reach[:, None, None]
        root = (ahead * ahead).sub_(beyond.mul_(cc))
        # a spot that holds the sphere's centre has no inner shell
        inside = torch.where(reach < 1.0, cc * reach * (2.0 - reach), math.inf)
        outer = (root + cc * reach * (2.0 + reach)).clamp_(min=0.0).sqrt_().div_(cc)
        inner = root.sub_(inside).clamp_(min=0.0).sqrt_().div_(cc)
        middle = ahead.div_(-cc)
        near_last = torch.floor(middle - inner)
        # without an inner shell both intervals end in the middle, which must not count twice
        far_first = torch.ceil(inner.add_(middle)).maximum(near_last + 1.0)
        first = torch.stack([torch.ceil(middle - outer), far_first], 1)
        last = torch.stack([near_last, torch.floor(outer.add_(middle))], 1)
        least, most = (part[:, self.axes[2], None, None, None] for part in (self.low, self.high))
        first = first.maximum(least)
        return first, last.minimum(most).sub_(first).add_(1.0).clamp_(min=0.0)

    def _quadratic(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of B = i + u a* + v b*, all times λ: B·c*, B·B - 1 and c*·c*."""
        a, b, c = self.axes

        def product(one: int, other: int) -> Tensor:
            return self.steps.products[:, one, other, None, None]

        ia, ib, ic = (self.steps.reciprocal_forward[:, axis, None, None] for axis in self.axes)
        # i·i is 1 but for roundings
        excess = math.fsum(component * component for component in self.steps.incident) - 1.0
        along_v = v * (v * product(b, b) + 2.0 * ib) + excess
        beyond = u * (u * product(a, a) + 2.0 * ia) + along_v
        beyond += (2.0 * product(a, b) * u) * v
        ahead = (ic + u * product(a, c)) + v * product(b, c)
        return ahead, beyond, product(c, c)


def lines_between(low: Tensor, high: Tensor, steps: Steps, reach: Tensor) -> Iterator[Lines]:
    """All lines of some steps, so many at a time as fit.

    Parameters
    ----------
    low, high : ranges of h, k, l, whole, float64 (steps, 3)
    reach : as `Lines`
    """
    axes = _axes_of_fewest_lines((high - low + 1.0).clamp_(min=0.0))
    widest_u, widest_v = (max(_widest(low, high, axis), 1) for axis in axes[:2])
    at_a_time = max(_LINES_AT_A_TIME // (widest_u * widest_v), 1)
    slab = max(_LINES_AT_A_TIME // widest_v, 1)
    for start in range(0, len(low), at_a_time):
        part = slice(start, start + at_a_time)
        of_part = steps.some(part)
        for begin in range(0, widest_u, slab):
            first, last = low[part].clone(), high[part].clone()
            first[:, axes[0]] += begin
            last[:, axes[0]] = last[:, axes[0]].minimum(first[:, axes[0]] + (slab - 1))
            yield Lines(axes, first, last, of_part, start, reach[part])


def _axes_of_fewest_lines(counts: Tensor) -> tuple[int, int, int]:
    """Which of h, k, l to take as u, v, w, where there are so many of each, (steps, 3)."""
    turned = ((1, 2, 0), (2, 0, 1), (0, 1, 2))
    return min(turned, key=lambda axes: float((counts[:, axes[0]] * counts[:, axes[1]]).sum()))


def _widest(low: Tensor, high: Tensor, axis: int) -> int:
    """Longest range of an index."""
    return max(int((high - low)[:, axis].max()) + 1, 0)


def _split(number: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Quotient and rest."""
    quotient = torch.div(number, size, rounding_mode="floor")
    return quotient, number - quotient * size
