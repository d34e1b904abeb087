"""How panels stand to the sample and to each other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tiled_sim.model.detector import Panel
from tiled_sim.physics.vectors import Vector, as_tuple, cross, unit

Array = npt.NDArray[np.float64]

#: Panels that share less than this part of a pixel only touch: refined positions do.
_TOUCH = 0.5


def away(origin: Vector, fast: Vector, slow: Vector) -> Vector:
    """Normal of fast and slow that points away from the sample; zero if they are parallel.

    Parameters
    ----------
    origin : sample to any point of the panel [m]
    fast, slow : unit vectors
    """
    normal = unit(cross(fast, slow))
    return as_tuple(-normal if float(np.dot(origin, normal)) < 0.0 else normal)


def left_handed(panels: Sequence[Panel]) -> list[int]:
    """Numbers of the panels whose fast × slow points at the sample: mirror images of the others."""
    fast, slow, normal = (
        np.array([getattr(panel, name) for panel in panels])
        for name in ("fast_axis", "slow_axis", "normal")
    )
    along = (np.cross(fast, slow) * normal).sum(axis=1)
    return [int(index) for index in np.flatnonzero(along < 0.0)]


def overlapping(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Pairs of panels of which one hides part of the other, as seen from the sample.

    Less than half a pixel does not count. Panels are cones of directions here; two cones are apart
    if a side of one has all of the other beyond it.
    """
    if len(panels) < 2:
        return []
    corners = _corners(panels)
    directions = corners / np.linalg.norm(corners, axis=2, keepdims=True)
    centre = directions.sum(axis=1)
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    following = np.roll(directions, -1, axis=1)
    sides = np.cross(directions, following)
    sides /= np.maximum(np.linalg.norm(sides, axis=2, keepdims=True), 1e-300)
    sides *= np.sign(np.einsum("pki,pi->pk", sides, centre))[:, :, None]
    pixel = np.array([min(panel.pixel_size) for panel in panels])
    touch = _TOUCH * pixel / np.linalg.norm(corners, axis=2).max(axis=1)
    pairs = _near(directions, centre)
    first, second = pairs.T
    apart = _apart(sides[first], directions[second], touch[first])
    apart |= _apart(sides[second], directions[first], touch[second])
    return [(int(low), int(high)) for low, high in sorted(np.sort(pairs[~apart], axis=1).tolist())]


def _corners(panels: Sequence[Panel]) -> Array:
    """Outer corners of each panel, round it (panel, 4, xyz) [m]."""
    origin = np.array([panel.origin for panel in panels])
    slow_pixels, fast_pixels = np.array([panel.pixels for panel in panels], dtype=float).T
    slow_size, fast_size = np.array([panel.pixel_size for panel in panels]).T
    fast = np.array([panel.fast_axis for panel in panels]) * (fast_pixels * fast_size)[:, None]
    slow = np.array([panel.slow_axis for panel in panels]) * (slow_pixels * slow_size)[:, None]
    return np.stack([origin, origin + fast, origin + fast + slow, origin + slow], axis=1)


def _near(directions: Array, centre: Array) -> npt.NDArray[np.int64]:
    """Pairs of panels whose circles of directions may meet (pair, 2), by a sweep along x."""
    cosine = np.einsum("pki,pi->pk", directions, centre).min(axis=1)
    radius = np.arccos(np.clip(cosine, -1.0, 1.0))
    low, high = centre - radius[:, None], centre + radius[:, None]
    order = np.argsort(low[:, 0], kind="stable")
    low, high = low[order], high[order]
    ends = np.searchsorted(low[:, 0], high[:, 0], side="left")
    found = [np.empty((0, 2), dtype=np.int64)]
    for index, end in enumerate(ends):
        others = slice(index + 1, end)
        meets = (low[others, 1:] < high[index, 1:]) & (high[others, 1:] > low[index, 1:])
        partners = order[index + 1 : end][meets.all(axis=1)]
        found.append(np.stack([np.full_like(partners, order[index]), partners], axis=1))
    return np.concatenate(found)


def _apart(sides: Array, others: Array, touch: Array) -> npt.NDArray[np.bool_]:
    """Whether some side of each panel has all corners of its partner beyond it (pair)."""
    inward = np.einsum("pki,pmi->pkm", sides, others).max(axis=2)
    return (inward <= touch[:, None]).any(axis=1)
