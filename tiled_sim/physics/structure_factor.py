"""Looking up F(hkl): at the nearest node, or by tricubic interpolation."""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from tiled_sim.physics.kinds import ABSENT, FORBIDDEN, IN_RANGE, OUT_OF_RANGE, ZERO
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.vectors import Array

#: Names of the arrays of a table: F of the padded grid, and what a look-up meets there.
AMPLITUDE, KIND = "amplitude", "kind"


class StructureFactorTable:
    """A grid of amplitudes on one device, with a border of ``default_F`` around it.

    The border makes an index outside the grid a clamp instead of a branch.

    Parameters
    ----------
    amplitude : (h, k, l) [electron]
    given : (h, k, l), False where the source named no reflection
    minimum : h, k, l of node (0, 0, 0)
    default_F : amplitude outside the grid [electron]
    device : where the tables live
    forbidden : (h, k, l), True where F is 0 by symmetry; None: nowhere
    inside : the part of the grid that counts as in range; None: all of it
    beside : tables of the same nodes at other energies, where this one is that of the first
    """

    def __init__(
        self,
        amplitude: Array,
        given: np.ndarray,
        minimum: tuple[int, int, int],
        default_F: float,
        device: torch.device,
        *,
        forbidden: np.ndarray | None = None,
        inside: tuple[slice, slice, slice] | None = None,
        beside: Sequence["StructureFactorTable"] = (),
    ) -> None:
        of_given = np.where(amplitude == 0.0, np.uint8(ZERO), np.uint8(IN_RANGE))
        kind = np.where(given, of_given, np.uint8(ABSENT))
        if forbidden is not None:
            kind[forbidden] = FORBIDDEN
        if inside is not None:
            within, kind = kind[inside], np.full_like(kind, OUT_OF_RANGE)
            kind[inside] = within
        arrays = {
            AMPLITUDE: np.pad(amplitude, 1, constant_values=default_F),
            KIND: np.pad(kind, 1, constant_values=OUT_OF_RANGE),
        }
        self._hold(minimum, amplitude.shape, default_F, arrays, device, beside)

    @classmethod
    def of_arrays(
        cls,
        minimum: tuple[int, int, int],
        shape: tuple[int, int, int],
        default_F: float,
        arrays: Mapping[str, np.ndarray],
        beside: Sequence["StructureFactorTable"] = (),
    ) -> "StructureFactorTable":
        """The table, on CPU, that another one's `arrays` are of; they are used as they lie there.

        Parameters
        ----------
        minimum, shape : of the grid
        default_F : amplitude outside the grid [electron]
        arrays : of the other one
        beside : tables of the same nodes at other energies
        """
        table = cls.__new__(cls)
        table._hold(minimum, shape, default_F, arrays, torch.device("cpu"), beside)
        return table

    def _hold(
        self,
        minimum: tuple[int, int, int],
        shape: tuple[int, ...],
        default_F: float,
        arrays: Mapping[str, np.ndarray],
        device: torch.device,
        beside: Sequence["StructureFactorTable"],
    ) -> None:
        self._default_F = default_F
        self.minimum = minimum
        self.shape = shape
        self.maximum = tuple(low + n - 1 for low, n in zip(minimum, shape, strict=True))
        self._padded_shape = tuple(n + 2 for n in shape)
        flat = {
            name: torch.from_numpy(values.reshape(-1)).to(device) for name, values in arrays.items()
        }
        self._amplitude, self._kind = flat.pop(AMPLITUDE), flat.pop(KIND)
        self._derived = flat
        self._beside = tuple(beside)

    @property
    def default_F(self) -> float:
        """Amplitude outside the grid [electron]."""
        return self._default_F

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What it holds, by names, flat: what was derived of it until now included."""
        held = {AMPLITUDE: self._amplitude, KIND: self._kind, **self._derived}
        return {name: tensor.numpy(force=True) for name, tensor in held.items()}

    @property
    def grids(self) -> "tuple[StructureFactorTable, ...]":
        """The tables of all energies, by their numbers: this one, then those beside it."""
        return self, *self._beside

    @functools.cached_property
    def largest(self) -> float:
        """Largest F at any energy, of either sign, as an amplitude [electron]."""
        ends = [float(end) for grid in self.grids for end in grid._amplitude.aminmax()]
        return max(map(abs, ends))

    def amplitudes(self, dtype: torch.dtype) -> Tensor:
        """F of the padded grid, flat [electron]; made once."""
        if dtype == self._amplitude.dtype:
            return self._amplitude
        name = f"amplitude_{_name(dtype)}"
        if name not in self._derived:
            self._derived[name] = self._amplitude.to(dtype)
        return self._derived[name]

    def squares(self, dtype: torch.dtype) -> Tensor:
        """F² of the padded grid, flat [electron²]; made once."""
        name = f"squares_{_name(dtype)}"
        if name not in self._derived:
            self._derived[name] = (self._amplitude * self._amplitude).to(dtype)
        return self._derived[name]

    def farthest(self, reciprocal: Array) -> float:
        """Largest |h a* + k b* + l c*| of nodes whose F is not 0, infinite if it is not in the end.

        Where there are several energies, at any.

        Parameters
        ----------
        reciprocal : rows a*, b*, c* [1/Å]
        """
        if self._default_F != 0.0:
            return math.inf
        return max(grid._farthest(reciprocal) for grid in self.grids)

    def _farthest(self, reciprocal: Array) -> float:
        """The same of this energy alone, with F = 0 beyond the grid."""
        a, b, c = torch.from_numpy(reciprocal).to(self._amplitude.device)
        _, k, l = (
            torch.arange(low - 1, low - 1 + size, device=a.device, dtype=torch.float64)
            for low, size in zip(self.minimum, self._padded_shape, strict=True)
        )
        in_plane = k[:, None, None] * b + l[:, None] * c
        farthest = 0.0
        # plane by plane: a grid has millions of nodes
        for number, plane in enumerate(self._amplitude.view(self._padded_shape)):
            squares = ((self.minimum[0] - 1 + number) * a + in_plane).square().sum(-1)
            farthest = max(farthest, float((squares * (plane != 0.0)).max()))
        return math.sqrt(farthest)

    def last_indices(self) -> Tensor:
        """Last h, k, l index of the padded grid, int32."""
        last = [n - 1 for n in self._padded_shape]
        return torch.tensor(last, dtype=torch.int32, device=self._amplitude.device)

    def nodes(self, i: Indices) -> Tensor:
        """Flat position of each nearest node in the padded table, int64."""
        (h_low, k_low, l_low), (nh, nk, nl) = self.minimum, self._padded_shape
        h = (i.h0 - (h_low - 1)).clamp_(0, nh - 1)
        k = (i.k0 - (k_low - 1)).clamp_(0, nk - 1)
        l = (i.l0 - (l_low - 1)).clamp_(0, nl - 1)
        return h.mul_(nk).add_(k).mul_(nl).add_(l).long()

    def neighbours(self, i: Indices, reach: int) -> Iterator[tuple[tuple[int, int, int], Tensor]]:
        """How far each node is from the nearest, so many each way, and its flat position, int64."""
        steps = range(-reach, reach + 1)
        _, nk, nl = self._padded_shape
        places = [
            [(x0 + (step + 1 - low)).clamp_(0, n - 1).long() * stride for step in steps]
            for x0, low, n, stride in zip(
                (i.h0, i.k0, i.l0), self.minimum, self._padded_shape, (nk * nl, nl, 1), strict=True
            )
        ]
        for h, of_h in zip(steps, places[0], strict=True):
            for k, of_k in zip(steps, places[1], strict=True):
                plane = of_h + of_k
                for l, of_l in zip(steps, places[2], strict=True):
                    yield (h, k, l), plane + of_l

    def nearest(self, nodes: Tensor) -> Tensor:
        """F of each node [electron]."""
        return self._amplitude.index_select(0, nodes)

    def kind_of(self, nodes: Tensor) -> Tensor:
        """What each look-up met, uint8, by the numbers of `kinds`."""
        return self._kind.index_select(0, nodes)

    def can_interpolate(self, i: Indices) -> Tensor:
        """Where the tricubic interpolation has its nodes: h_min + 2 ≤ h ≤ h_max - 2."""
        (h_low, k_low, l_low), (h_high, k_high, l_high) = self.minimum, self.maximum
        return (
            (i.h >= h_low + 2)
            & (i.h <= h_high - 2)
            & (i.k >= k_low + 2)
            & (i.k <= k_high - 2)
            & (i.l >= l_low + 2)
            & (i.l <= l_high - 2)
        )

    def tricubic(self, i: Indices, allowed: Tensor) -> Tensor:
        """F between nodes [electron], by the tensor product of 4-point Lagrange polynomials.

        The nodes are floor(x) - 1 … floor(x) + 2; where ``allowed`` is False they are taken at
        the border and the value means nothing.
        """
        low = [torch.where(allowed, torch.floor(x), 0.0) for x in (i.h, i.k, i.l)]
        weights = [
            lagrange(torch.where(allowed, x - x0, 0.0))
            for x, x0 in zip((i.h, i.k, i.l), low, strict=True)
        ]
        starts = [
            (x0 - low_index).long().clamp_(0, n - 4)
            for x0, low_index, n in zip(low, self.minimum, self._padded_shape, strict=True)
        ]
        _, nk, nl = self._padded_shape
        base = (starts[0] * nk + starts[1]) * nl + starts[2]
        F = torch.zeros_like(i.h)
        for m in range(4):
            plane = torch.zeros_like(i.h)
            for n in range(4):
                row = torch.zeros_like(i.h)
                for o in range(4):
                    node = base + ((m * nk + n) * nl + o)
                    row += weights[2][o] * self._amplitude.index_select(0, node)
                plane += weights[1][n] * row
            F += weights[0][m] * plane
        return F


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def constant_table(F: float, device: torch.device) -> StructureFactorTable:
    """A table that is ``F`` [electron] everywhere and gives no node."""
    shape = (1, 1, 1)
    nothing = np.zeros(shape, dtype=bool)
    return StructureFactorTable(np.full(shape, F), nothing, (0, 0, 0), F, device)


def lagrange(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of the nodes -1, 0, 1, 2 at ``t`` in [0, 1), by Lagrange's formula."""
    return (
        -t * (t - 1.0) * (t - 2.0) / 6.0,
        (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0,
        -(t + 1.0) * t * (t - 2.0) / 2.0,
        (t + 1.0) * t * (t - 1.0) / 6.0,
    )
