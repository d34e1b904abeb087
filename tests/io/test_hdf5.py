"""HDF5: images and pixel masks where NXmx, CXI and pyFAI have them, and what is refused."""

import numpy as np
import pytest

from tiled_sim.errors import InputFileError
from tiled_sim.io.hdf5 import read_hdf5_image, read_hdf5_mask
from tiled_sim.io.image_file import read_image_file

h5py = pytest.importorskip("h5py")
PIXELS = np.arange(12, dtype=np.uint32).reshape(3, 4)
MASK = (PIXELS % 3 == 0).astype(np.uint32)
DETECTOR = "entry/instrument/detector"


@pytest.fixture
def written(tmp_path):
    """Write datasets, and links where a value is text; the path."""

    def write(**datasets):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for name, value in datasets.items():
                file[name] = h5py.SoftLink(value) if isinstance(value, str) else value
        return str(tmp_path / "a.h5")

    return write


@pytest.mark.parametrize(
    "name", ["entry/data/data", f"{DETECTOR}/data", "entry_1/data_1/data", "data/data", "data"]
)
def test_an_image_is_found_where_it_is_by_custom(written, name):
    found, pixels, masked = read_hdf5_image(written(**{name: PIXELS}), None, 0, 0)
    assert (found, masked) == (f"/{name}", None)
    np.testing.assert_array_equal(pixels, PIXELS)


def test_frames_come_first_then_panels(written):
    stack = np.stack([np.stack([PIXELS + 100 * f + 10 * p for p in range(3)]) for f in range(2)])
    path = written(**{"entry/data/data": stack, "other": stack[:, 0]})
    np.testing.assert_array_equal(read_hdf5_image(path, None, 1, 2)[1], PIXELS + 120)
    np.testing.assert_array_equal(read_hdf5_image(path, "other", 1, 0)[1], PIXELS + 100)


def test_frames_are_counted_through_the_parts_of_a_series(written):
    parts = {f"entry/data/data_{n:06d}": np.stack([PIXELS + 20 * n] * 2) for n in (1, 2)}
    path = written(**parts)
    np.testing.assert_array_equal(read_hdf5_image(path, None, 1, 0)[1], PIXELS + 20)
    np.testing.assert_array_equal(read_hdf5_image(path, None, 2, 0)[1], PIXELS + 40)
    with pytest.raises(InputFileError, match="has frames 0 to 3"):
        read_hdf5_image(path, None, 4, 0)


def test_images_in_the_compression_of_detectors_are_read(tmp_path):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("entry/data/data", data=PIXELS[None], **hdf5plugin.Bitshuffle())
    np.testing.assert_array_equal(read_hdf5_image(tmp_path / "a.h5", None, 0, 0)[1], PIXELS)


def test_the_pixel_mask_of_a_file_counts_for_its_images(written):
    path = written(**{"entry/data/data": PIXELS, f"{DETECTOR}/pixel_mask": MASK})
    found = read_image_file(path, None, None)
    np.testing.assert_array_equal(found.live, MASK == 0)
    assert found.marks == (f"{MASK.sum()} pixels are dead by the file's pixel_mask",)


def test_a_mask_is_found_once_though_it_is_linked_twice(written):
    path = written(
        **{
            f"{DETECTOR}/detectorSpecific/pixel_mask": MASK,
            f"{DETECTOR}/pixel_mask": f"/{DETECTOR}/detectorSpecific/pixel_mask",
            "entry/circle": "/entry",
            "entry/broken": "/nowhere",
        }
    )
    np.testing.assert_array_equal(read_hdf5_mask(path, None)[1], MASK)


def test_a_mask_of_pyfai_is_found_in_its_detector(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/process/mask"] = 1 - MASK
        group = file.create_group("entry_0000/pyFAI/Pilatus")
        group.attrs["NX_class"] = "NXdetector"
        group["mask"] = MASK.astype(np.int8)
    assert read_hdf5_mask(tmp_path / "a.h5", None)[0] == "/entry_0000/pyFAI/Pilatus/mask"


def test_a_mask_that_is_named_is_read(written):
    path = written(**{"a": MASK[None], "b/pixel_mask": MASK * 0})
    np.testing.assert_array_equal(read_hdf5_mask(path, "a")[1], MASK)


@pytest.mark.parametrize(
    ("datasets", "key", "fault"),
    [
        ({"a/pixel_mask": MASK, "b/pixel_mask": MASK}, None, r"several \(/a/pixel_mask, /b/pixel_"),
        ({"a": MASK}, None, r"no pixel_mask, or several \(none\)"),
        ({"a": MASK}, "b", "has no dataset 'b'; it holds /a"),
        ({"a": np.stack([MASK, MASK])}, "a", "uint32 of 2 x 3 x 4; a mask is"),
        ({"a": MASK * 1.5}, "a", "float64 of 3 x 4; a mask is"),
    ],
)
def test_what_is_no_mask_is_refused(written, datasets, key, fault):
    with pytest.raises(InputFileError, match=rf"a\.h5.*{fault}"):
        read_hdf5_mask(written(**datasets), key)


@pytest.mark.parametrize(
    ("datasets", "key", "part", "fault"),
    [
        ({"a": PIXELS}, None, (0, 0), "no images where NXmx has them"),
        ({"a": PIXELS}, "b", (0, 0), "has no dataset 'b'"),
        ({"data": PIXELS[None]}, None, (1, 0), "/data has frames 0 to 0"),
        ({"data": PIXELS}, None, (0, 1), "/data has panels 0 to 0"),
        ({"data": np.float32(3)}, None, (0, 0), "float32 of no axes; an image is"),
        ({"data": PIXELS * 1j}, None, (0, 0), "complex128 of 3 x 4; an image is"),
        ({"entry/data/data": "/nowhere"}, None, (0, 0), "no images where NXmx has them"),
    ],
)
def test_what_is_no_image_is_refused(written, datasets, key, part, fault):
    with pytest.raises(InputFileError, match=rf"a\.h5.*{fault}"):
        read_hdf5_image(written(**datasets), key, *part)


def test_a_link_to_a_file_that_is_missing_is_answered_so(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink("missing.h5", "/entry/data/data")
    with pytest.raises(InputFileError, match=r"a\.h5"):
        read_hdf5_image(tmp_path / "a.h5", None, 0, 0)


def test_a_dataset_larger_than_any_detector_is_refused_before_memory_is_taken(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", shape=(200_000, 300_000), dtype="u4", chunks=(512, 512))
        file.create_dataset("pixel_mask", shape=(200_000, 300_000), dtype="u4", chunks=(512, 512))
    with pytest.raises(InputFileError, match="more pixels than any detector has"):
        read_hdf5_image(tmp_path / "a.h5", None, 0, 0)
    with pytest.raises(InputFileError, match="more pixels than any detector has"):
        read_hdf5_mask(tmp_path / "a.h5", None)


def test_a_file_cut_short_is_refused(written, tmp_path):
    path = written(data=PIXELS, pixel_mask=MASK)
    with open(path, "rb") as file:
        content = file.read()
    for cut in range(0, len(content) - 1, 97):
        (tmp_path / "a.h5").write_bytes(content[:cut])
        with pytest.raises(InputFileError, match=r"a\.h5"):
            read_hdf5_mask(path, None)
