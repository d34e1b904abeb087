"""Files of a run: read without a wait, written into folders that come back with no run."""

import errno
import os
import shutil
import signal
import socket

import numpy as np
import pytest
import zarr

from tiled_sim.store.files import (
    NoFileError,
    is_shortage,
    make_folders,
    open_file,
    read_file,
)
from tiled_sim.store.run_files import RunFiles


@pytest.fixture(autouse=True)
def _no_hang():
    """What waits is interrupted."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def test_a_file_is_read_as_it_is(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert read_file(tmp_path / "file") == b"content"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.mkdir(), "it is a folder and no file"),
        (os.mkfifo, "it is a pipe and no file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device and no file"),
    ],
    ids=["folder", "pipe", "device"],
)
def test_what_is_no_file_is_refused_at_once(tmp_path, make, told):
    make(tmp_path / "thing")
    with pytest.raises(NoFileError, match=told) as caught:
        open_file(tmp_path / "thing")
    assert str(tmp_path / "thing") in str(caught.value)


def test_a_socket_is_refused_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its name may not be long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("thing")
        with pytest.raises(OSError, match="thing"):
            open_file(tmp_path / "thing")


def test_what_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "nothing")


def test_folders_are_made_inside_a_run(tmp_path):
    make_folders(tmp_path, tmp_path / "a/b/c")
    make_folders(tmp_path, tmp_path / "a/b/c")
    make_folders(tmp_path, tmp_path)
    assert (tmp_path / "a/b/c").is_dir()


@pytest.mark.parametrize("folder", ["run", "run/a", "run/a/b/c", "other/a"])
def test_no_folder_is_made_of_a_run_that_is_not_there(tmp_path, folder):
    with pytest.raises(FileNotFoundError):
        make_folders(tmp_path / "run", tmp_path / folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EMFILE, "many"), True),
        (OSError(errno.ENFILE, "many"), True),
        (OSError(errno.ENOENT, "none"), False),
        (ValueError("damaged"), False),
    ],
)
def test_a_shortage_is_no_damage(error, expected):
    assert is_shortage(error) is expected


# As a store of zarr


@pytest.fixture
def array(tmp_path):
    """An array in a store of ours."""
    (tmp_path / "run").mkdir()
    root = zarr.open_group(RunFiles(tmp_path / "run"), mode="w-", zarr_format=3)
    made = root.create_array(
        "array", shape=(64, 48), dtype="float32", shards=(32, 32), chunks=(16, 16), fill_value=0
    )
    made[...] = np.arange(64 * 48, dtype=np.float32).reshape(64, 48)
    return made


def test_zarr_reads_what_it_wrote_whole_and_in_part(array, tmp_path):
    here = zarr.open_group(RunFiles(tmp_path / "run", read_only=True), mode="r")["array"]
    there = zarr.open_group(tmp_path / "run", mode="r")["array"]
    for part in (np.s_[...], np.s_[3, 5], np.s_[30:40, 10:20], np.s_[:, 47]):
        np.testing.assert_array_equal(here[part], there[part])
        np.testing.assert_array_equal(here[part], array[part])


def test_nothing_is_left_of_a_write_that_fails(array, tmp_path):
    folder = tmp_path / "run/array/c/0"
    (folder / "0").unlink()
    (folder / "0").mkdir()
    with pytest.raises(OSError, match="0"):
        array[:32, :32] = np.ones((32, 32), np.float32)
    assert sorted(file.name for file in folder.iterdir()) == ["0", "1"]


def test_a_store_that_may_only_be_read_is_not_written(array, tmp_path):
    here = zarr.open_group(RunFiles(tmp_path / "run", read_only=True), mode="r")["array"]
    with pytest.raises(ValueError, match="read-only"):
        here[0, 0] = 1


def test_a_pipe_in_place_of_a_shard_is_an_error_and_no_wait(array, tmp_path):
    shard = tmp_path / "run/array/c/0/0"
    shard.unlink()
    os.mkfifo(shard)
    with pytest.raises(NoFileError, match="it is a pipe"):
        array[:, :]


def test_a_shard_that_is_a_folder_is_an_error_and_no_hole(array, tmp_path):
    shard = tmp_path / "run/array/c/0/0"
    shard.unlink()
    shard.mkdir()
    with pytest.raises(NoFileError, match="it is a folder"):
        array[:, :]


def test_a_store_that_is_gone_does_not_come_back(array, tmp_path):
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(FileNotFoundError):
        array[:32, :32] = np.ones((32, 32), np.float32)
    with pytest.raises(FileNotFoundError):
        zarr.open_group(RunFiles(tmp_path / "run"), mode="r+")
    assert not (tmp_path / "run").exists()
