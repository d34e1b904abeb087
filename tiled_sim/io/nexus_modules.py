"""The modules of an NXdetector: where each stands, and which part of the data it has."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from tiled_sim.io.geometry_panels import MAX_SIDE
from tiled_sim.io.hdf5_node import LENGTHS, Hdf5Node
from tiled_sim.io.nexus_transformations import Axis, Transformations, carrier_of, placed
from tiled_sim.physics.vectors import Array


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where a rectangle of pixels stands, before it is checked.

    Parameters
    ----------
    node : its place in the file
    origin : sample to the outer corner of pixel (0, 0), (3,) [m]
    fast, slow : directions, (3,)
    pixels : (slow, fast) number of pixels
    pixel_size : (slow, fast) sides of a pixel [m]
    data_origin : index of its first pixel in the data of a frame, slow to fast
    axes : that carry it, from the nearest to the root
    """

    node: Hdf5Node
    origin: Array
    fast: Array
    slow: Array
    pixels: tuple[int, int]
    pixel_size: tuple[float, float]
    data_origin: tuple[int, ...] = (0, 0)
    axes: tuple[Axis, ...] = ()


def module_placements(
    detector: Hdf5Node, modules: list[Hdf5Node], chains: Transformations
) -> list[tuple[Placement, tuple[str, ...]]]:
    """Where modules stand, in the order of the data, and the names of the groups that hold each."""
    placements = [_placement(module, detector, chains) for module in modules]
    placements.sort(key=lambda one: one.data_origin)
    groups = _groups([one.axes for one in placements])
    return list(zip(placements, groups, strict=True))


def _placement(module: Hdf5Node, detector: Hdf5Node, chains: Transformations) -> Placement:
    first, pixels = _slab(module)
    fast, slow = module["fast_pixel_direction"], module["slow_pixel_direction"]
    fast_axes = _carriers(fast, module, detector, chains)
    slow_axes = _carriers(slow, module, detector, chains)
    turned, slow_turned = placed(fast_axes), placed(slow_axes)
    along_fast = turned[:3, :3] @ _direction(fast, chains)
    along_slow = slow_turned[:3, :3] @ _direction(slow, chains)
    sizes = [abs(one.number) * one.factor(LENGTHS) for one in (slow, fast)]
    # a negative size counts pixels against the vector
    along_fast, along_slow = (
        vector * np.sign(one.number) for vector, one in ((along_fast, fast), (along_slow, slow))
    )
    offset, other = chains.offset(fast), chains.offset(slow)
    if other.any() and not offset.any():
        offset = other
    elif other.any() and not np.allclose(offset, other, rtol=0.0, atol=1e-12):
        chains.notes[
            f"{module.path}: fast_pixel_direction and slow_pixel_direction have other offsets: "
            "that of fast is taken"
        ] = None
    origin = (turned @ np.append(offset, 1.0))[:3]
    origin = _about_beam_centre(origin, (along_fast, along_slow), sizes, detector, chains)
    _note_forgotten_offset(module, fast_axes, chains)
    return Placement(
        node=module,
        origin=origin,
        fast=along_fast,
        slow=along_slow,
        pixels=pixels,
        pixel_size=(sizes[0], sizes[1]),
        data_origin=first,
        axes=tuple(fast_axes),
    )


def _slab(module: Hdf5Node) -> tuple[tuple[int, ...], tuple[int, int]]:
    """First pixel of a module in the data of a frame, and its (slow, fast) number of pixels."""
    size, first = module["data_size"], module["data_origin"]
    counts, begins = size.numbers.ravel(), first.numbers.ravel()
    if not 2 <= len(counts) <= 8 or np.any(counts[:-2] != 1) or np.any(counts != counts // 1):
        raise size.error(
            f"= {counts.tolist()} must be whole numbers, slow to fast, and 1 before the last two: "
            "give each slab a module"
        )
    if len(begins) != len(counts) or np.any(begins < 0) or np.any(begins != begins // 1):
        raise first.error(
            f"= {begins.tolist()} must be as many whole numbers as data_size: correct it"
        )
    if not 1 <= counts.min() <= counts.max() <= MAX_SIDE:
        raise size.error(f"= {counts.tolist()}: from 1 to {MAX_SIDE} pixels a side are read")
    stride = module.get("data_stride")
    if stride is not None and np.any(stride.numbers != 1):
        raise stride.error("is not 1: pixels that are left out are not read")
    return tuple(int(number) for number in begins), (int(counts[-2]), int(counts[-1]))


def _direction(node: Hdf5Node, chains: Transformations) -> Array:
    vector = chains.vector(node, "the size of a pixel is the value, as DIALS takes it")
    if not vector.any():
        raise node.error("has a zero vector, so it has no direction: correct it")
    return vector


def _carriers(
    node: Hdf5Node, module: Hdf5Node, detector: Hdf5Node, chains: Transformations
) -> list[Axis]:
    """The axes that carry a direction of pixels; where it names none, those of its module."""
    if carrier_of(node) is not None:
        return chains.chain(node)
    offset = module.get("module_offset")
    if offset is not None:
        chains.notes[f"{node.path} depends on nothing: its module_offset is taken"] = None
        return chains.chain_from(offset)
    if carrier_of(detector, attribute=False) is not None:
        chains.notes[f"{node.path} depends on nothing: what its detector does is taken"] = None
    return chains.chain(detector, attribute=False)


def _about_beam_centre(
    origin: Array,
    directions: tuple[Array, Array],
    sizes: list[float],
    detector: Hdf5Node,
    chains: Transformations,
) -> Array:
    """The origin, shifted by the beam centre where nothing else shifts it, as Eigers once wrote.

    Parameters
    ----------
    origin : as the transformations say [m]
    directions : fast and slow
    sizes : of a pixel, (slow, fast) [m]
    """
    x, y = detector.get("beam_center_x"), detector.get("beam_center_y")
    if origin[0] != 0.0 or origin[1] != 0.0 or x is None or y is None:
        return origin
    chains.notes[
        f"{detector.path}: its transformations put pixel (0, 0) onto the beam: beam_center_x and "
        "beam_center_y [pixel] are taken, as DIALS does"
    ] = None
    fast, slow = (vector / np.linalg.norm(vector) for vector in directions)
    return np.asarray(origin - x.number * sizes[1] * fast - y.number * sizes[0] * slow)


def _note_forgotten_offset(module: Hdf5Node, axes: list[Axis], chains: Transformations) -> None:
    offset = module.get("module_offset")
    if offset is None or any(axis.identity == offset.identity for axis in axes):
        return
    if offset.numbers.any() or np.any(offset.attribute("offset") or 0.0):
        chains.notes[f"{offset.path}: no chain leads through it, so it shifts nothing"] = None


def _groups(chains: list[tuple[Axis, ...]]) -> list[tuple[str, ...]]:
    """Names of the groups of each module, outermost first.

    An axis that carries some modules but not all makes a group; axes that carry the same ones make
    one, named after the last of them.
    """
    carried: dict[Hashable, set[int]] = {}
    for number, axes in enumerate(chains):
        for axis in axes:
            carried.setdefault(axis.identity, set()).add(number)
    groups = []
    for axes in chains:
        levels: dict[frozenset[int], str] = {}
        for axis in reversed(axes):
            held = frozenset(carried[axis.identity])
            if 1 < len(held) < len(chains):
                levels[held] = axis.name
        groups.append(tuple(levels.values()))
    return groups
