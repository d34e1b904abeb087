"""Diffuse scattering by displacements of atoms that are correlated over a length.

Liquid-like motions (Caspar, Clarage, Salunke and Clarage, Nature 332, 659, 1988; Clarage, Clarage,
Phillips, Sweet and Caspar, Proteins 12, 145, 1992; Wall, Clarage and Phillips, Structure 5, 1599,
1997), as simtbx has them: every atom moves by σ, and the correlation of two falls as exp(-r/γ). To
first order in the displacements the scattering beside the Bragg reflections is

    I(q) = B(q) exp(-B(q)) · N/V · Σ_h |F(h)|² Γ(q - h),    B(q) = 4π² Σ_i (σ_i q_i)²

    Γ(k) = 8π γ_1 γ_2 γ_3 / (1 + 4π² Σ_i (γ_i k_i)²)²

with q in 1/d, N cells of volume V, and components along the axes of the crystal. Γ, the transform
of exp(-r/γ), integrates to 1, and N/V is what a Bragg reflection of F = 1 integrates to.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tiled_sim.physics.cell import dual
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.vectors import Array, Vector, unit


class Form(NamedTuple):
    """A quadratic form of h, k, l."""

    hh: float
    kk: float
    ll: float
    hk: float
    hl: float
    kl: float

    @classmethod
    def of(cls, matrix: Array) -> "Form":
        """From a symmetric matrix (3, 3)."""
        (hh, hk, hl), (_, kk, kl), (_, _, ll) = matrix.tolist()
        return cls(hh, kk, ll, hk, hl, kl)

    def times(self, h: Tensor, k: Tensor, l: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The product with a vector."""
        return (
            self.hh * h + self.hk * k + self.hl * l,
            self.hk * h + self.kk * k + self.kl * l,
            self.hl * h + self.kl * k + self.ll * l,
        )

    def at(self, h: Tensor, k: Tensor, l: Tensor) -> Tensor:
        """Its value."""
        a, b, c = self.times(h, k, l)
        return a * h + b * k + c * l


def axes_of_crystal(direct: Array) -> Array:
    """Rows x along a, y across, z along c*: unit vectors of a crystal whose rows a, b, c are."""
    a, b, _ = direct
    x, z = unit(a), unit(np.cross(a, b))
    return np.array([x, np.cross(z, x), z])


def form_of_lengths(direct: Array, lengths: Vector) -> Form:
    """4π² Σ_i (length_i q_i)² as a form of h, k, l, where q = h a* + k b* + l c*.

    Parameters
    ----------
    direct : rows a, b, c [Å]
    lengths : along the axes of the crystal [Å]
    """
    along = 2.0 * math.pi * np.array(lengths)[:, None] * (axes_of_crystal(direct) @ dual(direct).T)
    return Form.of(along.T @ along)


def displaced(B: Tensor) -> Tensor:
    """B exp(-B): what displacements take from the reflections, to first order."""
    return B * torch.exp(-B)


class Halo:
    """Γ at whole numbers of nodes from where it is asked for.

    Parameters
    ----------
    index : where
    form : of γ
    """

    def __init__(self, index: Indices, form: Form) -> None:
        rest = (index.dh, index.dk, index.dl)
        self._form = form
        self._slope = form.times(*rest)
        a, b, c = self._slope
        self._here = a * rest[0] + b * rest[1] + c * rest[2]

    def at(self, off: tuple[int, int, int]) -> Tensor:
        """1 / (1 + 4π² Σ_i (γ_i k_i)²)² of the node that is so many from the nearest."""
        form, (h, k, l) = self._form, off
        apart = form.hh * h * h + form.kk * k * k + form.ll * l * l
        apart += 2.0 * (form.hk * h * k + form.hl * h * l + form.kl * k * l)
        below = self._here + (1.0 + apart)
        for slope, steps in zip(self._slope, off, strict=True):
            if steps:
                below = below - 2.0 * steps * slope
        return 1.0 / (below * below)


def halo_volume(gamma: Vector) -> float:
    """8π γ_1 γ_2 γ_3 [Å³]."""
    return 8.0 * math.pi * gamma[0] * gamma[1] * gamma[2]
