"""The options that say what wavelengths the light has."""

import argparse

from tiled_sim.cli.numbers import integer
from tiled_sim.errors import UsageError
from tiled_sim.model.bandwidth import (
    BANDWIDTH_SHAPES,
    CHANNELS,
    GAUSSIAN,
    SPECTRUM_SEED,
    Bandwidth,
    SpectrumFile,
    bandwidth_in,
)
from tiled_sim.model.values import number_in, shown

#: What goes with a bandwidth alone.
_BESIDE = ("bandwidth_shape", "pulse_duration", "spectrum_seed")


def _width(text: str) -> tuple[float, bool]:
    found = bandwidth_in(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no width, such as 0.3% or 28eV")
    return found


def _femtoseconds(text: str) -> float:
    value = number_in(text)
    if value is None or not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a length of a pulse in fs")
    return value


def add_spectrum_options(parser: argparse.ArgumentParser) -> None:
    """The options of a spectrum: of a file, or by numbers."""
    group = parser.add_argument_group("spectrum", "wavelengths of the beam (docs/spectra.md)")
    group.add_argument(
        "--spectrum",
        metavar="FILE",
        help="energy [eV] or wavelength [Å], and weight, in each line; or HDF5, FILE[:DATASET]",
    )
    group.add_argument(
        "--bandwidth",
        type=_width,
        metavar="FWHM",
        help="by numbers: full width at half maximum about the wavelength, 0.3%% or 28eV",
    )
    group.add_argument(
        "--bandwidth-shape", choices=BANDWIDTH_SHAPES, help=f"its shape ({GAUSSIAN})"
    )
    group.add_argument(
        "--spectrum-channels",
        type=integer,
        metavar="N",
        help=f"channels that a bandwidth is cut into ({CHANNELS}), or the lines of a file are "
        "summed in (each is one)",
    )
    group.add_argument(
        "--pulse-duration",
        type=_femtoseconds,
        metavar="FS",
        help="full width at half maximum of a SASE pulse",
    )
    group.add_argument(
        "--spectrum-seed", type=integer, metavar="N", help=f"of its spikes ({SPECTRUM_SEED})"
    )


def spectrum_in(options: argparse.Namespace) -> SpectrumFile | Bandwidth | None:
    """The spectrum that the options ask for; None: they do not.

    Raises
    ------
    UsageError
        for options that go together and one of which is missing, or that say two things
    ExperimentError
        for values that cannot be
    """
    channels = options.spectrum_channels
    if options.bandwidth is None:
        for name in _BESIDE:
            if getattr(options, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} goes with --bandwidth FWHM: give that too")
        if options.spectrum is None and channels is None:
            return None
        return SpectrumFile(options.spectrum, channels)
    if options.spectrum is not None:
        raise UsageError(
            "--spectrum and --bandwidth both say what the wavelengths are: leave one of them out"
        )
    fwhm, in_eV = options.bandwidth
    duration, seed = options.pulse_duration, options.spectrum_seed
    return Bandwidth(
        fwhm,
        in_eV,
        options.bandwidth_shape or GAUSSIAN,
        CHANNELS if channels is None else channels,
        None if duration is None else duration / 1e15,
        SPECTRUM_SEED if seed is None else seed,
    )
