"""Layers of a sensor, and factors that each subpixel has of its own."""

import dataclasses
import math

import numpy as np
import pytest

from tiled_sim.kernels.scene import Scene
from tiled_sim.model.experiment import Experiment
from tiled_sim.physics.vectors import as_tuple
from tiled_sim.simulation.images import simulate as simulate_image

THICK = ("-detector_thick", 450, "-detector_abs", 500)
OF_EACH = ("-oversample_thick", "-oversample_polar", "-oversample_omega")
#: The options of differences.md, row 15.
FLAT = "-default_F 100 -cell 100 -N 5 -detpixels 64 -pixel 0.2 -oversample 1"


def image_of(experiment, kernel="reference"):
    ((image,),) = simulate_image(experiment, kernel=kernel).values
    return image.astype(np.float64)


def flat(*options):
    return Experiment.from_nanobragg([*FLAT.split(), *map(str, options)])


def at_depth(experiment, depth):
    """The same detector without a sensor, deeper by so much [m]."""
    (panel,) = experiment.detector.panels
    origin = np.array(panel.origin) + depth * np.array(panel.normal)
    deeper = dataclasses.replace(panel, origin=as_tuple(origin))
    detector = dataclasses.replace(experiment.detector, panels=(deeper,), sensor=None)
    return dataclasses.replace(experiment, detector=detector)


def cosines(experiment):
    """Of the angles of incidence at pixel centres, (slow, fast)."""
    (panel,) = experiment.detector.panels
    slow, fast = (np.arange(n) + 0.5 for n in panel.pixels)
    along_slow = slow[:, None, None] * panel.pixel_size[0] * np.array(panel.slow_axis)
    along_fast = fast[None, :, None] * panel.pixel_size[1] * np.array(panel.fast_axis)
    position = np.array(panel.origin) + along_slow + along_fast
    return position @ np.array(panel.normal) / np.linalg.norm(position, axis=-1)


def test_an_image_is_the_sum_of_what_its_layers_absorb(still):
    experiment = still(*THICK, "-detector_thicksteps", 3, *OF_EACH, "-polar", 0.8)
    expected = 0.0
    for layer in range(3):
        front, back = (450e-6 / 3 * n for n in (layer, layer + 1))
        deeper = at_depth(experiment, front)
        path = 500e-6 * cosines(deeper)
        expected = expected + image_of(deeper) * (np.exp(-front / path) - np.exp(-back / path))
    assert image_of(experiment) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("layers", [1, 2, 5, 50])
def test_whatever_the_number_of_layers_a_sensor_absorbs_as_its_thickness_says(layers):
    ratio = image_of(flat(*THICK, "-detector_thicksteps", layers)).sum() / image_of(flat()).sum()
    assert ratio == pytest.approx(1.0 - math.exp(-450 / 500), rel=6e-3)


def test_a_sensor_that_absorbs_all_is_none(still):
    opaque = still("-detector_thick", 0.01, "-detector_abs", 1e-5, "-detector_thicksteps", 1)
    assert image_of(opaque) == pytest.approx(image_of(still()), rel=1e-6)


def test_a_spot_far_from_the_beam_smears_outwards_in_a_thick_sensor(still):
    thick = ("-detector_thick", 3000, "-detector_abs", 5000, "-detector_thicksteps", 10)
    near = ("-distance", 40, "-gauss_xtal", "-N", 20, "-mosaic", 0)
    sharp, smeared = image_of(still(*near)), image_of(still(*near, *thick))
    slow, fast = np.indices(sharp.shape) - 47.5

    def radius(image):
        return float((np.hypot(slow, fast) * image).sum() / image.sum())

    assert radius(smeared) > radius(sharp) + 0.1


@pytest.mark.parametrize("option", OF_EACH)
def test_with_a_single_subpixel_its_own_factor_is_the_first(still, option):
    one = ("-detector_thick", 450, "-detector_abs", 500, "-detector_thicksteps", 1, "-polar", 0.5)
    assert image_of(still(*one, option)) == pytest.approx(image_of(still(*one)), rel=1e-6)


@pytest.mark.parametrize("option", ["-oversample_polar", "-oversample_omega"])
def test_factors_of_subpixels_average_over_the_pixel(option):
    each = image_of(flat("-oversample", 3, "-distance", 20, option))
    first = image_of(flat("-oversample", 3, "-distance", 20))
    assert each.sum() == pytest.approx(first.sum(), rel=1e-2)
    assert not np.array_equal(each, first)


def test_the_solid_angle_of_each_subpixel_comes_closer_to_the_whole(still):
    # a lattice of single cells scatters everywhere: what differs is the solid angle alone
    options = ("-distance", 10, "-N", 1, "-nointerpolate", "-default_F", 10, "-nopolar")
    exact = image_of(still(*options, "-oversample", 9, "-oversample_omega"))
    averaged = image_of(still(*options, "-oversample", 3, "-oversample_omega"))
    first = image_of(still(*options, "-oversample", 3))
    assert abs(averaged / exact - 1).mean() < abs(first / exact - 1).mean()


@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_the_compiled_kernel_sums_the_same_layers(still, precision):
    experiment = still(*THICK, *OF_EACH, "-oversample", 2, "-polar", 0.8)
    image = simulate_image(experiment, kernel="compiled", precision=precision).values[0, 0]
    expected = image_of(experiment)
    bright = expected > 1e-3 * expected.max()
    assert image[bright] == pytest.approx(expected[bright], rel=3e-5)


def test_a_tile_counts_the_look_ups_of_every_layer(still, simulate):
    experiment = still(*THICK, "-detector_thicksteps", 4)
    (result,) = simulate(experiment).results
    assert result.lookups.total == result.evaluations.planned == 4 * 96 * 96


@pytest.mark.parametrize("kernel", ["reference", "compiled"])
def test_a_trace_s_factors_multiply_up_to_the_pixel(still, kernel):
    experiment = still(*THICK, *OF_EACH, "-oversample", 2, "-polar", 0.8)
    image = simulate_image(experiment, kernel=kernel, trace_pixels=((30, 40),))
    (trace,) = image.attrs["traces"]
    row = trace["values"]
    product = row["r_e_sqr"] * row["fluence_photons_per_m2"] * row["I_before_scaling"]
    product *= row["polar"] * row["omega_pixel"] * row["capture_fraction"] / row["steps"]
    assert product == pytest.approx(row["I_pixel_final"], rel=1e-12)
    assert 0 < row["capture_fraction"] < 1
    assert trace["departure"] == 0.0


def test_a_trace_of_a_dark_pixel_has_numbers_in_every_row(still, simulate):
    experiment = still(*THICK, "-dmin", 1000)
    result = simulate(experiment, trace_pixels=((3, 4),)).results[0]
    row = result.traces[0].values
    assert row["I_pixel_final"] == 0.0
    assert all(map(math.isfinite, (row["capture_fraction"], row["polar"], row["omega_pixel"])))


def test_a_curved_sensor_is_met_head_on_everywhere(still):
    curved = still("-curved_det", *THICK, "-detector_thicksteps", 1)
    bare = still("-curved_det")
    assert image_of(curved) == pytest.approx(image_of(bare) * (1 - math.exp(-0.9)), rel=1e-6)


def test_deeper_layers_lie_farther_from_the_sample(still):
    experiment = still(*THICK, "-detector_thicksteps", 2, "-detector_roty", 30)
    (panel,) = experiment.detector.panels
    front, back = Scene.of(experiment, 0).panels.layers(0)
    assert front.close_distance == panel.close_distance
    deeper = experiment.detector.sensor.depth(1)
    assert back.close_distance - front.close_distance == pytest.approx(deeper, rel=1e-9)
