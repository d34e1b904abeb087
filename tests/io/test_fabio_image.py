"""EDF and TIFF: what fabio wrote is read, and damage that it would not notice is refused."""

import struct

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.fabio_image import read_edf, read_tiff

edfimage = pytest.importorskip("fabio.edfimage")
tifimage = pytest.importorskip("fabio.tifimage")
PIXELS = np.arange(240).reshape(12, 20)
DTYPES = [np.uint8, np.int8, np.uint16, np.int32, np.float32]


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_edf_of_any_type_is_read(tmp_path, dtype):
    edfimage.EdfImage(data=PIXELS.astype(dtype)).write(str(tmp_path / "a.edf"))
    found = read_edf(tmp_path / "a.edf")
    np.testing.assert_array_equal(found, PIXELS.astype(dtype))
    assert found.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_a_tiff_of_any_type_is_read(tmp_path, dtype):
    tifimage.TifImage(data=PIXELS.astype(dtype)).write(str(tmp_path / "a.tif"))
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif"), PIXELS.astype(dtype))


@pytest.mark.parametrize("scheme", ["raw", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_of_another_program_is_read(tmp_path, scheme, dtype):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(PIXELS.astype(dtype)).save(tmp_path / "a.tif", compression=scheme)
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif"), PIXELS.astype(dtype))


@pytest.mark.parametrize(
    ("read", "make"), [(read_edf, edfimage.EdfImage), (read_tiff, tifimage.TifImage)]
)
def test_an_image_cut_short_anywhere_is_refused_by_its_name(tmp_path, read, make, capfd):
    path = tmp_path / "whole"
    make(data=PIXELS.astype(np.uint16)).write(str(path))
    content = path.read_bytes()
    for cut in range(0, len(content) - 4, 23):  # the last bytes may be padding
        path.write_bytes(content[:cut])
        with pytest.raises(InputFileError, match="whole"):
            read(path)
    assert capfd.readouterr() == ("", "")


def test_an_edf_that_claims_more_than_there_is_is_refused_before_memory_is_taken(tmp_path):
    edfimage.EdfImage(data=PIXELS.astype(np.uint8)).write(str(tmp_path / "a.edf"))
    content = (tmp_path / "a.edf").read_bytes()
    (tmp_path / "a.edf").write_bytes(content.replace(b"Dim_2 = 12 ;", b"Dim_2 = 999999999 ;"))
    with pytest.raises(InputFileError, match=r"999999999 x 20 .* need 19999999980 bytes, it has"):
        read_edf(tmp_path / "a.edf")


@pytest.mark.parametrize("rows", [13, 2**31])
def test_a_tiff_that_claims_more_than_there_is_is_refused_before_memory_is_taken(tmp_path, rows):
    tifimage.TifImage(data=PIXELS.astype(np.uint8)).write(str(tmp_path / "a.tif"))
    content = bytearray((tmp_path / "a.tif").read_bytes())
    at = content.index(struct.pack("<HHI", 257, 4, 1)) + 8
    content[at : at + 4] = struct.pack("<I", rows)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(InputFileError, match=rf"{rows} x 20 .* need {rows * 20} bytes, it has 240"):
        read_tiff(tmp_path / "a.tif")


def test_several_images_in_a_file_are_refused(tmp_path):
    image = edfimage.EdfImage(data=PIXELS.astype(np.uint8))
    image.append_frame(data=PIXELS.astype(np.uint8))
    image.write(str(tmp_path / "a.edf"))
    with pytest.raises(InputFileError, match="holds 2 images"):
        read_edf(tmp_path / "a.edf")
    pages = pytest.importorskip("PIL.Image").fromarray(PIXELS.astype(np.uint8))
    pages.save(tmp_path / "a.tif", save_all=True, append_images=[pages])
    with pytest.raises(InputFileError, match="one grey image"):
        read_tiff(tmp_path / "a.tif")


def test_a_tiff_in_a_compression_that_fabio_reads_wrong_is_refused(tmp_path):
    image = pytest.importorskip("PIL.Image").fromarray(PIXELS.astype(np.uint8))
    image.save(tmp_path / "a.tif", compression="packbits")
    with pytest.raises(InputFileError, match="compressed by scheme 32773"):
        read_tiff(tmp_path / "a.tif")


def test_a_tiff_of_colours_is_refused(tmp_path):
    colours = np.zeros((12, 20, 3), np.uint8)
    pytest.importorskip("PIL.Image").fromarray(colours).save(tmp_path / "a.tif")
    with pytest.raises(InputFileError, match="one grey image"):
        read_tiff(tmp_path / "a.tif")


@pytest.mark.parametrize("read", [read_edf, read_tiff])
@pytest.mark.parametrize("seed", range(40))
def test_damage_ends_in_an_image_or_a_message(tmp_path, read, seed, capfd):
    made = {read_edf: edfimage.EdfImage, read_tiff: tifimage.TifImage}[read]
    made(data=PIXELS.astype(np.uint16)).write(str(tmp_path / "a"))
    content = bytearray((tmp_path / "a").read_bytes())
    random = np.random.default_rng(seed)
    for place in random.integers(0, 400, 3):
        content[place] = random.integers(0, 256)
    (tmp_path / "a").write_bytes(content)
    try:
        assert read(tmp_path / "a").ndim == 2
    except InputFileError as error:
        assert str(tmp_path / "a") in str(error)  # noqa: PT017 - either is right
    assert capfd.readouterr() == ("", "")
