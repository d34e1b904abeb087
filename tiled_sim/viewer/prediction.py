"""Which reflections a frame lights, and in which directions, from the nodes near Ewald's sphere.

No pixel is summed. Of each step of the sum (an orientation with a source) a node counts by how far
it is from the sphere, in units of its spot's half width.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystal import Crystal
from tiled_sim.physics.cell import dual
from tiled_sim.physics.lattice import GAUSS_WIDTH, TOPHAT_EDGE
from tiled_sim.physics.vectors import Array

#: Lines of nodes, and nodes times steps, that are looked at in one go; memory depends on it.
_AT_A_TIME = 1 << 20
#: Nodes times steps that are looked at in all; of more steps some are drawn.
_MOST_PAIRS = 1 << 23
#: Nodes that are looked at, about; where there are more, those of the finest resolution are not.
_MOST_NODES = 1 << 17
_BISECTIONS = 50
#: Nodes so many half widths from the sphere may still be seen, by the tails of their spots.
_TAILS = {"gauss_star": 2.5, "gauss_hkl": 2.5, "tophat": 1.0, "tophat_hkl": 1.0}
_FRINGES = 6.0
#: Panels may bulge a little beyond their corners, which are farthest up to a right angle.
_BULGE = 1.02

#: F [electron] of nodes, int64 (n, 3).
Amplitudes = Callable[[npt.NDArray[np.int64]], Array]


class Predicted(NamedTuple):
    """The reflections of a crystal in a frame.

    Parameters
    ----------
    hkl : the nodes, int64 (n, 3)
    direction : unit vectors to the middles of their spots, float64 (n, 3)
    spread : half the angle that a spot is seen under, float64 (n,) [rad]
    off : distance from the sphere in the step that comes nearest, float64 (n,) [half width]
    strength : F² times the share of the steps that light it, float64 (n,) [electron²]
    finest : what nodes of finer resolution light is not among them [Å]; None: all is
    """

    hkl: npt.NDArray[np.int64]
    direction: Array
    spread: Array
    off: Array
    strength: Array
    finest: float | None


def predict(scene: Scene, amplitudes: Amplitudes) -> Predicted:
    """The reflections that a frame lights.

    Parameters
    ----------
    scene : the frame, with one crystal
    amplitudes : of the nodes
    """
    steps = _Steps.of(scene)
    shape = _Shape.of(scene.crystal, steps.reciprocal[0])
    seen = _farthest(scene, steps)
    farthest = _nearer(seen, steps, shape)
    parts = [_of_nodes(hkl, steps, shape, farthest) for hkl in _near(steps, shape, farthest)]
    hkl = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
    F = amplitudes(hkl)
    lit = _lit(hkl[F != 0.0], F[F != 0.0], steps, shape)
    return lit if farthest == seen else lit._replace(finest=1.0 / farthest)


class _Steps(NamedTuple):
    """What the sum goes over.

    Parameters
    ----------
    reciprocal : rows a*, b*, c* of each orientation, the one in the middle first [1/Å]
    incident : K times the unit vector of each source, one in the middle first [1/Å]
    weights : of orientations, and of sources
    turn : of the orientations and the light, from the first, at most [rad]
    bandwidth : of K, from the first, at most [1/Å]
    """

    reciprocal: Array
    incident: Array
    weights: tuple[Array, Array]
    turn: float
    bandwidth: float

    @classmethod
    def of(cls, scene: Scene) -> "_Steps":
        phis, domains = scene.orientations.shape[:2]
        direct = scene.orientations.reshape(-1, 3, 3)
        reciprocal = np.swapaxes(np.linalg.inv(direct), 1, 2)
        of_domains = np.ones(domains) if scene.domain_weights is None else scene.domain_weights
        of_orientations = np.tile(of_domains, phis)
        first = (phis // 2) * domains
        order = np.r_[first, np.delete(np.arange(len(direct)), first)]
        turns = reciprocal[first].T @ direct
        cosines = (np.trace(turns, axis1=1, axis2=2) - 1.0) / 2.0
        spectrum, weights = scene.spectrum, np.array(scene.weights)
        length = 1.0 / spectrum.wavelength
        middle = int(np.abs(spectrum.wavelength - spectrum.wavelength.mean()).argmin())
        at = np.r_[middle, np.delete(np.arange(len(length)), middle)]
        aside = spectrum.incident @ spectrum.incident[middle]
        return cls(
            reciprocal[order],
            (spectrum.incident * length[:, None])[at],
            (of_orientations[order], weights[at]),
            sum(float(np.arccos(np.clip(cos, -1.0, 1.0)).max()) for cos in (cosines, aside)),
            float(np.abs(length - length[middle]).max()),
        )

    def moves(self, q: Array) -> Array:
        """How far the sphere and nodes at |q| may move towards each other, at most [1/Å]."""
        squared_K = float(self.incident[0] @ self.incident[0])
        return self.turn * q + self.bandwidth * np.minimum(q * q / squared_K, 2.0)


class _Shape(NamedTuple):
    """How far spots reach around their nodes.

    Parameters
    ----------
    half_axes : of an ellipsoid, in the axes of the first orientation: rows (3, 3) [1/Å]
    tails : so many half axes out a spot may be seen
    """

    half_axes: Array
    tails: float

    @classmethod
    def of(cls, crystal: Crystal, reciprocal: Array) -> "_Shape":
        tails = _TAILS.get(crystal.shape, _FRINGES)
        squared = TOPHAT_EDGE if crystal.shape.startswith("tophat") else 1.0
        squared = GAUSS_WIDTH if crystal.shape.startswith("gauss") else squared
        width = math.sqrt(squared / (1.0 if crystal.shape == "square" else crystal.fudge))
        if crystal.shape in ("gauss_star", "tophat"):
            return cls(np.eye(3) * width / math.prod(crystal.cells), tails)
        # beyond half an index the next node begins
        of_index = np.minimum(width / np.array(crystal.cells), 0.5 / tails)
        return cls(reciprocal * of_index[:, None], tails)

    @property
    def longest(self) -> float:
        """Half axis [1/Å]."""
        return float(np.linalg.norm(self.half_axes, 2))

    def along(self, directions: Array) -> Array:
        """Half width along unit vectors (..., 3) [1/Å]."""
        return np.sqrt(((directions @ self.half_axes.T) ** 2).sum(axis=-1))


def _farthest(scene: Scene, steps: _Steps) -> float:
    """Largest |q| that is looked at, or a little more [1/Å]."""
    wave = float(np.linalg.norm(steps.incident[0]))
    reach = 2.0 * wave
    corners = []
    for panel in (scene.panels[number] for number in range(len(scene.panels))):
        slow, fast = (
            np.array(axis) * side * count
            for axis, side, count in zip(
                (panel.slow_axis, panel.fast_axis), panel.pixel_size, panel.pixels, strict=True
            )
        )
        corners += [np.array(panel.origin) + i * slow + j * fast for i in (0, 1) for j in (0, 1)]
    outwards = np.array(corners)
    outwards /= np.linalg.norm(outwards, axis=1)[:, None]
    seen = float(np.linalg.norm(wave * outwards - steps.incident[0], axis=1).max())
    if seen < wave and scene.detector.curvature_radius is None:
        reach = min(reach, _BULGE * (seen + float(steps.moves(np.array(seen)))))
    if scene.sampling.dmin > 0.0:
        reach = min(reach, 1.0 / scene.sampling.dmin)
    return reach


def _nearer(farthest: float, steps: _Steps, shape: _Shape) -> float:
    """The largest |q| up to which nodes are not too many [1/Å]."""
    direct = dual(steps.reciprocal[0])
    volume = float(np.linalg.det(direct))

    def nodes(q: float) -> float:
        # up to |q| the sphere has the area π q², whatever its radius
        thickness = 2.0 * (shape.tails * shape.longest + float(steps.moves(np.array(q))))
        return volume * np.pi * q**2 * min(thickness, 4.0 / 3.0 * q)

    if nodes(farthest) <= _MOST_NODES:
        return farthest
    low, high = 0.0, farthest
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if nodes(middle) <= _MOST_NODES else (low, middle)
    return low


def _near(steps: _Steps, shape: _Shape, farthest: float) -> Iterator[npt.NDArray[np.int64]]:
    """Nodes (n, 3) near the sphere of the first step: at least those that any step may light.

    On a line of nodes they are where the line goes through a shell.
    """
    reciprocal, beam = steps.reciprocal[0], steps.incident[0]
    direct = dual(reciprocal)
    most = np.floor(farthest * np.linalg.norm(direct, axis=1) * (1 + 1e-9)).astype(np.int64)
    # along the longest axis lines are fewest
    w = int(np.linalg.norm(direct, axis=1).argmax())
    u, v = (w + 1) % 3, (w + 2) % 3
    wave = float(np.linalg.norm(beam))
    half = shape.tails * shape.longest + float(steps.moves(np.array(farthest)))
    outer, inner = (wave + half) ** 2, max(wave - half, 0.0) ** 2
    along = reciprocal[w]
    squared = float(along @ along)
    rows = max(_AT_A_TIME // (2 * int(most[v]) + 1), 1)
    for first in range(-int(most[u]), int(most[u]) + 1, rows):
        at_u, at_v = (
            grid.reshape(-1)
            for grid in np.meshgrid(
                np.arange(first, min(first + rows, int(most[u]) + 1)),
                np.arange(-most[v], most[v] + 1),
                indexing="ij",
            )
        )
        foot = beam + at_u[:, None] * reciprocal[u] + at_v[:, None] * reciprocal[v]
        middle = -(foot @ along) / squared
        aside = (foot**2).sum(axis=1) - squared * middle**2
        on = outer >= aside
        at_u, at_v, middle, aside = at_u[on], at_v[on], middle[on], aside[on]
        far = np.sqrt((outer - aside) / squared)
        near = np.sqrt(np.maximum(inner - aside, 0.0) / squared)
        ends = int(most[w])
        begins, lasts = np.ceil(middle - far), np.floor(middle - near)
        again = np.maximum(np.ceil(middle + near), lasts + 1)
        for begin, last in ((begins, lasts), (again, np.floor(middle + far))):
            begin, last = np.maximum(begin, -ends), np.minimum(last, ends)
            count = np.maximum(last - begin + 1, 0).astype(np.int64)
            line = np.repeat(np.arange(len(count)), count)
            place = np.arange(len(line)) - (np.cumsum(count) - count)[line]
            hkl = np.empty((len(line), 3), np.int64)
            hkl[:, u], hkl[:, v] = at_u[line], at_v[line]
            hkl[:, w] = begin[line].astype(np.int64) + place
            yield hkl


def _of_nodes(
    hkl: npt.NDArray[np.int64], steps: _Steps, shape: _Shape, farthest: float
) -> npt.NDArray[np.int64]:
    """Those of some nodes that are looked at, and may be lit."""
    q = hkl @ steps.reciprocal[0]
    lengths = np.linalg.norm(q, axis=1)
    off = np.abs(np.linalg.norm(q + steps.incident[0], axis=1) - np.linalg.norm(steps.incident[0]))
    reach = shape.tails * shape.longest + steps.moves(lengths)
    return hkl[(lengths <= farthest) & (off <= reach)]


def _lit(hkl: npt.NDArray[np.int64], F: Array, steps: _Steps, shape: _Shape) -> Predicted:
    """Those of some nodes that a step lights."""
    orientations, sources = (len(weights) for weights in steps.weights)
    count = orientations * sources
    most = min(max(_MOST_PAIRS // max(len(hkl), 1), 1), count)
    # evenly of orientations, of sources by chance
    inside = np.random.default_rng(0).random(most) if most < count else 0.0
    every = ((np.arange(most) + inside) * (count / most)).astype(np.int64)
    of_orientation, of_source = every // sources, every % sources
    weights = steps.weights[0][of_orientation] * steps.weights[1][of_source]
    waves = np.linalg.norm(steps.incident, axis=1)
    turned = dual(steps.reciprocal[0]).T @ steps.reciprocal
    off = np.full(len(hkl), np.inf)
    lit, directions = np.zeros(len(hkl)), np.zeros((len(hkl), 3))
    at_a_time = max(_AT_A_TIME // max(len(hkl), 1), 1)
    for start in range(0, len(every), at_a_time):
        some = slice(start, start + at_a_time)
        at, source = of_orientation[some], of_source[some]
        outwards = hkl @ steps.reciprocal[at] + steps.incident[source][:, None]
        lengths = np.linalg.norm(outwards, axis=2)
        outwards /= lengths[:, :, None]
        # as the crystal has them: its spots turn with it
        own = outwards @ np.swapaxes(turned[at], 1, 2)
        away = np.abs(lengths - waves[source][:, None]) / shape.along(own)
        off = np.minimum(off, away.min(axis=0))
        counts = weights[some][:, None] / (1.0 + away**2) ** 3
        lit += counts.sum(axis=0)
        directions += (counts[:, :, None] * outwards).sum(axis=0)
    mean = directions / lit[:, None]
    length = np.linalg.norm(mean, axis=1)
    unit = mean / length[:, None]
    # of unit vectors the mean squared distance from their mean is 1 - |mean|²
    spread = shape.longest / waves[0] + np.sqrt(np.maximum(1.0 - length**2, 0.0))
    strength = F**2 * lit / weights.sum()
    near = off <= shape.tails
    return Predicted(hkl[near], unit[near], spread[near], off[near], strength[near], None)
