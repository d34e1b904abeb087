"""The loop in C++ that sums the background: against the sum by tensors."""

import dataclasses
import itertools

import pytest
import torch

from tiled_sim.kernels.amorphous import AmorphousKernel
from tiled_sim.kernels.blocks import Blocks
from tiled_sim.kernels.scene import Scene
from tiled_sim.read.inputs import load_inputs

CPU = torch.device("cpu")
DROPLET = ("-water", 40, "-stol", "droplet.stol", "-fluence", 1e24)
LAYERS = ("-detector_thick", 450, "-detector_abs", 500, "-detector_thicksteps", 3)
SOURCES = ("-dispersion", 5, "-dispsteps", 4, "-divergence", 20, "-divsteps", 3)


def blocks_of(experiment):
    """All blocks of the panel."""
    slow, fast = experiment.detector.pixels
    corners = list(itertools.product(range(0, slow, 16), range(0, fast, 16)))
    down, along = torch.tensor(corners, dtype=torch.float64).T
    live = torch.ones((len(corners), 256), dtype=torch.bool)
    return Blocks(down.contiguous(), along.contiguous(), live, True)


def kernels_of(experiment):
    """By tensors, and by the loop."""
    scene, table = Scene.of(experiment, 0), load_inputs(experiment).amorphous
    return [
        AmorphousKernel(scene, experiment.background, table, CPU, fused=fused)
        for fused in (False, True)
    ]


KINDS = {
    "plain": (),
    "sources": SOURCES,
    "layers": LAYERS,
    "layers, sources": (*LAYERS, *SOURCES),
    "fully polarized": ("-polar", 1),
    "unpolarized": ("-nopolar",),
    "point pixels": ("-point_pixel",),
    "turned": ("-detector_rotx", 20, "-detector_roty", 30, *LAYERS),
    "beyond the table": ("-distance", 5),
    "thin": ("-detector_thick", 1e-3, "-detector_abs", 5000, "-detector_thicksteps", 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_pixel_is_that_of_the_sum_by_tensors(still, in_data, kind):
    experiment = still(*DROPLET, *KINDS[kind])
    slow, fast = kernels_of(experiment)
    blocks = blocks_of(experiment)
    (expected, _), (found, _) = slow.photons_of_blocks(blocks), fast.photons_of_blocks(blocks)
    assert float(expected.max()) > 0.0
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-14 * float(expected.max()))


def test_light_of_other_wavelengths_is_absorbed_by_their_own_lengths(still, in_data):
    experiment = still(*DROPLET, *SOURCES, "-detector_thick", 450, "-detector_abs", 500)
    sensor = experiment.detector.sensor

    sensor = dataclasses.replace(sensor, attenuation_table=((0.5, 9e-4), (1.0, 5e-4), (2.0, 1e-4)))
    own = dataclasses.replace(
        experiment, detector=dataclasses.replace(experiment.detector, sensor=sensor)
    )
    slow, fast = kernels_of(own)
    blocks = blocks_of(own)
    (expected, _), (found, _) = slow.photons_of_blocks(blocks), fast.photons_of_blocks(blocks)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=0.0)
    other, _ = kernels_of(experiment)[1].photons_of_blocks(blocks)
    assert not torch.allclose(other, found)


def test_bytes_of_a_block_alone_are_those_it_has_among_others(still, in_data):
    experiment = still(*DROPLET, *LAYERS, *SOURCES)
    _, kernel = kernels_of(experiment)
    blocks = blocks_of(experiment)
    together, _ = kernel.photons_of_blocks(blocks)
    for number in reversed(range(len(blocks.slow))):
        alone, _ = kernel.photons_of_blocks(blocks.some(slice(number, number + 1)))
        assert alone.numpy().tobytes() == together[number].numpy().tobytes()
