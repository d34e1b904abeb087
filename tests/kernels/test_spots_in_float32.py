"""The kernel that follows spots in the precision ``mixed``, beside itself in float64."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import scenes
from strategies.numbers import finite
from support.spots import (
    NEGLIGIBLE,
    assert_dead_pixels_are_dark_and_not_counted,
    blocks_of,
    cubic,
    fudge_for,
    some,
    table,
)
from tiled_sim.kernels.bragg.spot import SHAPES, Spot
from tiled_sim.kernels.scene import Scene
from tiled_sim.kernels.spots import SpotsKernel, mixes
from tiled_sim.model.beam import Source, Spectrum

#: What docs/precision.md promises of `mixed`: of pixels above a thousandth of the largest, and of
#: the sum.
BRIGHT, OF_SUM = 3e-5, 1e-6
#: Pixels, in widths of spots, that suit.
LARGEST = 2.0


def made(experiment, precision):
    scene = Scene.of(experiment, 0)
    return SpotsKernel(scene, table(40.0), 40.0, NEGLIGIBLE, precision)


def run(experiment, precision="mixed"):
    """Photons of the live pixels, and the evaluations that count."""
    blocks = blocks_of(experiment)
    photons, lookups = made(experiment, precision).photons_of_blocks(blocks)
    return photons[blocks.live].numpy(), lookups.total


def assert_as_promised(experiment):
    """Of an image that has not the bytes of that of float64."""
    (here, _), (truth, _) = run(experiment), run(experiment, "float64")
    assert not np.array_equal(here, truth)
    bright = truth > 1e-3 * truth.max()
    np.testing.assert_allclose(here[bright], truth[bright], rtol=BRIGHT)
    assert here.sum() == pytest.approx(truth.sum(), rel=OF_SUM)


# Spots that suit float32


def with_pixels(experiment, size):
    """An experiment whose pixels are a share of the largest that suit."""
    spot = Spot.of(experiment.crystal, NEGLIGIBLE)
    wavelength = min(source.wavelength for source in experiment.beam.spectrum)
    share = size * LARGEST * wavelength / spot.sharpness**0.5
    panels = tuple(
        dataclasses.replace(panel, pixel_size=(share * panel.close_distance,) * 2)
        for panel in experiment.detector.panels
    )
    detector = dataclasses.replace(experiment.detector, panels=panels)
    return dataclasses.replace(experiment, detector=detector)


any_gaussian = scenes.experiments(
    scenes.LAYOUTS,
    lambda domains: scenes.crystals(
        domains,
        ("gauss_star",),
        300.0,
        st.integers(1, 20),
        lambda shape, edges, cells: finite(0.1, 0.45).map(
            lambda reach: fudge_for(reach, 1.0 / edges.max(), cells, shape)
        ),
    ),
    lambda laboratory: scenes.panels(laboratory, 0.9, strange=True),
)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(experiment=any_gaussian, size=finite(0.05, 0.99))
def test_errors_of_any_image_are_as_promised(experiment, size):
    experiment = with_pixels(experiment, size)
    assert mixes(experiment, NEGLIGIBLE)
    (here, _), (truth, _) = run(experiment), run(experiment, "float64")
    bright = truth > 1e-3 * truth.max()
    np.testing.assert_allclose(here[bright], truth[bright], rtol=BRIGHT)


@pytest.mark.parametrize("oversample", [1, 3])
@pytest.mark.parametrize("reach", [0.1, 0.3, 0.45])
def test_errors_of_an_image_and_of_its_sum_are_as_promised(reach, oversample):
    options = {"domains": 20, "oversample": oversample, "pixels": (200, 120)}
    assert_as_promised(cubic(reach=reach, pixel=3e-5, **options))


def test_the_largest_subpixels_that_suit_have_errors_as_promised():
    def of(pixel):
        return cubic(reach=0.02, pixel=pixel, pixels=(400, 400), domains=60)

    sizes = [size for size in np.geomspace(1e-5, 1e-2, 40) if mixes(of(size), NEGLIGIBLE)]
    assert 1e-5 < sizes[-1] < 1e-2
    assert_as_promised(of(sizes[-1]))


def test_thousands_of_like_terms_add_up_without_a_drift():
    # as at the beam's centre, which every step lights alike
    experiment = cubic(sources=(Source((0.0, 0.0, 1.0), 1.0),) * 5000, pixels=(32, 32), pixel=3e-5)
    assert mixes(experiment, NEGLIGIBLE)
    (here, _), (truth, _) = run(experiment), run(experiment, "float64")
    assert here.sum() == pytest.approx(truth.sum(), rel=OF_SUM)


def test_evaluations_that_count_are_those_of_float64_but_for_ends_of_spots():
    experiment = cubic(domains=30, pixels=(200, 200), pixel=3e-5)
    assert mixes(experiment, NEGLIGIBLE)
    (_, here), (_, truth) = run(experiment), run(experiment, "float64")
    assert here == pytest.approx(truth, rel=1e-4)


# Spots that do not


@pytest.mark.parametrize(
    "options",
    [
        {"shape": "tophat"},
        {"shape": "gauss_hkl"},
        {"shape": "tophat_hkl"},
        {"reach": 0.8, "pixel": 3e-5},
        {"reach": 0.02, "pixel": 1e-2},
    ],
    ids=["flat", "by h, k, l", "flat by h, k, l", "overlapping", "far smaller than a pixel"],
)
def test_other_spots_have_the_bytes_of_float64(options):
    experiment = cubic(**{"domains": 40, "pixels": (100, 100), **options})
    assert not mixes(experiment, NEGLIGIBLE)
    (here, counted), (truth, _) = run(experiment), run(experiment, "float64")
    assert counted > 0
    np.testing.assert_array_equal(here, truth)


def test_the_shortest_wavelength_decides():
    def suits(*wavelengths):
        sources = [Source((0.0, 0.0, 1.0), each) for each in wavelengths]
        spectrum = Spectrum.of(sources)
        beam = dataclasses.replace(experiment.beam, spectrum=spectrum)
        return mixes(dataclasses.replace(experiment, beam=beam), NEGLIGIBLE)

    experiment = with_pixels(cubic(), 0.99)
    assert suits(1.0)
    assert suits(1.0, 1.1)
    assert not suits(1.0, 0.9)


# Which pixels are worked on together


@pytest.mark.parametrize("oversample", [1, 2])
def test_bytes_of_a_block_alone_are_those_it_has_among_others(oversample):
    experiment = cubic(pixel=3e-5, pixels=(75, 83), domains=12, oversample=oversample)
    assert mixes(experiment, NEGLIGIBLE)
    kernel, blocks = made(experiment, "mixed"), blocks_of(experiment)
    together, _ = kernel.photons_of_blocks(blocks)
    for number in range(len(blocks.slow)):
        alone, _ = kernel.photons_of_blocks(some(blocks, torch.tensor([number])))
        assert torch.equal(alone[0], together[number])


def test_a_dead_pixel_is_dark_and_not_counted():
    experiment = cubic(domains=6, pixel=3e-5)
    assert mixes(experiment, NEGLIGIBLE)
    kernel, blocks = made(experiment, "mixed"), blocks_of(experiment)
    assert_dead_pixels_are_dark_and_not_counted(kernel, blocks)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_precision_float64_is_never_mixed(shape):
    experiment = cubic(shape=shape, domains=4)
    kernel = made(experiment, "float64")
    assert kernel.trace_error < 1e-6
