"""The plan of a run: how its image is cut into tiles, and how each is computed."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from tiled_sim.errors import UsageError
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.grid import Tile, TileGrid
from tiled_sim.model.memory import Memory
from tiled_sim.model.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """All tiles of a run, and what is the same for each of them.

    Parameters
    ----------
    grid : of the tiles
    settings : kernel and precision of every tile, whichever worker it falls to
    evaluations_per_pixel : steps in every layer of the sensor
    first_evaluations : one a panel for ``--c-compat`` runs that need them, else empty
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept, in every frame
    memory : that a worker is predicted to take
    seconds : that one core is predicted to take for all tiles [s]
    workers : for which the tiles were cut
    trace_panel : on which `trace_pixels` are traced; None: on every panel
    """

    grid: TileGrid
    settings: Settings
    evaluations_per_pixel: int
    first_evaluations: tuple[FirstEvaluation | None, ...] = ()
    trace_pixels: tuple[tuple[int, int], ...] = ()
    memory: Memory = field(default=Memory(0, 0), compare=False)
    seconds: float = field(default=math.inf, compare=False)
    workers: int = field(default=1, compare=False)
    trace_panel: int | None = None

    def __post_init__(self) -> None:
        _, _, slow, fast = self.grid.shape
        for pixel in self.trace_pixels:
            if not (0 <= pixel[0] < slow and 0 <= pixel[1] < fast):
                raise UsageError(
                    f"--trace-pixel {pixel[0]} {pixel[1]} lies outside the {slow} x {fast} "
                    "(slow x fast) pixels of a panel"
                )

    def __len__(self) -> int:
        return len(self.grid)

    def __getitem__(self, index: int) -> Tile:
        return self.grid[index]

    def __iter__(self) -> Iterator[Tile]:
        return iter(self.grid)

    def id_of(self, tile: Tile) -> str:
        """Name of a tile in the store."""
        return self.grid.id_of(tile)

    @property
    def bytes_of_worker(self) -> int:
        """Predicted memory of a worker process with one thread at its peak [bytes]."""
        return self.memory.of_process(math.prod(self.grid.tile))

    def first_evaluation(self, panel: int) -> FirstEvaluation | None:
        """Of a panel, or None."""
        return self.first_evaluations[panel] if self.first_evaluations else None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; `from_dict` is the inverse."""
        plain = json.loads(json.dumps(asdict(self)))
        if not math.isfinite(self.seconds):
            plain["seconds"] = None
        return plain

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Plan":
        """Rebuild a plan from `to_dict`."""
        seconds = data["seconds"]
        return cls(
            TileGrid(*(tuple(data["grid"][name]) for name in ("shape", "tile"))),
            Settings(**data["settings"]),
            data["evaluations_per_pixel"],
            tuple(
                None if first is None else FirstEvaluation(**first)
                for first in data["first_evaluations"]
            ),
            tuple((pixel[0], pixel[1]) for pixel in data["trace_pixels"]),
            Memory(**data["memory"]),
            math.inf if seconds is None else seconds,
            data["workers"],
            data.get("trace_panel"),  # which older plans have not
        )

    @property
    def sha256(self) -> str:
        """Hash of what decides the tiles: not of predictions, nor of reasons."""
        plain = self.to_dict()
        for name in ("memory", "seconds", "workers"):
            del plain[name]
        if self.trace_panel is None:  # for the hashes of plans of before there was the field
            del plain["trace_panel"]
        del plain["settings"]["reason"]
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
