"""What kernels take of the memory of a process: what it depends on."""

import pytest

from tiled_sim.kernels.account import account_of
from tiled_sim.model.diffuse import Diffuse
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.settings import DEVICES

SMALL = "-default_F 10 -cell 20 25 30 80 95 100 -lambda 1 -N 4 -gauss_xtal -oversample 1"
MB = 1_000_000
kernels = pytest.mark.parametrize("kernel", [name for name in DEVICES if name != "triton"])


def account(kernel, *options, nodes=0, tile=512, diffuse=None):
    words = [*SMALL.split(), *" ".join(options).split()]
    experiment = Experiment.from_nanobragg(words, diffuse=diffuse)
    return account_of(kernel, experiment, nodes, (1, 1, tile, tile))


def taken(kernel, *options, **sizes):
    """At most, with one thread."""
    found = account(kernel, *options, **sizes)
    return max(found.opening, found.kept + max(found.tile, found.heap))


@kernels
def test_a_small_scene_takes_tens_of_megabytes(kernel):
    assert 10 * MB < taken(kernel) < 55 * MB


@kernels
def test_structure_factors_count_by_their_nodes(kernel):
    each = (taken(kernel, nodes=10_000_000) - taken(kernel)) / 10_000_000
    assert 18 <= each <= 35


@kernels
def test_millions_of_steps_are_made_some_at_a_time(kernel):
    # of 300 bytes each they took gigabytes
    steps = "-mosaic 1 -mosaic_domains 20000 -dispersion 5 -dispsteps"
    few, many = (taken(kernel, steps, str(sources), tile=32) for sources in (20, 300))
    assert many - few < 20 * MB
    assert many < 60 * MB


def test_pixels_that_are_summed_source_by_source_take_tensors_of_each():
    sources = "-dispersion 5 -dispsteps 300"
    plain, cut = (taken("compiled", sources, more) for more in ("", "-dmin 2"))
    assert cut - plain > 300 * MB


@kernels
def test_diffuse_scattering_takes_tensors_by_its_reach_and_of_each_source(kernel):
    def of_reach(reach, *options):
        diffuse = Diffuse((50.0,) * 3, (0.3,) * 3, reach)
        return account(kernel, *options, diffuse=diffuse).tile - account(kernel, *options).tile

    near, far = of_reach(1), of_reach(3)
    assert 4 * MB < near < far < 12 * MB
    assert of_reach(1, "-dispersion 5 -dispsteps 61") - near > 10 * MB


def test_a_small_tile_takes_less_than_a_large_one():
    assert taken("spots", tile=64) < taken("spots", tile=512)


@kernels
@pytest.mark.parametrize(("options", "per_pixel"), [("", 4), ("-roi 3 2000 5 1900", 6)])
def test_an_image_takes_a_few_bytes_a_pixel_while_it_is_summed(kernel, options, per_pixel):
    small, large = (account(kernel, "-detpixels 2048", options, tile=n) for n in (1024, 2048))
    each = (large.tile - small.tile) / (2048**2 - 1024**2)
    assert each == pytest.approx(per_pixel, abs=0.5)
    assert large.kept == small.kept


@pytest.mark.parametrize("together", ["compiled", "spots"])
def test_frames_that_are_taken_together_keep_little_more_than_one(together):
    def kept(frames, *options, kernel=together):
        experiment = Experiment.from_nanobragg([*SMALL.split(), *map(str, options)])
        return account_of(kernel, experiment, 0, (frames, 1, 64, 64)).kept

    one, few, all_of_tile = (kept(frames) for frames in (1, 4, 1000))
    assert one < few < all_of_tile < one + MB
    many_steps = "-osc", 1, "-phisteps", 50_000
    assert kept(1000, *many_steps) == kept(1, *many_steps)
    assert kept(1000, kernel="reference") == kept(1, kernel="reference")


@kernels
def test_a_trace_takes_no_more_memory_for_more_steps_than_it_evaluates_together(kernel):
    few, many = (
        account(kernel, "-mosaic 1 -mosaic_domains", n, tile=32) for n in ("80000", "200000")
    )
    assert many.tile - few.tile < 0.1 * MB
