"""Image files of the C program: the same bytes from the same image."""

import dataclasses

import numpy as np
import pytest

from support.stores import create, mask_of
from tiled_sim.errors import StoreError
from tiled_sim.export.float_image import write_float_image
from tiled_sim.export.panel_image import Statistics, statistics
from tiled_sim.export.pgm import grey_scale, write_pgm
from tiled_sim.export.smv import integer_scale, write_count_image, write_integer_image
from tiled_sim.io.camera import CameraHeader, header_bytes
from tiled_sim.io.smv import read_smv, read_smv_header
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import MASKED, OUTSIDE_REGION

#: A float image of the C program: -roi 0 2 1 3 of 4 × 4 pixels, slow 2, fast 1 masked.
FLOATS = bytes.fromhex(
    "00000000000000000000000000000000"
    "6a29f33832d6bb36f01a243c00000000"
    "16120837000000006e34cc3700000000"
    "992c373aa97139397bcb973b00000000"
)
IMAGE = np.frombuffer(FLOATS, "<f4").reshape(4, 4)
MASK = np.full((4, 4), OUTSIDE_REGION, np.uint8)
MASK[1:, :3] = 0
MASK[2, 1] = MASKED
#: Its integers with the scale that the program chose, and with -scale 7000 -adc 3.5.
CHOSEN = [0, 0, 0, 0, 677, 71, 55040, 0, 85, 40, 174, 0, 3877, 1011, 25477, 0]
GIVEN = [0, 0, 0, 0, 4, 4, 74, 0, 4, 4, 4, 0, 8, 5, 36, 0]
#: Its PGM images, likewise, with -pgmscale 40000.
CHOSEN_GREYS = b"P5\n4 4\n# pixels scaled by 14476.7\n255\n\0\0\0\0\1\0\x91\0\0\0\0\0\n\2C\0"
GIVEN_GREYS = b"P5\n4 4\n# pixels scaled by 40000\n255\n\0\0\0\0\4\0\xff\0\0\0\0\0\x1b\7\xb9\0"

CAMERA = CameraHeader(
    pixels=(4, 4),
    pixel_size=5.0,
    distance=100.0,
    close_distance=100.0,
    wavelength=1.0,
    beam_centre=(12.5, 12.5),
    beam_spot=(15.0, 15.0),
    origin=(-15.0, 15.0, -100.0),
    closest=(3.5, 3.5),
    phi=0.0,
    oscillation=0.1,
    twotheta=-5.25,
)
#: As the C program prints it: one line without a semicolon, spaces up to 512 bytes.
HEADER = """{
HEADER_BYTES=512;
DIM=2;
BYTE_ORDER=little_endian;
TYPE=unsigned_short;
SIZE1=4;
SIZE2=4;
PIXEL_SIZE=5;
DISTANCE=100;
WAVELENGTH=1;
BEAM_CENTER_X=12.5;
BEAM_CENTER_Y=12.5;
ADXV_CENTER_X=15;
ADXV_CENTER_Y=5;
MOSFLM_CENTER_X=12.5;
MOSFLM_CENTER_Y=12.5;
DENZO_X_BEAM=15;
DENZO_Y_BEAM=15;
DIALS_ORIGIN=-15,15,-100
XDS_ORGX=3.5;
XDS_ORGY=3.5;
CLOSE_DISTANCE=100;
PHI=0;
OSC_START=0;
OSC_RANGE=0.1;
TWOTHETA=-5.25;
DETECTOR_SN=000;
BEAMLINE=fake;
}\f"""


def stored(path, image, mask, tile=(16, 16), counts=None):
    """A run that holds this image and mask, and these counts."""
    store = create(
        path,
        (1, 1, *image.shape),
        (1, 1, *tile),
        noise=counts is not None,
        inputs=Inputs(mask_of(mask[None])),
    )
    for part in store.grid:
        store.write_tile(part, image[None, None][part.region])
        if counts is not None:
            store.write_counts(part, counts[None, None][part.region])
    return store


@pytest.fixture
def store(tmp_path):
    return stored(tmp_path / "run.zarr", IMAGE, MASK)


@pytest.fixture
def tall(tmp_path):
    """An image of three rows of tiles."""
    image = np.random.default_rng(1).random((40, 20), dtype=np.float32)
    mask = np.zeros((40, 20), np.uint8)
    mask[17:19, 3:9], mask[:2] = MASKED, OUTSIDE_REGION
    return stored(tmp_path / "tall.zarr", np.where(mask == 0, image, 0).astype("f4"), mask)


# Statistics


def test_statistics_are_of_live_pixels(store):
    live = IMAGE[MASK == 0].astype(np.float64)
    assert statistics(store, masked_too=False) == Statistics(
        pytest.approx(live.max()), pytest.approx(live.std(ddof=1))
    )


def test_statistics_as_in_c_count_masked_zeros_in_the_deviation(store):
    found = statistics(store, masked_too=True)
    assert f"{found.deviation:g}" == "0.00345384"  # what the C program printed


def test_statistics_do_not_depend_on_the_rows_of_tiles(tall):
    image, mask = (
        tall.read_tile(0, 0, slice(0, 40), slice(0, 20)),
        tall.read_mask(0, slice(0, 40), slice(0, 20)),
    )
    live = image[mask == 0].astype(np.float64)
    found = statistics(tall, masked_too=False)
    assert found.maximum == live.max()
    assert found.deviation == pytest.approx(live.std(ddof=1), rel=1e-12)


def test_an_image_without_a_live_pixel_has_scales(tmp_path):
    dark = stored(tmp_path / "dark.zarr", np.zeros((4, 4), "f4"), np.full((4, 4), MASKED, "u1"))
    found = statistics(dark, masked_too=False)
    assert (integer_scale(found), grey_scale(found)) == (1.0, None)


# The files


def test_a_header_is_that_of_the_c_program_byte_for_byte():
    assert header_bytes(CAMERA) == HEADER.ljust(512).encode()


def test_a_header_reads_back(tmp_path, store):
    write_integer_image(tmp_path / "i.img", store, CAMERA, 1.0, 40.0)
    header = read_smv_header(tmp_path / "i.img")
    assert header.shape == (4, 4)
    assert (header.number("TWOTHETA"), header.number("XDS_ORGX")) == (-5.25, 3.5)


def test_a_float_image_is_that_of_the_c_program(tmp_path, store):
    write_float_image(tmp_path / "f.bin", store)
    assert (tmp_path / "f.bin").read_bytes() == FLOATS


@pytest.mark.parametrize(("scale", "offset", "expected"), [(None, 40, CHOSEN), (7000, 3.5, GIVEN)])
def test_an_integer_image_is_that_of_the_c_program(tmp_path, store, scale, offset, expected):
    scale = scale or integer_scale(statistics(store, masked_too=True))
    write_integer_image(tmp_path / "i.img", store, CAMERA, scale, offset)
    pixels = np.array(expected, "<u2").tobytes()
    assert (tmp_path / "i.img").read_bytes() == header_bytes(CAMERA) + pixels


@pytest.mark.parametrize(("scale", "expected"), [(None, CHOSEN_GREYS), (40000, GIVEN_GREYS)])
def test_a_pgm_image_is_that_of_the_c_program(tmp_path, store, scale, expected):
    write_pgm(tmp_path / "i.pgm", store, scale or grey_scale(statistics(store, masked_too=True)))
    assert (tmp_path / "i.pgm").read_bytes() == expected


def test_integers_stop_at_both_ends(tmp_path, store):
    write_integer_image(tmp_path / "high.img", store, CAMERA, 1e9, 0.0)
    write_integer_image(tmp_path / "low.img", store, CAMERA, 1.0, -5.0)
    assert read_smv(tmp_path / "high.img").pixels.max() == 65535
    assert not read_smv(tmp_path / "low.img").pixels.any()


def test_a_header_longer_than_512_bytes_says_so():
    small = -1.23456e-05
    long = dataclasses.replace(
        CAMERA,
        beam_centre=(small, small),
        beam_spot=(small, small),
        origin=(small, small, small),
        closest=(small, small),
        phi=small,
        twotheta=small,
    )
    header = header_bytes(long)
    assert len(header) == 1024
    assert header.startswith(b"{\nHEADER_BYTES=1024;\nDIM=2;\n")


def test_counts_are_offset_and_stop_at_both_ends(tmp_path):
    counts = np.array([[9, 9, 9, 9], [0, 7, 65495, 9], [65496, 0, -50, 9], [1, 2, 3, 9]], np.int32)
    store = stored(tmp_path / "run.zarr", IMAGE, MASK, counts=counts)
    write_count_image(tmp_path / "n.img", store, CAMERA, 40.0)
    assert read_smv(tmp_path / "n.img").pixels.tolist() == [
        [0, 0, 0, 0],
        [40, 47, 65535, 0],
        [65535, 40, 0, 0],
        [41, 42, 43, 0],
    ]


def test_counts_lose_what_an_offset_leaves_of_a_whole_number(tmp_path):
    store = stored(tmp_path / "run.zarr", IMAGE, MASK, counts=np.full((4, 4), 2, np.int32))
    write_count_image(tmp_path / "n.img", store, CAMERA, 0.75)
    assert read_smv(tmp_path / "n.img").pixels[1, 0] == 2


def test_rows_of_tiles_follow_each_other(tmp_path, tall):
    image = tall.read_tile(0, 0, slice(0, 40), slice(0, 20))
    camera = dataclasses.replace(CAMERA, pixels=(40, 20))
    write_integer_image(tmp_path / "i.img", tall, camera, 1000.0, 0.0)
    write_pgm(tmp_path / "i.pgm", tall, 200.0)
    expected = np.floor(image.astype(np.float64) * 1000 + 0.5)
    np.testing.assert_array_equal(read_smv(tmp_path / "i.img").pixels, expected)
    greys = (tmp_path / "i.pgm").read_bytes()[-800:]
    assert greys == (image.astype(np.float64) * 200).astype("u1").tobytes()


@pytest.mark.parametrize(
    "write",
    [
        lambda path, store: write_float_image(path, store),
        lambda path, store: write_integer_image(path, store, CAMERA, 1.0, 0.0),
        lambda path, store: write_count_image(path, store, CAMERA, 0.0),
        lambda path, store: write_pgm(path, store, 1.0),
    ],
    ids=["float", "integer", "counts", "pgm"],
)
def test_a_file_that_exists_is_not_overwritten(tmp_path, write):
    store = stored(tmp_path / "run.zarr", IMAGE, MASK, counts=np.zeros((4, 4), np.int32))
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(StoreError, match="mine exists already; name another"):
        write(tmp_path / "mine", store)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_folder_that_does_not_exist_is_named(tmp_path, store):
    with pytest.raises(StoreError, match=r"cannot write .*nowhere/i.pgm: No such file"):
        write_pgm(tmp_path / "nowhere" / "i.pgm", store, 1.0)
