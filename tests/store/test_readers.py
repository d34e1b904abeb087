"""Readers of others find in a run what its documentation says, at any time of its life."""

import copy
import json
import re
import warnings

import dask.array as da
import numpy as np
import ome_zarr_models
import pytest
import xarray
import zarr

from support.stores import (
    AMORPHOUS,
    DOCUMENTATION,
    SHAPE,
    counts_of,
    create,
    fill,
    pixels,
    sidecar_of,
    structure_factors,
)
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.store import pyramid
from tiled_sim.store.run_store import NOT_COUNTED
from tiled_sim.store.sidecar import image_digest

INPUTS = Inputs(Mask.live(SHAPE[1:]), structure_factors(), AMORPHOUS)


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=["new", "underway", "finished"])
def visited(request, tmp_path, monkeypatch):
    """A run as readers of others find it at some time of its life."""
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    store = create(tmp_path / "run.zarr", noise=True, inputs=INPUTS)
    if request.param != "new":
        tile = store.grid[0]
        store.write_tile(tile, pixels(tile))
        store.write_counts(tile, counts_of(tile))
        store.write_sidecar(sidecar_of("f00000/p000/r0000c0000"))
    if request.param == "finished":
        store.finish()
    return store.path


@pytest.mark.usefixtures("no_warnings")
class TestAtAnyTime:
    def test_xarray_opens_a_level(self, visited):
        level = xarray.open_zarr(visited / "0")
        assert dict(level.sizes) == {"frame": 1, "panel": 2, "slow": 50, "fast": 70}
        assert set(level.coords) == {"frame", "panel", "slow", "fast"}
        assert (level.image.dtype, level.mask.dtype) == (np.float32, np.uint8)
        assert level.mask.dims == ("panel", "slow", "fast")
        assert level.slow.attrs["units"] == level.fast.attrs["units"] == "mm"
        assert level.attrs["wavelength_A"] == 1.0

    def test_the_root_says_where_the_arrays_are_that_xarray_does_not_find_there(self, visited):
        root = xarray.open_zarr(visited)
        assert not root.data_vars
        for name, place in root.attrs["arrays"].items():
            group, array = place.split("/")
            assert array == name
            assert name in xarray.open_zarr(visited / group)
        assert set(root.attrs["arrays"]) == {"image", "counts", "mask"}

    def test_xarray_opens_the_whole_run_as_a_tree(self, visited):
        tree = xarray.open_datatree(visited, engine="zarr")
        levels = set(tree.children) - {"panels", "frames", "inputs"}
        assert levels in ({"0"}, {"0", "1", "2"})
        assert tree["inputs/structure_factors/amplitude"].dims == ("h", "k", "l")
        assert tree["inputs/structure_factors/given"].dtype == bool
        assert tree["inputs/background/F"].dims == ("stol",)
        assert tree["panels/origin"].dims == ("panel", "xyz")
        assert tree["frames/orientation"].shape == (1, 3, 3)

    def test_xarray_opens_each_group_by_itself(self, visited):
        for name in ("panels", "frames", "inputs/structure_factors", "inputs/spectrum"):
            assert xarray.open_zarr(visited / name).variables

    def test_dask_reads_the_image_in_blocks_of_inner_chunks_and_of_whole_shards(self, visited):
        image = zarr.open_array(visited / "0/image", mode="r")
        small, large = da.from_zarr(visited / "0/image"), da.from_array(image)
        assert small.chunksize == image.chunks
        assert all(
            block % side == 0 or block == size
            for block, side, size in zip(large.chunksize, image.shards, image.shape, strict=True)
        )
        np.testing.assert_array_equal(small.compute(), image[:])
        np.testing.assert_array_equal(large.compute(), image[:])

    def test_xarray_copies_a_level_to_the_last_bit_by_whole_shards(self, visited, tmp_path):
        level = xarray.open_zarr(visited / "0")
        shards = dict(zip(level.image.dims, level.image.encoding["shards"], strict=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of consolidated metadata, which xarray writes
            level.chunk(shards).to_zarr(tmp_path / "copy.zarr")
        ours, copy = (
            zarr.open_group(path, mode="r") for path in (visited / "0", tmp_path / "copy.zarr")
        )
        for name in ("image", "counts", "mask"):
            np.testing.assert_array_equal(copy[name][:], ours[name][:])
            assert copy[name].dtype == ours[name].dtype
            assert copy[name].attrs["units"] == ours[name].attrs["units"]

    def test_the_ome_validator_accepts_the_run(self, visited):
        image = ome_zarr_models.open_ome_zarr(zarr.open_group(visited, mode="r"), version="0.5")
        assert isinstance(image, ome_zarr_models.v05.Image)

    def test_plain_zarr_reads_units_dimensions_and_fill_values(self, visited):
        root = zarr.open_group(visited, mode="r")
        arrays = {name: node for name, node in root.members(None) if isinstance(node, zarr.Array)}
        assert {"0/image", "0/mask", "0/slow", "inputs/structure_factors/given"} <= set(arrays)
        for array in arrays.values():
            assert {"units", "long_name"} <= set(array.attrs)
            assert len(array.metadata.dimension_names) == array.ndim
        assert arrays["0/image"].attrs["units"] == "photon"
        assert np.isnan(arrays["0/image"].fill_value)
        assert arrays["0/counts"].attrs["units"] == "ADU"
        assert arrays["0/counts"].fill_value == NOT_COUNTED

    def test_consolidated_metadata_names_arrays_and_no_sidecars(self, visited):
        document = json.loads((visited / "zarr.json").read_text())
        names = document["consolidated_metadata"]["metadata"]
        assert {"0/image", "inputs/structure_factors/h", "panels/origin"} <= set(names)
        assert not any(name.startswith("traces") for name in names)

    def test_every_metadata_file_is_strict_json(self, visited):
        for file in visited.rglob("*.json"):
            json.loads(file.read_text(), parse_constant=pytest.fail)


def test_xarray_has_no_number_where_nothing_was_counted(tmp_path):
    store = create(tmp_path / "run.zarr", noise=True)
    tile = store.grid[0]
    store.write_counts(tile, counts_of(tile))
    counts = xarray.open_zarr(store.path / "0").counts
    assert float(counts.mean()) == counts_of(tile).mean()
    assert int(counts.notnull().sum()) == counts_of(tile).size


def test_plain_zarr_has_the_counts_to_the_last_bit(tmp_path):
    store = create(tmp_path / "run.zarr", noise=True)
    tile = store.grid[0]
    largest = np.full(tile.shape, 2**31 - 1, np.int32)
    store.write_counts(tile, largest)
    counts = zarr.open_array(store.path / "0/counts", mode="r")
    np.testing.assert_array_equal(counts[tile.region], largest)


def test_the_documented_reader_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store = create("run.zarr", inputs=INPUTS)
    tile = store.grid[2]
    store.write_tile(tile, pixels(tile))
    document = copy.deepcopy(sidecar_of("f00000/p000/r0001c0000"))
    document["image"]["sha256"] = image_digest(pixels(tile))
    store.write_sidecar(document)
    exec(re.search(r"```python\n(.*?)```", DOCUMENTATION, re.S)[1], {})
    printed = capsys.readouterr().out
    assert "wavelength [Å]: 1.0" in printed
    assert "f00000/p000/r0001c0000 intact: True" in printed


def test_a_frame_of_many_panels_is_few_files(tmp_path):
    """16 Mpx in 256 panels, for two workers: as files, not as many as panels."""
    shape, tile = (1, 256, 256, 256), (1, 32, 256, 256)
    store = create(tmp_path / "run.zarr", shape, tile, inputs=Inputs(Mask.live(shape[1:])))
    fill(store, np.zeros(shape, np.float32))
    for part in store.grid:
        store.write_sidecar(sidecar_of(store.grid.id_of(part)))
    store.finish()
    files = [file for file in store.path.rglob("*") if file.is_file()]
    assert len([file for file in files if "image/c" in file.as_posix()]) == 8
    assert len(files) <= 64
