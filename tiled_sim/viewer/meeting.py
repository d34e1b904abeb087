"""Where directions from the sample meet the panels of a detector."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene
from tiled_sim.physics.vectors import Array

#: A curved panel is met after so few steps, to so much of a pixel, or not at all.
_STEPS, _MET = 10, 1e-3
#: Places are at most so far beyond the edge of a panel [pixel].
MOST_BEYOND = 10


class Met(NamedTuple):
    """Where directions meet panels.

    Parameters
    ----------
    direction : number, int64 (n,)
    panel : number, int64 (n,)
    slow, fast : from the corner of the first pixel, float64 (n,) [pixel]
    """

    direction: npt.NDArray[np.int64]
    panel: npt.NDArray[np.int64]
    slow: Array
    fast: Array


def on_panels(scene: Scene, directions: Array, spread: Array) -> Met:
    """Where directions meet panels.

    A direction may meet several panels, of which none hides another. Of one that meets none,
    places a little beyond an edge count, from where its spot reaches in.

    Parameters
    ----------
    scene : the frame
    directions : unit vectors, float64 (n, 3)
    spread : so far around them spots reach, float64 (n,) [rad]
    """
    angles = pixel_angles(scene)
    found = []
    for number in range(len(scene.panels)):
        slow, fast = _met(scene, number, directions)
        high, wide = scene.panels[number].pixels
        beyond = np.maximum.reduce([-slow, slow - high, -fast, fast - wide])
        near = beyond < np.minimum(spread / angles[number], MOST_BEYOND)
        spot = np.flatnonzero(near | (beyond < 0.0))
        found.append((spot, np.full(len(spot), number), slow[spot], fast[spot], beyond[spot]))
    spot, panel, slow, fast, beyond = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = (beyond < 0.0) | ~np.isin(spot, spot[beyond < 0.0])
    return Met(spot[kept].astype(np.int64), panel[kept], slow[kept], fast[kept])


def pixel_angles(scene: Scene) -> Array:
    """The angle that a pixel in the middle of each panel is seen under, (panels,) [rad]."""
    found = []
    for panel in (scene.panels[number] for number in range(len(scene.panels))):
        middle = np.array(panel.origin)
        for axis, side, count in zip(
            (panel.slow_axis, panel.fast_axis), panel.pixel_size, panel.pixels, strict=True
        ):
            middle += 0.5 * count * side * np.array(axis)
        found.append(max(panel.pixel_size) / float(np.linalg.norm(middle)))
    return np.array(found)


def _met(scene: Scene, number: int, directions: Array) -> tuple[Array, Array]:
    """Where directions meet a panel, slow and fast [pixel]; NaN: nowhere."""
    panel = scene.panels[number]
    slow, fast = (
        np.array(axis) * side
        for axis, side in zip((panel.slow_axis, panel.fast_axis), panel.pixel_size, strict=True)
    )
    origin, normal = np.array(panel.origin), np.array(panel.normal)
    with np.errstate(divide="ignore", invalid="ignore"):
        along = directions @ normal
        point = (
            directions * (float(origin @ normal) / np.where(along > 0.0, along, np.nan))[:, None]
        )
    # the axes need not be perpendicular
    at = (point - origin) @ np.linalg.pinv(np.stack([slow, fast]))
    if scene.detector.curvature_radius is None:
        return at[:, 0], at[:, 1]
    return _met_where_curved(scene, number, directions, at)


def _met_where_curved(
    scene: Scene, number: int, directions: Array, start: Array
) -> tuple[Array, Array]:
    """The same on a curved detector, by Newton's method from where the flat panel is met."""
    optics, oversample = Optics(scene), scene.sampling.oversample
    pixels = np.array(scene.panels[number].pixels, dtype=np.float64)

    def seen(at: Array) -> Array:
        slow, fast = torch.from_numpy(at - 0.5 / oversample).unbind(1)
        live = torch.ones(len(at), dtype=torch.bool)
        unit, _ = optics.to_subpixel(Pixels(slow, fast, live, number), 0)
        return np.stack([part.numpy() for part in unit], axis=1)

    at = np.clip(np.nan_to_num(start, nan=0.0), -pixels, 2.0 * pixels)
    off = np.full(at.shape, np.inf)
    for _ in range(_STEPS):
        here = seen(at)
        change = np.stack([seen(at + step) - here for step in np.eye(2)], axis=1)
        off = np.einsum("ni,nij->nj", directions - here, np.linalg.pinv(change))
        at = np.clip(at + off, -pixels, 2.0 * pixels)
    met = np.abs(off).max(axis=1) < _MET
    slow, fast = np.where(met[:, None], at, np.nan).T
    return slow, fast
