"""The pixel masks of an NXdetector, cut into those of its modules."""

import numpy as np
import numpy.typing as npt

from tiled_sim.io.hdf5_node import Hdf5Node
from tiled_sim.io.nexus_modules import Placement
from tiled_sim.io.nexus_transformations import Transformations

_MASK = "pixel_mask"
#: Where DECTRIS' own kind of file has it.
_SPECIFIC = "detectorSpecific"


def dead_pixels(
    detector: Hdf5Node, placements: list[Placement], chains: Transformations
) -> list[npt.NDArray[np.bool_] | None]:
    """Dead pixels of each module (slow, fast): those with any bit set in any of the masks."""
    masks = _masks(detector, chains)
    return [_of_module(masks, one) for one in placements]


def _masks(detector: Hdf5Node, chains: Transformations) -> list[Hdf5Node]:
    """All masks of a detector; one whose file is missing is noted."""
    names = [
        name
        for name in detector.names()
        if name == _MASK or (name.startswith(f"{_MASK}_") and name[len(_MASK) + 1 :].isdigit())
    ]
    specific = detector.get(_SPECIFIC)
    if not names and specific is not None and _MASK in specific.names():
        names = [f"{_SPECIFIC}/{_MASK}"]
    found = []
    for name in names:
        mask = detector.get(name)
        if mask is None:
            chains.notes[
                f"{detector.path}/{name} lies in a file that is missing: its dead pixels count as "
                "live"
            ] = None
        else:
            found.append(mask)
    return found


def _of_module(masks: list[Hdf5Node], one: Placement) -> npt.NDArray[np.bool_] | None:
    dead = np.zeros(one.pixels, dtype=bool)
    for mask in masks:
        if not mask.is_dataset:
            raise mask.error("must be a dataset, it is none: correct it")
        dead |= np.asarray(mask.read(_slices(mask, one))).reshape(one.pixels) != 0
    return dead if dead.any() else None


def _slices(mask: Hdf5Node, one: Placement) -> tuple[int | slice, ...]:
    """Where a module's pixels lie in a mask of as many axes as its data, or of a single slab."""
    shape, first = mask.shape, one.data_origin
    leading, due = shape[: -len(first)], first[-len(shape) :] if shape else ()
    begins = (0,) * len(leading) + due
    ends = [begin + 1 for begin in begins[:-2]]
    ends += [begin + count for begin, count in zip(begins[-2:], one.pixels, strict=False)]
    # axes that a mask has beside the data's, and those that it lacks, must count a single slab
    spare = [*leading, *(index + 1 for index in first[: -len(shape)])]
    if (
        len(shape) < 2
        or any(count != 1 for count in spare)
        or any(end > count for end, count in zip(ends, shape, strict=True))
    ):
        raise mask.error(
            f"has the shape {shape}, which does not cover {one.node.path} of {one.pixels} (slow, "
            f"fast) pixels from {first} on: correct it"
        )
    return tuple(slice(begin, end) for begin, end in zip(begins, ends, strict=True))
