"""The counts of a tile: photons drawn, spread and read, by the noise of an experiment.

What a pixel counts depends on the pixels within the radius of the point spread alone, and their
photons are drawn from their own counters. A tile therefore draws those of its surroundings, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tiled_sim.experiment.model import Experiment, Noise
from tiled_sim.kernels.reference import BLOCK
from tiled_sim.physics.noise import Corner, arriving_photons, read_photons
from tiled_sim.physics.point_spread import blur, spread_of
from tiled_sim.tiles import Tile

Image = npt.NDArray[np.float32]
Photons = npt.NDArray[np.float64]
Bounds = tuple[int, int]


def count_photons(
    experiment: Experiment, tile: Tile, image: Image, expected: Callable[[Tile], Image]
) -> npt.NDArray[np.int32]:
    """What the detector reads in a tile.

    Parameters
    ----------
    experiment : with noise
    tile : of the plan
    image : expected in the tile, float32 (slow, fast) [photons]
    expected : gives the same of a rectangle of whole blocks beside the tile

    Returns
    -------
    int32 (slow, fast) [ADU]
    """
    noise = experiment.noise
    assert noise is not None
    if noise.point_spread is None:
        photons = _arriving(noise, tile, image)
    else:
        photons = _blurred(experiment, noise, tile, image, expected)
    return read_photons(
        photons,
        _corner(tile),
        noise.seed,
        gain=noise.gain,
        offset=noise.offset,
        readout=noise.readout,
        saturation=noise.saturation,
    )


def _arriving(noise: Noise, part: Tile, expected: Image) -> Photons:
    return arriving_photons(
        expected,
        _corner(part),
        noise.seed,
        flicker=noise.flicker,
        calibration=noise.calibration,
        calibration_seed=noise.calibration_seed,
    )


def _corner(part: Tile) -> Corner:
    return Corner(part.slow[0], part.fast[0], part.panel, part.frame)


def _blurred(
    experiment: Experiment,
    noise: Noise,
    tile: Tile,
    image: Image,
    expected: Callable[[Tile], Image],
) -> Photons:
    """Photons counted in a tile, of those that arrive there and around it."""
    assert noise.point_spread is not None
    pixel_size = experiment.detector.pixel_size
    radius = noise.point_spread.reach(pixel_size)
    # around the tile, and 0 beyond the panel's edge
    around = np.zeros([side + 2 * radius for side in tile.shape])
    window = _grown(tile.slow, radius), _grown(tile.fast, radius)
    _fill(around, window, tile, _arriving(noise, tile, image))
    for strip in _strips(tile, radius, experiment.detector.pixels):
        _fill(around, window, strip, _arriving(noise, strip, expected(strip)))
    spread = spread_of(noise.point_spread.kind, noise.point_spread.fwhm / pixel_size, radius)
    return blur(around, spread)


def _fill(around: Photons, window: tuple[Bounds, Bounds], part: Tile, photons: Photons) -> None:
    """Put a part where it lies in a window; what sticks out is cut off."""
    inside = [
        (max(part_of[0], window_of[0]), min(part_of[1], window_of[1]))
        for part_of, window_of in zip((part.slow, part.fast), window, strict=True)
    ]
    slow, fast = (
        slice(first - start, last - start)
        for (first, last), (start, _) in zip(inside, window, strict=True)
    )
    of_slow, of_fast = (
        slice(first - start, last - start)
        for (first, last), (start, _) in zip(inside, (part.slow, part.fast), strict=True)
    )
    around[slow, fast] = photons[of_slow, of_fast]


def _strips(tile: Tile, radius: int, pixels: tuple[int, int]) -> Iterator[Tile]:
    """Rectangles of whole blocks that surround a tile as far as a radius or the panel's edge.

    Above and below they are as wide as all of it, to the left and right as high as the tile.
    """
    (top, bottom), (left, right) = tile.slow, tile.fast
    (first_row, last_row), (first_column, last_column) = (
        _whole_blocks(_grown(bounds, radius), size)
        for bounds, size in zip((tile.slow, tile.fast), pixels, strict=True)
    )
    for slow, fast in (
        ((first_row, top), (first_column, last_column)),
        ((top, bottom), (first_column, left)),
        ((top, bottom), (right, last_column)),
        ((bottom, last_row), (first_column, last_column)),
    ):
        if slow[0] < slow[1] and fast[0] < fast[1]:
            yield replace(tile, slow=slow, fast=fast)


def _grown(bounds: Bounds, radius: int) -> Bounds:
    return bounds[0] - radius, bounds[1] + radius


def _whole_blocks(bounds: Bounds, size: int) -> Bounds:
    """Widened to whole blocks, and cut at the edges of the panel."""
    first, last = bounds[0] // BLOCK * BLOCK, -(-bounds[1] // BLOCK) * BLOCK
    return max(first, 0), min(last, size)
