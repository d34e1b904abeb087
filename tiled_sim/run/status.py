"""How far a run is, from its sidecars and what its drivers left behind."""

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tiled_sim.kernels.lookups import Lookups
from tiled_sim.store.control import Control, Driver, Failure

if TYPE_CHECKING:
    from tiled_sim.run.run import Run

_MISSING_TOLD = 10


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

    def add(self, found: dict[str, Any]) -> None:
        """Add what the sidecar of a tile says of its counts."""
        self.total += found["sum"]
        self.peak = max(self.peak, found["max"])
        self.overloads += found["overloads"]
        self.negative += found["negative"]


@dataclass(slots=True)
class Status:
    """How far a run is.

    Parameters
    ----------
    tiles, done : number of tiles, and of those committed
    evaluations : done
    kernel_seconds : summed over tiles [s]
    total : sum of the image so far [photons]
    peak, peak_at : brightest pixel [photons] and its (frame, panel, slow, fast)
    nan : pixels that are not a number
    lookups : of structure factors
    missing : ids of the first tiles not done
    failed : tiles not done that were given up
    driver : who hands out the tiles, or did last; None if nobody has
    counted : with noise; None without
    """

    tiles: int
    done: int = 0
    evaluations: int = 0
    kernel_seconds: float = 0.0
    total: float = 0.0
    peak: float = 0.0
    peak_at: tuple[int, int, int, int] | None = None
    nan: int = 0
    lookups: Lookups = field(default_factory=Lookups)
    missing: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    driver: Driver | None = None
    counted: Counted | None = None

    @property
    def complete(self) -> bool:
        """Whether every tile is done."""
        return self.done == self.tiles

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    def add(self, found: dict[str, Any]) -> None:
        """Add what the sidecar of a tile says of it, but for the sum of its image."""
        self.done += 1
        self.evaluations += found["evaluations"]["done"]
        self.kernel_seconds += found["time"]["seconds"].get("kernel", 0.0)
        self.nan += found["image"]["nan"]
        if self.counted is not None and found["counts"] is not None:
            self.counted.add(found["counts"])
        counts = found["structure_factor_lookups"]
        self.lookups.add(Lookups(**{k: v for k, v in counts.items() if k != "counted"}))
        if found["image"]["max"] > self.peak:
            self.peak = found["image"]["max"]
            self.peak_at = tuple(found["image"]["max_at"])


def status_of(run: "Run") -> Status:
    """How far a run is, from the store alone.

    Raises
    ------
    StoreError
        if a sidecar cannot be read
    """
    control = Control(run.path)
    given_up = {failure.tile: failure for failure in control.failures()}
    status = Status(len(run.plan), driver=control.driver())
    status.counted = None if run.experiment.noise is None else Counted()
    sums = []
    for tile in run.plan:
        found = run.sidecar(tile)
        if found is not None:
            status.add(found)
            sums.append(found["image"]["sum"])
            continue
        name = run.plan.id_of(tile)
        if len(status.missing) < _MISSING_TOLD:
            status.missing.append(name)
        if name in given_up:
            status.failed.append(given_up[name])
    status.total = math.fsum(sums)
    return status
