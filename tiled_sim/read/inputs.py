"""The files that an experiment names, loaded and checked."""

import os
from collections.abc import Sequence
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import ExperimentError, InputFileError, UsageError
from tiled_sim.io.anomalous import Anomalous, chantler, of_file
from tiled_sim.io.centring import centring_notes
from tiled_sim.io.coordinates import read_coordinates
from tiled_sim.io.fdump import read_fdump
from tiled_sim.io.hkl import read_hkl
from tiled_sim.io.mask_file import read_mask
from tiled_sim.io.model_factors import ModelFactors
from tiled_sim.io.mtz import read_mtz
from tiled_sim.io.space_group import find_space_group, misfit, of_space_group
from tiled_sim.io.stol import read_stol
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.background import ABSCISSAS
from tiled_sim.model.calculation import CHANTLER, Calculation
from tiled_sim.model.crystal import Crystal
from tiled_sim.model.detector import Panel
from tiled_sim.model.energies import factor_wavelengths
from tiled_sim.model.experiment import Experiment, Reflections
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import MASKED, NO_PIXEL, OUTSIDE_REGION, Mask
from tiled_sim.model.structure_factors import Cell, StructureFactors
from tiled_sim.physics.cell import lengths_and_angles
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.read.file_cell import require_same_cell
from tiled_sim.read.geometry import read_dead_pixels

Pixels = npt.NDArray[np.bool_]
#: F that somebody holds, by all that they depend on.
_in_use: WeakValueDictionary[tuple[object, ...], StructureFactors] = WeakValueDictionary()
#: Those that were asked for last, if they are no larger than this [byte]: a loop reads them once.
_last: list[StructureFactors] = []
_MOST_KEPT = 8_000_000


def load_inputs(experiment: Experiment) -> Inputs:
    """Read every file that an experiment names.

    Raises
    ------
    InputFileError
        if a file is missing, malformed, or not the one that the experiment was made with
    ExperimentError
        if the size of a mask is not the panel's, or the cell of the file of F is another than the
        crystal's
    UsageError
        if an MTZ leaves open which column is meant, or gemmi is not installed
    """
    source = experiment.structure_factors
    factors = _factors_in_use(experiment)
    if factors is not None and not source.ignore_file_cell:
        for crystal in experiment.crystals:
            require_same_cell(factors.provenance.path, factors.provenance.cell, crystal)
    return Inputs(load_mask(experiment), factors, load_amorphous(experiment))


def _factors_in_use(experiment: Experiment) -> StructureFactors | None:
    """F of an experiment; read once for all that hold it at a time, as images of a scan do."""
    source, wavelength = experiment.structure_factors, experiment.beam.wavelength
    what = source, experiment.crystal, wavelength, factor_wavelengths(experiment)
    key = _key_of(*what)
    factors = None if key is None else _in_use.get(key)
    if factors is None:
        factors = read_structure_factors(*what)
        if factors is not None and key is not None:
            _in_use[key] = factors
    is_small = factors is not None and factors.amplitude.nbytes <= _MOST_KEPT
    _last[:] = [factors] if factors is not None and is_small else []
    return factors


def _key_of(
    source: Reflections, crystal: Crystal, wavelength: float, wavelengths: tuple[float, ...]
) -> tuple[object, ...] | None:
    """All that F depend on, and the file as it is now; None: where that is more than one."""
    calculation = source.calculation
    if source.path is None or (calculation is not None and calculation.anomalous_path is not None):
        return None
    try:
        file = os.stat(source.path)
    except (OSError, ValueError):
        return None  # told by whoever reads it
    state = file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns
    cell = None if source.space_group is None else _cell_of(crystal)
    at = None if calculation is None else (wavelength, wavelengths)
    return source, state, cell, at


def read_structure_factors(
    reflections: Reflections,
    crystal: Crystal | None = None,
    wavelength: float | None = None,
    wavelengths: Sequence[float] = (),
) -> StructureFactors | None:
    """Read a source of F by its format; None if it names no file. Raises as `load_inputs`.

    Parameters
    ----------
    reflections : the source
    crystal : whose angles tell what axes a rhombohedral space group has; None: hexagonal ones
    wavelength : of the beam, for which f′ and f″ of a model are [Å]; None: there is no beam
    wavelengths : for which they are in its place, a grid each, the longest first [Å]; empty: one
    """
    if reflections.path is None:
        return None
    if reflections.calculation is not None:
        factors = calculated(reflections.path, reflections.calculation, wavelength, wavelengths)
    else:
        factors = _read_structure_factors(reflections, reflections.path, crystal)
    if reflections.F000 is not None:
        try:
            factors = factors.with_F000(reflections.F000)
        except ValueError as error:
            raise InputFileError(
                f"{reflections.path}: F(0 0 0) is asked for, and {error} that it gives: add a line "
                "`0 0 0 F` to the list, or leave --F000 out"
            ) from None
    if factors.amplitude.any():
        return factors
    return factors.noted("every F that it gives is 0: is it the right column, or file?")


def _read_structure_factors(
    reflections: Reflections, path: str, crystal: Crystal | None
) -> StructureFactors:
    if reflections.format == "mtz":
        return read_mtz(path, reflections.column)
    read = read_fdump if reflections.format == "fdump" else read_hkl
    factors = read(path)
    if reflections.space_group is None:
        return factors.noted(*centring_notes(factors))
    if crystal is None:
        return of_space_group(factors, find_space_group(reflections.space_group))
    cell = _cell_of(crystal)
    group = find_space_group(reflections.space_group, (cell[3], cell[5]))
    if wrong := misfit(group, cell):
        raise UsageError(f"{wrong}: name another with --space-group, or the crystal's cell")
    return of_space_group(factors, group)


def _cell_of(crystal: Crystal) -> Cell:
    lengths, angles = lengths_and_angles(crystal.direct_vectors)
    (a, b, c), (alpha, beta, gamma) = lengths.tolist(), np.degrees(angles).tolist()
    return a, b, c, alpha, beta, gamma


def calculated(
    path: str,
    calculation: Calculation,
    wavelength: float | None = None,
    wavelengths: Sequence[float] = (),
) -> StructureFactors:
    """F of a model, at one wavelength or at some.

    Parameters
    ----------
    path : of the model
    calculation : with a dmin, or what the file says that it was refined to
    wavelength : for which f′ and f″ are [Å]; needed only where they are asked for
    wavelengths : the same of several grids, the longest first [Å]; empty: one

    Raises
    ------
    InputFileError
        the model, or the table of f′ and f″, cannot be read or makes no sense
    UsageError
        no dmin is known, or no wavelength; f′ and f″ are not in the tables; gemmi or xraydb is not
        installed
    """
    model = model_factors(path, calculation)
    elements = model.coordinates.elements
    if len(wavelengths) < 2:
        alone = wavelengths[0] if wavelengths else wavelength
        return model.structure_factors(anomalous_of(calculation, elements, alone))
    found = [anomalous_of(calculation, elements, one) for one in wavelengths]
    nearest = min(range(len(found)), key=lambda n: abs(wavelengths[n] - (wavelength or 0.0)))
    return model.at_energies([one for one in found if one is not None], nearest)


def model_factors(path: str, calculation: Calculation) -> ModelFactors:
    """What is the same of a model for all wavelengths. Parameters and errors as `calculated`."""
    coordinates = read_coordinates(path)
    dmin = coordinates.resolution if calculation.dmin is None else calculation.dmin
    if dmin is None:
        raise UsageError(
            f"{path} does not say to what resolution it was refined: say how fine F are to be, "
            "--model-dmin ANGSTROM"
        )
    return ModelFactors(coordinates, dmin, calculation.solvent_k, calculation.solvent_B)


def anomalous_of(
    calculation: Calculation, elements: Sequence[str], wavelength: float | None
) -> Anomalous | None:
    """f′ and f″ at a wavelength [Å], as they are asked for; None: they are not.

    Raises as `calculated`.
    """
    if calculation.anomalous is None:
        return None
    if wavelength is None:
        raise UsageError(
            f"f′ and f″ (--anomalous {calculation.table}) are those of a wavelength: give "
            "-lambda ANGSTROM or -energy EV"
        )
    energy = HC_EV_ANGSTROM / wavelength
    if calculation.anomalous == CHANTLER:
        return chantler(elements, energy)
    return of_file(str(calculation.anomalous_path), elements, energy)


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


def load_mask(experiment: Experiment) -> Mask:
    """The mask of an experiment's panels. Raises as `load_inputs`."""
    panels = experiment.detector.panels
    _, count, slow, fast = experiment.shape
    dead = [_dead_pixels(panel) for panel in panels]
    if experiment.detector.dead_pixels is not None:
        dead = _joined(panels, dead, read_dead_pixels(experiment.detector.dead_pixels))
    if all(pixels is None for pixels in dead) and all(
        panel.region is None and panel.pixels == (slow, fast) for panel in panels
    ):
        return Mask.live((count, slow, fast))

    def read(panel: int, rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        return _rectangle(panels[panel], dead[panel], rows, columns)

    return Mask((count, slow, fast), read)


def _joined(
    panels: tuple[Panel, ...], masked: Sequence[Pixels | None], dead: Sequence[Pixels | None]
) -> list[Pixels | None]:
    """Pixels of each panel that its mask or the geometry has dead."""
    if [one.shape for one in dead if one is not None] != [
        panel.pixels for panel, one in zip(panels, dead, strict=False) if one is not None
    ] or len(dead) != len(panels):
        raise ExperimentError(
            f"detector.dead_pixels are of {len(dead)} panels, the detector has {len(panels)}, or "
            "their sizes differ; take panels and dead pixels from the same geometry"
        )
    return [
        one if other is None else other if one is None else one | other
        for one, other in zip(masked, dead, strict=True)
    ]


def _rectangle(
    panel: Panel, dead: Pixels | None, rows: slice, columns: slice
) -> npt.NDArray[np.uint8]:
    """Mask of a rectangle of a panel, which may reach beyond its own pixels."""
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    slow, fast = panel.pixels
    part = np.zeros(shape, dtype=np.uint8)
    part[max(slow - rows.start, 0) :] = NO_PIXEL
    part[:, max(fast - columns.start, 0) :] = NO_PIXEL
    there = part[: max(slow - rows.start, 0), : max(fast - columns.start, 0)]
    if dead is not None:
        np.multiply(dead[rows, columns], np.uint8(MASKED), out=there)
    region = panel.region
    if region is not None:
        inside = (
            _within(rows, region.slow_start, region.slow_stop),
            _within(columns, region.fast_start, region.fast_stop),
        )
        held = there[inside].copy()
        there |= OUTSIDE_REGION
        there[inside] = held
    return part


def _within(part: slice, start: int, stop: int) -> slice:
    """What of a range lies between two numbers, counted from where the range begins."""
    return slice(max(start - part.start, 0), max(stop - part.start, 0))


def _dead_pixels(panel: Panel) -> Pixels | None:
    if panel.mask is None:
        return None
    image = read_mask(panel.mask.path)
    if image.sha256 != panel.mask.sha256:
        raise InputFileError(
            f"{panel.mask.path} has changed since the experiment was read: its SHA-256 is "
            f"{image.sha256}, not {panel.mask.sha256}"
        )
    if image.live.shape != panel.pixels:
        raise ExperimentError(
            f"mask {panel.mask.path} has {image.live.shape} pixels, the panel {panel.pixels} "
            "(slow, fast)"
        )
    return ~image.live
