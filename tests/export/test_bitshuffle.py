"""Compressing chunks in pieces: the bytes are those of HDF5's own filter."""

import os
import subprocess
import sys

import h5py
import hdf5plugin
import numpy as np
import pytest

from tiled_sim.export.bitshuffle import Compressor


def stored(path, chunk):
    """The bytes that HDF5 makes of a chunk."""
    with h5py.File(path, "w") as file:
        made = file.create_dataset(
            "d", data=chunk, chunks=chunk.shape, **hdf5plugin.Bitshuffle(cname="lz4")
        )
        return made.id.read_direct_chunk((0,) * chunk.ndim)[1]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (64, 64), (131, 2048), (700, 901)])
def test_pieces_make_the_chunk_that_the_filter_makes(tmp_path, dtype, shape):
    chunk = np.random.default_rng(1).poisson(2, shape).astype(dtype)
    compressor = Compressor()
    blocks = [compressor.blocks_of(piece) for piece in compressor.pieces(chunk)]
    assert compressor.joined(chunk.nbytes, blocks) == stored(tmp_path / "x.h5", chunk)


def test_a_chunk_of_megabytes_is_several_pieces():
    assert len(list(Compressor().pieces(np.zeros((1024, 1024), np.int32)))) == 4


def test_it_works_where_hdf5_is_told_to_look_for_the_same_plugins(tmp_path):
    # HDF5 then loads the filter before hdf5plugin prepares it, and no dataset can be made with it
    code = (
        "import h5py, hdf5plugin\n"
        "from tiled_sim.export.bitshuffle import Compressor\n"
        "Compressor()\n"
        f"with h5py.File({str(tmp_path / 'x.h5')!r}, 'w') as file:\n"
        "    file.create_dataset('d', (64, 64), chunks=(64, 64), **hdf5plugin.Bitshuffle())\n"
    )
    environment = {**os.environ, "HDF5_PLUGIN_PATH": hdf5plugin.PLUGIN_PATH}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
