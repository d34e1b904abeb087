"""One step of many pixels: h, k, l, then lattice and structure factor there."""

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
    """One step of many pixels."""

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

    def one(self, number: int) -> "Evaluation":
        """A single one out of many."""
        part = slice(number, number + 1)
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
        grids = () if table is None or not scene.grids else table.grids
        self._of_grids = [Evaluator(replace(scene, grids=()), grid, default_F) for grid in grids]
        self._metric = scene.crystal.reciprocal_metric

    def of_source(self, source: int) -> "Evaluator":
        """That which looks F up in the grid of a source."""
        return self._of_grids[self._scene.grid_of(source)] if self._of_grids else self

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
        F_cell = self._table.nearest(nodes)
        if self._scene.sampling.interpolate:
            allowed = self._table.can_interpolate(index)
            lookups.interpolation_refused += int((counted & ~allowed).sum())
            if bool(allowed.any()):
                F_cell = torch.where(allowed, self._table.tricubic(index, allowed), F_cell)
        return F_cell

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
