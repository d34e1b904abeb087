"""Structure factors of a model, summed by gemmi over its atoms: once, and then for any energy.

The density of the atoms, smeared so that a grid can hold it, is transformed by FFT, and the smear
taken out again; float32, as gemmi has it, with 2e-5 of the mean F as its largest error. What
depends on the energy, f′ and f″, is a number for each element: with the sum S(h) over the atoms of
an element as points of one electron each, F(h) = F₀(h) + Σ (f′ + i f″) S(h). F₀ and S are made
once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.io.anomalous import Anomalous
from tiled_sim.io.coordinates import Coordinates, element_of
from tiled_sim.io.equivalents import Indices, Rows, Values, centric, expanded
from tiled_sim.io.source_file import oversized
from tiled_sim.io.space_group import gemmi_for, of_space_group, rotations_of
from tiled_sim.model.structure_factors import Computed, StructureFactors

#: Density at which an atom ends [electron/Å³]: gemmi's own, 1e-5, leaves errors 30 times as large.
_CUTOFF = 1e-7
#: Points of a grid along the finest spacing.
_OVER_DMIN = 4.0
#: Of the smear [Å²], beyond that which gemmi chooses, of the square of the finest spacing: without
#: it the finest reflections are wrong by up to 1e-3 of the mean F.
_MORE_BLUR = 2.0
#: Spacing of the points of the mask of solvent, if the finest planes need none finer [Å].
_MASK_SPACING = 0.4
#: Of the grids of all energies, which a process needs up to 26 bytes each for.
_MOST_NODES_OF_ALL = 2**28
_FORM_FACTORS = "International Tables C (1992), by gemmi"

_Sums = npt.NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class ModelFactors:
    """What the atoms of a model scatter, for any energy.

    Parameters
    ----------
    coordinates : of the model
    dmin : finest spacing of lattice planes [Å]
    solvent_k, solvent_B : of flat bulk solvent [electron/Å³], [Å²]; k = 0: there is none

    Raises
    ------
    InputFileError
        so many reflections need more than MAX_NODES nodes, or none is so coarse; F of one is not
        finite
    """

    coordinates: Coordinates
    dmin: float
    solvent_k: float
    solvent_B: float

    def __post_init__(self) -> None:
        source = self.coordinates.source
        reach = [math.floor(edge / self.dmin) for edge in self.coordinates.cell[:3]]
        if complaint := oversized([-most for most in reach], reach):
            raise source.error(
                f"to {self.dmin:g} Å, {complaint}: ask for fewer, with a larger --model-dmin"
            )
        if not len(self.hkl):
            raise source.error(
                f"its cell has no reflection as coarse as {self.dmin:g} Å: ask for finer ones, "
                "with a smaller --model-dmin"
            )

    @cached_property
    def hkl(self) -> Indices:
        """Reflections (n, 3) of the asymmetric unit, without absences and 0 0 0."""
        structure, group = self.coordinates.structure, self.coordinates.space_group
        listed = self._gemmi.make_miller_array(structure.cell, group, self.dmin)
        return np.asarray(listed, dtype=np.int64)

    @cached_property
    def base(self) -> _Sums:
        """F₀ (n,): atoms without f′ and f″, and solvent [electron]."""
        calculator = self._calculator()
        calculator.put_model_density_on_grid(self.coordinates.model)
        atoms = self._transformed(calculator.grid, calculator.blur)
        found = atoms + self._solvent() if self.solvent_k > 0.0 else atoms
        if not np.isfinite(found).all():
            raise self.coordinates.source.error(
                "F of its atoms are not finite: look for an atom with an absurd B, ANISOU or place"
            )
        return found

    @cached_property
    def points(self) -> Mapping[str, _Sums]:
        """S (n,) of each element: its atoms as points, with their occupancies and B."""
        found = {}
        for element in self.coordinates.elements:
            calculator = self._calculator()
            calculator.initialize_grid()
            for one in self.coordinates.model.all():
                if element_of(one.atom) == element:
                    calculator.add_c_contribution_to_grid(one.atom, 1.0)
            calculator.grid.symmetrize_sum()
            found[element] = self._transformed(calculator.grid, calculator.blur)
        return found

    def mates(self, factors: Mapping[str, complex]) -> tuple[Values, Values]:
        """|F| of each reflection h k l, and of its Friedel mate -h -k -l [electron].

        Parameters
        ----------
        factors : f′ + i f″ of elements [electron]; of others they are 0
        """
        in_phase, quadrature = self.base.copy(), np.zeros_like(self.base)
        for element, factor in factors.items():
            in_phase += factor.real * self.points[element]
            quadrature += factor.imag * self.points[element]
        plus, minus = (np.abs(in_phase + sign * quadrature) for sign in (1j, -1j))
        is_centric = centric(self.hkl, self._rotations)
        # the two are the same, but for rounding
        mean = (plus + minus) / 2.0
        return np.where(is_centric, mean, plus), np.where(is_centric, mean, minus)

    def structure_factors(self, anomalous: Anomalous | None) -> StructureFactors:
        """F on a grid, of the whole sphere, rounded to float32, which every format holds.

        Parameters
        ----------
        anomalous : f′ and f″ of the elements at some energy; None: there are none, and Friedel
            mates have the same F
        """
        factors = {} if anomalous is None else anomalous.factors
        plus, minus = self.mates(factors)
        hkl = np.concatenate([self.hkl, -self.hkl])
        F = np.concatenate([plus, minus]).astype(np.float32).astype(np.float64)
        source, group = self.coordinates.source, self.coordinates.space_group
        minimum, amplitude, given = expanded(
            source, Rows(hkl, F, np.arange(len(hkl))), self._rotations
        )
        count = int(np.count_nonzero(given))
        provenance = source.provenance(
            "model",
            count=count,
            zero=int(np.count_nonzero(given & (amplitude == 0))),
            notes=(*self.coordinates.notes, *self._notes(count, anomalous)),
            cell=self.coordinates.cell,
        )
        computed = Computed(
            library=f"gemmi {self._gemmi.__version__}",
            form_factors=_FORM_FACTORS,
            dmin=self.dmin,
            solvent_k=self.solvent_k,
            solvent_B=self.solvent_B,
            anomalous=None if anomalous is None else anomalous.table,
            energy=None if anomalous is None else anomalous.energy,
            elements={name: [one.real, one.imag] for name, one in factors.items()},
        )
        made = StructureFactors(amplitude, given, minimum, replace(provenance, computed=computed))
        return of_space_group(made, group)

    def at_energies(self, anomalous: Sequence[Anomalous], nearest: int) -> StructureFactors:
        """F on a grid for each of some energies.

        Parameters
        ----------
        anomalous : f′ and f″ at each energy, which rise
        nearest : number of that which is nearest to the beam's, whose F stand for all where one is
            asked for

        Raises
        ------
        InputFileError
            all grids together are larger than is allowed
        """
        factors = self.structure_factors(anomalous[nearest])
        shape, count = factors.amplitude.shape, len(anomalous)
        if count * factors.amplitude.size > _MOST_NODES_OF_ALL:
            raise self.coordinates.source.error(
                f"F at {count} energies, of {factors.amplitude.size} nodes each, are more than the "
                f"{_MOST_NODES_OF_ALL} that are allowed: ask for fewer (--F-energies), or for a "
                "larger --model-dmin"
            )
        grids = np.empty((count, *shape))
        for number, one in enumerate(anomalous):
            grids[number] = self.structure_factors(one).amplitude
        computed = factors.provenance.computed
        assert computed is not None
        elements_at = {
            name: [[one.factors[name].real, one.factors[name].imag] for one in anomalous]
            for name in anomalous[nearest].factors
        }
        energies = [one.energy for one in anomalous]
        computed = replace(computed, energies=energies, elements_at=elements_at)
        provenance = replace(factors.provenance, computed=computed)
        several = replace(
            factors, amplitude=grids[nearest], provenance=provenance, at_energies=grids
        )
        told = ", ".join(
            f"{name} {first[0]:+.3f} {first[1]:+.3f}i to {last[0]:+.3f} {last[1]:+.3f}i"
            for name, (first, *_, last) in elements_at.items()
        )
        return several.noted(
            f"F at {count} energies, from {energies[0]:.7g} to {energies[-1]:.7g} eV: {told}; each "
            "source has the nearest"
        )

    def _notes(self, count: int, anomalous: Anomalous | None) -> list[str]:
        """How F came about, for people."""
        solvent = (
            f"flat bulk solvent of {self.solvent_k:g} electrons/Å³, B {self.solvent_B:g} Å²"
            if self.solvent_k > 0.0
            else "no bulk solvent"
        )
        notes = [
            f"F to {self.dmin:g} Å by gemmi {self._gemmi.__version__}, with {solvent}: "
            f"{len(self.hkl)} reflections, {count} in P1; F(0 0 0) is not given"
        ]
        if anomalous is None:
            return [*notes, "no f′ and f″: Friedel mates have the same F"]
        told = ", ".join(
            f"{name} {one.real:+.3f} {one.imag:+.3f}i" for name, one in anomalous.factors.items()
        )
        notes.append(f"f′ and f″ at {anomalous.energy:.7g} eV ({anomalous.table}): {told}")
        if anomalous.without:
            notes.append(f"no f′ and f″ of {', '.join(anomalous.without)}: the table has none")
        return notes

    @property
    def _gemmi(self) -> ModuleType:
        return gemmi_for("a model", "models")

    @cached_property
    def _rotations(self) -> Indices:
        return rotations_of(self.coordinates.space_group)

    def _calculator(self) -> Any:
        """A grid for density, and how far it is to be smeared."""
        calculator = self._gemmi.DensityCalculatorX()
        calculator.d_min, calculator.rate = self.dmin, _OVER_DMIN / 2.0
        calculator.cutoff = _CUTOFF
        calculator.grid.setup_from(self.coordinates.structure)
        # without it narrow atoms fall between the points, and B = 0 makes NaN of everything
        calculator.set_refmac_compatible_blur(self.coordinates.model)
        calculator.blur += _MORE_BLUR * self.dmin**2
        return calculator

    def _transformed(self, grid: Any, blur: float) -> _Sums:
        """F of density on a grid, at the reflections."""
        transform = self._gemmi.transform_map_to_f_phi(grid, half_l=True)
        hkl = self.hkl.astype(np.int32)
        return np.asarray(transform.get_value_by_hkl(hkl, unblur=blur), dtype=np.complex128)

    def _solvent(self) -> _Sums:
        """F of what is outside the molecules, as dense everywhere."""
        gemmi, structure = self._gemmi, self.coordinates.structure
        grid = gemmi.FloatGrid()
        grid.setup_from(structure, spacing=min(_MASK_SPACING, self.dmin / 2.0 - 1e-9))
        masker = gemmi.SolventMasker(gemmi.AtomicRadiiSet.Refmac)
        masker.put_mask_on_float_grid(grid, self.coordinates.model)
        inverse = np.array(structure.cell.frac.mat.tolist())
        stol2 = ((self.hkl @ inverse) ** 2).sum(axis=1) / 4.0
        return self.solvent_k * np.exp(-self.solvent_B * stol2) * self._transformed(grid, 0.0)
