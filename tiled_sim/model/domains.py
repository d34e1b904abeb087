"""Mosaic domains: the orientations that the blocks of a crystal have about its own."""

import hashlib
import math
import typing
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tiled_sim.errors import ExperimentError
from tiled_sim.model.checks import require, require_count, require_finite
from tiled_sim.model.settings import MOSAIC_SEED
from tiled_sim.physics.gaussian_domains import anisotropic_rotations, isotropic_rotations
from tiled_sim.physics.mosaic import mosaic_rotations
from tiled_sim.physics.vectors import Array, Vector, as_tuple

NANOBRAGG, GAUSSIAN, ANISOTROPIC, LISTED = "nanobragg", "gaussian", "anisotropic", "listed"
KINDS = (NANOBRAGG, GAUSSIAN, ANISOTROPIC, LISTED)
#: What the rotations of listed domains are fixed to.
LABORATORY, CRYSTAL = "laboratory", "crystal"
MOST_DOMAINS = 10**7
#: Only ratios of weights count, and those beyond this are none that anybody measured.
_LARGEST_WEIGHT = 1e30
#: How far the products of the rows of a rotation may be from those of unit vectors across each
#: other: by what seven digits of a text round.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class ListedDomains:
    """Rotations and weights of domains that are listed one by one.

    Parameters
    ----------
    rotation : rotation matrices, from where the crystal stands, float64 (domains, 3, 3)
    weight : share of the crystal, float64 (domains,); only the ratios count
    axes : ``laboratory``: a rotation acts on the crystal as phi has turned it, as of nanoBragg's
        domains and simtbx's; ``crystal``: it turns with the crystal
    """

    rotation: Array
    weight: Array
    axes: str = LABORATORY

    def __post_init__(self) -> None:
        for name, shape in (("rotation", (-1, 3, 3)), ("weight", (-1,))):
            values = np.array(getattr(self, name), dtype=np.float64).reshape(shape)
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        require(
            self.axes in (LABORATORY, CRYSTAL),
            f"crystal.domains: axes = {self.axes!r} must be {LABORATORY} or {CRYSTAL}",
        )
        count = len(self.rotation)
        require_count(count, "the number of crystal.domains that are listed", MOST_DOMAINS)
        require(
            len(self.weight) == count,
            f"crystal.domains: {count} rotations and {len(self.weight)} weights do not belong "
            "together",
        )
        fault = fault_of(self.rotation, self.weight)
        if fault is not None:
            raise ExperimentError(f"crystal.domains: number {fault[0] + 1} {fault[1]}")

    def __len__(self) -> int:
        return len(self.rotation)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ListedDomains) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> tuple[typing.Any, ...]:
        # made anew, so that the arrays cannot be written to there either
        return ListedDomains, (self.rotation, self.weight, self.axes)

    @cached_property
    def sha256(self) -> str:
        """Hash of the content."""
        digest = hashlib.sha256(self.axes.encode())
        for values in (self.rotation, self.weight):
            digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return digest.hexdigest()

    def some(self, most: int) -> "ListedDomains":
        """At most so many of the domains, evenly over all that have a weight."""
        weighty = np.flatnonzero(self.weight)
        sampled = min(most, len(weighty))
        which = weighty[(2 * np.arange(sampled) + 1) * len(weighty) // (2 * sampled)]
        return ListedDomains(self.rotation[which], self.weight[which], self.axes)


def fault_of(rotation: Array, weight: Array) -> tuple[int, str] | None:
    """The first of some domains that cannot be, and what is wrong with it; None: all can.

    Parameters
    ----------
    rotation : (domains, 3, 3)
    weight : (domains,)
    """
    across = np.abs(rotation @ rotation.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
    are_unit = across <= _ROUNDING  # false of NaN, too
    handed = np.linalg.det(np.where(are_unit[:, None, None], rotation, -np.eye(3))) > 0.0
    if not handed.all():
        return int(np.argmin(handed)), (
            "is no rotation: the rows of its matrix must be unit vectors across each other, to 7 "
            "digits, and right-handed"
        )
    weighed = (weight >= 0.0) & (weight <= _LARGEST_WEIGHT)
    if not weighed.all():
        return int(np.argmin(weighed)), (
            f"has a weight that is not between 0 and {_LARGEST_WEIGHT:g}; only ratios of weights "
            "count"
        )
    return None if (weight > 0.0).any() else (0, "and all others have the weight 0; give weights")


@dataclass(frozen=True, slots=True)
class Domains:
    """Mosaic domains: orientations about the crystal's.

    Parameters
    ----------
    spread : of ``nanobragg`` the half-width of the cap of orientations, of ``gaussian`` the
        standard deviation of the angle [rad]
    count : number of orientations; the first of nanoBragg's is not rotated
    seed : of nanoBragg's generator, or of the counters that Gaussian ones are drawn from
    kind : ``nanobragg``: by its generator; ``gaussian``: `isotropic_rotations`; ``anisotropic``:
        `anisotropic_rotations` about a*, b*, c*; ``listed``
    spreads : of ``anisotropic`` the standard deviations of the angles about a*, b*, c* [rad]
    listed : of ``listed`` the rotations
    """

    spread: float = 0.0
    count: int = 1
    seed: int = MOSAIC_SEED
    kind: str = NANOBRAGG
    spreads: Vector = (0.0, 0.0, 0.0)
    listed: ListedDomains | None = None

    def __post_init__(self) -> None:
        require_finite(self, "crystal.domains")
        require(
            self.kind in KINDS,
            f"crystal.mosaic_kind = {self.kind!r} must be one of {', '.join(KINDS)}",
        )
        require(self.spread >= 0, f"crystal.mosaic_spread = {self.spread} rad must not be negative")
        require(
            min(self.spreads) >= 0,
            f"crystal.mosaic_spread = {self.spreads} rad must not be negative",
        )
        require(self.count >= 1, f"crystal.mosaic_domains = {self.count} must be at least 1")
        require(
            abs(self.seed) < 2**63,
            f"crystal.mosaic_seed = {self.seed} must be a number of at most 63 bits",
        )
        self._require_of_kind()

    def _require_of_kind(self) -> None:
        """Refuse what a kind needs and has not, or has and makes nothing of."""
        kind = f"crystal.mosaic_kind = {self.kind!r}"
        widest = max(self.spread, *self.spreads)
        if self.kind in (GAUSSIAN, ANISOTROPIC):
            require(
                widest <= math.pi,
                f"crystal.mosaic_spread: a standard deviation of {widest:g} rad is more than half "
                "a turn; check its unit",
            )
        if self.kind == ANISOTROPIC:
            require(
                widest > 0.0 and self.spread == 0.0,
                f"{kind} needs three angles, about a*, b* and c*, not all 0: give crystal."
                "mosaic_spread three numbers",
            )
        else:
            require(
                self.spreads == (0.0, 0.0, 0.0),
                f"{kind} has not three angles: crystal.mosaic_spread is those of 'anisotropic'",
            )
        require(
            self.kind != GAUSSIAN or self.spread > 0.0,
            f"{kind} needs the standard deviation of its angle: give crystal.mosaic_spread",
        )
        if self.kind == LISTED:
            require(
                self.listed is not None and self.count == len(self.listed),
                f"{kind} needs a list of rotations as long as crystal.mosaic_domains, {self.count}",
            )
            require(
                self.spread == 0.0 and self.seed == MOSAIC_SEED,
                f"{kind}: spread and seed have no effect on domains that are listed; leave them "
                "out",
            )
        else:
            require(self.listed is None, f"{kind} takes no list of rotations; 'listed' does")

    @classmethod
    def of_list(cls, listed: ListedDomains) -> "Domains":
        """The domains of a list."""
        return cls(count=len(listed), kind=LISTED, listed=listed)

    @property
    def turn_with_crystal(self) -> bool:
        """Whether phi turns the rotations, too; nanoBragg applies its own after phi."""
        if self.listed is not None:
            return self.listed.axes == CRYSTAL
        return self.kind != NANOBRAGG

    @property
    def weights(self) -> Array | None:
        """Of each domain, mean 1; None: all count alike."""
        if self.listed is None:
            return None
        weights = self.listed.weight
        if bool((weights == weights[0]).all()):
            return None
        return np.asarray(weights / (math.fsum(weights.tolist()) / len(weights)))

    def rotations(self, reciprocal: Array) -> Array:
        """Rotation matrices of the domains, (count, 3, 3).

        Parameters
        ----------
        reciprocal : rows a*, b*, c* at phi 0, of which the directions count
        """
        if self.listed is not None:
            return self.listed.rotation
        if self.kind == GAUSSIAN:
            return isotropic_rotations(self.spread, self.count, self.seed)
        if self.kind == ANISOTROPIC:
            lengths = np.sqrt((reciprocal**2).sum(axis=1, keepdims=True))
            axes = tuple(as_tuple(row) for row in reciprocal / lengths)
            return anisotropic_rotations(self.spreads, axes, self.count, self.seed)
        return mosaic_rotations(self.spread, self.count, self.seed)

    def some(self, most: int) -> "Domains":
        """At most so many domains of the same kind, as a sample of them."""
        if self.listed is not None:
            return self if self.count <= most else Domains.of_list(self.listed.some(most))
        return replace(self, count=min(self.count, most))

    def changed(self, given: typing.Mapping[str, typing.Any]) -> "Domains":
        """The domains with other values.

        Parameters
        ----------
        given : ``kind``, ``spread`` (one number, or three), ``count``, ``seed``
        """
        if not given:
            return self
        fields = dict(given)
        three = isinstance(fields.get("spread"), tuple)
        kind = fields.setdefault("kind", ANISOTROPIC if three else self.kind)
        require(
            kind != LISTED,
            "crystal.mosaic_kind: domains that are listed are read with a document or a command; "
            "of what is listed nothing else can be changed, unless crystal.mosaic_kind is",
        )
        if three:
            fields |= {"spreads": fields["spread"], "spread": 0.0}
        elif kind == ANISOTROPIC:
            require(
                "spread" not in fields,
                "crystal.mosaic_spread: of anisotropic domains give three angles, or another "
                "crystal.mosaic_kind",
            )
        else:
            fields["spreads"] = (0.0, 0.0, 0.0)
        if kind == ANISOTROPIC:
            fields["spread"] = 0.0
        return replace(self, **fields, listed=None)
