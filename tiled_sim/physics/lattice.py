"""Lattice transforms: what a finite crystal makes of each reflection."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.physics.vectors import Array

#: Square root of the volume ratio of cube and sphere, which the C program gives round crystals.
SPHERE_HEIGHT = 0.723601254558268
#: Of (Δr* NaNbNc)² fudge, or of Δh²Na² + Δk²Nb² + Δl²Nc² times fudge where spots go by h, k, l:
#: F_latt of a Gaussian spot is 1/e of its peak there.
GAUSS_WIDTH = 0.63
#: Of the same: the edge of a flat-topped spot.
TOPHAT_EDGE = 0.3969


class Indices(NamedTuple):
    """Fractional Miller indices of many pixels, their nearest nodes and the rest between."""

    h: Tensor
    k: Tensor
    l: Tensor
    h0: Tensor
    k0: Tensor
    l0: Tensor
    dh: Tensor
    dk: Tensor
    dl: Tensor


def nearest_node(index: Tensor) -> Tensor:
    """Nearest whole index, halves rounded down: ceil(x - 0.5)."""
    return torch.ceil(index - 0.5)


def indices(h: Tensor, k: Tensor, l: Tensor) -> Indices:
    """Split fractional indices into nearest nodes and remainders."""
    h0, k0, l0 = nearest_node(h), nearest_node(k), nearest_node(l)
    return Indices(h, k, l, h0, k0, l0, h - h0, k - k0, l - l0)


def grating(delta: Tensor, cells: int) -> Tensor:
    """Transform of a row of ``cells`` unit cells: sin(πNδ)/sin(πδ), N at δ = 0.

    For a whole N this is the transform at h, up to a sign, because it has period 1 in h.
    """
    if cells == 1:
        return torch.ones_like(delta)
    x = math.pi * delta
    sine = torch.sin(x)
    return torch.where(sine == 0.0, float(cells), torch.sin(x * cells) / sine)


def grating_sign(node: Tensor, cells: int) -> Tensor:
    """Sign by which the transform at h differs from the one at h - h0: (-1)^((N-1) h0)."""
    return 1.0 - 2.0 * torch.remainder(node * (cells - 1), 2.0)


def square(i: Indices, cells: tuple[int, int, int]) -> Tensor:
    """Lattice factor of a parallelepiped of Na × Nb × Nc cells."""
    Na, Nb, Nc = cells
    return grating(i.dh, Na) * grating(i.dk, Nb) * grating(i.dl, Nc)


def round_(i: Indices, cells: tuple[int, int, int], fudge: float) -> Tensor:
    """Lattice factor of an ellipsoid: the transform of a sphere around each node."""
    Na, Nb, Nc = cells
    radius_sqr = _radius_hkl_sqr(i, cells)
    return Na * Nb * Nc * SPHERE_HEIGHT * _sphere(math.pi * torch.sqrt(radius_sqr * fudge))


def _radius_hkl_sqr(i: Indices, cells: tuple[int, int, int]) -> Tensor:
    """Squared distance from the nearest node, h, k, l counted in fringes of the crystal."""
    Na, Nb, Nc = cells
    return (i.dh * Na) ** 2 + (i.dk * Nb) ** 2 + (i.dl * Nc) ** 2


def _sphere(x: Tensor) -> Tensor:
    """Transform of a sphere, 3(sin x/x - cos x)/x², by its series where that cancels."""
    x_sqr = x * x
    series = 1.0 - x_sqr / 10.0 + x_sqr * x_sqr / 280.0
    return torch.where(x < 0.01, series, 3.0 * (torch.sin(x) / x - torch.cos(x)) / x_sqr)


def _radius_star_sqr(i: Indices, metric: Array) -> Tensor:
    """Squared distance in reciprocal space from the nearest node [1/Å²]."""
    (aa, ab, ac), (_, bb, bc), (_, _, cc) = metric.tolist()
    return (
        i.dh * (aa * i.dh + 2.0 * (ab * i.dk + ac * i.dl))
        + i.dk * (bb * i.dk + 2.0 * bc * i.dl)
        + cc * i.dl * i.dl
    )


def gauss_star(i: Indices, cells: tuple[int, int, int], fudge: float, metric: Array) -> Tensor:
    """Lattice factor of Gaussian spots: NaNbNc exp(-(Δr* NaNbNc)²/`GAUSS_WIDTH` · fudge).

    The C program's ``-gauss_xtal``: the width depends on the product of the cells, not on the
    crystal's edge. ``metric`` is G* = (a*, b*, c*)·(a*, b*, c*)ᵀ [1/Å²].
    """
    n = math.prod(cells)
    return n * torch.exp(-(_radius_star_sqr(i, metric) * float(n * n) / GAUSS_WIDTH * fudge))


def tophat(i: Indices, cells: tuple[int, int, int], fudge: float, metric: Array) -> Tensor:
    """Lattice factor of flat-topped spots: NaNbNc inside (Δr* NaNbNc)² fudge < `TOPHAT_EDGE`."""
    n = math.prod(cells)
    inside = _radius_star_sqr(i, metric) * float(n * n) * fudge < TOPHAT_EDGE
    return n * inside.to(i.h.dtype)


def gauss_hkl(i: Indices, cells: tuple[int, int, int], fudge: float) -> Tensor:
    """Lattice factor of Gaussian spots as wide as the crystal's fringes along h, k, l.

    NaNbNc exp(-(Δh²Na² + Δk²Nb² + Δl²Nc²)/`GAUSS_WIDTH` · fudge): shape ``Gauss`` of simtbx (cctbx,
    ``simtbx/nanoBragg/nanoBragg.cpp``), where nanoBragg.c has that of `gauss_star`.
    """
    radius_sqr = _radius_hkl_sqr(i, cells)
    return math.prod(cells) * torch.exp(-(radius_sqr / GAUSS_WIDTH * fudge))


def tophat_hkl(i: Indices, cells: tuple[int, int, int], fudge: float) -> Tensor:
    """Lattice factor of flat-topped spots by h, k, l, as `gauss_hkl`: ``Tophat`` of simtbx."""
    inside = _radius_hkl_sqr(i, cells) * fudge < TOPHAT_EDGE
    return math.prod(cells) * inside.to(i.h.dtype)
