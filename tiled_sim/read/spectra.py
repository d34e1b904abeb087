"""What wavelengths the light has: of a file, of a geometry file, or by numbers."""

from dataclasses import dataclass

import numpy as np

from tiled_sim.io.spectrum_file import SpectrumTable, read_spectrum
from tiled_sim.model.bandwidth import Bandwidth, SpectrumFile
from tiled_sim.physics.constants import HC_EV_ANGSTROM
from tiled_sim.physics.spectrum import gathered
from tiled_sim.physics.vectors import Array


@dataclass(frozen=True, slots=True, eq=False)
class Wavelengths:
    """Wavelengths that the light has in every direction.

    Parameters
    ----------
    said_by : option or key, for messages
    wavelength, weight : (n,) [Å], and relative to each other
    about : wavelength that they spread about, and a source's own in its place [Å]; None: they are
        what they are, whatever else is said
    """

    said_by: str
    wavelength: Array
    weight: Array
    about: float | None = None

    @classmethod
    def of_table(cls, said_by: str, table: SpectrumTable) -> "Wavelengths":
        """Those of a spectrum that have a weight."""
        lit = table.weight > 0.0
        return cls(said_by, table.wavelength[lit], table.weight[lit])

    @classmethod
    def of_bandwidth(cls, said_by: str, bandwidth: Bandwidth, wavelength: float) -> "Wavelengths":
        """The channels of a shape about a wavelength [Å]."""
        return cls(said_by, *bandwidth.channels_at(wavelength), wavelength)


def lines_of(file: SpectrumFile) -> tuple[SpectrumTable, str]:
    """Lines of a file, in channels if these are asked for, and what to tell the user of that.

    Raises as `read_spectrum`.
    """
    assert file.path is not None
    table = read_spectrum(file.path)
    return (table, "") if file.channels is None else in_channels(table, file.channels)


def in_channels(table: SpectrumTable, channels: int) -> tuple[SpectrumTable, str]:
    """A spectrum with its lines summed in channels, and what the sum over it loses by that.

    Parameters
    ----------
    table : as it was read
    channels : of equal width in energy; see `tiled_sim.physics.spectrum.gathered`
    """
    lit = table.weight > 0.0
    wavelength, weight = table.wavelength[lit], table.weight[lit]
    means, weights, of_line = gathered(wavelength, weight, channels)
    moved = np.abs(wavelength / means[of_line] - 1.0)
    spread = float(np.sqrt(np.average(moved**2, weights=weight)))
    off = float(weights.sum() / weight.sum() - 1.0)
    energy = HC_EV_ANGSTROM / wavelength
    told = (
        f"spectrum of {len(wavelength)} lines summed in {channels} channels of "
        f"{float(np.ptp(energy)) / channels:.4g} eV, {len(means)} of them with light: the sum of "
        f"the weights is off by {abs(off):.1g}, wavelengths are moved by {moved.max():.2g} of "
        f"theirs at most, {spread:.2g} rms by weight, and spots by as much of 2 tan θ [rad]"
    )
    return SpectrumTable(means, weights, table.in_energies), told
