"""The plan of a run: how its image is cut into tiles, and how each is computed."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import UsageError
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.first_evaluation import FirstEvaluation
from tiled_sim.model.grid import Tile, TileGrid
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.model.settings import Settings
from tiled_sim.plan.memory import Memory, memory_of
from tiled_sim.plan.tiling import grid_of


@dataclass(frozen=True, slots=True)
class Plan:
    """All tiles of a run, and what is the same for each of them.

    Parameters
    ----------
    grid : of the tiles
    settings : kernel and precision of every tile, whichever worker it falls to
    evaluations_per_pixel : steps in every layer of the sensor
    first_evaluations : one a panel for ``--c-compat`` runs that need them, else empty
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept, on every panel and frame
    memory : that a worker is predicted to take
    seconds : that one core is predicted to take for all tiles [s]
    workers : for which the tiles were cut
    """

    grid: TileGrid
    settings: Settings
    evaluations_per_pixel: int
    first_evaluations: tuple[FirstEvaluation | None, ...] = ()
    trace_pixels: tuple[tuple[int, int], ...] = ()
    memory: Memory = field(default=Memory(0, 0), compare=False)
    seconds: float = field(default=math.inf, compare=False)
    workers: int = field(default=1, compare=False)

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
    def evaluations(self) -> int:
        """Of the whole run, masked pixels included."""
        return math.prod(self.grid.shape) * self.evaluations_per_pixel

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
        )

    @property
    def sha256(self) -> str:
        """Hash of what decides the tiles: not of predictions, nor of reasons."""
        plain = self.to_dict()
        for name in ("memory", "seconds", "workers"):
            del plain[name]
        del plain["settings"]["reason"]
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def make_plan(
    experiment: Experiment,
    inputs: Inputs,
    settings: Settings,
    *,
    tile: tuple[int, int] | None = None,
    trace_pixels: Sequence[tuple[int, int]] = (),
    workers: int = 1,
) -> Plan:
    """Plan an experiment, with what ``--c-compat`` needs to know of the whole panel.

    Parameters
    ----------
    experiment : what to simulate
    inputs : of it
    settings : with the kernel that was chosen
    tile : (slow, fast) pixels of a tile, multiples of 16; None: by predicted cost
    trace_pixels : (slow, fast) of pixels to trace
    workers : that will compute the tiles

    Raises
    ------
    UsageError
        for a pixel that is not computed, or a tile that is not made of whole blocks
    """
    # torch takes seconds to import, and whoever reads the plan of a run need not wait for it
    from tiled_sim.kernels.first import first_evaluations
    from tiled_sim.plan.choice import predicted_seconds

    for pixel in trace_pixels:
        _require_live(pixel, inputs.mask)
    seconds = predicted_seconds(settings, experiment, cores=1)
    grid = grid_of(experiment.shape, tile, seconds=seconds, workers=workers)
    return Plan(
        grid,
        settings,
        experiment.evaluations_per_pixel,
        first_evaluations(experiment, lambda panel: _rows_of(inputs.mask, panel)),
        tuple(trace_pixels),
        memory_of(settings, experiment, inputs.nodes, grid.tile),
        seconds,
        workers,
    )


def _rows_of(mask: Mask, panel: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Rows of a panel's mask, uint8 (fast,)."""
    _, slow, fast = mask.shape
    for row in range(slow):
        yield mask(panel, slice(row, row + 1), slice(0, fast))[0]


def _require_live(pixel: tuple[int, int], mask: Mask) -> None:
    """Refuse to trace a pixel that no panel computes."""
    row, column = pixel
    panels, slow, fast = mask.shape
    inside = 0 <= row < slow and 0 <= column < fast
    where = (slice(row, row + 1), slice(column, column + 1))
    if inside and all(mask(panel, *where)[0, 0] != 0 for panel in range(panels)):
        raise UsageError(
            f"--trace-pixel {row} {column} is masked or outside the region of interest, so it is "
            "not computed"
        )
