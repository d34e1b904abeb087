"""Image files of every format: told apart by content, then by name."""

import hashlib
import os

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.image_file import read_image_file
from tiled_sim.io.image_format import split_key

PIXELS = np.arange(12).reshape(3, 4) + 1
SMV = {"unsigned_short": "u2", "long_integer": "i4", "signed_long": "i4", "float": "f4"}


def smv(pixels, kind):
    header = (
        f"{{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE={kind};\n"
        f"SIZE1={pixels.shape[1]};\nSIZE2={pixels.shape[0]};\n}}\f"
    )
    return header.ljust(512).encode() + pixels.astype(f"<{SMV[kind]}").tobytes()


@pytest.fixture
def write(tmp_path):
    """Write PIXELS in a format, under a name that does not tell which; the path."""

    def write_as(kind, name="image"):
        path = tmp_path / name
        if kind == "npz":
            with path.open("wb") as file:
                np.savez(file, image=PIXELS)
        elif kind == "cbf":
            cbfimage = pytest.importorskip("fabio.cbfimage")
            cbfimage.CbfImage(data=PIXELS.astype(np.int32)).write(str(path))
        elif kind == "tiff":
            tifimage = pytest.importorskip("fabio.tifimage")
            tifimage.TifImage(data=PIXELS.astype(np.int32)).write(str(path))
        elif kind == "edf":
            edfimage = pytest.importorskip("fabio.edfimage")
            edfimage.EdfImage(data=PIXELS.astype(np.int32)).write(str(path))
        elif kind == "hdf5":
            h5py = pytest.importorskip("h5py")
            with h5py.File(path, "w") as file:
                file["entry/data/data"] = PIXELS.astype(np.uint32)[None]
        elif kind == "adsc":
            adscimage = pytest.importorskip("fabio.adscimage")
            adscimage.AdscImage(data=PIXELS.astype(np.uint16)).write(str(path))
        elif kind == "float":
            path.write_bytes(PIXELS.astype("<f4").tobytes())
        else:
            path.write_bytes(smv(PIXELS, kind.removeprefix("TYPE=")))
        return str(path)

    return write_as


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("npz", "npz"),
        ("cbf", "cbf"),
        ("float", "float"),
        ("adsc", "smv"),
        ("tiff", "tiff"),
        ("edf", "edf"),
        ("hdf5", "hdf5"),
        *((f"TYPE={kind}", "smv") for kind in SMV),
    ],
)
def test_a_format_is_told_by_its_content(write, kind, told):
    path = write(kind)
    found = read_image_file(path, None, (3, 4))
    assert (found.format, found.pixels.dtype) == (told, np.float64)
    np.testing.assert_array_equal(found.pixels, PIXELS)


def test_the_hash_is_that_of_the_bytes(write):
    path = write("npz")
    with open(path, "rb") as file:
        assert read_image_file(path, None, None).sha256 == hashlib.sha256(file.read()).hexdigest()


def test_negative_pixels_of_a_cbf_are_dead(tmp_path):
    cbfimage = pytest.importorskip("fabio.cbfimage")
    pixels = np.array([[3, -1], [-2, 0]], np.int32)
    cbfimage.CbfImage(data=pixels).write(str(tmp_path / "image.cbf"))
    found = read_image_file(str(tmp_path / "image.cbf"), None, None)
    assert found.live.tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int32])
@pytest.mark.parametrize("kind", ["cbf", "hdf5"])
def test_the_largest_value_of_a_type_of_counts_is_a_gap_and_is_told(tmp_path, kind, dtype):
    pixels = PIXELS.astype(dtype)
    pixels[:, 1] = np.iinfo(dtype).max
    path = str(tmp_path / "image")
    if kind == "cbf":
        pytest.importorskip("fabio.cbfimage").CbfImage(data=pixels).write(path)
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            file["entry/data/data"] = pixels
    found = read_image_file(path, None, None)
    assert (~found.live).nonzero()[1].tolist() == [1, 1, 1]
    assert f"3 pixels hold {np.iinfo(dtype).max}, the largest" in found.marks[0]


def test_what_stands_for_a_gap_elsewhere_is_a_number_in_an_smv(tmp_path):
    pixels = np.full((3, 4), 65535)
    (tmp_path / "a.img").write_bytes(smv(pixels, "unsigned_short"))
    assert read_image_file(str(tmp_path / "a.img"), None, None).live.all()


def test_a_packed_image_is_answered_by_how_to_unpack_it(tmp_path):
    (tmp_path / "a.cbf.gz").write_bytes(b"\x1f\x8b and so on")
    with pytest.raises(InputFileError, match=r"a\.cbf\.gz is packed: .*gunzip -k"):
        read_image_file(str(tmp_path / "a.cbf.gz"), None, None)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("npz", "a.npz"), ("cbf", "a.cbf"), ("smv", "a.img")),
        *(("HDF5", "a.h5"), ("TIFF", "a.tif"), ("EDF", "a.edf")),
    ],
)
def test_a_name_that_promises_a_format_is_held_to_it(tmp_path, kind, name):
    pytest.importorskip("fabio")
    pytest.importorskip("h5py")
    (tmp_path / name).write_bytes(PIXELS.astype("<f4").tobytes())
    with pytest.raises(InputFileError, match=rf"{name}: not an? {kind}.*|not an SMV.*|not a CBF.*"):
        read_image_file(str(tmp_path / name), None, (3, 4))


def test_a_raw_image_without_a_shape_is_answered_by_how_to_give_it(write):
    with pytest.raises(UsageError, match=r"its 12 pixels, then\), give shape=SLOW FAST"):
        read_image_file(write("float"), None, None)


def test_a_key_to_what_has_none_is_refused(write):
    with pytest.raises(UsageError, match="only npz and HDF5 files have keys"):
        read_image_file(write("TYPE=unsigned_short"), "image", None)


def test_a_name_is_split_at_its_key(write):
    path = write("npz")
    assert split_key(f"{path}:image") == (path, "image")
    assert split_key(path) == (path, None)


def test_a_file_with_a_colon_in_its_name_is_a_file(write):
    write("npz", "a")
    path = write("npz", "a:b")
    assert split_key(path) == (path, None)


def test_an_smv_type_that_is_not_known_is_refused(tmp_path):
    (tmp_path / "a.img").write_bytes(smv(PIXELS, "float").replace(b"=float;", b"=mad;  "))
    with pytest.raises(InputFileError, match="TYPE=mad is not unsigned_short or signed_short"):
        read_image_file(str(tmp_path / "a.img"), None, None)


@pytest.mark.parametrize("kind", ["tiff", "edf"])
@pytest.mark.parametrize(
    ("pixel", "gap"), [("int32", -1), ("int32", 2**31 - 1), ("uint32", 2**32 - 1), ("int16", -2)]
)
def test_gaps_of_tiff_and_edf_images_are_left_out(tmp_path, kind, pixel, gap):
    module = pytest.importorskip(f"fabio.{'tif' if kind == 'tiff' else 'edf'}image")
    pixels = PIXELS.astype(pixel)
    pixels[1, 2] = gap
    image = module.TifImage(data=pixels) if kind == "tiff" else module.EdfImage(data=pixels)
    image.write(str(tmp_path / "image"))
    found = read_image_file(str(tmp_path / "image"), None, None)
    assert np.argwhere(~found.live).tolist() == [[1, 2]]
    assert found.marks[0].startswith("1 pixels ")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.img")
    with pytest.raises(InputFileError, match="not a regular file: write it to disk"):
        read_image_file(str(tmp_path / "pipe.img"), None, None)
