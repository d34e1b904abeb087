"""Images in numpy's npy files."""

from pathlib import Path

import numpy as np
import pytest

from tiled_sim.errors import InputFileError, UsageError
from tiled_sim.io.image_file import read_image_file

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)


@pytest.fixture
def written(tmp_path):
    """Save an array; the name of the file."""

    def write(array, name="image.npy"):
        np.save(tmp_path / name, array)
        return str(tmp_path / name)

    return write


def test_a_frame_and_a_panel_of_a_stack_are_read(written):
    found = read_image_file(written(STACK), None, None, frame=1, panel=2)
    assert found.format == "npy"
    assert found.key is None
    assert np.array_equal(found.pixels, STACK[1, 2])
    assert found.live.all()


def test_an_image_alone_is_read(written):
    found = read_image_file(written(STACK[0, 0].astype(np.uint16)), None, None)
    assert np.array_equal(found.pixels, STACK[0, 0])
    assert found.whole


def test_it_is_known_by_its_content(written, tmp_path):
    written(STACK)
    (tmp_path / "image.npy").rename(tmp_path / "image.dat")
    assert read_image_file(str(tmp_path / "image.dat"), None, None).format == "npy"


@pytest.mark.parametrize(("which", "number"), [("frame", 2), ("panel", 3), ("frame", -1)])
def test_another_frame_or_panel_is_refused(written, which, number):
    with pytest.raises(UsageError, match=rf"{which}.{number}: .* has {which}s 0 to"):
        read_image_file(written(STACK), None, None, **{which: number})


@pytest.mark.parametrize(
    "array",
    [
        STACK[0],
        STACK[0, 0, 0],
        np.float64(1.0),
        STACK[0, 0].astype(complex),
        np.array([["text"]]),
        STACK[:, :, :0],
        np.zeros((2, 2), dtype="f4,f4"),
    ],
    ids=["three axes", "one", "none", "complex", "text", "empty", "records"],
)
def test_what_is_no_image_is_refused(written, array):
    with pytest.raises(InputFileError, match="images are real numbers"):
        read_image_file(written(array), None, None)


def test_objects_are_refused_and_not_unpickled(tmp_path):
    np.save(tmp_path / "o.npy", np.array([[{"a": 1}]]), allow_pickle=True)
    with pytest.raises(InputFileError, match="not an npy file of plain numbers"):
        read_image_file(str(tmp_path / "o.npy"), None, None)


@pytest.mark.parametrize("length", [6, 9, 60, 130, 200])
def test_a_file_that_is_cut_short_is_refused(written, tmp_path, length):
    whole = Path(written(STACK)).read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:length])
    with pytest.raises(InputFileError, match="not an npy file of plain numbers, or not all of it"):
        read_image_file(str(tmp_path / "cut.npy"), None, None)


@pytest.mark.parametrize("header", [b"{", b"[" * 5000, b"{'descr': '<f4', 'shape': (1" + b"0" * 30])
def test_a_header_of_nonsense_is_refused(tmp_path, header):
    text = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (tmp_path / "bad.npy").write_bytes(text + b"\0" * 100)
    with pytest.raises(InputFileError, match="not an npy file"):
        read_image_file(str(tmp_path / "bad.npy"), None, None)
