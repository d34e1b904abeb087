"""CBF images: those of another program are read, and damage is refused."""

import sys

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.cbf import read_cbf, read_cbf_header

PIXELS = np.array([[0, 1, -1, -2], [127, 300, 70_000, -70_000], [2**31 - 1, -(2**31), 5, 5]])


@pytest.fixture
def written(tmp_path):
    """A CBF file that fabio wrote."""
    cbfimage = pytest.importorskip("fabio.cbfimage")
    path = tmp_path / "image.cbf"
    cbfimage.CbfImage(data=PIXELS.astype(np.int32)).write(str(path))
    return path


def test_what_fabio_wrote_is_read(written):
    np.testing.assert_array_equal(read_cbf(written), PIXELS)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32])
def test_pixels_of_other_widths_are_read(tmp_path, dtype):
    cbfimage = pytest.importorskip("fabio.cbfimage")
    pixels = np.array([[0, 1, 200], [32_000, 5, 3]], dtype)
    cbfimage.CbfImage(data=pixels).write(str(tmp_path / "image.cbf"))
    np.testing.assert_array_equal(read_cbf(tmp_path / "image.cbf"), pixels)
    assert read_cbf(tmp_path / "image.cbf").dtype == dtype


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"--CIF-BINARY-FORMAT-SECTION--\r\nC", b"C", "not a CBF image"),
        (b"x-CBF_BYTE_OFFSET", b"x-CBF_PACKED", "compressed as x-CBF_PACKED"),
        (b'conversions="x-CBF_BYTE_OFFSET"', b"", "not compressed"),
        (b"signed 32-bit integer", b"signed 32-bit real IEEE", "of type signed 32-bit real IEEE"),
        (b"Fastest-Dimension: 4", b"Fastest-Dimension: 0", "X-Binary-Size-Fastest-Dimension"),
        (b"Second-Dimension: 3", b"Second-Dimension: 4", r"4 x 4 \(slow x fast\).*holds 12"),
        (b"Second-Dimension: 3", b"Second-Dimension: 99999999999", "it holds .* bytes of them"),
        (b"Content-MD5: ", b"Content-MD5: x", "damaged"),
        (b"\x0c\x1a\x04\xd5\x00\x01", b"\x0c\x1a\x04\xd5\x00\x02", "damaged"),
    ],
)
def test_a_damaged_image_is_refused_by_its_name(written, old, new, fault):
    content = written.read_bytes()
    assert old in content
    written.write_bytes(content.replace(old, new))
    with pytest.raises(InputFileError, match=rf"image\.cbf: .*{fault}"):
        read_cbf(written)


def test_an_image_cut_short_anywhere_before_the_end_of_its_pixels_is_refused(written):
    content = written.read_bytes()
    end = content.index(b"\r\n\r\n--CIF-BINARY-FORMAT-SECTION----")
    for cut in range(0, end, 7):
        written.write_bytes(content[:cut])
        with pytest.raises(InputFileError, match=r"image\.cbf"):
            read_cbf(written)


def test_a_file_that_does_not_exist_is_refused_by_its_name(tmp_path):
    pytest.importorskip("fabio")
    with pytest.raises(InputFileError, match=r"nowhere\.cbf: No such"):
        read_cbf(tmp_path / "nowhere.cbf")


def test_without_fabio_it_is_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fabio.compression", None)  # as if it were not installed
    with pytest.raises(UsageError, match=r"pip install 'tiled_sim\[cbf\]'"):
        read_cbf(tmp_path / "image.cbf")


# The header

CAMERA = """# Detector: EIGER 4M, S/N E-08-0000
# Pixel_size 75e-6 m x 75e-6 m
# Silicon sensor, thickness 0.000450 m
# Wavelength 0.9793 A
# Detector_distance 0.2000 m
# Beam_xy (1031.50, 1100.25) pixels
# Start_angle 12.5000 deg.
# Angle_increment 0.1000 deg."""


@pytest.fixture
def headed(written):
    """Read the header of a CBF with these lines in it."""

    def read(lines):
        content = written.read_bytes()
        at = content.index(b"--CIF-BINARY")
        written.write_bytes(content[:at] + lines.encode() + b"\r\n" + content[at:])
        return read_cbf_header(written)

    return read


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PIXEL_SIZE", 0.075),
        ("WAVELENGTH", 0.9793),
        ("DISTANCE", 200.0),
        ("BEAM_FAST", 1031.5),
        ("BEAM_SLOW", 1100.25),
        ("PHI", 12.5),
        ("OSC_RANGE", 0.1),
    ],
)
def test_a_header_is_told_in_the_units_of_smv(headed, key, value):
    header = headed(CAMERA)
    assert header.shape == PIXELS.shape
    assert header.number(key) == pytest.approx(value, rel=1e-15)


def test_a_header_without_a_camera_says_nothing_of_it(written):
    header = read_cbf_header(written)
    assert header.shape == PIXELS.shape
    assert "DISTANCE" not in header


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("# Detector_distance far m", "DISTANCE"),
        ("# Detector_distance 200 furlongs", "DISTANCE"),
        ("# Detector_distance", "DISTANCE"),
        ("# Beam_xy (1031.5) pixels", "BEAM_FAST"),
        ("# Beam_xy (nan, 3) pixels", "BEAM_FAST"),
        ("# Pixel_size 75e-6 m", "PIXEL_SIZE"),
    ],
)
def test_a_garbled_line_is_refused_by_its_words(headed, line, key):
    with pytest.raises(InputFileError, match=rf"image\.cbf, header line \d+: {line[2:8]}"):
        headed(line).number(key)


def test_pixels_that_are_not_square_are_refused(headed):
    with pytest.raises(InputFileError, match="Pixel_size 1e-4 m x 5e-5 m: the pixels are not squ"):
        headed("# Pixel_size 1e-4 m x 5e-5 m")
