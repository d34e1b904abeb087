"""The files that an experiment names, loaded and checked."""

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import ExperimentError, InputFileError
from tiled_sim.io.fdump import read_fdump
from tiled_sim.io.hkl import read_hkl
from tiled_sim.io.mtz import read_mtz
from tiled_sim.io.smv import read_smv
from tiled_sim.io.stol import read_stol
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.background import ABSCISSAS
from tiled_sim.model.detector import Panel
from tiled_sim.model.experiment import Experiment, StructureFactorSource
from tiled_sim.model.mask import MASKED, NO_PIXEL, OUTSIDE_REGION, MaskSource
from tiled_sim.model.structure_factors import StructureFactors


def load_structure_factors(experiment: Experiment) -> StructureFactors | None:
    """Read the file that an experiment takes F from; None if it names none.

    Raises
    ------
    InputFileError
        if the file is missing or malformed
    UsageError
        if it is an MTZ that leaves open which column is meant, or gemmi is not installed
    """
    return read_structure_factors(experiment.structure_factors)


def read_structure_factors(source: StructureFactorSource) -> StructureFactors | None:
    """Read a source of F by its format; None if it names no file. Raises as above."""
    if source.path is None:
        return None
    if source.format == "mtz":
        return read_mtz(source.path, source.column)
    return read_fdump(source.path) if source.format == "fdump" else read_hkl(source.path)


def load_amorphous(experiment: Experiment) -> AmorphousTable | None:
    """Read the table of an experiment's background; None if it has none.

    Raises
    ------
    InputFileError
        if the file is missing, malformed, or not the one the experiment was made with
    """
    background = experiment.background
    if background is None:
        return None
    table, sha256 = read_stol(background.path, ABSCISSAS[background.abscissa])
    if sha256 != background.sha256:
        raise InputFileError(
            f"{background.path or 'the table of water'} has changed since the experiment was read: "
            f"its SHA-256 is {sha256}, not {background.sha256}"
        )
    return table


def load_mask(experiment: Experiment) -> MaskSource:
    """A function that gives any rectangle of the mask.

    Returns
    -------
    called with panel, slow and fast slices: uint8 (slow, fast), the sum of `MASKED` and
    `OUTSIDE_REGION`, 0 where live; `NO_PIXEL` alone beyond the end of a panel that is smaller
    than others

    Raises
    ------
    InputFileError
        if a mask file is missing, or not the one the experiment was made with
    ExperimentError
        if its size is not the panel's
    """
    dead = [_dead_pixels(panel) for panel in experiment.detector.panels]

    def mask(panel: int, slow: slice, fast: slice) -> npt.NDArray[np.uint8]:
        whole = np.full((slow.stop - slow.start, fast.stop - fast.start), NO_PIXEL, dtype=np.uint8)
        rows, columns = experiment.detector.panels[panel].pixels
        slow, fast = (
            slice(slow.start, min(slow.stop, rows)),
            slice(fast.start, min(fast.stop, columns)),
        )
        part = whole[: max(slow.stop - slow.start, 0), : max(fast.stop - fast.start, 0)]
        part[:] = 0
        if part.size == 0:
            return whole
        pixels = dead[panel]
        if pixels is not None:
            part[pixels[slow, fast]] = MASKED
        region = experiment.detector.panels[panel].region
        if region is not None:
            along_slow = np.arange(slow.start, slow.stop)
            along_fast = np.arange(fast.start, fast.stop)
            inside = np.outer(
                (along_slow >= region.slow_start) & (along_slow < region.slow_stop),
                (along_fast >= region.fast_start) & (along_fast < region.fast_stop),
            )
            part[~inside] |= OUTSIDE_REGION
        return whole

    return mask


def _dead_pixels(panel: Panel) -> npt.NDArray[np.bool_] | None:
    if panel.mask is None:
        return None
    image = read_smv(panel.mask.path)
    if image.sha256 != panel.mask.sha256:
        raise InputFileError(
            f"{panel.mask.path} has changed since the experiment was read: its SHA-256 is "
            f"{image.sha256}, not {panel.mask.sha256}"
        )
    if image.pixels.shape != panel.pixels:
        raise ExperimentError(
            f"mask {panel.mask.path} has {image.pixels.shape} pixels, the panel {panel.pixels} "
            "(slow, fast)"
        )
    return image.pixels == 0
