"""How a spectrum is said: by a file, or by the numbers of its shape."""

import math
from dataclasses import dataclass
from pathlib import Path

from tiled_sim.model.beam import LONGEST, MOST_SOURCES, SHORTEST
from tiled_sim.model.checks import require, require_count, require_finite
from tiled_sim.model.values import number_in
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.spectrum import (
    GAUSSIAN_REACH,
    MOST_FREQUENCIES,
    frequencies_of_shot,
    gaussian_channels,
    narrowest,
    spectrum_of_shot,
    tophat_channels,
)
from tiled_sim.physics.vectors import Array

GAUSSIAN, TOPHAT, SASE = BANDWIDTH_SHAPES = ("gaussian", "tophat", "sase")
#: Of a bandwidth, where no number is given.
CHANNELS = 31
#: Of the phases of a SASE spectrum, where none is given.
SPECTRUM_SEED = 1


@dataclass(frozen=True, slots=True)
class SpectrumFile:
    """A file of energies or wavelengths and weights.

    Parameters
    ----------
    path : ``FILE``, or ``FILE:DATASET`` of HDF5; None: the geometry file, which has a spectrum
    channels : that its lines are summed in; None: every line counts as it stands
    """

    path: str | Path | None
    channels: int | None = None

    def __post_init__(self) -> None:
        if self.channels is not None:
            require_count(self.channels, "the number of channels of the spectrum", MOST_SOURCES)


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """A spectrum by numbers, about the wavelength of the beam.

    Parameters
    ----------
    fwhm : full width at half maximum, as a share of the photon energy or, with ``in_eV``, [eV]
    in_eV : which of the two
    shape : one of `BANDWIDTH_SHAPES`
    channels : how many wavelengths
    duration : of a SASE pulse, full width at half maximum [s]; None for the other shapes
    seed : of a SASE pulse, which 64 bits of count
    """

    fwhm: float
    in_eV: bool = False
    shape: str = GAUSSIAN
    channels: int = CHANNELS
    duration: float | None = None
    seed: int = SPECTRUM_SEED

    def __post_init__(self) -> None:
        require_finite(self, "bandwidth")
        require(
            self.shape in BANDWIDTH_SHAPES,
            f"the shape of the bandwidth, {self.shape!r}, must be one of "
            f"{', '.join(BANDWIDTH_SHAPES)}",
        )
        require(self.fwhm > 0, f"the bandwidth, {self._shown}, must be positive")
        require_count(self.channels, "the number of channels of the bandwidth", MOST_SOURCES)
        if self.shape != SASE:
            require(
                self.duration is None,
                "the duration of a pulse is said, which makes the spikes of a SASE spectrum: give "
                f"the shape sase, not {self.shape}, or leave the duration out",
            )
            require(
                self.seed == SPECTRUM_SEED,
                f"the seed {self.seed} is that of the spikes of a SASE spectrum: give the shape "
                f"sase, not {self.shape}, or leave the seed out (--spectrum-seed)",
            )
            return
        require(
            self.duration is not None,
            "a SASE spectrum needs the duration of its pulse (--pulse-duration, duration_fs), "
            "which says how wide its spikes are",
        )
        assert self.duration is not None
        require(self.duration > 0, "the duration of the pulse must be positive")
        require(
            self.duration <= 1e-9, "the duration of the pulse is more than a ns: check its unit"
        )
        require(abs(self.seed) < 2**63, f"the seed {self.seed} must be a number of at most 63 bits")

    def channels_at(self, wavelength: float, shot: int = 0) -> tuple[Array, Array]:
        """Wavelengths [Å] and weights, (channels,) each, in the order of energies.

        Parameters
        ----------
        wavelength : of the beam [Å]
        shot : number of a SASE pulse, from 0

        Raises
        ------
        ExperimentError
            for a spectrum that begins below an energy of 0, or a pulse that is too short for it
        """
        energy, fwhm = HC_EV_ANGSTROM / wavelength, self.fwhm_at(wavelength)
        reach = 0.5 * fwhm * (1.0 if self.shape == TOPHAT else GAUSSIAN_REACH)
        require(
            energy - reach >= HC_EV_ANGSTROM / LONGEST
            and energy + reach <= HC_EV_ANGSTROM / SHORTEST,
            f"the bandwidth, {self._shown} of {energy:g} eV, reaches from {energy - reach:g} to "
            f"{energy + reach:g} eV: say a narrower one",
        )
        if self.shape == SASE:
            energies, weights = self._of_pulse(energy, fwhm, shot)
        elif self.shape == TOPHAT:
            energies, weights = tophat_channels(energy, fwhm, self.channels)
        else:
            energies, weights = gaussian_channels(energy, fwhm, self.channels)
        return HC_EV_ANGSTROM / energies, weights

    def fwhm_at(self, wavelength: float) -> float:
        """Full width at half maximum [eV] about a wavelength [Å]."""
        return self.fwhm if self.in_eV else self.fwhm * HC_EV_ANGSTROM / wavelength

    def told(self, wavelength: float) -> str:
        """What the user should know of it about a wavelength [Å]."""
        fwhm = self.fwhm_at(wavelength)
        reach = 1.0 if self.shape == TOPHAT else GAUSSIAN_REACH
        told = (
            f"{self.shape} spectrum of FWHM {fwhm:.6g} eV in {self.channels} channels of "
            f"{reach * fwhm / self.channels:.4g} eV about {HC_EV_ANGSTROM / wavelength:.9g} eV; "
            "weights are integrals over channels"
        )
        if self.duration is None:
            return told
        spikes = narrowest(self.duration)
        lasts = f"its pulse lasts {self.duration * 1e15:g} fs"
        return f"{told}; {lasts}, its spikes are {spikes:.3g} eV wide"

    @property
    def _shown(self) -> str:
        return f"{self.fwhm:g} eV" if self.in_eV else f"{100.0 * self.fwhm:g} %"

    def _of_pulse(self, energy: float, fwhm: float, shot: int) -> tuple[Array, Array]:
        assert self.duration is not None
        least = narrowest(self.duration)
        require(
            fwhm >= least * (1.0 - 1e-9),
            f"the bandwidth, {fwhm:.4g} eV, is less than the {least:.4g} eV that a pulse of "
            f"{self.duration * 1e15:g} fs has at least: say a wider one, or a longer pulse",
        )
        require(
            frequencies_of_shot(fwhm, self.duration) <= MOST_FREQUENCIES,
            f"a pulse of {self.duration * 1e15:g} fs with a bandwidth of {fwhm:.4g} eV has more "
            f"spikes than can be summed, {3.0 * fwhm / least:.3g}: say a shorter one; check the "
            "unit of its duration",
        )
        return spectrum_of_shot(self.seed, shot, energy, fwhm, self.duration, self.channels)


def bandwidth_in(text: str) -> tuple[float, bool] | None:
    """Read ``0.3%`` or ``28eV``: a share or [eV], and whether it is in eV; None: it is neither."""
    for ending, per_inside, in_eV in (("%", 100.0, False), ("kev", 1e-3, True), ("ev", 1.0, True)):
        if text.lower().endswith(ending):
            value = number_in(text[: -len(ending)].rstrip())
            return (
                None if value is None or not math.isfinite(value) else (value / per_inside, in_eV)
            )
    return None
