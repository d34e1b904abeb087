"""Tiles that workers have begun, as the workers tell of them."""

from typing import Any

from tiled_sim.cluster.page.topics import RUNNING


class UnderWay:
    """Which workers have begun a tile, and how much of it is done.

    One thread hears, another asks.
    """

    def __init__(self) -> None:
        self._workers: dict[int, list[str]] = {}
        self._parts: dict[int, tuple[float, int]] = {}

    def hear(self, told: dict[str, Any]) -> None:
        """Take the event of a worker: it began a tile, is so far with it, or has ended it."""
        tile = told["tile"]
        if told["state"] != RUNNING:
            self._workers.pop(tile, None)
        elif "share" not in told:
            self._workers.setdefault(tile, []).append(told["worker"])
        elif tile in self._workers:
            self._parts[tile] = told["share"], told["evaluations"]

    def has_begun(self, tile: int) -> bool:
        """Whether a worker has begun a tile and not ended it."""
        return tile in self._workers

    def end(self, tile: int) -> int:
        """Forget a tile; how many workers had begun it and not ended it."""
        self.lose(tile)
        return len(self._workers.pop(tile, ()))

    def lose(self, tile: int) -> None:
        """Forget how much of a tile was done: it is lost, or counted as a whole now."""
        self._parts.pop(tile, None)

    @property
    def parts(self) -> tuple[float, int]:
        """What is done of tiles that are not counted yet: in tiles, and in evaluations."""
        parts = list(self._parts.values())
        return float(sum(share for share, _ in parts)), sum(number for _, number in parts)
