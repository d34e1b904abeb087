"""Steps of many pixels, or many of one: h, k, l, then lattice and structure factor there."""

import itertools
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.recorder import Recorder
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics import lattice
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.kinds import FORBIDDEN
from tiled_sim.physics.lattice import Indices
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.physics.vectors import Array

#: A kind that is none.
_NOT_COUNTED = FORBIDDEN + 1
#: Lattice factors that go by h, k, l, by the shape of the crystal.
_BY_HKL = {
    "round": lattice.round_,
    "gauss_hkl": lattice.gauss_hkl,
    "tophat_hkl": lattice.tophat_hkl,
}


class Evaluation(NamedTuple):
    """One step of many pixels, or many steps of one."""

    hkl: Indices
    F_latt: tuple[Tensor, ...]
    F_cell: Tensor

    @property
    def intensity(self) -> Tensor:
        """F_cell² · F_latt² [electron²]."""
        F = self.F_cell
        for factor in self.F_latt:
            F = F * factor
        return F * F

    def some(self, part: slice) -> "Evaluation":
        """Some out of many."""
        return Evaluation(
            Indices(*(values[part] for values in self.hkl)),
            tuple(factor[part] for factor in self.F_latt),
            self.F_cell[part],
        )


class Evaluator:
    """Evaluates steps of a scene in float64.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    """

    def __init__(self, scene: Scene, table: StructureFactorTable | None, default_F: float) -> None:
        self._scene = scene
        self._table = table
        self._default_F = default_F
        self._of_grids: dict[int, Evaluator] = {}
        self._metric = scene.crystal.reciprocal_metric

    def of_source(self, source: int) -> "Evaluator":
        """That which looks F up in the grid of a source."""
        scene = self._scene
        if self._table is None or not scene.grids:
            return self
        number = scene.grid_of(source)
        if number not in self._of_grids:
            grid = self._table.grids[number]
            self._of_grids[number] = Evaluator(replace(scene, grids=()), grid, self._default_F)
        return self._of_grids[number]

    def evaluate(
        self, q: Vectors, axes: Any, counted: Tensor, everything: bool, lookups: Lookups
    ) -> Evaluation:
        """One step.

        Parameters
        ----------
        q : scattering vectors [1/Å]
        axes : a, b, c [Å], of numbers or of tensors
        counted : whose look-ups count
        everything : whether all are counted
        lookups : counts what they met
        """
        a, b, c = axes
        index = lattice.indices(q.dot(a), q.dot(b), q.dot(c))
        return Evaluation(
            index, self.lattice_factor(index), self._F_cell(index, counted, everything, lookups)
        )

    def lattice_factor(self, index: Indices) -> tuple[Tensor, ...]:
        """Factors whose product is F_latt: three for a square crystal, else one."""
        crystal = self._scene.crystal
        if crystal.shape == "square":
            return tuple(
                lattice.grating(delta, cells)
                for delta, cells in zip((index.dh, index.dk, index.dl), crystal.cells, strict=True)
            )
        if crystal.shape in _BY_HKL:
            return (_BY_HKL[crystal.shape](index, crystal.cells, crystal.fudge),)
        spot = lattice.gauss_star if crystal.shape == "gauss_star" else lattice.tophat
        return (spot(index, crystal.cells, crystal.fudge, self._metric),)

    def _F_cell(
        self, index: Indices, counted: Tensor, everything: bool, lookups: Lookups
    ) -> Tensor:
        """Structure factor of the unit cell [electron]; counts what it met."""
        if self._table is None:
            lookups.out_of_range += int(counted.sum())
            return torch.full_like(index.h, self._default_F)
        nodes = self._table.nodes(index)
        kind = self._table.kind_of(nodes)
        if not everything:
            kind = torch.where(counted, kind, _NOT_COUNTED)
        lookups.add(Lookups.of_kinds(torch.bincount(kind, minlength=_NOT_COUNTED + 1).tolist()))
        if not self._scene.sampling.interpolate:
            return self._table.nearest(nodes)
        allowed = self._table.can_interpolate(index)
        lookups.interpolation_refused += int((counted & ~allowed).sum())
        return _interpolated(self._table, index, nodes, allowed)

    def F_cell(self, index: Indices, sources: range) -> Tensor:
        """Structure factor of the unit cell [electron]; counts nothing.

        Parameters
        ----------
        index : of steps of some sources, those of one after the other, as many of each
        sources : their numbers
        """
        if self._table is None:
            return torch.full_like(index.h, self._default_F)
        interpolate = self._scene.sampling.interpolate
        nodes = self._table.nodes(index)
        each, start, parts = len(nodes) // len(sources), 0, []
        for number, some in itertools.groupby(sources, self._scene.grid_of):
            # grids have the same nodes
            table = self._table.grids[number]
            part = slice(start, start + each * len(list(some)))
            start = part.stop
            if interpolate:
                of_part = Indices(*(values[part] for values in index))
                allowed = table.can_interpolate(of_part)
                parts.append(_interpolated(table, of_part, nodes[part], allowed))
            else:
                parts.append(table.nearest(nodes[part]))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def record(self, recorder: Recorder, t: int, step: Evaluation, orientation: Array) -> None:
        """Keep one phi step of the first source and domain; of phi step 0, everything."""
        index, crystal = step.hkl, self._scene.crystal
        factors = step.F_latt
        if crystal.shape == "square":
            nodes = (index.h0, index.k0, index.l0)
            factors = tuple(
                factor * lattice.grating_sign(node, cells)
                for factor, node, cells in zip(factors, nodes, crystal.cells, strict=True)
            )
        F_latt = factors[0]
        for factor in factors[1:]:
            F_latt = F_latt * factor
        recorder.record_phi_step(
            phi=self._scene.angles[t],
            hkl=(index.h, index.k, index.l),
            hkl_rounded=(index.h0, index.k0, index.l0),
            F_latt_abc=factors,
            F_latt=F_latt,
            F_cell=step.F_cell,
        )
        if t == 0:
            a, b, c = orientation.tolist()
            recorder.record(a=a, b=b, c=c)


def _interpolated(
    table: StructureFactorTable, index: Indices, nodes: Tensor, allowed: Tensor
) -> Tensor:
    """F between nodes where that is allowed, else at the nearest [electron]."""
    F = table.nearest(nodes)
    return torch.where(allowed, table.tricubic(index, allowed), F) if bool(allowed.any()) else F
