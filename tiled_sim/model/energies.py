"""At which energies F of a model is calculated, and at which of them a source looks it up."""

from typing import TYPE_CHECKING

import numpy as np

from tiled_sim.model.beam import Spectrum
from tiled_sim.model.calculation import EVERY_ENERGY
from tiled_sim.model.checks import require
from tiled_sim.model.exposures import Listed

if TYPE_CHECKING:
    from tiled_sim.model.experiment import Experiment


def factor_wavelengths(experiment: "Experiment") -> tuple[float, ...]:
    """Wavelengths of the grids of structure factors [Å], the longest first.

    They follow from the beam's spectrum, whatever weights its sources have in a frame, and from
    the number that is asked for: the spectrum is cut into so many channels of equal width in
    energy, and the mean of the wavelengths in a channel counts, so that a channel with a single one
    has that; channels without any are left out. Where frames have wavelengths of their own, the
    middles of channels count that are cut from all of them.

    Returns
    -------
    empty, where F is that of the beam's wavelength for all
    """
    calculation = experiment.structure_factors.calculation
    if calculation is None or calculation.energies == 1:
        return ()
    found = np.unique(experiment.beam.spectrum.wavelength)[::-1]
    exposures, number = experiment.exposures, calculation.energies
    if isinstance(exposures, Listed) and exposures.wavelength is not None:
        of_frames = exposures.wavelength / experiment.beam.wavelength
        return _of_frames(found[-1] * of_frames.min(), found[0] * of_frames.max(), number)
    if number == EVERY_ENERGY or len(found) == 1:
        return tuple(found.tolist())
    energies = 1.0 / found
    width = (energies[-1] - energies[0]) / number
    channel = np.minimum(((energies - energies[0]) / width).astype(np.int64), number - 1)
    return tuple(float(found[channel == one].mean()) for one in np.unique(channel))


def require_energies(experiment: "Experiment") -> None:
    """Refuse a grid for every source where each frame has wavelengths of its own."""
    exposures, calculation = experiment.exposures, experiment.structure_factors.calculation
    of_all = calculation is not None and calculation.energies == EVERY_ENERGY
    of_frames = isinstance(exposures, Listed) and exposures.wavelength is not None
    require(
        not (of_all and of_frames),
        f"structure_factors.energies = {EVERY_ENERGY}, those of all sources, and each frame has "
        "wavelengths of its own: say for how many energies between them F is to be calculated "
        "(--F-energies N), of which each source has the nearest",
    )


def grids_of_sources(wavelengths: tuple[float, ...], spectrum: Spectrum) -> tuple[int, ...]:
    """Number of the grid of each source: the nearest in energy, of two as near the one below.

    Parameters
    ----------
    wavelengths : of the grids, as `factor_wavelengths` has them [Å]
    spectrum : of a frame

    Returns
    -------
    empty, where there is one grid for all
    """
    if len(wavelengths) < 2:
        return ()
    energies = 1.0 / np.array(wavelengths)
    between = (energies[1:] + energies[:-1]) / 2.0
    return tuple(np.searchsorted(between, 1.0 / spectrum.wavelength).tolist())


def _of_frames(shortest: float, longest: float, number: int) -> tuple[float, ...]:
    """The middles of channels of equal width in energy [Å]."""
    if shortest == longest:
        return (shortest,)
    low, high = 1.0 / longest, 1.0 / shortest
    middles = low + (high - low) * (np.arange(number) + 0.5) / number
    return tuple((1.0 / middles).tolist())
