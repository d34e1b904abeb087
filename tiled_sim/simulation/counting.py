"""The counts of a tile: photons drawn, spread and read, by the noise of an experiment.

What a pixel counts depends on the pixels within the radius of the point spread alone, and their
photons are drawn from their own counters. A tile therefore draws those of its surroundings, too.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import BLOCK
from tiled_sim.model.readout import Noise
from tiled_sim.physics.noise import Arithmetic, Corner, arriving_photons, read_photons
from tiled_sim.physics.point_spread import spread_of
from tiled_sim.simulation.rectangles import Rectangle

Image = npt.NDArray[np.float32]
Photons = npt.NDArray[np.float64]


def count_photons(
    experiment: Experiment,
    tile: Rectangle,
    image: Image,
    expected: Callable[[Rectangle], Image],
    arithmetic: Arithmetic,
) -> npt.NDArray[np.int32]:
    """What the detector reads in a tile.

    Parameters
    ----------
    experiment : with noise
    tile : of one image
    image : expected in the tile, float32 (slow, fast) [photons]
    expected : gives the same of a rectangle of whole blocks beside the tile
    arithmetic : who draws random numbers

    Returns
    -------
    int32 (slow, fast) [ADU]
    """
    noise = experiment.noise
    assert noise is not None
    if noise.point_spread is None:
        photons = _arriving(noise, tile, image, arithmetic)
    else:
        photons = _blurred(experiment, noise, tile, image, expected, arithmetic)
    return read_photons(
        photons,
        _corner(tile),
        noise.seed,
        gain=noise.gain,
        offset=noise.offset,
        readout=noise.readout,
        saturation=noise.saturation,
        arithmetic=arithmetic,
    )


def _arriving(noise: Noise, part: Rectangle, expected: Image, arithmetic: Arithmetic) -> Photons:
    return arriving_photons(
        expected,
        _corner(part),
        noise.seed,
        flicker=noise.flicker,
        calibration=noise.calibration,
        calibration_seed=noise.calibration_seed,
        arithmetic=arithmetic,
    )


def _corner(part: Rectangle) -> Corner:
    return Corner(part.slow[0], part.fast[0], part.panel, part.frame)


def _blurred(
    experiment: Experiment,
    noise: Noise,
    tile: Rectangle,
    image: Image,
    expected: Callable[[Rectangle], Image],
    arithmetic: Arithmetic,
) -> Photons:
    """Photons counted in a tile, of those that arrive there and around it."""
    assert noise.point_spread is not None
    panel = experiment.detector.panels[tile.panel]
    pixel_size, _ = panel.pixel_size
    radius = noise.point_spread.reach(pixel_size)
    margin = -(-radius // BLOCK) * BLOCK
    # of photons around the tile; none arrive beyond the panel's edge
    around = np.zeros([side + 2 * margin for side in tile.shape])
    start = tile.slow[0] - margin, tile.fast[0] - margin

    def fill(part: Rectangle, image: Image) -> None:
        slow, fast = (
            slice(first - before, last - before)
            for (first, last), before in zip((part.slow, part.fast), start, strict=True)
        )
        around[slow, fast] = _arriving(noise, part, image, arithmetic)

    fill(tile, image)
    for strip in _strips(tile, margin, experiment.detector.pixels):
        fill(strip, expected(strip))
    spread = spread_of(noise.point_spread.kind, noise.point_spread.fwhm / pixel_size, radius)
    within = slice(margin - radius, radius - margin or None)
    return arithmetic.blur(around[within, within], spread)


def _strips(tile: Rectangle, margin: int, pixels: tuple[int, int]) -> Iterator[Rectangle]:
    """Rectangles that surround a tile as far as a margin or the panel's edge.

    Above and below they are as wide as all of it, to the left and right as high as the tile.
    """
    (top, bottom), (left, right) = tile.slow, tile.fast
    rows = max(top - margin, 0), min(bottom + margin, pixels[0])
    columns = max(left - margin, 0), min(right + margin, pixels[1])
    for slow, fast in (
        ((rows[0], top), columns),
        ((top, bottom), (columns[0], left)),
        ((top, bottom), (right, columns[1])),
        ((bottom, rows[1]), columns),
    ):
        if slow[0] < slow[1] and fast[0] < fast[1]:
            yield tile._replace(slow=slow, fast=fast)
