"""Spectra by numbers: channels of a Gaussian, of a top-hat and of a shot of a SASE laser.

A channel is an interval of photon energy; all of a spectrum are equally wide. Its weight is the
integral of the spectrum over it, and its energy its middle.

**SASE.** The partial-coherence model of Pfeifer, Jiang, Düsterer, Moshammer and Ullrich, "Partial-
coherence method to model experimental free-electron laser pulse statistics", Optics Letters 35,
3441 (2010): a field whose spectrum is the mean one with a random phase at every frequency lasts for
ever; what a pulse of finite length cuts out of it is spiky, in time and in energy. Here both
spectrum and pulse are Gaussian, and the pulse is cut out where it is cheap: multiplied by the pulse
in time is convolved with the pulse's transform in energy.
"""

import math

import numpy as np
import numpy.typing as npt

from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.random import philox, uniform

Array = npt.NDArray[np.float64]

#: Channels of a Gaussian reach so many of its full widths at half maximum, which leave out 4.1e-4
#: of it.
GAUSSIAN_REACH = 3.0
#: Planck's constant [eV·s].
PLANCK = HC_EV_ANGSTROM / 2.99792458e18
#: Full widths at half maximum of a Gaussian pulse, in energy times in time, over Planck's constant.
FOURIER_LIMIT = 2.0 * math.log(2.0) / math.pi

#: Last word of the counters, which keeps the phases of a shot apart from deviates of other uses.
PURPOSE = 0x53415345
#: Frequencies in one over the length of a pulse: so many under a spike that intensities are as of
#: chaotic light, but for 2 % of the contrast (a sum of few phases is never dark enough).
_FREQUENCIES = 64
#: Where the transform of the pulse's field ends: less than this share of its middle is left out.
_NEGLIGIBLE = 1e-9
#: Of one shot: its channels are sums over so many at most.
MOST_FREQUENCIES = 1_000_000
_MIDDLE = 1 << 30


def gaussian_channels(energy: float, fwhm: float, channels: int) -> tuple[Array, Array]:
    """Channels of a Gaussian, cut at ±1.5 of its full width at half maximum.

    Parameters
    ----------
    energy : of its middle [eV]
    fwhm : full width at half maximum [eV]
    channels : how many

    Returns
    -------
    energies (channels,) [eV] and weights (channels,) of sum 1
    """
    edges = _edges(GAUSSIAN_REACH * fwhm, channels)
    scale = 2.0 * math.sqrt(math.log(2.0)) / fwhm
    below = np.array([math.erf(scale * edge) for edge in edges.tolist()])
    weights = np.diff(below)
    return _middles(energy, edges), weights / math.fsum(weights.tolist())


def tophat_channels(energy: float, fwhm: float, channels: int) -> tuple[Array, Array]:
    """Channels of a spectrum that is the same over its whole width, and 0 beside it.

    Parameters and returns are those of `gaussian_channels`.
    """
    return _middles(energy, _edges(fwhm, channels)), np.full(channels, 1.0 / channels)


def spectrum_of_shot(
    seed: int, shot: int, energy: float, fwhm: float, duration: float, channels: int
) -> tuple[Array, Array]:
    """Channels of one shot of a SASE laser, whose mean spectrum and pulse are Gaussian.

    A function of its parameters alone: the phase of a frequency is a random number of (seed, shot,
    number of the frequency), and the same shot in other channels is the same spectrum.

    Parameters
    ----------
    seed : any whole number, of which 64 bits count
    shot : number from 0, below 2⁶⁴
    energy : of the middle of the mean spectrum [eV]
    fwhm : of the mean spectrum, full width at half maximum [eV]; at least that of `narrowest`
    duration : of the pulse's intensity, full width at half maximum [s]
    channels : as of `gaussian_channels`

    Returns
    -------
    energies (channels,) [eV], and weights (channels,): the energy of the pulse in each, whose sum
    has mean 1 over shots
    """
    spacing, reach, halo = _grid(fwhm, duration)
    field_fwhm = math.sqrt(max(fwhm**2 - narrowest(duration) ** 2, 0.0))
    number = np.arange(-reach - halo, reach + halo + 1)
    mean = np.zeros(len(number))
    if field_fwhm > spacing / 8.0:
        mean[:] = np.exp(-2.0 * math.log(2.0) * (number * spacing / field_fwhm) ** 2)
    else:  # a pulse at the limit has one frequency, whatever its phase
        mean[reach + halo] = 1.0
    phase = 2.0 * math.pi * _uniform_of(seed, shot, number)
    real, imaginary = mean * np.cos(phase), mean * np.sin(phase)
    pulse = _transform_of_pulse(spacing, duration, halo)
    intensity = _summed(real, pulse) ** 2 + _summed(imaginary, pulse) ** 2
    intensity /= math.fsum((mean**2).tolist()) * math.fsum((pulse**2).tolist())
    cells = (np.arange(-reach, reach + 2) - 0.5) * spacing
    below = np.concatenate([[0.0], np.cumsum(intensity)])
    edges = _edges(GAUSSIAN_REACH * fwhm, channels)
    return _middles(energy, edges), np.diff(np.interp(edges, cells, below))


def narrowest(duration: float) -> float:
    """Full width at half maximum [eV] that a Gaussian pulse of this length [s] has at least."""
    return FOURIER_LIMIT * PLANCK / duration


def frequencies_of_shot(fwhm: float, duration: float) -> int:
    """How many frequencies a shot is summed over; see `MOST_FREQUENCIES`."""
    if GAUSSIAN_REACH * fwhm * duration * _FREQUENCIES > PLANCK * 1e12:
        return 10**12
    _, reach, halo = _grid(fwhm, duration)
    return 2 * (reach + halo) + 1


def _grid(fwhm: float, duration: float) -> tuple[float, int, int]:
    """Spacing of frequencies [eV], how many to the last channel, and beyond it for the pulse."""
    spacing = PLANCK / duration / _FREQUENCIES
    reach = math.ceil(0.5 * GAUSSIAN_REACH * fwhm / spacing) + 1
    # exp(-x²/(8 ln 2)) at x = 2π · duration · energy / h
    last = math.sqrt(-8.0 * math.log(2.0) * math.log(_NEGLIGIBLE))
    return spacing, reach, math.ceil(last / (2.0 * math.pi) * _FREQUENCIES)


def _transform_of_pulse(spacing: float, duration: float, halo: int) -> Array:
    """Of the field of the pulse, whose intensity is a Gaussian, at -halo … halo frequencies."""
    x = 2.0 * math.pi * spacing * duration / PLANCK * np.arange(-halo, halo + 1)
    return np.exp(-(x**2) / (8.0 * math.log(2.0)))


def _summed(values: Array, pulse: Array) -> Array:
    """The field at each frequency, of all around it.

    One frequency after the other, so that nothing depends on how a library adds them up.
    """
    count = len(values) - len(pulse) + 1
    total = np.zeros(count)
    for start, weight in enumerate(pulse.tolist()):
        total += weight * values[start : start + count]
    return total


def _uniform_of(seed: int, shot: int, number: npt.NDArray[np.int64]) -> Array:
    """A random number in (0, 1) of each frequency."""
    words = philox(
        (
            (number + _MIDDLE).astype(np.uint32),
            np.full(1, shot & 0xFFFFFFFF, dtype=np.uint32),
            np.full(1, (shot >> 32) & 0xFFFFFFFF, dtype=np.uint32),
            np.full(1, PURPOSE, dtype=np.uint32),
        ),
        (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF),
    )
    return uniform(words[0], words[1])


def _edges(width: float, channels: int) -> Array:
    """Of channels, from the middle of the spectrum [eV]; as far above it as below."""
    return width * ((np.arange(channels + 1) - 0.5 * channels) / channels)


def _middles(energy: float, edges: Array) -> Array:
    return energy + 0.5 * (edges[:-1] + edges[1:])


def gathered(
    wavelength: Array, weight: Array, channels: int
) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Sum lines of a spectrum in channels of equal width in energy, from its first to its last.

    A channel's weight is the sum of its lines', and its wavelength their mean by weight, so that
    sum and mean of the whole stay what they are. Channels without a line are left out.

    Parameters
    ----------
    wavelength, weight : of the lines, in any order, (lines,) [Å] and above 0
    channels : how many

    Returns
    -------
    wavelength (found,) [Å], weight (found,), and of each line the number of its channel (lines,)
    """
    energy = HC_EV_ANGSTROM / wavelength
    low, high = float(energy.min()), float(energy.max())
    width = (high - low) / channels
    place = np.zeros(len(energy), dtype=np.int64)
    if width > 0.0:
        place = np.minimum(((energy - low) / width).astype(np.int64), channels - 1)
    found, of_line = np.unique(place, return_inverse=True)
    weights = np.bincount(of_line, weight, minlength=len(found)).astype(np.float64)
    means = np.bincount(of_line, weight * wavelength, minlength=len(found)) / weights
    return means, weights, of_line.astype(np.int64)
