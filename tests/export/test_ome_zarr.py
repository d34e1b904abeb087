"""OME-Zarr of the assembled detector, as readers of others find it."""

import itertools

import dask.array
import numpy as np
import ome_zarr_models
import pytest
import xarray
import zarr

from support.panels import centre_of, panels_run
from support.small_camera import exported
from tiled_sim.store import pyramid


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return panels_run(tmp_path_factory.mktemp("panels") / "run.zarr")


@pytest.fixture(scope="module")
def image(run, tmp_path_factory):
    """An export with smaller levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid, "LONGEST_SIDE", 64)
        return exported(run, tmp_path_factory.mktemp("ome") / "a.zarr", "ome-zarr")


def test_the_validator_accepts_it_and_finds_window_and_channel(image):
    found = ome_zarr_models.open_ome_zarr(zarr.open_group(image, mode="r"), version="0.5")
    assert isinstance(found, ome_zarr_models.v05.Image)
    attributes = found.ome_attributes
    assert [axis.name for axis in attributes.multiscales[0].axes] == ["t", "c", "y", "x"]
    (channel,) = attributes.omero["channels"]
    assert channel["label"] == "counts [ADU]"
    window = channel["window"]
    assert 0.0 == window["start"] < window["end"] <= window["max"]


def test_the_finest_level_is_the_assembled_detector(run, image):
    finest = zarr.open_array(image / "0/image", mode="r")
    assert finest.metadata.dimension_names == ("t", "c", "y", "x")
    np.testing.assert_array_equal(finest[:, 0], run.assembled(counts=True).values)


def test_each_level_is_the_mean_of_the_one_before(image):
    group = zarr.open_group(image, mode="r")
    levels = [group[f"{level}/image"][:] for level in range(3)]
    assert max(levels[-1].shape) <= 64
    for fine, coarse in itertools.pairwise(levels):
        np.testing.assert_array_equal(coarse, pyramid.halve(fine))


def test_a_pixel_stands_where_the_transformations_say(run, image):
    ome = zarr.open_group(image, mode="r").attrs["ome"]
    scale, shift = (
        part[kind]
        for part, kind in zip(
            ome["multiscales"][0]["datasets"][0]["coordinateTransformations"],
            ("scale", "translation"),
            strict=True,
        )
    )
    x, y, _ = centre_of(run, 0, 20, 20)
    row, column = ((-y - shift[2]) / scale[2], (-x - shift[3]) / scale[3])
    pixels = zarr.open_array(image / "0/image", mode="r")
    assert pixels[1, 0, round(row), round(column)] == run.counts[1, 0, 20, 20]


def test_xarray_and_dask_read_what_zarr_reads(image):
    due = zarr.open_array(image / "0/image", mode="r")[:]
    level = xarray.open_zarr(image / "0")
    assert level.image.dims == ("t", "c", "y", "x")
    np.testing.assert_array_equal(level.image.values, due)
    assert level.y.attrs["units"] == level.x.attrs["units"] == "mm"
    assert len(xarray.open_datatree(image, engine="zarr").children) == 3
    np.testing.assert_array_equal(dask.array.from_zarr(image / "0/image").compute(), due)


def test_some_panels_are_assembled_alone(run, tmp_path):
    path = exported(run, tmp_path / "a.zarr", "ome-zarr", panels=[4], frames=(1, 2), counts=False)
    found = zarr.open_array(path / "0/image", mode="r")
    (small,) = [panel for panel in run.experiment.detector.panels if panel.name == "small"]
    # turned by 90°, its pixels of 0.15 x 0.3 mm in cells of 0.15 mm
    assert found.shape == (1, 1, 2 * small.pixels[1], small.pixels[0])
    own = run.image[1, 4, :64, :32].values
    assert found[:].sum(dtype=float) == pytest.approx(2 * own.sum(dtype=float), rel=1e-6)


def test_an_export_is_not_taken_for_a_run(image):
    from tiled_sim.errors import StoreError
    from tiled_sim.run.run import Run

    with pytest.raises(StoreError):
        Run(image)
