"""The crystal: its cell, shape and mosaic domains."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tiled_sim.model.checks import require, require_finite, require_within
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.domains import CRYSTAL, LABORATORY, Domains, ListedDomains
from tiled_sim.physics.vectors import Array, Vector, as_tuple

#: How far the products of direct and reciprocal vectors may be from those of dual ones: by the
#: rounding of numbers that people write down, and by the factor of nanoBragg's triclinic cells.
_ROUNDING, LEAN = 1e-4, 0.5
#: Along each axis: a crystal of a centimetre at 1 Å.
MOST_CELLS = 10**8
#: Edges of a cell [Å], from less than a bond to a tenth of a millimetre.
SHORTEST_EDGE, LONGEST_EDGE = 0.1, 1e6
SHAPES = ("square", "round", "gauss_star", "tophat", "gauss_hkl", "tophat_hkl")
#: Shapes whose spots fall off as a Gaussian.
GAUSSIAN = ("gauss_star", "gauss_hkl")
#: Shapes of simtbx, whose Gaussian and flat-topped spots go by h, k, l; the C program has none.
NOT_IN_C = ("gauss_hkl", "tophat_hkl")
#: A perfect crystal.
_SINGLE = Domains()


@dataclass(frozen=True, slots=True)
class Crystal:
    """The crystal at phi = 0.

    Parameters
    ----------
    a, b, c : direct vectors [Å], missetting included
    a_star, b_star, c_star : reciprocal vectors [1/Å]; dual to the direct ones, but that all three
        may be longer by one factor, as those of nanoBragg's ``-cell`` of a triclinic crystal
        (docs/differences.md, row 37)
    cells : number of unit cells along a, b, c
    shape : ``square``, ``round``, ``gauss_star`` (what nanoBragg calls gauss) or ``tophat``;
        ``gauss_hkl`` or ``tophat_hkl``, whose spots go by h, k, l as simtbx's
    fudge : factor on the squared distance from a node, for all shapes but square
    domains : orientations of its mosaic domains
    diffuse : how its atoms are displaced; None: they scatter into the reflections alone
    share : of the light that it is in; its photons are multiplied by it
    """

    a: Vector
    b: Vector
    c: Vector
    a_star: Vector
    b_star: Vector
    c_star: Vector
    cells: tuple[int, int, int]
    shape: str = "square"
    fudge: float = 1.0
    domains: Domains = _SINGLE
    diffuse: Diffuse | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        require_finite(self, "crystal")
        require(
            self.shape in SHAPES,
            f"crystal.shape = {self.shape!r} must be one of {', '.join(SHAPES)}",
        )
        require(min(self.cells) >= 1, f"crystal.cells = {self.cells} must be at least 1 each way")
        require(
            max(self.cells) <= MOST_CELLS,
            f"crystal.cells = {self.cells} must be at most {MOST_CELLS} each way",
        )
        require(self.fudge > 0, f"crystal.fudge = {self.fudge} must be positive")
        require(self.share > 0, f"crystal.share = {self.share} must be positive")
        require(
            self.volume > 0,
            "crystal: a, b, c must be right-handed and span a cell; "
            f"a·(b×c) = {self.volume:.6g} Å³",
        )
        for name in ("a", "b", "c"):
            length = float(np.linalg.norm(getattr(self, name)))
            require_within(
                length, f"crystal: the length of {name}", SHORTEST_EDGE, LONGEST_EDGE, "Å"
            )
        unity = self.direct_vectors @ self.reciprocal_vectors.T
        factor = float(np.trace(unity)) / 3.0
        off = float(np.abs(unity - factor * np.eye(3)).max())
        require(
            abs(factor - 1.0) < LEAN and off < _ROUNDING,
            "crystal: a*, b*, c* are not the reciprocal vectors of a, b, c: the products are "
            f"{unity.round(6).tolist()}; change both, as Experiment.with_ does",
        )

    @property
    def reciprocal_vectors(self) -> Array:
        """Rows a*, b*, c* [1/Å]."""
        return np.array([self.a_star, self.b_star, self.c_star])

    def turned(self, rotation: Array) -> "Crystal":
        """The crystal as a rotation matrix (3, 3) of the laboratory turns it."""
        rows = np.concatenate([self.direct_vectors, self.reciprocal_vectors]) @ rotation.T
        a, b, c, a_star, b_star, c_star = (as_tuple(row) for row in rows)
        return replace(self, a=a, b=b, c=c, a_star=a_star, b_star=b_star, c_star=c_star)

    def in_domains(self, rotations: Array) -> Array:
        """Rows a, b, c [Å] of each domain as the crystal is turned, (rotations, domains, 3, 3).

        Parameters
        ----------
        rotations : that turn the crystal from where it stands at phi 0, (rotations, 3, 3)
        """
        domains, vectors = self.domains.rotations(self.reciprocal_vectors), self.direct_vectors
        # rows are vectors, so the rotation that is applied last stands leftmost transposed
        if self.domains.turn_with_crystal:
            return np.einsum("tij,mjk,vk->tmvi", rotations, domains, vectors)
        return np.einsum("mij,tjk,vk->tmvi", domains, rotations, vectors)

    def listed_domains(self) -> ListedDomains:
        """The mosaic domains one by one, whatever their kind."""
        domains = self.domains
        if domains.listed is not None:
            return domains.listed
        rotations = domains.rotations(self.reciprocal_vectors)
        axes = CRYSTAL if domains.turn_with_crystal else LABORATORY
        return ListedDomains(rotations, np.ones(domains.count), axes)

    @property
    def reciprocal_metric(self) -> Array:
        """G*: products of a*, b*, c* with each other [1/Å²]."""
        reciprocal = self.reciprocal_vectors
        return reciprocal @ reciprocal.T

    @property
    def spot_metric(self) -> Array:
        """Metric of the distance from a node that decides of Gaussian and flat-topped spots.

        G* [1/Å²], or, of spots that go by h, k, l, the squares of the numbers of cells.
        """
        by_index = np.diag(np.array(self.cells, dtype=np.float64) ** 2)
        return by_index if self.shape in NOT_IN_C else self.reciprocal_metric

    @property
    def spot_sharpness(self) -> float:
        """What the squared distance by `spot_metric` is multiplied by, over the spot's width."""
        n = 1.0 if self.shape in NOT_IN_C else float(math.prod(self.cells))
        return n**2 * self.fudge

    @property
    def direct_vectors(self) -> Array:
        """Rows a, b, c [Å]."""
        return np.array([self.a, self.b, self.c])

    @property
    def volume(self) -> float:
        """Volume of the unit cell [Å³]."""
        return float(np.linalg.det(self.direct_vectors))

    @property
    def edges(self) -> tuple[float, float, float]:
        """Full width of the crystal along a, b, c [Å]."""
        a, b, c = np.linalg.norm(self.direct_vectors, axis=1) * self.cells
        return float(a), float(b), float(c)
