"""The smaller copies of an image in its store."""

import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from support.stores import SHAPE, create, fill
from tiled_sim.store import pyramid
from tiled_sim.store.run_store import RunStore


@pytest.mark.parametrize("shape", [(64, 96), (50, 70), (33, 1), (17, 49)])
@pytest.mark.parametrize("tile", [(1, 1, 16, 32), (2, 2, 32, 16), (1, 3, 64, 96)])
def test_levels_are_means_of_2_by_2_pixels(tmp_path, monkeypatch, shape, tile):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 16)
    image = np.random.default_rng(3).random((3, 3, *shape), dtype=np.float32)
    store = create(tmp_path / "run.zarr", image.shape, tile)
    fill(store, image)
    store.finish()
    level = 0
    while max(image.shape[2:]) > 16:
        image, level = halved(image), level + 1
        read = zarr.open_array(store.path / str(level) / "image", mode="r")
        np.testing.assert_allclose(read[...], image, rtol=1e-7)
    assert level > 0
    assert not (store.path / str(level + 1)).exists()


def test_levels_go_on_until_512_pixels():
    assert pyramid.smaller_shapes(512, 512) == []
    assert pyramid.smaller_shapes(2527, 2463) == [(1264, 1232), (632, 616), (316, 308)]


def test_nan_does_not_count_in_a_mean():
    nan = np.nan
    image = np.array([[nan, 1, nan, nan], [2, 3, nan, nan]], dtype=np.float32)
    np.testing.assert_array_equal(pyramid.halve(image), np.array([[2, nan]], np.float32))


@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 80), st.integers(1, 80)),
    seed=st.integers(0, 5),
)
def test_halving_is_the_mean_of_numpy_where_it_is_defined(shape, seed):
    image = np.random.default_rng(seed).random(shape, dtype=np.float32)
    image[image < 0.3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy's, of blocks that are all NaN
        expected = halved(image)
    np.testing.assert_allclose(pyramid.halve(image), expected, rtol=1e-7)


def test_an_unfinished_run_can_be_finished_again(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    store = create(tmp_path / "run.zarr")
    store.finish()
    fill(store, np.ones(SHAPE, dtype=np.float32))
    store.finish()
    assert (zarr.open_array(store.path / "2/image", mode="r")[...] == 1).all()


def test_threads_make_the_same_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    image = np.random.default_rng(4).random(SHAPE, dtype=np.float32)
    store = create(tmp_path / "run.zarr")
    fill(store, image)
    with ThreadPoolExecutor(2) as threads:
        store.finish(threads.map)
    read = zarr.open_array(store.path / "1/image", mode="r")[...]
    np.testing.assert_allclose(read, halved(image), rtol=1e-7)


@pytest.mark.parametrize(
    ("small", "large", "tile"),
    [
        ((1, 1, 256, 256), (1, 1, 1024, 1024), (1, 1, 128, 128)),
        ((4, 4, 128, 96), (16, 16, 128, 96), (4, 4, 128, 96)),
    ],
    ids=["one panel", "many panels and frames"],
)
def test_memory_does_not_grow_with_the_detector(tmp_path, monkeypatch, small, large, tile):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 64)
    peaks = [
        peak_memory(create(tmp_path / str(number), shape, tile).finish)
        for number, shape in enumerate((small, large))
    ]
    assert peaks[1] < peaks[0] + 1024 * 1024  # the large image itself is several times that


def test_each_level_has_its_own_coordinates(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    store = create(tmp_path / "run.zarr")
    store.finish()
    level = xarray.open_zarr(store.path / "2")
    np.testing.assert_allclose(level.slow, 0.2 + 0.4 * np.arange(13), rtol=1e-12)
    np.testing.assert_allclose(level.fast, 0.2 + 0.4 * np.arange(18), rtol=1e-12)


def test_ome_transformations_say_the_same_as_the_coordinates(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 32)
    store = create(tmp_path / "run.zarr")
    store.finish()
    datasets = zarr.open_group(store.path, mode="r").attrs["ome"]["multiscales"][0]["datasets"]
    assert [dataset["path"] for dataset in datasets] == ["0/image", "1/image", "2/image"]
    for number, dataset in enumerate(datasets):
        scale, translation = dataset["coordinateTransformations"]
        level = xarray.open_zarr(store.path / str(number))
        for axis, name in enumerate(("frame", "panel", "slow", "fast")):
            places = np.arange(level.sizes[name]) * scale["scale"][axis]
            np.testing.assert_allclose(
                places + translation["translation"][axis], level[name], rtol=1e-12
            )


def written(path, image, tile, monkeypatch):
    """A finished run of an image, of whose tiles the first levels have files of their own."""
    monkeypatch.setattr(pyramid, "LONGEST_SIDE", 16)
    monkeypatch.setattr(pyramid, "WORTH_A_FILE", 16 * 16)
    store = create(path, image.shape, tile)
    fill(store, image)
    return store


def pixels_of(store):
    """Of each level from 1, by its number."""
    levels = sorted(int(name) for name in store.objects.names() if name.isdigit() and name != "0")
    return {
        level: zarr.open_array(store.path / str(level) / "image", mode="r")[...] for level in levels
    }


@pytest.mark.parametrize("shape", [(2, 3, 256, 192), (1, 1, 201, 333)])
def test_levels_are_the_same_whatever_the_tiles(tmp_path, monkeypatch, shape):
    image = np.random.default_rng(5).random(shape, dtype=np.float32)
    image[image < 0.1] = np.nan
    found = []
    for tile in [(1, 1, 128, 64), (2, 2, 64, 128), (1, 1, 48, 80), shape]:
        store = written(
            tmp_path / f"{tile}.zarr", image, (*tile[:2], *map(whole, tile[2:])), monkeypatch
        )
        store.finish()
        found.append(pixels_of(store))
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for level, pixels in other.items():
            np.testing.assert_array_equal(pixels, found[0][level])


def whole(side):
    return -(-side // 64) * 64 if side > 80 else side


def test_a_tile_is_written_with_its_own_levels(tmp_path, monkeypatch):
    image = np.random.default_rng(6).random((1, 1, 256, 256), dtype=np.float32)
    store = written(tmp_path / "run.zarr", image, (1, 1, 128, 128), monkeypatch)
    assert len(store.objects.keys("1")) == len(store.objects.keys("2")) == 4
    assert store.objects.names() == [
        "0",
        "1",
        "2",
        "3",
        "frames",
        "inputs",
        "panels",
        "tiles",
        "zarr.json",
    ]
    before = {key: store.objects.get(key) for key in store.objects.keys("1")}
    store.finish()
    assert {key: store.objects.get(key) for key in before} == before


@pytest.mark.parametrize("harm", ["lost", "cut", "empty", "spoilt"])
def test_a_level_of_a_tile_that_is_not_whole_is_made_again(tmp_path, monkeypatch, harm):
    image = np.random.default_rng(7).random((1, 1, 256, 256), dtype=np.float32)
    store = written(tmp_path / "run.zarr", image, (1, 1, 128, 128), monkeypatch)
    file = store.path / "1/image/c/0/0/1/0"
    content = file.read_bytes()
    if harm == "lost":
        file.unlink()
    elif harm == "spoilt":
        file.write_bytes(bytes(64) + content[64:])
        (store.path / "2/image/c/0/0/1/0").unlink()
    else:
        file.write_bytes(content[:-40] if harm == "cut" else b"")
    store.finish()
    assert file.read_bytes() == content


def test_levels_of_a_run_made_before_are_made_anew(tmp_path, monkeypatch):
    image = np.random.default_rng(8).random((1, 1, 256, 256), dtype=np.float32)
    store = written(tmp_path / "run.zarr", image, (1, 1, 128, 128), monkeypatch)
    store.finish()
    due = {key: store.objects.get(key) for level in "1234" for key in store.objects.keys(level)}
    monkeypatch.setattr(pyramid, "WORTH_A_FILE", np.inf)
    RunStore.open(store.path, mode="r+").finish()
    assert zarr.open_array(store.path / "1/image", mode="r").shards == (1, 1, 128, 128)
    monkeypatch.setattr(pyramid, "WORTH_A_FILE", 16 * 16)
    RunStore.open(store.path, mode="r+").finish()
    assert {key: store.objects.get(key) for key in due} == due


@pytest.mark.parametrize("bad", [np.nan, 100.0])
def test_centres_that_are_not_equally_spaced_are_refused(bad):
    centres = (np.arange(50) + 0.5) * 0.1
    centres[3] = bad
    with pytest.raises(ValueError, match="equally spaced"):
        pyramid.PixelAxis.through(centres)


def peak_memory(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def halved(image):
    """The definition: numpy's mean of 2 × 2 pixels, an odd edge padded with NaN."""
    image = np.pad(
        image.astype(np.float64),
        [(0, 0), (0, 0), (0, image.shape[2] % 2), (0, image.shape[3] % 2)],
        constant_values=np.nan,
    )
    frames, panels, slow, fast = image.shape
    blocks = image.reshape(frames, panels, slow // 2, 2, fast // 2, 2)
    return np.nanmean(blocks, axis=(3, 5)).astype(np.float32)
