"""Who is told how a run goes on."""

from typing import Any, Protocol

from tiled_sim.plan.plan import Plan
from tiled_sim.run.run import Run


class Listener(Protocol):
    """Is told how a run goes on."""

    def planned(self, plan: Plan) -> None:
        """What a run is predicted to take is known; of one that goes on, by the plan it has."""

    def compiling(self) -> None:
        """The kernel of the run is being compiled, once for this machine."""

    def started(self, run: Run, missing: int, dashboard: str, left: int = 0) -> None:
        """Tiles are about to be computed; ``left`` are those of frames that nobody asks for."""

    def worker_refused(self, reason: str) -> None:
        """A worker cannot compute the run, or none that can is left; it goes on with others."""

    def worker_told(self, note: str) -> None:
        """A worker computes the run, and has something to say of how; each is told once."""

    def under_way(self, tiles: float, evaluations: int) -> None:
        """So much is done of tiles that take long and are not committed yet."""

    def tile_done(self, record: dict[str, Any]) -> None:
        """A tile is committed."""

    def tile_failed(self, tile: str, error: str, final: bool) -> None:
        """A tile raised, or its worker died; it is tried again unless ``final``."""

    def finishing(self) -> None:
        """All tiles are done; the pyramid is being made."""


class Silent:
    """A listener that does nothing."""

    def planned(self, plan: Plan) -> None:
        """Do nothing."""

    def compiling(self) -> None:
        """Do nothing."""

    def started(self, run: Run, missing: int, dashboard: str, left: int = 0) -> None:
        """Do nothing."""

    def worker_refused(self, reason: str) -> None:
        """Do nothing."""

    def worker_told(self, note: str) -> None:
        """Do nothing."""

    def under_way(self, tiles: float, evaluations: int) -> None:
        """Do nothing."""

    def tile_done(self, record: dict[str, Any]) -> None:
        """Do nothing."""

    def tile_failed(self, tile: str, error: str, final: bool) -> None:
        """Do nothing."""

    def finishing(self) -> None:
        """Do nothing."""
