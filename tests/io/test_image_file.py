"""Image files of every format: told apart by content, then by name."""

import hashlib

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.image_file import read_image_file, read_mask_file, split_key

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


@pytest.mark.parametrize(("kind", "name"), [("npz", "a.npz"), ("cbf", "a.cbf"), ("smv", "a.img")])
def test_a_name_that_promises_a_format_is_held_to_it(tmp_path, kind, name):
    pytest.importorskip("fabio")
    (tmp_path / name).write_bytes(PIXELS.astype("<f4").tobytes())
    with pytest.raises(InputFileError, match=rf"{name}: not an? {kind}.*|not an SMV.*|not a CBF.*"):
        read_image_file(str(tmp_path / name), None, (3, 4))


def test_a_raw_image_without_a_shape_is_answered_by_how_to_give_it(write):
    with pytest.raises(UsageError, match=r"its 12 pixels, then\), give shape=SLOW FAST"):
        read_image_file(write("float"), None, None)


def test_a_key_to_what_has_none_is_refused(write):
    with pytest.raises(UsageError, match="only npz files have keys"):
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


# Masks


def test_zero_is_dead_in_an_smv_mask(data):
    live = read_mask_file(str(data / "mask.img"))
    assert live.shape == (128, 128)
    assert 0 < (~live).sum() < live.size


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_zero_is_dead_in_an_npz_mask(tmp_path, dtype):
    np.savez(tmp_path / "m.npz", other=PIXELS, mask=np.array([[0, 1], [1, 1]], dtype))
    assert read_mask_file(str(tmp_path / "m.npz")).tolist() == [[False, True], [True, True]]


def test_a_mask_of_floats_is_refused(tmp_path):
    np.savez(tmp_path / "m.npz", mask=PIXELS / 3)
    with pytest.raises(InputFileError, match="a mask is bool or integer"):
        read_mask_file(str(tmp_path / "m.npz"))
