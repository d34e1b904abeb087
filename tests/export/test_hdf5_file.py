"""New files of HDF5, whole or not at all."""

import h5py
import numpy as np
import pytest

from support.limits import no_file_larger_than
from tiled_sim.export.hdf5_file import Storage, new_hdf5


def write(path):
    with new_hdf5(path) as (file, _):
        for number in range(40):
            file[f"numbers/{number}"] = np.arange(1000)


def test_what_is_written_is_there(tmp_path):
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["numbers/39"], np.arange(1000))


@pytest.mark.parametrize("size", [0, 100, 3000, 100_000, 325_000])
def test_where_there_is_no_room_that_is_told_and_the_process_lives(tmp_path, size):
    """HDF5 by itself crashes."""
    with no_file_larger_than(size), pytest.raises(OSError, match="File too large"):
        write(tmp_path / "a.h5")


def test_whether_all_was_written_can_be_asked_before_the_end(tmp_path):
    with Storage(tmp_path / "a.h5") as storage, no_file_larger_than(1000):
        storage.write(bytes(1000))
        storage.require_written()
        assert storage.write(bytes(1000)) == 1000
        with pytest.raises(OSError, match="File too large"):
            storage.require_written()
