"""Spectra in text: energies told from wavelengths by their values, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiled_sim.errors import InputFileError
from tiled_sim.io.spectrum_file import ENERGIES, WAVELENGTHS, read_spectrum
from tiled_sim.physics.constants import HC_EV_ANGSTROM

ENERGY_LINES = "9500 0.5\n9510 1.5\n9520 0.5\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "spectrum.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_spectrum(path)

    return read_text


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file that the examples of a property overwrite."""
    return tmp_path_factory.mktemp("spectra") / "spectrum.txt"


def refused(read, text):
    with pytest.raises(InputFileError) as caught:
        read(text)
    return str(caught.value)


def test_energies_are_told_by_their_values(read):
    table = read(ENERGY_LINES)
    assert table.in_energies
    assert table.wavelength.tolist() == [HC_EV_ANGSTROM / e for e in (9500.0, 9510.0, 9520.0)]
    assert table.weight.tolist() == [0.5, 1.5, 0.5]


def test_wavelengths_are_told_by_their_values(read):
    table = read("1.3051 1000\n1.3037 3000\n1.3023 1000\n")
    assert not table.in_energies
    assert table.wavelength.tolist() == [1.3051, 1.3037, 1.3023]


@pytest.mark.parametrize(
    "text",
    [
        "energy_eV weight\n" + ENERGY_LINES,
        "Energy (eV),Intensity\n9500,0.5\n9510,1.5\n9520,0.5\n",
        "# energy weight\n" + ENERGY_LINES,
        "x y\n" + ENERGY_LINES,
        b"\xef\xbb\xbf" + ENERGY_LINES.replace("\n", "\r\n").encode(),
        ENERGY_LINES.replace(" ", "\t"),
        ENERGY_LINES.replace("9500", "9.5D+03"),
    ],
)
def test_headers_commas_and_line_ends_change_nothing(read, text):
    assert read(text).weight.tolist() == [0.5, 1.5, 0.5]
    assert read(text).wavelength.tolist() == read(ENERGY_LINES).wavelength.tolist()


@pytest.mark.parametrize("header", ["lambda_A flux", "wavelength(Å) weight", "Wavelength [A]\tI"])
def test_a_header_may_say_that_they_are_wavelengths(read, header):
    assert not read(f"{header}\n1.3 1\n1.31 2\n").in_energies


def test_lines_in_any_order_are_read_where_the_header_says_what_they_are(read):
    text = "9510 800\n9500 900\n9520 1000\n"
    assert read(f"energy weight\n{text}").in_energies


@settings(deadline=None, max_examples=60)
@given(
    in_energies=st.booleans(),
    where=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5),
    weight=st.floats(1e-300, 1e30),
)
def test_the_order_of_the_lines_and_their_weights_are_kept(scratch, in_energies, where, weight):
    low, high = ENERGIES if in_energies else WAVELENGTHS
    first = [low + share * (high - low) for share in where]
    scratch.write_text("".join(f"{value!r} {weight!r}\n" for value in first))
    table = read_spectrum(scratch)
    assert table.in_energies is in_energies
    assert table.weight.tolist() == [weight] * len(first)
    expected = HC_EV_ANGSTROM / np.array(first) if in_energies else first
    assert table.wavelength.tolist() == list(expected)


# Refused


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("9.5 1\n9.6 2\n", "may be energies in keV, or wavelengths in Å: write energies in eV"),
        ("1.3e-10 1\n1.31e-10 2\n", "may be wavelengths in metres"),
        ("1.3 1\n9500 2\n", "its first column, 1.3 to 9500, is neither energies in eV"),
        ("0 1\n9500 2\n", "is neither energies in eV (500 to 1e+06) nor wavelengths in Å"),
        ("-9500 1\n", "is neither energies"),
        ("2e6 1\n", "is neither energies"),
        ("wavelength_nm weight\n0.13 1\n", "under the header 'wavelength_nm weight', is neither"),
        ("energy_keV weight\n3.5 1\n", "under the header 'energy_keV weight', is neither"),
        ("energy weight\n1.3 1\n", "under the header 'energy weight', is neither"),
        ("wavelength weight\n9500 1\n", "under the header 'wavelength weight', is neither"),
        ("weight energy\n0.5 9500\n", "puts the weights first"),
        ("0.5 9500\n1.5 9510\n0.5 9520\n", "its second column runs as energies or wavelengths"),
        ("800 1.3\n900 1.2\n700 1.1\n", "its second column runs as energies or wavelengths"),
        ("9500 1\n9510 -0.5\n", "line 2 ('9510 -0.5') has the weight -0.5, which must not be"),
        ("9500 0\n9510 0\n", "every weight in it is 0"),
        ("9500 1 2\n", "has 3 columns"),
        ("9500\n", "has 1 column"),
        ("9500 nan\n", "has weight = 'nan', not finite"),
        ("9500 1e999\n", "has weight = '1e999', too large"),
        ("9500 one\n", "has 'one' for weight, which is not a number"),
        ("", "the file is empty"),
        ("energy weight\n", "it holds no lines"),
        (b"\x00\x01", "NUL byte"),
    ],
)
def test_what_is_no_spectrum_is_refused(read, text, fault):
    message = refused(read, text)
    assert fault in message
    assert "spectrum.txt" in message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputFileError, match=r"nowhere\.txt"):
        read_spectrum(tmp_path / "nowhere.txt")


def test_a_weight_beyond_computing_with_is_refused_with_its_line(read):
    message = refused(read, "9500 1\n9510 1e308\n9520 1e308\n")
    assert "line 2 ('9510 1e308') has the weight 1e+308, more than 1e+30" in message
