"""The crystal: its cell, shape and mosaic domains."""

from dataclasses import dataclass

import numpy as np

from tiled_sim.model.checks import require, require_finite, require_within
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.settings import MOSAIC_SEED
from tiled_sim.physics.mosaic import mosaic_rotations
from tiled_sim.physics.vectors import Array, Vector

#: How far the products of direct and reciprocal vectors may be from those of dual ones: by the
#: rounding of numbers that people write down, and by the factor of nanoBragg's triclinic cells.
_ROUNDING, LEAN = 1e-4, 0.5
#: Along each axis: a crystal of a centimetre at 1 Å.
MOST_CELLS = 10**8
#: Edges of a cell [Å], from less than a bond to a tenth of a millimetre.
SHORTEST_EDGE, LONGEST_EDGE = 0.1, 1e6
SHAPES = ("square", "round", "gauss_star", "tophat")


@dataclass(frozen=True, slots=True)
class Domains:
    """Mosaic domains: orientations about the crystal's, drawn by nanoBragg's generator.

    Parameters
    ----------
    spread : half-width of the cap of orientations [rad]
    count : number of orientations; the first is not rotated
    seed : of nanoBragg's generator
    """

    spread: float = 0.0
    count: int = 1
    seed: int = MOSAIC_SEED

    def __post_init__(self) -> None:
        require_finite(self, "crystal.domains")
        require(self.spread >= 0, f"crystal.mosaic_spread = {self.spread} rad must not be negative")
        require(self.count >= 1, f"crystal.mosaic_domains = {self.count} must be at least 1")
        require(
            abs(self.seed) < 2**63,
            f"crystal.mosaic_seed = {self.seed} must be a number of at most 63 bits",
        )

    def rotations(self) -> Array:
        """Rotation matrices of the domains, (count, 3, 3)."""
        return mosaic_rotations(self.spread, self.count, self.seed)


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
    shape : ``square``, ``round``, ``gauss_star`` (what nanoBragg calls gauss) or ``tophat``
    fudge : factor on the squared distance from a node, for all shapes but square
    domains : orientations of its mosaic domains
    diffuse : how its atoms are displaced; None: they scatter into the reflections alone
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
    domains: Domains = Domains()
    diffuse: Diffuse | None = None

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

    @property
    def reciprocal_metric(self) -> Array:
        """G*: products of a*, b*, c* with each other [1/Å²]."""
        reciprocal = self.reciprocal_vectors
        return reciprocal @ reciprocal.T

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
