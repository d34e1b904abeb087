"""The options of a spectrum: what they make, and what they refuse."""

import pytest

from tiled_sim.cli.arguments import add_reading_options
from tiled_sim.cli.parser import Parser
from tiled_sim.cli.spectrum_options import spectrum_in
from tiled_sim.errors import UsageError
from tiled_sim.model.bandwidth import Bandwidth, SpectrumFile


def asked(line):
    parser = Parser("config", "")
    add_reading_options(parser)
    return spectrum_in(parser.parse(line.split()))


@pytest.mark.parametrize(
    ("line", "spectrum"),
    [
        ("", None),
        ("--spectrum e.txt", SpectrumFile("e.txt")),
        ("--spectrum e.h5:b --spectrum-channels 20", SpectrumFile("e.h5:b", 20)),
        ("--spectrum-channels 20", SpectrumFile(None, 20)),
        ("--bandwidth 0.25%", Bandwidth(0.0025)),
        (
            "--bandwidth 28eV --bandwidth-shape tophat --spectrum-channels 7",
            Bandwidth(28.0, True, "tophat", 7),
        ),
        (
            "--bandwidth 0.25% --bandwidth-shape sase --pulse-duration 10 --spectrum-seed 5",
            Bandwidth(0.0025, False, "sase", duration=1e-14, seed=5),
        ),
    ],
)
def test_options_make_a_spectrum(line, spectrum):
    assert asked(line) == spectrum


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("--bandwidth 28", "'28' is no width, such as 0.3% or 28eV"),
        ("--bandwidth 1% --spectrum e.txt", "both say what the wavelengths are"),
        ("--bandwidth-shape tophat", "goes with"),
        ("--pulse-duration 10", "goes with"),
        ("--bandwidth 1% --bandwidth-shape sase --pulse-duration -3", "not a length of a pulse"),
        ("--bandwidth 1% --spectrum-channels 3.5", "is not a whole number"),
    ],
)
def test_what_does_not_go_together_is_refused(line, fault):
    with pytest.raises(UsageError, match=fault):
        asked(line)
