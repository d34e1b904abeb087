"""What the look-ups of structure factors met."""

from collections.abc import Sequence
from dataclasses import dataclass

from tiled_sim.physics.kinds import ABSENT, FORBIDDEN, IN_RANGE, OUT_OF_RANGE, ZERO


@dataclass(slots=True)
class Lookups:
    """What the look-ups of F met, counted over evaluations.

    Parameters
    ----------
    in_range : at a node with F other than 0
    zero : at a node given as 0
    absent : inside the ranges, at a node that the source did not give
    out_of_range : outside the ranges
    interpolation_refused : too near the edge to interpolate; the nearest node was taken
    uncounted : evaluations by a kernel that does not tell what it meets
    forbidden : inside the ranges, at a node that is 0 by the symmetry of the space group
    """

    in_range: int = 0
    zero: int = 0
    absent: int = 0
    out_of_range: int = 0
    interpolation_refused: int = 0
    uncounted: int = 0
    forbidden: int = 0

    @property
    def total(self) -> int:
        """Evaluations that looked F up."""
        met = self.in_range + self.zero + self.absent + self.forbidden
        return met + self.out_of_range + self.uncounted

    def add(self, other: "Lookups") -> None:
        """Add the counts of other pixels."""
        self.in_range += other.in_range
        self.zero += other.zero
        self.absent += other.absent
        self.out_of_range += other.out_of_range
        self.interpolation_refused += other.interpolation_refused
        self.uncounted += other.uncounted
        self.forbidden += other.forbidden

    @classmethod
    def of_kinds(cls, counts: Sequence[int], interpolation_refused: int = 0) -> "Lookups":
        """From how many met each kind, in the order of `kinds`."""
        return cls(
            in_range=counts[IN_RANGE],
            zero=counts[ZERO],
            absent=counts[ABSENT],
            out_of_range=counts[OUT_OF_RANGE],
            interpolation_refused=interpolation_refused,
            forbidden=counts[FORBIDDEN],
        )
