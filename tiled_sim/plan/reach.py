"""How far in the reciprocal lattice a detector looks, and the table that its look-ups need."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from tiled_sim.errors import CoverageError, ExperimentError
from tiled_sim.io.source_file import grid_shape, oversized
from tiled_sim.kernels.blocks import Pixels
from tiled_sim.kernels.optics import Optics
from tiled_sim.kernels.scene import Scene, thinned
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.energies import factor_wavelengths
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.frame import extreme_frames
from tiled_sim.model.structure_factors import Extent, Node, StructureFactors
from tiled_sim.physics.structure_factor import StructureFactorTable

#: Corners are the farthest pixels where the light turns by less than a right angle, sin θ = 0.7;
#: a bent panel may bulge a little beyond them.
_RIGHT_ANGLE, _BULGE = 0.7, 1.02
_SOURCES_AT_A_TIME = 10_000


def farthest_stol(experiment: Experiment) -> float:
    """Largest sin θ/λ of any source among the pixels at the corners of all panels [1/Å].

    Of exposures that are listed, in those frames that differ most.
    """
    thin = thinned(experiment, 1)
    scenes = (Scene.of(thin, frame) for frame in extreme_frames(experiment.exposures))
    return max(
        _farthest_of_panel(scene, panel) for scene in scenes for panel in range(len(scene.panels))
    )


def _farthest_of_panel(scene: Scene, panel: int) -> float:
    slow, fast = scene.panels[panel].pixels
    rows = torch.tensor([0, 0, slow - 1, slow - 1], dtype=torch.float64)
    columns = torch.tensor([0, fast - 1, 0, fast - 1], dtype=torch.float64)
    corners = Pixels(rows, columns, torch.ones(4, dtype=torch.bool), panel)
    diffracted, _ = Optics(scene).to_subpixel(corners, 0)
    outwards = np.stack([axis.numpy() for axis in diffracted], axis=-1)
    spectrum, farthest = scene.spectrum, 0.0
    for first in range(0, len(spectrum), _SOURCES_AT_A_TIME):
        some = spectrum[first : first + _SOURCES_AT_A_TIME]
        q = (outwards - some.incident[:, None]) / some.wavelength[:, None, None]
        farthest = max(farthest, 0.5 * float(np.linalg.norm(q, axis=2).max()))
    return farthest


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


def table_of(
    experiment: Experiment, factors: StructureFactors, device: torch.device
) -> StructureFactorTable:
    """The structure factors of an experiment as its look-ups meet them.

    Where a space group forbids nodes and ``default_F`` stands for all that is not given, the table
    goes on beyond the ranges of the file, as far as the detector looks: there, too, forbidden
    nodes are 0. Not so where F is interpolated, which ends with the ranges.

    Where F is calculated for several energies, each has its table beside that of the first.

    Raises
    ------
    ExperimentError
        if that is more than a table may have, or F are not of as many energies as the experiment
        asks for
    """
    first, *others = _grids(experiment, factors)
    beside = [_table(experiment, factors, amplitude, device) for amplitude in others]
    return _table(experiment, factors, first, device, beside)


def tables_one_by_one(
    experiment: Experiment, factors: StructureFactors, device: torch.device
) -> Iterator[StructureFactorTable]:
    """The tables of each energy, none of them with others beside it. Raises as `table_of`."""
    for amplitude in _grids(experiment, factors):
        yield _table(experiment, factors, amplitude, device)


def _grids(
    experiment: Experiment, factors: StructureFactors
) -> tuple[npt.NDArray[np.float64], ...]:
    wanted = max(len(factor_wavelengths(experiment)), 1)
    if len(factors.grids) != wanted:
        raise ExperimentError(
            f"F of {len(factors.grids)} energies were loaded, and the experiment asks for "
            f"{wanted}: load its inputs again"
        )
    return factors.grids


def _table(
    experiment: Experiment,
    factors: StructureFactors,
    of_energy: npt.NDArray[np.float64],
    device: torch.device,
    beside: Sequence[StructureFactorTable] = (),
) -> StructureFactorTable:
    """The table of one energy, and those beside it."""
    F = experiment.structure_factors.default_F
    forbidden = None if factors.absences is None else factors.absent
    minimum, maximum = _ranges(experiment, factors.extent)
    amplitude, given = factors.filled(F, of_energy), factors.given
    if (minimum, maximum) == (factors.minimum, factors.maximum):
        return StructureFactorTable(
            amplitude, given, minimum, F, device, forbidden=forbidden, beside=beside
        )
    assert factors.absences is not None
    if complaint := oversized(minimum, maximum):
        raise ExperimentError(
            f"structure_factors.default_F = {F:g} beyond the ranges of the file, but for what "
            f"{factors.absences.space_group} forbids: {complaint}; cut the resolution by dmin, or "
            "leave default_F out"
        )
    shape = grid_shape(minimum, maximum)
    h, k, l = (
        slice(inner - outer, inner - outer + side)
        for inner, outer, side in zip(factors.minimum, minimum, given.shape, strict=True)
    )
    everywhere = factors.absences.on_grid(minimum, shape)
    wide_amplitude = np.where(everywhere, 0.0, F)
    wide_amplitude[h, k, l] = amplitude
    wide_given, wide_forbidden = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    wide_given[h, k, l], wide_forbidden[h, k, l] = given, factors.absent
    return StructureFactorTable(
        wide_amplitude,
        wide_given,
        minimum,
        F,
        device,
        forbidden=wide_forbidden,
        inside=(h, k, l),
        beside=beside,
    )


def nodes_of_table(experiment: Experiment, factors: StructureFactors | Extent | None) -> int:
    """Nodes of the `table_of` an experiment, of all energies; 0 without a file.

    Parameters
    ----------
    factors : structure factors, or only their extent
    """
    if factors is None:
        return 0
    extent = factors if isinstance(factors, Extent) else factors.extent
    return extent.energies * math.prod(grid_shape(*_ranges(experiment, extent)))


def _ranges(experiment: Experiment, extent: Extent) -> tuple[Node, Node]:
    """Smallest and largest h, k, l of the table."""
    if (
        not extent.has_absences
        or experiment.structure_factors.default_F == 0.0
        or experiment.sampling.interpolate
    ):
        return extent.minimum, extent.maximum
    reach = np.max([_reach(alone) for alone in each_alone(experiment)], axis=0).tolist()
    low = (min(a, -b) for a, b in zip(extent.minimum, reach, strict=True))
    high = (max(a, b) for a, b in zip(extent.maximum, reach, strict=True))
    (h, k, l), (h_high, k_high, l_high) = low, high
    return (h, k, l), (h_high, k_high, l_high)


def _reach(experiment: Experiment) -> Node:
    """Largest |h|, |k|, |l| that any pixel looks up in any orientation of a crystal, or more."""
    wavelengths, exposures = experiment.beam.spectrum.wavelength, experiment.exposures
    vectors, moves = experiment.crystal.direct_vectors, False
    if isinstance(exposures, Listed):
        moves = exposures.moves_light
        if exposures.wavelength is not None:
            of_frames = np.array([exposures.wavelength.min(), exposures.wavelength.max()])
            wavelengths = np.outer(of_frames / experiment.beam.wavelength, wavelengths)
        if exposures.vectors is not None:
            vectors = exposures.vectors
    stol = farthest_stol(experiment)
    # what moves may stand farther out between the frames that differ most
    turned = moves or stol * float(wavelengths.max()) > _RIGHT_ANGLE
    stol = min(math.inf if turned else _BULGE * stol, 1.0 / float(wavelengths.min()))
    if experiment.sampling.dmin > 0.0:
        stol = min(stol, 0.5 / experiment.sampling.dmin)
    lengths = np.linalg.norm(vectors.reshape(-1, 3, 3), axis=2).max(axis=0)
    diffuse = experiment.crystal.diffuse
    more = 1 if diffuse is None else 1 + diffuse.reach
    h, k, l = (math.ceil(2.0 * stol * length) + more for length in lengths.tolist())
    return h, k, l
