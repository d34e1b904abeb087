"""Photons of pixels, shared out to the nodes at which F is looked up for them."""

from typing import NamedTuple

import torch
from torch import Tensor

from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.evaluation import Evaluator
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.summation import PixelSum, ScatteringVectors
from tiled_sim.physics.geometry import Vectors
from tiled_sim.physics.structure_factor import StructureFactorTable

#: Steps times pixels worked on in one go. Memory and time depend on it, results do not.
_PAIRS_AT_A_TIME = 1 << 19
#: Of a pixel's photons: less is left to no node.
_LEAST_SHARE = 1e-9
#: A node as one number: 20 bits an index, biased to be positive.
_BIAS, _BITS = 1 << 19, 20


class NodeSums(NamedTuple):
    """What some pixels of a panel have of each node.

    Parameters
    ----------
    hkl : the nodes, int64 (n, 3), in order
    photons : of each, float64 (n,)
    slow, fast : their centroids, from the corner of the panel, float64 (n,) [pixel]
    """

    hkl: Tensor
    photons: Tensor
    slow: Tensor
    fast: Tensor


def node_sums(
    scene: Scene, table: StructureFactorTable | None, default_F: float, pixels: Pixels
) -> NodeSums:
    """Share the photons of pixels out to nodes, as their steps have them in the sum.

    Parameters
    ----------
    scene : the frame
    table : of structure factors; None: ``default_F`` everywhere
    default_F : [electron]
    pixels : of one panel
    """
    sums = _Sums(scene, table, default_F, pixels)
    pixel_sum = PixelSum(scene)
    photons, _ = pixel_sum.photons(pixels, sums.add)
    sums.share_out(photons)
    pixel_sum.photons(pixels, sums.add)
    return sums.of_nodes()


class _Sums:
    """Two passes over the steps: what pixels sum up to, then what of it is each node's.

    Parameters
    ----------
    scene, table, default_F, pixels : as of `node_sums`
    """

    def __init__(
        self, scene: Scene, table: StructureFactorTable | None, default_F: float, pixels: Pixels
    ) -> None:
        self._scene = scene
        self._evaluator = Evaluator(scene, table, default_F)
        self._pixels = pixels
        self._orientations = torch.from_numpy(scene.orientations).reshape(-1, 3, 3)
        phi_steps = len(scene.orientations)
        weights = scene.domain_weights
        self._weights = (
            torch.ones(len(self._orientations), dtype=torch.float64)
            if weights is None
            else torch.from_numpy(weights).repeat(phi_steps)
        )
        #: Σ of the weighed steps of each pixel [electron²].
        self._total = torch.zeros_like(pixels.slow)
        #: Photons of each pixel for one electron² of it; None in the first pass.
        self._per_intensity: Tensor | None = None
        self._keys: list[Tensor] = []
        self._parts: list[Tensor] = []

    def share_out(self, photons: Tensor) -> None:
        """Go on to the second pass, in which these photons are shared out."""
        self._photons = photons
        self._per_intensity = torch.where(self._total > 0.0, photons / self._total, 0.0)

    def add(self, vectors: ScatteringVectors, lookups: Lookups) -> Tensor:
        """Sum over phi steps and domains of one subpixel and source [electron²]."""
        summed = torch.zeros_like(vectors.q.x)
        of_source = self._scene.weights[vectors.source]
        pixels = len(summed)
        at_a_time = max(_PAIRS_AT_A_TIME // max(pixels, 1), 1)
        evaluate = self._evaluator.of_source(vectors.source).evaluate
        for start in range(0, len(self._orientations), at_a_time):
            some = slice(start, start + at_a_time)
            turned, weights = self._orientations[some], self._weights[some, None]
            # of every pair of an orientation and a pixel, as the evaluator has them
            flat = Vectors(*(value.expand(len(turned), pixels).reshape(-1) for value in vectors.q))
            axes = [
                [turned[:, row, column].repeat_interleave(pixels) for column in range(3)]
                for row in range(3)
            ]
            counted = torch.ones_like(flat.x, dtype=torch.bool)
            step = evaluate(flat, axes, counted, True, Lookups())
            intensity = step.intensity.reshape(len(turned), pixels) * weights
            if vectors.seen is not None:
                intensity = torch.where(vectors.seen, intensity, 0.0)
            summed += intensity.sum(0)
            if self._per_intensity is not None:
                nodes = (step.hkl.h0, step.hkl.k0, step.hkl.l0)
                self._keep(nodes, of_source * intensity * self._per_intensity)
        if self._per_intensity is None:
            self._total += of_source * summed
        return summed

    def _keep(self, nodes: tuple[Tensor, Tensor, Tensor], photons: Tensor) -> None:
        """Add photons (steps, pixels) to their nodes."""
        some = photons > _LEAST_SHARE * self._photons
        h, k, l = (node.reshape(photons.shape)[some].to(torch.int64) + _BIAS for node in nodes)
        keys, place = torch.unique((((h << _BITS) + k) << _BITS) + l, return_inverse=True)
        found = photons[some]
        slow, fast = (
            (place_of + 0.5).expand(photons.shape)[some]
            for place_of in (self._pixels.slow, self._pixels.fast)
        )
        parts = torch.zeros((3, len(keys)), dtype=torch.float64)
        for row, values in enumerate((found, found * slow, found * fast)):
            parts[row].index_add_(0, place, values)
        self._keys.append(keys)
        self._parts.append(parts)

    def of_nodes(self) -> NodeSums:
        """All of the nodes."""
        keys, place = torch.unique(torch.cat(self._keys), return_inverse=True)
        sums = torch.zeros((3, len(keys)), dtype=torch.float64)
        sums.index_add_(1, place, torch.cat(self._parts, dim=1))
        low = (1 << _BITS) - 1
        hkl = torch.stack([keys >> 2 * _BITS, (keys >> _BITS) & low, keys & low], dim=1) - _BIAS
        photons, slow, fast = sums
        return NodeSums(hkl, photons, slow / photons, fast / photons)
