"""How many of the reflections that the detector can see have a structure factor."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import CoverageError
from tiled_sim.kernels.scene import Scene, thinned
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Exposures, Listed
from tiled_sim.model.mask import Mask
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.physics import geometry
from tiled_sim.physics.geometry import Vectors

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
    most = _SAMPLED_STEPS * _SAMPLED_FRAMES // max(len(sampled_frames), _SAMPLED_FRAMES)
    steps = [_sampled_steps(alone, max(most // len(crystals), 1)) for alone in crystals]
    panels = range(len(experiment.detector.panels))
    samples = [_sampled_pixels(experiment, panel, mask) for panel in panels]
    for frame in sampled_frames:
        scenes = [Scene.of(alone, frame) for alone in crystals]
        diffracted = _directions(scenes[0], samples)
        for scene, of_crystal in zip(scenes, steps, strict=True):
            for source, orientation in of_crystal:
                keys = np.union1d(keys, _node_keys(scene, diffracted, source, orientation))
    nodes = _nodes(keys)
    return Reached(
        nodes[np.any(nodes != 0, axis=1)],
        sum(len(slow) for slow, _ in samples),
        sum(map(len, steps)) * len(sampled_frames),
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


#: Slow and fast numbers of pixels of a panel.
_Pixels = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _sampled_pixels(experiment: Experiment, panel: int, mask: Mask) -> _Pixels:
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
    return (
        np.concatenate(found_slow).astype(np.float64),
        np.concatenate(found_fast).astype(np.float64),
    )


def _directions(scene: Scene, samples: Sequence[_Pixels]) -> Vectors:
    """Unit vectors to the first subpixels of pixels of each panel, as `Optics` has them.

    Without torch, which takes longer to import than this does.
    """
    positions = [_positions(scene, number, *pixels) for number, pixels in enumerate(samples)]
    joined: list[Any] = [np.concatenate(values) for values in zip(*positions, strict=True)]
    return geometry.direction(Vectors(*joined))[0]


def _positions(
    scene: Scene, number: int, slow: npt.NDArray[np.float64], fast: npt.NDArray[np.float64]
) -> Vectors:
    panel, oversample = scene.panels[number], scene.sampling.oversample
    slow_side, fast_side = (side / oversample for side in panel.pixel_size)
    axes = panel.slow_axis, panel.fast_axis
    position = geometry.flat_position(
        slow_side * (slow * oversample) + slow_side / 2.0,  # type: ignore[arg-type]
        fast_side * (fast * oversample) + fast_side / 2.0,  # type: ignore[arg-type]
        panel.origin,
        *axes,
    )
    radius = scene.detector.curvature_radius
    if radius is None:
        return position
    bend = geometry.curved_position_as_c if scene.c_compat else geometry.curved_position
    return bend(position, scene.beam.direction, *axes, radius)


#: A node as one number, for speed: 20 bits an index, biased to be positive.
_BIAS, _BITS = 1 << 19, 20


def _node_keys(
    scene: Scene, diffracted: Vectors, source: int, orientation: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """Distinct nearest nodes of one step, as keys."""
    of_source = scene.spectrum[source]
    q = geometry.scattering_vector(diffracted, of_source.incident, of_source.wavelength)
    with np.errstate(divide="ignore"):  # straight ahead
        seen = geometry.within_resolution(q, scene.sampling.dmin)
    axes = scene.orientations[orientation].tolist()
    # as `lattice.nearest_node`
    h, k, l = (np.ceil(np.asarray(q.dot(axis)) - 0.5).astype(np.int64) + _BIAS for axis in axes)
    key = (((h << _BITS) + k) << _BITS) + l
    return np.unique(key if seen is None else key[np.asarray(seen)])


def _nodes(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Nodes (n, 3) of the keys."""
    low = (1 << _BITS) - 1
    return np.stack([keys >> 2 * _BITS, (keys >> _BITS) & low, keys & low], axis=1) - _BIAS
