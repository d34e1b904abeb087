"""What kernels take of the memory of a process, beyond what it takes before its first tile.

The numbers are those of peaks of worker processes, Linux, torch 2.13 on CPU. What is taken one
after the other does not add up: of stages the largest counts.
"""

import math
from dataclasses import dataclass

from tiled_sim.kernels.anchors import BYTES_PER_STEP, STEPS_AT_A_TIME, STEPS_KEPT
from tiled_sim.kernels.blocks import AT_A_TIME, LANES, frames_at_a_time, images_at_a_time
from tiled_sim.kernels.bragg.patches import PATCH_SIDE
from tiled_sim.kernels.bragg.steps import bytes_of_crystals
from tiled_sim.kernels.chain import STEPS_TOGETHER
from tiled_sim.kernels.sample import PAIRS_AT_A_TIME
from tiled_sim.kernels.subpixels import sums as sums_subpixels
from tiled_sim.model.crystals import each_alone
from tiled_sim.model.energies import factor_wavelengths
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.exposures import Listed
from tiled_sim.model.grid import BLOCK, Shape
from tiled_sim.model.settings import COMPILED, REFERENCE, SPOTS, TRITON

_FLOAT = 8
#: Of what an experiment is read into, and of each source in it.
_EXPERIMENT, _PER_SOURCE = 1_100_000, 3000
#: Of a byte of the arrays of listed exposures: as they were read, checked, and hashed.
_PER_LISTED_BYTE = 3
#: Of a node of the structure factors: as they were loaded; padded, with what a look-up meets; and
#: while that is made, of one grid after the other.
_LOADED_NODE, _PADDED_NODE, _MADE_NODE = 9, 10, 13
#: Of an orientation; of a mosaic domain while it is drawn.
_PER_ORIENTATION, _PER_DRAWN_DOMAIN = 72, 445
#: Of a step in a trace, so many at a time, and of a source.
_PER_TRACED_STEP, _PER_TRACED_SOURCE = 500, 110
#: Of a frame whose kernel is kept with others', beside its orientations and steps.
_PER_FRAME = 10_000
#: Of a table of steps while it is made, over its own size.
_MADE_STEPS = 2
#: Of a step of a pixel whose look-ups are counted, so many at a time.
_PER_PAIR = 97
#: Of a pixel of images that are summed together: its photons, which are put straight into its
#: image; and whether it is live, where not all are. More where images are laid out anew, being no
#: multiples of a block, and where they come from a device. Of the other images of their tile.
_SUMMED_PIXEL, _MASKED_PIXEL, _RAGGED_PIXEL, _FETCHED_PIXEL = 4, 6, 10, 8
_OTHER_PIXEL = 4
#: Of a pixel of images that were laid out together, what the heap keeps.
_KEPT_LAID_OUT = 4
#: Of a subpixel of a patch where spots are evaluated, and what of that the heap keeps.
_PER_SUBPIXEL, _KEPT_PER_SUBPIXEL = 54, 28
#: Of the background, as many tensors of the blocks, by whether the loop in C++ sums it.
_BACKGROUND_TENSORS = {False: 28, True: 3}
#: Of diffuse scattering, and for each node along an axis of those that it sums.
_DIFFUSE_TENSORS, _DIFFUSE_TENSORS_OF_A_NODE = 40, 3


#: Of several crystals: the sum, and the next one's term.
_SUM_OF_CRYSTALS = 2


@dataclass(frozen=True, slots=True)
class _Take:
    """What a kernel takes of any scene.

    Parameters
    ----------
    code : that is loaded with the first one [bytes]
    heap : that torch and the C library keep of a tile [bytes]
    sum : while blocks are summed [bytes], …
    blocks, tensors : … and of so many blocks at a time, so many tensors
    blocks_a_sample : of which one pixel's look-ups are counted
    tensors_by_source : where pixels are summed source by source, in addition
    """

    code: int
    heap: int
    sum: int
    blocks: int
    tensors: int
    blocks_a_sample: int
    tensors_by_source: int = 0


_TAKES = {
    REFERENCE: _Take(2_600_000, 8_500_000, 7_500_000, AT_A_TIME[REFERENCE], 80, 1),
    COMPILED: _Take(6_500_000, 4_500_000, 3_000_000, AT_A_TIME[COMPILED], 12, 4, 13),
    SPOTS: _Take(6_500_000, 2_000_000, 5_900_000, (PATCH_SIDE // BLOCK) ** 2, 0, 64),
    # its tensors are on the device
    TRITON: _Take(6_500_000, 6_500_000, 5_000_000, AT_A_TIME[TRITON], 0, 4),
}
#: Of the compiled kernel, where it works out directions as it sums.
_TENSORS_TOGETHER = 4
#: More tensors of each source where pixels are summed source by source; more where terms have
#: factors of their own.
_TENSORS_OF_A_SOURCE = {False: 2, True: 5}


@dataclass(frozen=True, slots=True)
class Account:
    """What a process takes to compute tiles [bytes].

    Parameters
    ----------
    opening : at most, until the first tile begins
    kept : as long as it computes tiles, whatever the number of threads
    tile : at most, of each thread while its tile is summed, counted and traced
    heap : of each thread, when its tile is computed and waits to be written
    """

    opening: int
    kept: int
    tile: int
    heap: int


def account_of(kernel: str, experiment: Experiment, nodes: int, tile: Shape) -> Account:
    """What a kernel takes in a process for tiles of an experiment.

    Crystals are summed one after the other; what each keeps adds up.

    Parameters
    ----------
    kernel : name
    experiment : what to simulate
    nodes : of the grids of structure factors
    tile : (frame, panel, slow, fast) size
    """
    accounts = [_of_crystal(kernel, alone, nodes, tile) for alone in each_alone(experiment)]
    shared = _shared(kernel, experiment, nodes)
    own = [account.kept - shared for account in accounts]
    others = sum(own) - max(own)
    more = _SUM_OF_CRYSTALS * _tensor(kernel, tile) if len(accounts) > 1 else 0
    return Account(
        opening=max(account.opening for account in accounts) + others,
        kept=shared + sum(own),
        tile=max(account.tile for account in accounts) + more,
        heap=max(account.heap for account in accounts) + more,
    )


def _shared(kernel: str, experiment: Experiment, nodes: int) -> int:
    """What is kept once, however many crystals there are."""
    kept = _read(experiment, nodes) + _TAKES[kernel].code + _squares(kernel, experiment, nodes)
    grids = max(len(factor_wavelengths(experiment)), 1)
    # what the heap keeps of the making of each, between the grids
    return kept + (nodes // grids * _MADE_NODE if grids > 1 else 0)


def _read(experiment: Experiment, nodes: int) -> int:
    """What a process holds of an experiment and its structure factors."""
    sources, exposures = len(experiment.beam.spectrum), experiment.exposures
    listed = exposures.columns.values() if isinstance(exposures, Listed) else ()
    shots = _PER_LISTED_BYTE * sum(values.nbytes for values in listed)
    return _EXPERIMENT + sources * _PER_SOURCE + nodes * (_LOADED_NODE + _PADDED_NODE) + shots


def _of_crystal(kernel: str, experiment: Experiment, nodes: int, tile: Shape) -> Account:
    """The account of an experiment that has one crystal alone."""
    take = _TAKES[kernel]
    sources, domains = len(experiment.beam.spectrum), experiment.crystal.domains.count
    orientations = domains * experiment.exposures.steps
    grids = max(len(factor_wavelengths(experiment)), 1)
    read = _read(experiment, nodes)
    sweeps = 2 if experiment.c_compat else 1
    scene = (sweeps * orientations + domains) * _PER_ORIENTATION
    frames = min(tile[0], frames_at_a_time(kernel, experiment.steps))
    steps = sources * orientations
    kept_steps, made_steps = _steps(kernel, steps, frames)
    kept = _shared(kernel, experiment, nodes) + scene + kept_steps
    kept += (frames - 1) * (scene + kept_steps + _PER_FRAME)
    made = nodes // grids * _MADE_NODE
    opening = max(
        read + made,
        read + take.code + domains * _PER_DRAWN_DOMAIN,
        kept + made_steps,
    )
    of_frame = _panels_at_a_time(tile) * tile[2] * tile[3]
    pixels = math.prod(tile)
    laid_out = min(tile[0] * tile[1], images_at_a_time(tile[2] * tile[3])) * tile[2] * tile[3]
    of_summed = _of_summed_pixel(kernel, experiment, tile) * laid_out
    summing = of_summed + _OTHER_PIXEL * (pixels - laid_out)
    summing += _summing(kernel, experiment, tile) + made_steps
    heap = take.heap + _kept_of_sum(kernel, experiment, tile)
    if laid_out > tile[2] * tile[3]:
        heap += _KEPT_LAID_OUT * laid_out
    traced = heap + min(steps, STEPS_TOGETHER) * _PER_TRACED_STEP + sources * _PER_TRACED_SOURCE
    counted = heap + of_summed + made_steps
    counted += _counting(kernel, frames * steps, of_frame)
    return Account(opening, kept, max(summing, traced, counted), heap)


def is_ragged(experiment: Experiment, tile: Shape) -> bool:
    """Whether images of whole tiles are no multiples of a block."""
    sides = zip(tile[2:], experiment.shape[2:], strict=True)
    return any(min(side, of_panels) % BLOCK for side, of_panels in sides)


def _of_summed_pixel(kernel: str, experiment: Experiment, tile: Shape) -> int:
    if kernel == TRITON:
        return _FETCHED_PIXEL
    if is_ragged(experiment, tile):
        return _RAGGED_PIXEL
    panels = experiment.detector.panels
    masked = any(panel.mask is not None or panel.region is not None for panel in panels)
    return _MASKED_PIXEL if masked else _SUMMED_PIXEL


def _squares(kernel: str, experiment: Experiment, nodes: int) -> int:
    """The table of squared structure factors."""
    own = kernel in (COMPILED, SPOTS) and not experiment.sampling.interpolate
    diffuse = any(crystal.diffuse is not None for crystal in experiment.crystals)
    return nodes * _FLOAT if own or diffuse else 0


def _steps(kernel: str, steps: int, frames: int) -> tuple[int, int]:
    """Steps that are kept with a scene, and those of some frames in the making."""
    if kernel in (REFERENCE, TRITON):
        return 0, 0
    kept = steps * BYTES_PER_STEP if steps <= STEPS_KEPT else 0
    if kernel == SPOTS:
        kept += bytes_of_crystals(steps)
    return kept, min(frames * steps, STEPS_AT_A_TIME) * BYTES_PER_STEP * _MADE_STEPS


def _counting(kernel: str, steps: int, pixels: int) -> int:
    """Look-ups of a sample of pixels."""
    sampled = math.ceil(pixels / LANES / _TAKES[kernel].blocks_a_sample)
    return _PER_PAIR * min(sampled * steps, PAIRS_AT_A_TIME) if kernel != REFERENCE else 0


def _panels_at_a_time(tile: Shape) -> int:
    """How many panels of a frame are laid out together."""
    return min(tile[1], images_at_a_time(tile[2] * tile[3]))


def _tensor(kernel: str, tile: Shape) -> int:
    """A tensor of the blocks that are worked on at a time."""
    blocks = math.prod(-(-side // BLOCK) for side in tile[2:]) * _panels_at_a_time(tile)
    return min(_TAKES[kernel].blocks, blocks) * LANES * _FLOAT


def _summing(kernel: str, experiment: Experiment, tile: Shape) -> int:
    """What is computed of the blocks that are worked on, and with it."""
    take, tensor = _TAKES[kernel], _tensor(kernel, tile)
    together = kernel == COMPILED and sums_subpixels(experiment)
    size = take.sum + (_TENSORS_TOGETHER if together else take.tensors) * tensor
    if kernel == SPOTS:
        size += _subpixels(experiment, tile) * _PER_SUBPIXEL
    elif _is_by_source(kernel, experiment):
        size += take.tensors_by_source * tensor + _tensors_of_sources(kernel, experiment, tile)
    if experiment.background is not None:
        size = max(size, take.sum + _BACKGROUND_TENSORS[kernel == SPOTS] * tensor)
    # on top: the heap keeps what the crystal's kernel had of the same blocks
    return size + _summing_diffuse(experiment, tile)


def _summing_diffuse(experiment: Experiment, tile: Shape) -> int:
    """The same of diffuse scattering, whose blocks are taken as the reference kernel takes its."""
    diffuse = experiment.crystal.diffuse
    if diffuse is None:
        return 0
    along = _DIFFUSE_TENSORS_OF_A_NODE * (2 * diffuse.reach + 1)
    of_sources = _tensors_of_sources(REFERENCE, experiment, tile)
    return (_DIFFUSE_TENSORS + along) * _tensor(REFERENCE, tile) + of_sources


def _kept_of_sum(kernel: str, experiment: Experiment, tile: Shape) -> int:
    """What the heap keeps of that."""
    if kernel == SPOTS:
        return _subpixels(experiment, tile) * _KEPT_PER_SUBPIXEL
    return _tensors_of_sources(kernel, experiment, tile) if kernel == REFERENCE else 0


def _tensors_of_sources(kernel: str, experiment: Experiment, tile: Shape) -> int:
    number = _TENSORS_OF_A_SOURCE[_weighs_terms(experiment)]
    return number * _tensor(kernel, tile) * len(experiment.beam.spectrum)


def _subpixels(experiment: Experiment, tile: Shape) -> int:
    """Of a patch, or of the patches of small panels that are worked on one after the other."""
    oversample = experiment.sampling.oversample
    of_panel = math.prod(-(-side // BLOCK) * BLOCK for side in tile[2:]) * oversample**2
    return min(of_panel * _panels_at_a_time(tile), PATCH_SIDE**2)


def _is_by_source(kernel: str, experiment: Experiment) -> bool:
    """Whether a kernel sums the pixels of such a scene source by source."""
    if kernel == REFERENCE:
        return True
    if kernel != COMPILED or sums_subpixels(experiment):
        return False
    return (
        _weighs_terms(experiment)
        or experiment.detector.curvature_radius is not None
        or experiment.sampling.dmin > 0.0
        or experiment.c_compat
    )


def _weighs_terms(experiment: Experiment) -> bool:
    sampling = experiment.sampling
    weighed = sampling.oversample_polar or sampling.oversample_omega
    return bool(experiment.detector.sensors) or weighed
