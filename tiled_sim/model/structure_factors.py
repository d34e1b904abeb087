"""Structure factors on a grid, with where they came from."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tiled_sim.model.absences import Absences

#: a, b, c [Å] and alpha, beta, gamma [°].
Cell = tuple[float, float, float, float, float, float]

#: h, k, l.
Node = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Extent:
    """How far structure factors go, which tells their size without loading them.

    Parameters
    ----------
    energies : number of their grids
    minimum, maximum : h, k, l
    has_absences : whether a space group forbids nodes
    """

    energies: int
    minimum: Node
    maximum: Node
    has_absences: bool


@dataclass(frozen=True, slots=True)
class Computed:
    """What F were calculated from the atoms of a model with.

    Parameters
    ----------
    library : that summed them, and its version
    form_factors : name of their table
    dmin : finest spacing [Å]
    solvent_k, solvent_B : of flat bulk solvent [electron/Å³], [Å²]
    anomalous : name of the table of f′ and f″; None: there are none
    energy : of the photons for which f′ and f″ are [eV]; None: there are none
    elements : f′ and f″ of each element of the model [electron]
    energies : at which F were calculated, in rising order [eV]; empty: at one
    elements_at : f′ and f″ of each element at each of them [electron]; empty: at one
    """

    library: str
    form_factors: str
    dmin: float
    solvent_k: float
    solvent_B: float
    anomalous: str | None = None
    energy: float | None = None
    elements: dict[str, list[float]] = field(default_factory=dict)
    energies: list[float] = field(default_factory=list)
    elements_at: dict[str, list[list[float]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a grid of structure factors came from and what was found in the file.

    Parameters
    ----------
    path : file as the user named it
    format : ``"hkl"``, ``"fdump"``, ``"mtz"`` or ``"model"``
    size : of the file [bytes]
    sha256 : of the file's bytes
    count : reflections given: lines of an HKL list, non-zero nodes of an Fdump, nodes of an MTZ
        once it is expanded to P1, and likewise of a model
    unit : of F, ``"electron"``
    negative, zero, duplicates : counts among the reflections given
    notes : what a reader did that the user should know of
    cell : lengths [Å] and angles [°] of the cell that the file names; None: it names none
    wavelength : at which the file says that its F were measured [Å]; None: it does not say
    space_group : name of the group by which F were expanded, or nodes are absent; None: not known
    computed : how F were calculated; None: they were read
    """

    path: str
    format: str
    size: int
    sha256: str
    count: int
    unit: str = "electron"
    negative: int = 0
    zero: int = 0
    duplicates: int = 0
    notes: tuple[str, ...] = ()
    cell: Cell | None = None
    wavelength: float | None = None
    space_group: str | None = None
    computed: Computed | None = None


@dataclass(frozen=True, eq=False)
class StructureFactors:
    """A dense grid of amplitudes F(h, k, l), or one for each of some energies.

    Parameters
    ----------
    amplitude : float64 (h, k, l) [electron]; 0 where not given; of several energies, of that which
        is nearest to the beam's
    given : bool (h, k, l); False at nodes the source did not name
    minimum : h, k, l of node (0, 0, 0)
    provenance : where they came from
    absences : which nodes a space group forbids, inside the grid and outside; None: none that is
        known of
    at_energies : float64 (energy, h, k, l) [electron], by rising energy; None: `amplitude` is that
        of all

    Raises
    ------
    ValueError : arrays that do not belong together
    """

    amplitude: npt.NDArray[np.float64]
    given: npt.NDArray[np.bool_]
    minimum: tuple[int, int, int]
    provenance: Provenance = field(repr=False)
    absences: Absences | None = None
    at_energies: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        shape = self.amplitude.shape
        if len(shape) != 3 or 0 in shape or len(self.minimum) != 3:
            raise ValueError(f"a grid (h, k, l) has three axes with nodes, not {shape}")
        if self.given.shape != shape:
            raise ValueError(f"given {self.given.shape} must have the shape of amplitude {shape}")
        if self.amplitude.dtype != np.float64 or self.given.dtype != np.bool_:
            raise ValueError(
                f"amplitude must be float64 and given bool, "
                f"not {self.amplitude.dtype} and {self.given.dtype}"
            )
        if self.at_energies is not None and self.at_energies.shape[1:] != shape:
            raise ValueError(
                f"grids {self.at_energies.shape} must each have the shape of amplitude {shape}"
            )
        if not all(np.isfinite(amplitude).all() for amplitude in self.grids):
            raise ValueError("an amplitude of the structure factors is not finite")

    def noted(self, *notes: str) -> "StructureFactors":
        """The same, with more notes."""
        if not notes:
            return self
        provenance = replace(self.provenance, notes=(*self.provenance.notes, *notes))
        return replace(self, provenance=provenance)

    def with_F000(self, F: float) -> "StructureFactors":
        """The same with F(0 0 0) as it is asked for, given at all energies [electron].

        Raises
        ------
        ValueError
            0 0 0 is outside the grid
        """
        node = -self.minimum[0], -self.minimum[1], -self.minimum[2]
        if any(not 0 <= index < n for index, n in zip(node, self.given.shape, strict=True)):
            raise ValueError("0 0 0 is outside the ranges of h, k, l")
        amplitude, given = self.amplitude.copy(), self.given.copy()
        was_given, before = bool(given[node]), float(amplitude[node])
        amplitude[node], given[node] = F, True
        at_energies = None if self.at_energies is None else self.at_energies.copy()
        if at_energies is not None:
            at_energies[:, *node] = F
        told = f"{before:g}" if was_given else "none"
        provenance = replace(
            self.provenance,
            count=self.provenance.count + (not was_given),
            zero=self.provenance.zero + (F == 0.0) - (was_given and before == 0.0),
            negative=self.provenance.negative + (F < 0.0) - (was_given and before < 0.0),
            notes=(
                *self.provenance.notes,
                f"F(0 0 0) is {F:g} electrons, as it is asked for; the source gives {told}",
            ),
        )
        return replace(
            self,
            amplitude=amplitude,
            given=given,
            provenance=provenance,
            at_energies=at_energies,
        )

    @property
    def grids(self) -> tuple[npt.NDArray[np.float64], ...]:
        """Amplitudes (h, k, l) of each energy, or those of all [electron]."""
        return (self.amplitude,) if self.at_energies is None else tuple(self.at_energies)

    @property
    def maximum(self) -> tuple[int, int, int]:
        """Largest h, k, l of the grid."""
        high = [low + n - 1 for low, n in zip(self.minimum, self.amplitude.shape, strict=True)]
        return high[0], high[1], high[2]

    @property
    def extent(self) -> Extent:
        """How far they go."""
        return Extent(len(self.grids), self.minimum, self.maximum, self.absences is not None)

    @cached_property
    def sha256(self) -> str:
        """Hash of the content: ranges, amplitudes, given nodes, absences; not of the path."""
        digest = hashlib.sha256()
        # int(): a numpy integer would be spelt otherwise.
        minimum = tuple(int(index) for index in self.minimum)
        digest.update(repr((minimum, self.amplitude.shape)).encode())
        digest.update(np.ascontiguousarray(self.amplitude, dtype="<f8").tobytes())
        if self.at_energies is not None:
            digest.update(repr(self.at_energies.shape).encode())
            for amplitude in self.at_energies:
                digest.update(np.ascontiguousarray(amplitude, dtype="<f8").tobytes())
        digest.update(np.packbits(self.given).tobytes())
        if self.absences is not None:
            digest.update(self.absences.sha256.encode())
        return digest.hexdigest()

    @cached_property
    def absent(self) -> npt.NDArray[np.bool_]:
        """The nodes, bool (h, k, l), that are 0 by symmetry: forbidden, and not given either."""
        if self.absences is None:
            return np.zeros_like(self.given)
        return self.absences.on_grid(self.minimum, self.given.shape) & ~self.given

    def filled(
        self, default_F: float, amplitude: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        """Amplitudes with ``default_F`` [electron] at the nodes that were not given.

        Nodes that are absent by symmetry are 0. ``amplitude`` is one of `grids`; None: that of the
        beam's energy.

        An Fdump says a value for every node of its grid, so there only nodes outside the grid
        are absent and the amplitudes stand as they are (as in the C program).
        """
        if amplitude is None:
            amplitude = self.amplitude
        if self.provenance.format == "fdump":
            return amplitude
        filled = np.where(self.given, amplitude, default_F)
        if self.absences is not None:
            filled[self.absent] = 0.0
        return filled
