"""What a run is planned for: the workers that are to compute it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workers:
    """Worker processes, as far as they are known before they are there.

    Parameters
    ----------
    count : of processes
    threads : of each, with a tile on every one
    device : ``cpu`` or ``cuda``
    source : where their number comes from, for the user
    """

    count: int = 1
    threads: int = 1
    device: str = "cpu"
    source: str = "as asked"

    @property
    def cores(self) -> int:
        """Tiles that are computed at a time."""
        return self.count * self.threads
