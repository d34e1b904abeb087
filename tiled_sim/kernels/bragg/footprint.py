"""Where spots fall on a panel: a cone of directions around each node, cut by the panel's plane."""

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tiled_sim.kernels.bragg.patches import Patch
from tiled_sim.model.detector import Panel
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.vectors import Vector

# Subpixels are looked for a little further out than they can be, for the roundings on the way.
_RELATIVE_MARGIN, _MARGIN = 1e-9, 1e-6


class Rectangles(NamedTuple):
    """Rectangles of subpixels of a patch, one a spot.

    Parameters
    ----------
    row, column : the first, int64 (spots,)
    rows, columns : how many, int64 (spots,)
    """

    row: Tensor
    column: Tensor
    rows: Tensor
    columns: Tensor

    def some(self, which: Tensor | slice) -> "Rectangles":
        """Some of the rectangles."""
        return Rectangles(*(part[which] for part in self))

    def largest(self, part: slice) -> tuple[int, int]:
        """Greatest numbers of rows and of columns in a part."""
        return int(self.rows[part].max()), int(self.columns[part].max())


class Plane(NamedTuple):
    """The plane of a panel.

    Parameters
    ----------
    normal : unit vector away from the sample
    distance : of the sample [m]
    across : in the plane, slow and fast: coordinates of a point on the panel are its products
        with these, less `offset` [m]
    offset : of the panel's corner, slow and fast [m]
    pixel_size : [m]
    """

    normal: Vector
    distance: float
    across: tuple[Vector, Vector]
    offset: tuple[float, float]
    pixel_size: float

    @classmethod
    @functools.lru_cache(maxsize=1024)
    def of(cls, panel: Panel) -> "Plane":
        """The plane of a panel; made once for all frames."""
        slow, fast, origin = map(np.array, (panel.slow_axis, panel.fast_axis, panel.origin))
        normal = np.cross(fast, slow)
        normal /= np.linalg.norm(normal)
        distance = float(origin @ normal)
        if distance < 0.0:
            normal, distance = -normal, -distance
        # the axes need not be perpendicular: coordinates are products with their duals in the plane
        across = np.linalg.inv(np.array([slow, fast, normal])).T[:2]
        return cls(
            tuple(normal.tolist()),
            distance,
            (tuple(across[0].tolist()), tuple(across[1].tolist())),
            (float(across[0] @ origin), float(across[1] @ origin)),
            panel.pixel_size[0],
        )

    def footprints(self, patch: Patch, centre: Vectors, reach: Tensor) -> Rectangles:
        """Subpixels of a patch that spots may light.

        Parameters
        ----------
        centre : nodes, times λ, from the sample, float64 (spots,) each
        reach : of their spots, times λ, float64 (spots,)
        """
        cones = _Cones.around(centre, reach, self.normal)
        (row, rows), (column, columns) = (self._interval(patch, cones, axis) for axis in range(2))
        return Rectangles(*torch.stack([row, column, rows, columns]).long())

    def _interval(self, patch: Patch, cones: "_Cones", axis: int) -> tuple[Tensor, Tensor]:
        """First subpixel of a patch along an axis, and how many, that cones may meet."""
        across, side = self.across[axis], patch.subpixels[axis]
        scale = math.hypot(*across)
        per_metre = patch.oversample / self.pixel_size
        start = self.offset[axis] * per_metre + 0.5 + patch.corner[axis] * patch.oversample
        per_tangent = per_metre * (self.distance * scale)
        low, high = (tangent * per_tangent - start for tangent in cones.tangents(across, scale))
        low = torch.where(cones.endless, -math.inf, low - low.abs() * _RELATIVE_MARGIN - _MARGIN)
        high = torch.where(cones.endless, math.inf, high + high.abs() * _RELATIVE_MARGIN + _MARGIN)
        first = torch.ceil(low).clamp_(0, side)
        last = torch.floor(high).clamp_(-1, side - 1)
        return first, (last - first + 1.0).clamp_(min=0.0).masked_fill_(cones.missed, 0.0)


class _Cones(NamedTuple):
    """Cones of the directions in which spots meet the Ewald sphere.

    Parameters
    ----------
    centre : their axes, of any length
    length : of these
    out : cosine of the axis with the plane's normal
    sine_sqr : of the opening angle
    endless : part of the cone runs beside the plane and has no end there
    missed : no part of the cone meets the plane
    """

    centre: Vectors
    length: Tensor
    out: Tensor
    sine_sqr: Tensor
    endless: Tensor
    missed: Tensor

    @classmethod
    def around(cls, centre: Vectors, reach: Tensor, normal: Vector) -> "_Cones":
        """Unit vectors within ``reach`` of centres."""
        # at distance p from the sample: 1 - cos θ = (reach² - (p - 1)²) / 2p
        length = centre.length()
        versine = (reach * reach - (length - 1.0).square()) / (2.0 * length)
        sine_sqr = (versine * (2.0 - versine)).clamp_(min=0.0)
        out = centre.dot(normal) / length
        endless = (out * out <= sine_sqr) | (versine >= 1.0)
        missed = (versine < 0.0) | ((out < 0.0) & ~endless)
        return cls(centre, length, out, sine_sqr, endless, missed)

    def tangents(self, across: Vector, scale: float) -> tuple[Tensor, Tensor]:
        """Least and greatest tangent, from the normal towards a vector of length ``scale``."""
        out, sine_sqr = self.out, self.sine_sqr
        aside = self.centre.dot(across) / (self.length * scale)
        spread = (sine_sqr * (out * out + aside * aside - sine_sqr).clamp_(min=0.0)).sqrt_()
        below = out * out - sine_sqr
        return (aside * out - spread) / below, (aside * out + spread) / below
