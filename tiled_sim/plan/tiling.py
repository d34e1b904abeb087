"""The size of tiles, from what they are predicted to cost."""

import math

from tiled_sim.model.grid import BLOCK, Shape, TileGrid

#: Pixels of a tile that is worth a file and a task of its own: 256 kB of float32.
_WORTH_A_TASK = 1 << 16
#: The most: 32 MB of float32.
_MOST_PIXELS = 1 << 23
#: Where a worker would have fewer tiles than this, they may be smaller than `_WORTH_A_TASK`, …
TILES_A_WORKER = 4
#: … but not smaller than so many pixels, nor done sooner.
_FEWEST_PIXELS = 64 * 64
_SHORTEST_SECONDS = 0.2
#: Of what is done sooner no tile has fewer pixels than this, as each takes a millisecond or more
#: besides; memory of larger ones goes back to the system, and to have it again costs as much.
_SHORTEST_OF_ALL, _FEWEST_OF_QUICK = 0.02, 1 << 18
#: What a tile takes at most, as long as it is worth a task, and where it is less than that: so much
#: work is lost with a worker.
_LONGEST_SECONDS, _LONGEST_OF_SMALL = 10.0, 60.0
#: Of threads that share an image in one process, nothing is written or sent: so many tiles for each
#: end at about the same time, but none has fewer pixels, nor is done sooner [s].
_TILES_A_THREAD, _FEWEST_OF_A_THREAD, _SHORTEST_OF_A_THREAD = 8, 128 * 128, 0.02
#: Where it is not known what a tile costs, on a GPU: 512 × 512.
_PIXELS_OF_UNKNOWN_COST = 1 << 18
#: Sides are multiples of the first of these that takes no tile away, and makes none longer by more
#: than a sixteenth: such tiles divide into chunks of fair size, and so do their smaller copies.
_STEPS = 256, 128, 64
_LONGER = 1 / 16


def grid_of(
    shape: Shape, tile: tuple[int, int] | None, *, seconds: float, workers: int
) -> TileGrid:
    """The grid of tiles of an image.

    Small panels, and small frames, are grouped until a tile is worth a task; large panels are cut.

    Parameters
    ----------
    shape : (frame, panel, slow, fast) of the image
    tile : (slow, fast) pixels of a panel that were asked for; None: as predicted cost says
    seconds : that one core is predicted to take for the image [s]; infinity: not known
    workers : that compute it

    Raises
    ------
    UsageError
        for sides that were asked for and are not multiples of 16
    """
    if tile is not None:
        return TileGrid.cut(shape, (1, 1, *tile))
    return _cut(shape, pixels_of_a_tile(math.prod(shape), seconds, workers))


def grid_of_threads(shape: Shape, *, seconds: float, threads: int) -> TileGrid:
    """The grid of tiles that threads of this process share, where none is a file or a task.

    Parameters
    ----------
    shape : (frame, panel, slow, fast) of the image
    seconds : that one core is predicted to take for the image [s]
    threads : that compute it
    """
    pixels = math.prod(shape)
    of_a_thread = pixels / (_TILES_A_THREAD * threads)
    fewest = max(_FEWEST_OF_A_THREAD, _SHORTEST_OF_A_THREAD * pixels / max(seconds, 1e-9))
    return _cut(shape, math.ceil(min(max(of_a_thread, fewest), _MOST_PIXELS)))


def _cut(shape: Shape, pixels: int) -> TileGrid:
    """Tiles of at most so many pixels, or little more."""
    frames, panels, slow, fast = shape
    if slow * fast > pixels:
        return TileGrid.cut(shape, (1, 1, *_sides(slow, fast, pixels)))
    whole = _side(slow, 1), _side(fast, 1)
    if panels * slow * fast > pixels:
        return TileGrid.cut(shape, (1, _evenly(panels, pixels // (slow * fast)), *whole))
    return TileGrid.cut(shape, (_evenly(frames, pixels // (panels * slow * fast)), panels, *whole))


def pixels_of_a_tile(pixels: int, seconds: float, workers: int) -> int:
    """How many pixels a tile is to have at most.

    Parameters
    ----------
    pixels : of the image
    seconds : that one core is predicted to take for them [s]
    workers : that compute them
    """
    of_a_worker = pixels / (TILES_A_WORKER * workers)
    if math.isinf(seconds):
        return math.ceil(max(min(of_a_worker, _PIXELS_OF_UNKNOWN_COST), _WORTH_A_TASK))
    a_second = pixels / seconds if seconds > 0 else math.inf
    quick = max(_LONGEST_SECONDS * a_second, min(_LONGEST_OF_SMALL * a_second, _WORTH_A_TASK))
    wanted = min(of_a_worker, quick, _MOST_PIXELS)
    fewest = max(_FEWEST_PIXELS, min(_SHORTEST_SECONDS * a_second, _WORTH_A_TASK))
    fewest = max(fewest, min(_SHORTEST_OF_ALL * a_second, _FEWEST_OF_QUICK))
    return math.ceil(max(wanted, fewest))


def _sides(slow: int, fast: int, pixels: int) -> tuple[int, int]:
    """Sides of nearly square tiles of about so many pixels that divide a panel evenly."""
    number = math.ceil(slow * fast / pixels)
    rows = max(round(math.sqrt(number * slow / fast)), 1)
    return _side(slow, rows), _side(fast, math.ceil(number / rows))


def _side(size: int, number: int) -> int:
    """Side of so many tiles along an axis, in steps of 64 and more where that takes none away."""
    least = math.ceil(size / number / BLOCK) * BLOCK
    for step in _STEPS:
        side = math.ceil(least / step) * step
        longest = (1 + _LONGER) * least if step > _STEPS[-1] else math.inf
        if math.ceil(size / side) == number and side <= longest:
            return side
    return least


def _evenly(count: int, most: int) -> int:
    """How many go together so that groups of at most so many are alike."""
    return math.ceil(count / math.ceil(count / max(most, 1)))
