"""The shape of a spot: where it ends, and what it is worth inside."""

import functools
import math
from typing import NamedTuple

import numpy as np

from tiled_sim.kernels.scene import Scene
from tiled_sim.model.crystal import GAUSSIAN, Crystal
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.cell import dual
from tiled_sim.physics.lattice import GAUSS_WIDTH, TOPHAT_EDGE
from tiled_sim.physics.vectors import Array

SHAPES = ("gauss_star", "tophat", "gauss_hkl", "tophat_hkl")
#: Of (Δr* · N)² fudge, or its like by h, k, l: F_latt² of a Gaussian spot is 1/e of its peak there.
_GAUSS_WIDTH = GAUSS_WIDTH / 2.0
_LEAST_SHARE = 1e-300
#: In widths of spots: float32 knows where subpixels are to 1e-7 of their size. Of larger ones few
#: are lit, and their errors do not cancel in the sum.
_LARGEST_SUBPIXEL = 2.0

# Nodes are looked for a little further out than they can be, for the roundings on the way; what is
# found in excess is dropped by the evaluation itself.
_RELATIVE_MARGIN, _MARGIN = 1e-6, 1e-12


class Spot(NamedTuple):
    """How far around a node evaluations count.

    Parameters
    ----------
    gaussian : whether it falls off as a Gaussian; else it is flat
    least : F_latt² of less, over its peak, is negligible
    sharpness : of F_latt², by the squared distance from the node by `metric`
    radius : of a sphere around the node that holds all that counts [1/Å]
    metric : of the distance from the node, `Crystal.spot_metric`
    alone : no spot reaches beyond its own node's cell, and distances are Euclidean
    """

    gaussian: bool
    least: float
    sharpness: float
    radius: float
    metric: Array
    alone: bool

    @classmethod
    @functools.lru_cache(maxsize=8)
    def of(cls, crystal: Crystal, negligible: float) -> "Spot":
        """The spot of a crystal; made once for all frames.

        Parameters
        ----------
        negligible : share of the peak of F_latt² below which evaluations are dropped

        Raises
        ------
        ValueError
            for a share that gives a Gaussian spot no end
        """
        size, gaussian = crystal.spot_sharpness, crystal.shape in GAUSSIAN
        if gaussian:
            if not _LEAST_SHARE <= negligible < 1.0:
                raise ValueError(f"negligible = {negligible} must lie between {_LEAST_SHARE} and 1")
            sharpness, reach = size / _GAUSS_WIDTH, -math.log(negligible)
        else:
            sharpness, reach = size / TOPHAT_EDGE, 1.0
        # a*, b*, c* as given set the distance; where the nodes are, the dual of a, b, c says
        nodes = dual(crystal.direct_vectors)
        metric, true_metric = crystal.spot_metric, nodes @ nodes.T
        # of all points at a distance by the metric, the farthest is the square root of this off
        stretch = float(np.linalg.eigvals(np.linalg.solve(metric, true_metric)).real.max())
        radius = math.sqrt(reach / sharpness * stretch)
        euclidean = np.abs(metric - true_metric).max() < 1e-12 * np.abs(metric).max()
        edge = float(np.linalg.norm(crystal.direct_vectors, axis=1).max())
        return cls(
            gaussian,
            negligible,
            sharpness,
            min(radius, cell_radius(nodes)),
            metric,
            bool(euclidean) and radius * edge < 0.499,
        )

    @property
    def radius_and_margin(self) -> tuple[float, float]:
        """Radius with a margin for roundings [1/Å], and what to add to it times λ."""
        return self.radius * (1.0 + _RELATIVE_MARGIN), _MARGIN

    def suits_float32(self, experiment: Experiment | Scene) -> bool:
        """Whether float32, less the middle of some subpixels, knows how far a node is.

        It does if the spots are Gaussian, each alone, and no subpixel is larger than 2 of their
        widths to 1/e: the exponent is known to 2e-6, then, where a spot has fallen to a
        thousandth. What is flat ends by the last digit, and between two nodes the last digit
        decides which is nearer.
        """
        if not (self.gaussian and self.alone):
            return False
        wavelength = float(experiment.beam.spectrum.wavelength.min())
        width = wavelength / math.sqrt(self.sharpness)
        oversample = experiment.sampling.oversample
        return all(
            max(panel.pixel_size) <= _LARGEST_SUBPIXEL * width * panel.close_distance * oversample
            for panel in experiment.detector.panels
        )


def cell_radius(reciprocal: Array) -> float:
    """Greatest distance of a point from the node that is nearest to it by rounding h, k, l."""
    corners = np.array([(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)]) / 2.0
    return float(np.linalg.norm(corners @ reciprocal, axis=1).max()) * (1.0 + _RELATIVE_MARGIN)
