"""The plan: how the detector is cut into tiles, and what each will cost."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tiled_sim.errors import UsageError
from tiled_sim.kernels.first import first_evaluations
from tiled_sim.kernels.reference import BLOCK
from tiled_sim.kernels.scene import FirstEvaluation
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile
from tiled_sim.model.mask import MaskSource
from tiled_sim.model.settings import REFERENCE, Choice

DEFAULT_TILE = (512, 512)


@dataclass(frozen=True, slots=True)
class TilePlan:
    """All tiles of a run, by arithmetic: nothing is listed, whatever the size.

    Parameters
    ----------
    shape : (frame, panel, slow, fast) of the image
    tile : (slow, fast) pixels of a whole tile
    steps : evaluations a pixel
    structure_factor_nodes : of the grid
    first_evaluations : one a panel for ``--c-compat`` runs that need them, else empty
    trace_pixels : (slow, fast) of pixels whose scaling chain is kept
    kernel, precision, negligible : of every tile of the run, whichever worker it falls to
    counted : whether the photons of every tile are counted, with noise
    """

    shape: tuple[int, int, int, int]
    tile: tuple[int, int]
    steps: int
    structure_factor_nodes: int = 0
    first_evaluations: tuple[FirstEvaluation | None, ...] = ()
    trace_pixels: tuple[tuple[int, int], ...] = ()
    kernel: str = "reference"
    precision: str = "float64"
    negligible: float = 0.0
    counted: bool = False

    def __post_init__(self) -> None:
        for name, side in zip(("slow", "fast"), self.tile, strict=True):
            if side <= 0 or side % BLOCK:
                raise UsageError(f"--tile: {side} pixels along {name} is not a multiple of {BLOCK}")
        _, _, slow, fast = self.shape
        for pixel in self.trace_pixels:
            if not (0 <= pixel[0] < slow and 0 <= pixel[1] < fast):
                raise UsageError(
                    f"--trace-pixel {pixel[0]} {pixel[1]} lies outside the {slow} x {fast} "
                    "(slow x fast) pixels of a panel"
                )

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        tile: tuple[int, int] = DEFAULT_TILE,
        *,
        structure_factor_nodes: int = 0,
        first_evaluations: tuple[FirstEvaluation | None, ...] = (),
        trace_pixels: tuple[tuple[int, int], ...] = (),
        kernel: str = "reference",
        precision: str = "float64",
        negligible: float = 0.0,
    ) -> "TilePlan":
        """Plan an experiment in tiles of (slow, fast) pixels."""
        _, _, slow, fast = experiment.shape
        clipped = tuple(
            min(side, math.ceil(size / BLOCK) * BLOCK)
            for side, size in zip(tile, (slow, fast), strict=True)
        )
        return cls(
            experiment.shape,
            (clipped[0], clipped[1]),
            experiment.evaluations_per_pixel,
            structure_factor_nodes,
            first_evaluations,
            trace_pixels,
            kernel,
            precision,
            negligible,
            experiment.noise is not None,
        )

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of tiles on a panel."""
        _, _, slow, fast = self.shape
        return math.ceil(slow / self.tile[0]), math.ceil(fast / self.tile[1])

    def __len__(self) -> int:
        rows, columns = self.grid
        return self.shape[0] * self.shape[1] * rows * columns

    def __getitem__(self, index: int) -> Tile:
        if not 0 <= index < len(self):
            raise IndexError(f"tile {index} of {len(self)}")
        rows, columns = self.grid
        rest, column = divmod(index, columns)
        rest, row = divmod(rest, rows)
        frame, panel = divmod(rest, self.shape[1])
        _, _, slow, fast = self.shape
        return Tile(
            index,
            frame,
            panel,
            row,
            column,
            (row * self.tile[0], min((row + 1) * self.tile[0], slow)),
            (column * self.tile[1], min((column + 1) * self.tile[1], fast)),
        )

    def __iter__(self) -> Iterator[Tile]:
        return (self[index] for index in range(len(self)))

    @property
    def evaluations(self) -> int:
        """Steps times pixels of the whole run, masked ones included."""
        return math.prod(self.shape) * self.steps

    @property
    def bytes_per_task(self) -> int:
        """Predicted memory of a worker process with one thread at its peak [bytes]."""
        return self.bytes_of_process(1)

    def bytes_of_process(self, threads: int) -> int:
        """Predicted memory of a worker process at its peak, a tile on every thread [bytes]."""
        return self._fixed_bytes + threads * self._bytes_per_pixel * self.tile[0] * self.tile[1]

    def largest_tile(self, size: int, threads: int) -> int | None:
        """Side of the largest square tile that such a process has room for [pixel].

        Parameters
        ----------
        size : of the process [bytes]
        threads : with a tile each

        Returns
        -------
        a power of two; None if the process has no room for the smallest
        """
        room = (size - self._fixed_bytes) // (threads * self._bytes_per_pixel)
        if room < BLOCK * BLOCK:
            return None
        return 1 << (math.isqrt(room).bit_length() - 1)

    @property
    def _fixed_bytes(self) -> int:
        """What a process holds whatever the tile [bytes]."""
        return _PROCESS_BYTES[self.kernel] + _BYTES_PER_NODE * self.structure_factor_nodes

    @property
    def _bytes_per_pixel(self) -> int:
        """What a process holds of each pixel of a tile [bytes]."""
        return _BYTES_PER_PIXEL + (_BYTES_PER_COUNT if self.counted else 0)

    @property
    def choice(self) -> Choice:
        """The kernel of its tiles."""
        return Choice(self.kernel, self.precision, "as planned", self.negligible)

    def first_evaluation(self, panel: int) -> FirstEvaluation | None:
        """Of a panel, or None."""
        return self.first_evaluations[panel] if self.first_evaluations else None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values; `from_dict` is the inverse."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TilePlan":
        """Rebuild a plan from `to_dict`."""
        frames, panels, slow, fast = data["shape"]
        return cls(
            (frames, panels, slow, fast),
            (data["tile"][0], data["tile"][1]),
            data["steps"],
            data["structure_factor_nodes"],
            tuple(
                None if first is None else FirstEvaluation(**first)
                for first in data["first_evaluations"]
            ),
            tuple((pixel[0], pixel[1]) for pixel in data["trace_pixels"]),
            data["kernel"],
            data["precision"],
            data["negligible"],
            data["counted"],
        )

    @property
    def sha256(self) -> str:
        """Hash of the plan."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


# From the peak_bytes of sidecars, Linux, torch 2.13 on CPU: what a process holds before its first
# tile, and what the grid and the tile add (tiles of 64² to 2048², grids to 8e6 nodes).
_PROCESS_BYTES = {
    "reference": 319_000_000,
    "compiled": 335_000_000,
    "spots": 335_000_000,
    "triton": 1_500_000_000,
}
_BYTES_PER_NODE = 27
_BYTES_PER_PIXEL = 14
#: With noise and a point-spread function.
_BYTES_PER_COUNT = 9


def plan_tiles(
    experiment: Experiment,
    mask: MaskSource,
    *,
    tile: tuple[int, int] = DEFAULT_TILE,
    structure_factor_nodes: int = 0,
    trace_pixels: tuple[tuple[int, int], ...] = (),
    choice: Choice = REFERENCE,
) -> TilePlan:
    """Plan an experiment, with what ``--c-compat`` needs to know of the whole panel.

    Parameters
    ----------
    experiment : what to simulate
    mask : of `tiled_sim.read.inputs.load_mask`
    tile : (slow, fast) pixels
    structure_factor_nodes : of the grid, for the memory prediction
    trace_pixels : (slow, fast) of pixels to trace
    choice : of the kernel
    """
    slow, fast = experiment.detector.pixels

    for pixel in trace_pixels:
        _require_live(pixel, experiment, mask)

    def mask_rows(panel: int) -> Iterator[np.ndarray]:
        for row in range(slow):
            yield mask(panel, slice(row, row + 1), slice(0, fast))[0]

    return TilePlan.of(
        experiment,
        tile,
        structure_factor_nodes=structure_factor_nodes,
        first_evaluations=first_evaluations(experiment, mask_rows),
        trace_pixels=trace_pixels,
        kernel=choice.kernel,
        precision=choice.precision,
        negligible=choice.negligible,
    )


def _require_live(pixel: tuple[int, int], experiment: Experiment, mask: MaskSource) -> None:
    """Refuse to trace a pixel that no panel computes."""
    row, column = pixel
    _, panels, slow, fast = experiment.shape
    inside = 0 <= row < slow and 0 <= column < fast
    where = (slice(row, row + 1), slice(column, column + 1))
    if inside and all(mask(panel, *where)[0, 0] != 0 for panel in range(panels)):
        raise UsageError(
            f"--trace-pixel {row} {column} is masked or outside the region of interest, so it is "
            "not computed"
        )
