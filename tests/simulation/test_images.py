"""Images as labelled arrays, simulated in this process; and what the package offers by name."""

import dataclasses
import importlib
import subprocess
import sys

import numpy as np
import pytest
import torch
import xarray as xr

import tiled_sim as ts
from tiled_sim.errors import InputFileError, TiledSimError, UsageError
from tiled_sim.model.coordinates import pixel_centres
from tiled_sim.model.detector import Region


@pytest.fixture(scope="module")
def oblong(still):
    """More pixels along slow than along fast."""
    return still("-detpixels_s", 80, "-detpixels_f", 48, "-pixel", 0.2)


@pytest.fixture(scope="module")
def image(oblong):
    return ts.simulate(oblong)


# The array


def test_an_image_is_a_labelled_array_of_float32(image):
    assert isinstance(image, xr.DataArray)
    assert image.dtype == np.float32
    assert image.dims == ("frame", "panel", "slow", "fast")
    assert image.shape == (1, 1, 80, 48)


def test_an_image_counts_photons(image):
    assert image.name == "image"
    assert image.attrs["units"] == "photon"


def test_the_coordinates_are_the_centres_of_the_pixels_in_millimetres(image):
    np.testing.assert_allclose(image.slow, 0.1 + 0.2 * np.arange(80), rtol=1e-12)
    np.testing.assert_allclose(image.fast, 0.1 + 0.2 * np.arange(48), rtol=1e-12)
    assert image.slow.attrs == image.fast.attrs == {"units": "mm"}


def test_frames_and_panels_are_counted_from_zero(image):
    assert image.frame.values.tolist() == image.panel.values.tolist() == [0]


def test_pixel_centres_are_slow_before_fast(oblong):
    slow, fast, _ = pixel_centres(oblong.detector)
    assert (slow.shape, fast.shape) == ((80,), (48,))


def differing(experiment):
    """An experiment with a second panel, smaller one way and of longer pixels."""
    (panel,) = experiment.detector.panels
    x, y, z = panel.origin
    other = dataclasses.replace(
        panel, origin=(x, y + 0.01, z), pixels=(64, 40), pixel_size=(2e-4, 5e-4)
    )
    return with_panels(experiment, panel, other)


def with_panels(experiment, *panels):
    detector = dataclasses.replace(experiment.detector, panels=panels)
    return dataclasses.replace(experiment, detector=detector)


def test_panels_that_differ_are_each_as_if_alone(oblong):
    both = differing(oblong)
    image = ts.simulate(both, kernel="reference").values
    for number, panel in enumerate(both.detector.panels):
        alone = ts.simulate(with_panels(oblong, panel), kernel="reference").values
        slow, fast = panel.pixels
        assert image[0, number, :slow, :fast].tobytes() == alone[0, 0].tobytes()


def test_beyond_the_end_of_a_smaller_panel_there_is_nothing(oblong):
    image = ts.simulate(differing(oblong), kernel="reference").values
    assert image.shape == (1, 2, 80, 48)
    assert not image[0, 1, 64:].any()
    assert not image[0, 1, :, 40:].any()


def test_coordinates_of_panels_that_differ_count_pixels(oblong):
    slow, fast, unit = pixel_centres(differing(oblong).detector)
    assert unit == "pixel"
    assert slow.tolist() == (np.arange(80) + 0.5).tolist()
    assert fast.tolist() == (np.arange(48) + 0.5).tolist()


def test_the_image_is_that_of_the_tiles_to_the_byte(oblong, image, simulate):
    assert image.values.tobytes() == simulate(oblong, tile=(16, 32)).image.tobytes()


def test_an_image_of_several_tiles_has_every_pixel(still):
    experiment = still("-detpixels_s", 544, "-detpixels_f", 16, "-pixel", 0.05)
    assert np.isfinite(ts.simulate(experiment).values).all()


def test_each_panel_is_computed_where_its_own_region_is(oblong):
    (panel,) = oblong.detector.panels
    upper = dataclasses.replace(panel, region=Region(0, 30, 0, 48))
    lower = dataclasses.replace(panel, region=Region(30, 80, 0, 48))
    experiment = dataclasses.replace(
        oblong, detector=dataclasses.replace(oblong.detector, panels=(upper, lower))
    )
    first, second = ts.simulate(experiment).values[0]
    whole = ts.simulate(oblong).values[0, 0]
    assert whole.all()
    np.testing.assert_array_equal(first, np.where(np.arange(80)[:, None] < 30, whole, 0))
    np.testing.assert_array_equal(second, np.where(np.arange(80)[:, None] < 30, 0, whole))


def test_nothing_but_the_pixels_is_kept_unasked(image):
    assert "traces" not in image.attrs


def test_the_scaling_chain_of_every_pixel_asked_for_is_kept(oblong):
    pixels = ((3, 40), (79, 0))
    image = ts.simulate(oblong, trace_pixels=pixels)
    traces = image.attrs["traces"]
    assert sorted(tuple(trace["pixel"]) for trace in traces) == sorted(pixels)
    for trace in traces:
        value = image.values[(0, 0, *trace["pixel"])]
        assert trace["values"]["floatimage_accumulated"] == value


def test_torch_has_as_many_threads_as_before(oblong):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        ts.simulate(oblong)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# What is refused


@pytest.mark.parametrize("precision", ["float16", "float32", "FLOAT64", ""])
def test_another_precision_is_refused(oblong, precision):
    with pytest.raises(UsageError, match=f"precision={precision!r} must be one of float64, "):
        ts.simulate(oblong, precision=precision)


def test_another_kernel_is_refused(oblong):
    with pytest.raises(UsageError, match=r"kernel='fast' must be one of auto, reference, "):
        ts.simulate(oblong, kernel="fast")


@pytest.mark.parametrize("device", ["tpu", "cpu:x", "", "meta"])
def test_another_device_is_refused_and_told_what_there_is(oblong, device):
    with pytest.raises(UsageError, match=r"device=.* must be auto, cpu, cuda or cuda:N"):
        ts.simulate(oblong, device=device)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"device": None}, "device None must be"),
        ({"device": "cpu:7"}, "device='cpu:7' must be"),
        ({"negligible": "x"}, "negligible='x' is a share"),
        ({"trace_pixels": (1, 2)}, "must be pairs of whole numbers"),
        ({"trace_pixels": "ab"}, "must be pairs of whole numbers"),
        ({"trace_pixels": None}, "must be pairs of whole numbers"),
        ({"trace_pixels": ((1.5, 0),)}, "must be pairs of whole numbers"),
        ({"trace_pixels": ((1, 2, 3),)}, "must be pairs of whole numbers"),
    ],
)
def test_options_of_another_type_are_refused(oblong, options, complaint):
    with pytest.raises(UsageError, match=complaint):
        ts.simulate(oblong, **options)


def test_a_cuda_device_that_is_not_there_is_refused(oblong):
    with pytest.raises(UsageError, match=r"device='cuda:99': torch sees \d+ CUDA devices"):
        ts.simulate(oblong, device="cuda:99")


def test_a_traced_pixel_outside_the_panel_is_refused(oblong):
    with pytest.raises(UsageError, match=r"trace_pixels=\(0, 48\) lies outside the 80 x 48"):
        ts.simulate(oblong, trace_pixels=((0, 48),))


def test_structure_factors_that_are_gone_are_refused(still, tmp_path):
    with pytest.raises(InputFileError, match=r"gone\.hkl"):
        ts.simulate(still("-hkl", tmp_path / "gone.hkl"))


# The names of the package


def test_every_public_name_is_there():
    assert set(ts.__all__) == {
        *("Experiment", "Run", "TiledSimError", "__version__"),
        *("export_run", "lazy_image", "open_run", "simulate", "simulate_many"),
        "submit",
    }
    for name in ts.__all__:
        assert getattr(ts, name) is not None


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("Experiment", "tiled_sim.model.experiment"),
        ("Run", "tiled_sim.run.run"),
        ("TiledSimError", "tiled_sim.errors"),
        ("lazy_image", "tiled_sim.cluster.lazy"),
        ("open_run", "tiled_sim.run.run"),
        ("simulate", "tiled_sim.simulation.images"),
        ("simulate_many", "tiled_sim.simulation.images"),
        ("submit", "tiled_sim.cluster.submit"),
    ],
)
def test_a_public_name_is_the_one_of_its_module(name, home):
    assert getattr(ts, name) is getattr(importlib.import_module(home), name)


def test_the_public_names_are_listed():
    assert sorted(dir(ts)) == sorted(ts.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'simulat'"):
        ts.simulat  # noqa: B018


def test_every_error_of_the_package_is_a_tiled_sim_error():
    errors = importlib.import_module("tiled_sim.errors")
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(classes) > 5
    assert all(issubclass(one, TiledSimError) for one in classes)


def test_the_package_is_imported_without_torch():
    code = "import sys, tiled_sim; print(sorted({'torch', 'dask', 'zarr'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
