"""Masks of every format: each by its own rule of what is dead."""

import hashlib
import sys

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.mask_file import MASK_RULES, read_image_header, read_mask

DEAD = np.zeros((12, 20), bool)
DEAD[:, 3:7] = True
DEAD[5] = True
LIVE = ~DEAD


def smv(pixels, kind="unsigned_short", code="<u2"):
    header = (
        f"{{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE={kind};\n"
        f"SIZE1={pixels.shape[1]};\nSIZE2={pixels.shape[0]};\n}}\f"
    )
    return header.ljust(512).encode() + pixels.astype(code).tobytes()


def write_mask(kind, path, dead):
    """Write a mask as its format has it; the path."""
    if kind == "smv":
        path.write_bytes(smv(~dead))
    elif kind == "cbf":
        cbfimage = pytest.importorskip("fabio.cbfimage")
        cbfimage.CbfImage(data=np.where(dead, -1, 0).astype(np.int32)).write(str(path))
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, mask=~dead)
    elif kind == "tiff":
        tifimage = pytest.importorskip("fabio.tifimage")
        tifimage.TifImage(data=(~dead).astype(np.uint8)).write(str(path))
    elif kind == "edf":
        edfimage = pytest.importorskip("fabio.edfimage")
        edfimage.EdfImage(data=dead.astype(np.int8)).write(str(path))
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            file["entry/instrument/detector/pixel_mask"] = dead.astype(np.uint32) * 8
    return str(path)


@pytest.mark.parametrize("kind", MASK_RULES)
def test_every_format_is_read_by_its_own_rule_whatever_its_name(tmp_path, kind):
    found = read_mask(write_mask(kind, tmp_path / "mask", DEAD))
    assert found.format == kind
    np.testing.assert_array_equal(found.live, LIVE)
    assert found.header.shape == DEAD.shape
    assert found.note == ""


@pytest.mark.parametrize("kind", MASK_RULES)
def test_a_mask_that_is_mostly_dead_is_a_note_with_the_rule(tmp_path, kind):
    found = read_mask(write_mask(kind, tmp_path / "mask", LIVE))
    np.testing.assert_array_equal(found.live, DEAD)
    assert f"{LIVE.sum()} of 240 pixels are dead, more than half" in found.note
    assert MASK_RULES[kind].dead in found.note


@pytest.mark.parametrize("kind", sorted(set(MASK_RULES) - {"smv", "cbf"}))
def test_a_mask_that_leaves_all_live_is_a_note_where_it_is_nothing_but_a_mask(tmp_path, kind):
    assert (
        "0 of 240 pixels are dead"
        in read_mask(write_mask(kind, tmp_path / "mask", DEAD & LIVE)).note
    )


@pytest.mark.parametrize("kind", MASK_RULES)
def test_a_mask_is_known_by_the_hash_of_its_bytes(tmp_path, kind):
    path = write_mask(kind, tmp_path / "mask", DEAD)
    with open(path, "rb") as file:
        assert read_mask(path).sha256 == hashlib.sha256(file.read()).hexdigest()


def test_two_arrays_of_a_file_are_two_masks(tmp_path):
    np.savez(tmp_path / "m.npz", mask=LIVE, other=DEAD)
    path = str(tmp_path / "m.npz")
    assert (read_mask(f"{path}:other").live == DEAD).all()
    assert read_mask(f"{path}:other").sha256 != read_mask(f"{path}:mask").sha256


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_zero_is_dead_in_an_npz_mask_of_any_whole_numbers(tmp_path, dtype):
    pixels = np.ones((2, 2))
    np.savez(tmp_path / "m.npz", other=pixels, mask=np.array([[0, 1], [1, 1]], dtype))
    assert read_mask(str(tmp_path / "m.npz")).live.tolist() == [[False, True], [True, True]]


def test_zero_is_dead_in_an_smv_mask_of_32_bits(tmp_path):
    (tmp_path / "m.img").write_bytes(smv(LIVE, "unsigned_long", "<u4"))
    np.testing.assert_array_equal(read_mask(str(tmp_path / "m.img")).live, LIVE)


def test_zero_is_dead_in_an_smv_mask(data):
    live = read_mask(str(data / "mask.img")).live
    assert live.shape == (128, 128)
    assert 0 < (~live).sum() < live.size


def test_gaps_of_a_cbf_of_unsigned_counts_are_dead(tmp_path):
    cbfimage = pytest.importorskip("fabio.cbfimage")
    pixels = np.where(DEAD, 2**32 - 1, 7).astype(np.uint32)
    cbfimage.CbfImage(data=pixels).write(str(tmp_path / "image.cbf"))
    np.testing.assert_array_equal(read_mask(str(tmp_path / "image.cbf")).live, LIVE)


@pytest.mark.parametrize("kind", ["npz", "tiff", "edf", "hdf5"])
def test_a_mask_of_floats_is_refused(tmp_path, kind):
    pixels, path = np.ones((3, 4), np.float32) / 3, tmp_path / "m"
    if kind == "npz":
        with path.open("wb") as file:
            np.savez(file, mask=pixels)
    elif kind == "hdf5":
        with pytest.importorskip("h5py").File(path, "w") as file:
            file["pixel_mask"] = pixels
    else:
        module = pytest.importorskip({"tiff": "fabio.tifimage", "edf": "fabio.edfimage"}[kind])
        getattr(module, {"tiff": "TifImage", "edf": "EdfImage"}[kind])(data=pixels).write(str(path))
    with pytest.raises(InputFileError, match=r"a mask is bool or integer|a mask is whole numbers"):
        read_mask(str(path))


def test_what_is_no_mask_is_refused_with_the_formats_that_are(tmp_path):
    (tmp_path / "m").write_bytes(b"P5 3 4 255\n")
    with pytest.raises(InputFileError, match=r"not an SMV image, nor any other mask.*NXmx"):
        read_mask(str(tmp_path / "m"))


def test_a_key_to_what_has_none_is_refused(data):
    with pytest.raises(UsageError, match="only npz and HDF5 files have keys"):
        read_mask(f"{data / 'mask.img'}:mask")


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [("tiff", "fabio", "cbf"), ("edf", "fabio", "cbf"), ("hdf5", "h5py", "hdf5")],
)
def test_without_its_package_it_is_told_how_to_install_it(
    tmp_path, monkeypatch, kind, module, extra
):
    path = write_mask(kind, tmp_path / "mask", DEAD)
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(UsageError, match=rf"needs .*pip install 'tiled_sim\[{extra}\]'"):
        read_mask(path)


@pytest.mark.parametrize("kind", ["npz", "tiff", "edf", "hdf5"])
def test_geometry_is_not_read_from_what_has_none_that_is_known(tmp_path, kind):
    path = write_mask(kind, tmp_path / "mask", DEAD)
    with pytest.raises(InputFileError, match="geometry is read from the headers of SMV and CBF"):
        read_image_header(path)


@pytest.mark.parametrize("kind", ["smv", "cbf"])
def test_the_header_of_smv_and_cbf_is_read_by_content(tmp_path, kind):
    assert read_image_header(write_mask(kind, tmp_path / "m", DEAD)).shape == DEAD.shape
