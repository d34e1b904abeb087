"""The assembled detector: where the pixels of all panels are seen along the beam.

Each panel is projected onto the plane across the beam, parallel to the beam (the beam's eye view,
looking downstream from the source). What is not flat, a curved detector, is laid flat: a panel
counts as the plane it was before it was bent.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.model.detector import Detector, Panel
from tiled_sim.physics.vectors import Array, Vector, as_tuple, unit

#: Shorter than this across the beam, a direction of length 1 is along it.
_ALONG_BEAM = 1e-6
#: Of an area of a pixel's sides, below which it is seen edge-on.
_EDGE_ON = 1e-6
#: So near to the next pixel, a place belongs to it: rounding must not decide [pixel].
_ROUNDING = 1e-6

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BeamFrame:
    """The frame of the assembled detector: z along the beam, y up, x left looking downstream.

    Parameters
    ----------
    x, y, z : its axes, unit vectors of the run's lab frame
    """

    x: Vector
    y: Vector
    z: Vector

    @classmethod
    def of(cls, detector: Detector, beam: Vector) -> "BeamFrame":
        """The frame of a detector.

        Up is what the detector says. Where it says nothing, or a direction along the beam, it is
        +Y of the lab, and +Z where that lies along the beam.

        Parameters
        ----------
        detector : whose ``up`` counts
        beam : direction of the direct beam, a unit vector
        """
        z = np.array(beam)
        for up in (detector.up, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):
            if up is None:
                continue
            across = np.array(up) - float(np.dot(up, z)) * z
            if np.linalg.norm(across) > _ALONG_BEAM:
                break
        y = unit(across)
        return cls(as_tuple(unit(np.cross(y, z))), as_tuple(y), as_tuple(z))

    def coordinates(self, points: Array) -> Array:
        """Lab vectors (…, 3) in this frame, (…, 3): x, y, z."""
        return points @ np.array([self.x, self.y, self.z]).T


class Seen(NamedTuple):
    """Cells of a grid in which pixels of one panel are seen.

    Parameters
    ----------
    panel : its number
    row, column : int (n,) of the cells
    slow, fast : int (n,) of the pixels
    """

    panel: int
    row: Indices
    column: Indices
    slow: Indices
    fast: Indices


@dataclass(frozen=True, slots=True)
class Projected:
    """A panel as it is seen along the beam, in cells of a grid: rows go down, columns right.

    Parameters
    ----------
    number : of the panel
    corner : (row, column) of the outer corner of pixel (0, 0)
    slow_step, fast_step : (rows, columns) from a pixel to the next along each axis
    pixels : (slow, fast) number of pixels
    depth : of its centre along the beam, from the sample [m]
    """

    number: int
    corner: tuple[float, float]
    slow_step: tuple[float, float]
    fast_step: tuple[float, float]
    pixels: tuple[int, int]
    depth: float

    @property
    def is_edge_on(self) -> bool:
        """Whether it is seen as a line, or nearly."""
        sides = math.hypot(*self.slow_step) * math.hypot(*self.fast_step)
        return abs(self._area) <= _EDGE_ON * sides

    @property
    def _area(self) -> float:
        return self.slow_step[0] * self.fast_step[1] - self.slow_step[1] * self.fast_step[0]

    @property
    def corners(self) -> Array:
        """(row, column) of its four corners, around it, (4, 2)."""
        slow, fast = self.pixels
        return self.at(np.array([0.0, 0.0, slow, slow]), np.array([0.0, fast, fast, 0.0]))

    def at(self, slow: Array, fast: Array) -> Array:
        """(row, column) of places on the panel, counted in pixels from its corner, (…, 2)."""
        return (
            np.array(self.corner)
            + slow[..., None] * np.array(self.slow_step)
            + fast[..., None] * np.array(self.fast_step)
        )

    def seen(self, rows: range, columns: range) -> Seen:
        """The cells among some whose centre lies on one of the panel's pixels, and that pixel."""
        nothing = np.zeros(0, dtype=np.int64)
        if self.is_edge_on:
            return Seen(self.number, nothing, nothing, nothing, nothing)
        low, high = self.corners.min(axis=0), self.corners.max(axis=0)
        row, column = (
            np.arange(max(span.start, math.floor(first)), min(span.stop, math.ceil(last) + 1))
            for span, first, last in zip((rows, columns), low, high, strict=True)
        )
        down = (row + 0.5 - self.corner[0])[:, None]
        right = (column + 0.5 - self.corner[1])[None, :]
        slow, fast = (
            np.floor(place / self._area + _ROUNDING).astype(np.int64)
            for place in (
                self.fast_step[1] * down - self.fast_step[0] * right,
                self.slow_step[0] * right - self.slow_step[1] * down,
            )
        )
        there = (slow >= 0) & (slow < self.pixels[0]) & (fast >= 0) & (fast < self.pixels[1])
        at = np.nonzero(there)
        return Seen(self.number, row[at[0]], column[at[1]], slow[there], fast[there])

    def coarser(self, factor: int) -> "Projected":
        """The same in cells that are so many times larger along each side."""

        def scaled(pair: tuple[float, float]) -> tuple[float, float]:
            return pair[0] / factor, pair[1] / factor

        return replace(
            self,
            corner=scaled(self.corner),
            slow_step=scaled(self.slow_step),
            fast_step=scaled(self.fast_step),
        )


@dataclass(frozen=True, slots=True)
class Assembly:
    """A grid of square cells across the beam, and the panels that are seen in it.

    A cell shows the pixel that its centre lies on, nothing where it lies on none. Values are
    copied and never interpolated: a pixel that is larger than a cell is shown in several, and of
    a panel that is tilted or turned some pixels hold no cell's centre and are not shown. Cells are
    as large as the smallest side of any pixel, and their corners are those of the pixels of the
    first panel that has such a side, so that a flat detector that is square to the beam is shown
    pixel for pixel. Where panels hide each other, the one whose centre is nearer to the source is
    shown (the first of equals).

    Parameters
    ----------
    frame : x, y, z
    cell : side of a cell [m]
    corner : (y, x) of the outer corner of cell (0, 0), the upper left one looking downstream [m]
    shape : (rows, columns)
    panels : in their order
    """

    frame: BeamFrame
    cell: float
    corner: tuple[float, float]
    shape: tuple[int, int]
    panels: tuple[Projected, ...]

    @classmethod
    def of(cls, detector: Detector, beam: Vector) -> "Assembly":
        """Of all panels of a detector.

        Parameters
        ----------
        detector : flat or curved; a curved one is laid flat
        beam : direction of the direct beam, a unit vector
        """
        frame = BeamFrame.of(detector, beam)
        cell = min(min(panel.pixel_size) for panel in detector.panels)
        placed = [
            _projected(panel, number, frame, cell) for number, panel in enumerate(detector.panels)
        ]
        first = next(one for one in detector.panels if min(one.pixel_size) == cell)
        anchor = np.array(placed[detector.panels.index(first)].corner)
        corners = np.concatenate([one.corners for one in placed])
        lowest = anchor + np.floor(corners.min(axis=0) - anchor + _ROUNDING)
        rows, columns = np.ceil(corners.max(axis=0) - lowest - _ROUNDING).astype(int).tolist()
        moved = (
            replace(one, corner=(one.corner[0] - lowest[0], one.corner[1] - lowest[1]))
            for one in placed
        )
        corner = (-float(lowest[0]) * cell, -float(lowest[1]) * cell)
        return cls(frame, cell, corner, (max(rows, 1), max(columns, 1)), tuple(moved))

    @property
    def y(self) -> Array:
        """Of the centres of the rows, downwards (rows,) [m]."""
        return self.corner[0] - (np.arange(self.shape[0], dtype=np.float64) + 0.5) * self.cell

    @property
    def x(self) -> Array:
        """Of the centres of the columns, from left to right, so decreasing (columns,) [m]."""
        return self.corner[1] - (np.arange(self.shape[1], dtype=np.float64) + 0.5) * self.cell

    def seen(self, rows: range, columns: range) -> Iterator[Seen]:
        """What is seen in some of the cells, panel by panel; what comes later hides the earlier."""
        for panel in sorted(self.panels, key=lambda one: (-one.depth, -one.number)):
            found = panel.seen(rows, columns)
            if len(found.row):
                yield found

    def coarser(self, factor: int) -> "Assembly":
        """The same with cells that are so many times larger along each side."""
        return replace(
            self,
            cell=self.cell * factor,
            shape=(math.ceil(self.shape[0] / factor), math.ceil(self.shape[1] / factor)),
            panels=tuple(panel.coarser(factor) for panel in self.panels),
        )


def _projected(panel: Panel, number: int, frame: BeamFrame, cell: float) -> Projected:
    """A panel in cells whose grid begins at the beam."""
    (slow, fast), (slow_side, fast_side) = panel.pixels, panel.pixel_size
    along_slow = slow_side * np.array(panel.slow_axis)
    along_fast = fast_side * np.array(panel.fast_axis)
    origin = np.array(panel.origin)
    centre = origin + (slow / 2.0) * along_slow + (fast / 2.0) * along_fast

    def down_right(vector: Array) -> tuple[float, float]:
        x, y, _ = frame.coordinates(vector)
        return -float(y) / cell, -float(x) / cell

    return Projected(
        number,
        down_right(origin),
        down_right(along_slow),
        down_right(along_fast),
        panel.pixels,
        float(frame.coordinates(centre)[2]),
    )
