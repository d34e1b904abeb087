"""Sums over the tiles of a run that are done, whatever the order in which they are added."""

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tiled_sim.kernels.lookups import Lookups
from tiled_sim.store.schema import check_of

_LOOKUPS = tuple(asdict(Lookups()))


def excerpt(sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """What `Sums.add` needs of the sidecar of a tile."""
    counts = sidecar["counts"]
    return {
        "tile": {"index": sidecar["tile"]["index"]},
        "evaluations": {"done": sidecar["evaluations"]["done"]},
        "time": {"seconds": {"kernel": sidecar["time"]["seconds"].get("kernel", 0.0)}},
        "image": {name: sidecar["image"][name] for name in ("sum", "max", "max_at", "nan")},
        "structure_factor_lookups": sidecar["structure_factor_lookups"],
        "counts": None
        if counts is None
        else {name: counts[name] for name in ("sum", "max", "overloads", "negative")},
    }


@dataclass(slots=True)
class ExactSum:
    """The correctly rounded sum of numbers.

    Parameters
    ----------
    parts : floats that do not overlap, whose exact sum it is (Shewchuk 1997)
    """

    parts: list[float] = field(default_factory=list)

    def add(self, number: float) -> None:
        """Add a number."""
        kept = []
        for part in self.parts:
            large, small = (number, part) if abs(number) >= abs(part) else (part, number)
            number = large + small
            if rest := small - (number - large):
                kept.append(rest)
        self.parts = [*kept, number]

    def __float__(self) -> float:
        return math.fsum(self.parts)


@dataclass(slots=True)
class Counted:
    """What the pixels of a run have counted so far.

    Parameters
    ----------
    total : sum [ADU]
    peak : largest [ADU]
    overloads : pixels at the saturation
    negative : pixels below 0
    """

    total: int = 0
    peak: int = 0
    overloads: int = 0
    negative: int = 0

    def add(self, found: Mapping[str, Any]) -> None:
        """Add what the sidecar of a tile says of its counts."""
        self.total += found["sum"]
        self.peak = max(self.peak, found["max"])
        self.overloads += found["overloads"]
        self.negative += found["negative"]


@dataclass(slots=True)
class Sums:
    """Over the tiles of a run that are done.

    Parameters
    ----------
    done : number of them
    evaluations : done
    kernel_seconds : summed over tiles [s]
    total : of the image [photons]
    peak, peak_at : brightest pixel [photons] and its (frame, panel, slow, fast)
    peak_tile : number of its tile, the first of equals
    nan : pixels that are not a number
    lookups : of structure factors
    counted : with noise
    """

    done: int = 0
    evaluations: int = 0
    kernel_seconds: ExactSum = field(default_factory=ExactSum)
    total: ExactSum = field(default_factory=ExactSum)
    peak: float = 0.0
    peak_at: tuple[int, int, int, int] | None = None
    peak_tile: int = -1
    nan: int = 0
    lookups: Lookups = field(default_factory=Lookups)
    counted: Counted = field(default_factory=Counted)

    def add(self, found: Mapping[str, Any]) -> None:
        """Add a tile.

        Parameters
        ----------
        found : its sidecar, or the `excerpt`
        """
        image, tile = found["image"], found["tile"]["index"]
        self.done += 1
        self.evaluations += found["evaluations"]["done"]
        self.kernel_seconds.add(found["time"]["seconds"].get("kernel", 0.0))
        self.total.add(image["sum"])
        self.nan += image["nan"]
        if found["counts"] is not None:
            self.counted.add(found["counts"])
        looked = found["structure_factor_lookups"]
        self.lookups.add(Lookups(**{name: looked.get(name, 0) for name in _LOOKUPS}))
        first_of_equals = image["max"] == self.peak and 0 <= tile < self.peak_tile
        if image["max"] > self.peak or first_of_equals:
            self.peak, self.peak_at, self.peak_tile = image["max"], tuple(image["max_at"]), tile

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Sums":
        """Rebuild from `to_dict`.

        Raises
        ------
        ValueError
            the values are not such
        """
        fault = _FAULT(found)
        if fault:
            raise ValueError(f"the sums{fault}")
        at = found["peak_at"]
        return cls(
            **{name: found[name] for name in ("done", "evaluations", "peak", "peak_tile", "nan")},
            kernel_seconds=ExactSum(list(found["kernel_seconds"]["parts"])),
            total=ExactSum(list(found["total"]["parts"])),
            peak_at=None if at is None else tuple(at),
            lookups=Lookups(**found["lookups"]),
            counted=Counted(**found["counted"]),
        )


def _fields(kind: Any, optional: Collection[str] = ()) -> dict[str, Any]:
    """Schema of a record of whole numbers."""
    names = list(asdict(kind))
    return {
        "type": "object",
        "required": [name for name in names if name not in optional],
        "properties": {name: {"type": "integer"} for name in names},
        "additionalProperties": False,
    }


_PARTS = {
    "type": "object",
    "required": ["parts"],
    "properties": {"parts": {"type": "array", "items": {"type": "number"}}},
}
_OF_EACH: dict[str, Any] = {
    "done": {"type": "integer"},
    "evaluations": {"type": "integer"},
    "kernel_seconds": _PARTS,
    "total": _PARTS,
    "peak": {"type": "number"},
    "peak_at": {
        "anyOf": [
            {"type": "null"},
            {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4},
        ]
    },
    "peak_tile": {"type": "integer"},
    "nan": {"type": "integer"},
    # told since absences are known of
    "lookups": _fields(Lookups(), optional={"forbidden"}),
    "counted": _fields(Counted()),
}
_FAULT = check_of({"type": "object", "required": list(_OF_EACH), "properties": _OF_EACH})
