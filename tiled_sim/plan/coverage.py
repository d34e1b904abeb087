"""How many of the reflections that the detector can see have a structure factor."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.errors import CoverageError
from tiled_sim.kernels.blocks import Pixels, joined
from tiled_sim.kernels.devices import one_torch_thread
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene, thinned
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Exposures, Listed
from tiled_sim.model.mask import Mask
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.physics import geometry, lattice
from tiled_sim.physics.geometry import Vectors
from tiled_sim.plan.reach import farthest_stol

#: Pixels and steps looked at: enough to meet nearly every reflection of a large detector.
_SAMPLED_PIXELS = 250_000
_SAMPLED_STEPS = 8
#: Frames that are looked at; of listed ones, each of which stands elsewhere, more and fewer steps.
_SAMPLED_FRAMES, _LISTED_FRAMES = 2, 8
#: Phi steps, and domains, that such a sample is taken from, where there are millions.
_LISTED_STEPS = 300


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reflections in reach of the detector, and how many of them the file gives.

    Parameters
    ----------
    reflections : distinct nodes, (0, 0, 0) apart, that a sample of pixels and steps looks up,
        without those that are absent by symmetry
    in_range : of them, inside the ranges of the file
    given : of them, given by the file
    too_near_edge : nodes whose neighbours a tricubic interpolation would miss
    pixels, steps : size of the sample
    forbidden : distinct nodes that it looks up beside them, absent by the symmetry of the space
        group
    """

    reflections: int
    in_range: int
    given: int
    too_near_edge: int
    pixels: int
    steps: int
    forbidden: int = 0

    @property
    def fraction(self) -> float:
        """Given reflections among those in reach; 1 if there are none."""
        return self.given / self.reflections if self.reflections else 1.0

    @property
    def missing(self) -> int:
        """Reflections in reach that the file does not give."""
        return self.reflections - self.given

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "fraction": self.fraction, "missing": self.missing}

    def require(self, least: float, structure_factors: StructureFactors) -> None:
        """Refuse a run whose structure factors cover too little.

        Parameters
        ----------
        least : smallest fraction to let through
        structure_factors : for the message

        Raises
        ------
        CoverageError
            with the numbers and what to do
        """
        if self.fraction >= least:
            return
        provenance = structure_factors.provenance
        low, high = structure_factors.minimum, structure_factors.maximum
        ranges = ", ".join(f"{name} {a}..{b}" for name, a, b in zip("hkl", low, high, strict=True))
        plural = "" if provenance.count == 1 else "s"
        allowed = f" that {provenance.space_group} allows" if self.forbidden else ""
        raise CoverageError(
            f"{provenance.path} gives {self.given} of {self.reflections} reflections in reach of "
            f"the detector{allowed} ({100 * self.fraction:.3g} %, at least {100 * least:.3g} % are "
            f"required). It holds {provenance.count} reflection{plural}, {ranges}; {self.in_range} "
            "of those in reach lie in these ranges. Is it the right file, and not a stub? "
            "--require-coverage FRACTION changes the limit, 0 lets everything through"
        )


class Reached(NamedTuple):
    """Nodes that a fixed sample of pixels and steps looks up.

    Parameters
    ----------
    nodes : distinct ones without (0, 0, 0), int64 (n, 3)
    pixels, steps : size of the sample
    """

    nodes: npt.NDArray[np.int64]
    pixels: int
    steps: int


def nodes_in_reach(experiment: Experiment, mask: Mask) -> Reached:
    """Nodes under a fixed sample of live pixels, sources, angles and domains.

    Parameters
    ----------
    experiment : what is simulated
    mask : of its panels
    """
    crystals = [thinned(alone, _LISTED_STEPS) for alone in each_alone(experiment)]
    sampled_frames = _sampled_frames(experiment.exposures)
    keys = np.empty(0, dtype=np.int64)
    pixels = 0
    most = _SAMPLED_STEPS * _SAMPLED_FRAMES // max(len(sampled_frames), _SAMPLED_FRAMES)
    steps = [_sampled_steps(alone, max(most // len(crystals), 1)) for alone in crystals]
    with one_torch_thread():
        scenes = [[Scene.of(alone, frame) for alone in crystals] for frame in sampled_frames]
        for sample in _samples(experiment, mask):
            pixels += len(sample.slow)
            for of_frame in scenes:
                diffracted, _ = Optics(of_frame[0]).to_subpixel(sample, 0)
                for scene, of_crystal in zip(of_frame, steps, strict=True):
                    for source, orientation in of_crystal:
                        keys = np.union1d(keys, _node_keys(scene, diffracted, source, orientation))
    nodes = _nodes(keys)
    return Reached(
        nodes[np.any(nodes != 0, axis=1)], pixels, sum(map(len, steps)) * len(sampled_frames)
    )


def measure_coverage(
    experiment: Experiment, structure_factors: StructureFactors, mask: Mask
) -> Coverage:
    """Look up the nodes in reach in the structure factors of a file.

    Parameters
    ----------
    experiment : what will be simulated
    structure_factors : of its file
    mask : of its panels
    """
    sample = nodes_in_reach(experiment, mask)
    nodes = sample.nodes
    position = nodes - np.array(structure_factors.minimum)
    inside = np.all((position >= 0) & (position < structure_factors.given.shape), axis=1)
    given = np.zeros(len(nodes), dtype=bool)
    given[inside] = structure_factors.given[tuple(position[inside].T)]
    forbidden = np.zeros(len(nodes), dtype=bool)
    if structure_factors.absences is not None:
        forbidden = structure_factors.absences.forbid(nodes) & ~given
    last = np.array(structure_factors.given.shape) - 1
    interpolable = np.all((position >= 2) & (position <= last - 2), axis=1)
    return Coverage(
        reflections=int((~forbidden).sum()),
        in_range=int((inside & ~forbidden).sum()),
        given=int(given.sum()),
        too_near_edge=int((~interpolable).sum()),
        pixels=sample.pixels,
        steps=sample.steps,
        forbidden=int(forbidden.sum()),
    )


def require_reach(experiment: Experiment, table: AmorphousTable) -> None:
    """Make sure that the table of an experiment's background reaches as far as the detector.

    Raises
    ------
    CoverageError
        if it ends before the detector does, with both numbers and what to do
    """
    last = float(table.stol[-1])
    farthest = farthest_stol(experiment)
    if farthest > last:
        assert experiment.background is not None
        name = experiment.background.path or "the table of water"
        raise CoverageError(
            f"{name} ends at sin θ/λ = {last:.4g}/Å ({0.5 / last:.4g} Å), the detector reaches "
            f"{farthest:.4g}/Å ({0.5 / farthest:.4g} Å): continue the table, or move the detector "
            "back"
        )


def _sampled_frames(exposures: Exposures) -> list[int]:
    """Some frames, evenly over all: of a rotation the first and the last."""
    count = len(exposures)
    most = _LISTED_FRAMES if isinstance(exposures, Listed) else _SAMPLED_FRAMES
    return sorted(set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()))


def _sampled_steps(experiment: Experiment, most: int) -> list[tuple[int, tuple[int, int]]]:
    """Some (source, (phi step, domain)), evenly over all."""
    domains = experiment.crystal.domains.count
    orientations = experiment.exposures.steps * domains
    count = len(experiment.beam.spectrum) * orientations
    wanted = set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist())
    return [
        (number // orientations, divmod(number % orientations, domains))
        for number in sorted(wanted)
    ]


def _samples(experiment: Experiment, mask: Mask) -> Iterable[Pixels]:
    """Live pixels of all panels, together unless the detector is curved."""
    panels = range(len(experiment.detector.panels))
    every = (_sampled_pixels(experiment, panel, mask) for panel in panels)
    return every if experiment.detector.curvature_radius is not None else [joined(every)]


def _sampled_pixels(experiment: Experiment, panel: int, mask: Mask) -> Pixels:
    """Live pixels of a regular grid over the panel's region."""
    region = experiment.detector.panels[panel].region
    slow, fast = experiment.detector.panels[panel].pixels
    rows = range(region.slow_start, region.slow_stop) if region else range(slow)
    columns = range(region.fast_start, region.fast_stop) if region else range(fast)
    share = _SAMPLED_PIXELS / len(experiment.detector.panels)
    stride = max(math.ceil(math.sqrt(len(rows) * len(columns) / share)), 1)
    found_slow, found_fast = [], []
    for row in rows[::stride]:
        part = mask(panel, slice(row, row + 1), slice(columns.start, columns.stop))
        live = np.flatnonzero(part[0, ::stride] == 0) * stride + columns.start
        found_slow.append(np.full(len(live), row))
        found_fast.append(live)
    slow_values = torch.from_numpy(np.concatenate(found_slow)).to(torch.float64)
    fast_values = torch.from_numpy(np.concatenate(found_fast)).to(torch.float64)
    every = torch.ones_like(slow_values, dtype=torch.bool)
    return Pixels(slow_values, fast_values, every, panel)


#: A node as one number, for speed: 20 bits an index, biased to be positive.
_BIAS, _BITS = 1 << 19, 20


def _node_keys(
    scene: Scene, diffracted: Vectors, source: int, orientation: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Distinct nearest nodes of one step, as keys."""
    of_source = scene.spectrum[source]
    q = geometry.scattering_vector(diffracted, of_source.incident, of_source.wavelength)
    seen = Optics(scene).within_resolution(q)
    a, b, c = scene.orientations[orientation].tolist()
    h, k, l = (lattice.nearest_node(q.dot(axis)).to(torch.int64) + _BIAS for axis in (a, b, c))
    key = (((h << _BITS) + k) << _BITS) + l
    return np.unique((key if seen is None else key[seen]).numpy())


def _nodes(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Nodes (n, 3) of the keys."""
    low = (1 << _BITS) - 1
    return np.stack([keys >> 2 * _BITS, (keys >> _BITS) & low, keys & low], axis=1) - _BIAS
