"""Arrays in npz files: which one is read, and what is no image."""

import io
import zipfile

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.npz import read_npz

PIXELS = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        np.savez_compressed(tmp_path / "file.npz", **arrays)
        return tmp_path / "file.npz"

    return save


def test_the_only_array_is_read(saved):
    name, pixels = read_npz(saved(one=PIXELS), None, "image")
    assert name == "one"
    np.testing.assert_array_equal(pixels, PIXELS)


def test_of_several_the_usual_one_is_read(saved):
    name, pixels = read_npz(saved(other=PIXELS + 1, image=PIXELS), None, "image")
    assert name == "image"
    np.testing.assert_array_equal(pixels, PIXELS)


def test_a_key_chooses(saved):
    _, pixels = read_npz(saved(other=PIXELS + 1, image=PIXELS), "other", "image")
    np.testing.assert_array_equal(pixels, PIXELS + 1)


def test_leading_axes_of_one_are_left_out(saved):
    assert read_npz(saved(image=PIXELS[None, None]), None, "image")[1].shape == (2, 3)


@pytest.mark.parametrize(
    ("arrays", "key", "fault"),
    [
        ({"a": PIXELS, "b": PIXELS}, None, r"write .*file\.npz:KEY, of a, b"),
        ({"a": PIXELS}, "c", "no array 'c'; it holds a"),
        ({"a": PIXELS[None].repeat(2, 0)}, None, "a is float64 of 2 x 2 x 3"),
        ({"a": np.float64(3)}, None, "no axes"),
        ({"a": PIXELS * 1j}, None, "complex128"),
        ({"a": PIXELS.astype(str)}, None, "<U32 of 2 x 3"),
        ({"a": PIXELS[:0]}, None, "0 x 3"),
        ({"a": PIXELS.astype(object)}, None, "not an npz file of plain arrays"),
    ],
)
def test_what_is_no_image_is_refused(saved, arrays, key, fault):
    with pytest.raises(InputFileError, match=fault):
        read_npz(saved(**arrays), key, "image")


def test_a_damaged_file_is_refused(saved):
    path = saved(image=np.random.default_rng(0).random((40, 40)))
    content = path.read_bytes()
    for damaged in (content[:200], content[:300] + b"\0" * 100 + content[400:], b"PK\x03\x04"):
        path.write_bytes(damaged)
        with pytest.raises(InputFileError, match=r"file\.npz: not an npz file"):
            read_npz(path, None, "image")


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("shape", [b"(200000, 300000), ", b"(2, 3, 99999999999999999999), "])
def test_an_array_that_claims_more_than_there_is_is_refused_before_memory_is_taken(
    tmp_path, packing, shape
):
    content = io.BytesIO()
    np.save(content, PIXELS)
    found = content.getvalue().replace(b"(2, 3), ", shape)
    grown = len(found) - len(content.getvalue())
    found = found.replace(b" " * grown + b"\n", b"\n", 1)
    assert len(found) == len(content.getvalue())
    with zipfile.ZipFile(tmp_path / "file.npz", "w", packing) as archive:
        archive.writestr("image.npy", found)
    with pytest.raises(InputFileError, match=r"file\.npz: not an npz .*bytes, and has 48"):
        read_npz(tmp_path / "file.npz", None, "image")


def test_what_is_no_array_in_an_npz_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("image", "not an array")
    with pytest.raises(InputFileError, match=r"file\.npz: not an npz file of plain arrays"):
        read_npz(tmp_path / "file.npz", None, "image")


def test_arrays_of_every_size_and_order_are_read(tmp_path):
    for array in (np.zeros((2000, 2000), bool), np.asfortranarray(PIXELS), PIXELS[:1, :1]):
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "file.npz", image=array)
            assert (read_npz(tmp_path / "file.npz", None, "image")[1] == array).all()
