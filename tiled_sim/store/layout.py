"""The arrays of pixels in a run store, format 2: dimensions, chunks, fill values, attributes."""

import itertools
import operator
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.errors import ZarrUserWarning

from tiled_sim.errors import StoreError
from tiled_sim.model.coordinates import PixelCentres
from tiled_sim.model.grid import AXES, BLOCK, Shape, TileGrid
from tiled_sim.model.mask import MASKED, NO_PIXEL, OUTSIDE_REGION, Mask

SHORTEST_CHUNK, LONGEST_CHUNK = 64, 256
#: Of ``counts``, where nothing was computed yet.
NOT_COUNTED = -(2**31)
_MOST_IN_A_CHUNK = 1 << 20

# On images of the golden set this is both smaller and quicker than blosc's zstd with shuffle, and
# 20 % smaller than its lz4 at 1 ms more for 512 × 512 pixels: exact zeros come in long runs, and
# between them the exponents of the lattice factor's tails leave shuffled bytes little in common.
COMPRESSOR = ZstdCodec(level=1)
# Noise has no runs, but bits that are mostly zero: where the mean is 0.3 and more, counts are a
# quarter smaller than under zstd, made in a fifth of the time and read in a quarter. The checksum
# keeps damaged bytes from blosc, which crashes on them.
_OF_COUNTS = (
    BloscCodec(typesize=4, cname="lz4", clevel=5, shuffle="bitshuffle"),
    Crc32cCodec(),
)


class Described(NamedTuple):
    """Values that become a small array of a store.

    Parameters
    ----------
    values : of any shape
    dimensions : name of each axis
    units, long_name : for readers
    """

    values: npt.NDArray[Any]
    dimensions: tuple[str, ...]
    units: str
    long_name: str


def inner_chunk(side: int) -> int:
    """Side of the chunks that a tile's side is divided into, a multiple of 16 [pixel].

    The longest divisor of at most 256; but where that is shorter than 64, the shortest that is not,
    so that an image is not made of a thousand chunks.
    """
    divisors = [n for n in range(BLOCK, side + 1, BLOCK) if side % n == 0]
    longest = max(n for n in divisors if n <= LONGEST_CHUNK)
    if longest >= SHORTEST_CHUNK:
        return longest
    return next((n for n in divisors if n >= SHORTEST_CHUNK), side)


def create_image(level: zarr.Group, grid: TileGrid) -> zarr.Array:
    """Array ``image`` of one level, all "not yet computed"."""
    return level.create_array(
        "image",
        shape=grid.shape,
        dtype="float32",
        shards=grid.tile,
        chunks=(1, 1, *map(inner_chunk, grid.tile[2:])),
        compressors=COMPRESSOR,
        fill_value=np.nan,
        dimension_names=AXES,
        attributes={"units": "photon", "long_name": "expected photons per pixel"},
        config={"write_empty_chunks": True},
    )


def create_counts(level: zarr.Group, grid: TileGrid) -> zarr.Array:
    """Array ``counts`` of level 0, all "not yet computed"."""
    return level.create_array(
        "counts",
        shape=grid.shape,
        dtype="int32",
        shards=grid.tile,
        chunks=(1, 1, *map(inner_chunk, grid.tile[2:])),
        compressors=_OF_COUNTS,
        fill_value=NOT_COUNTED,
        dimension_names=AXES,
        # _FillValue: xarray takes zarr's fill value for a number like others
        attributes={
            "units": "ADU",
            "long_name": "counts with noise",
            "_FillValue": NOT_COUNTED,
        },
        config={"write_empty_chunks": True},
    )


def create_mask(level: zarr.Group, grid: TileGrid) -> zarr.Array:
    """Array ``mask`` of level 0, all live."""
    return level.create_array(
        "mask",
        shape=grid.shape[1:],
        dtype="uint8",
        shards=grid.tile[1:],
        chunks=(1, *map(inner_chunk, grid.tile[2:])),
        compressors=COMPRESSOR,
        fill_value=0,
        dimension_names=AXES[1:],
        attributes={
            "units": "1",
            "long_name": "0 where a pixel is live",
            "flag_masks": [MASKED, OUTSIDE_REGION, NO_PIXEL],
            "flag_meanings": "masked outside_roi no_pixel",
        },
        config={"write_empty_chunks": True},  # a shard that is missing was lost
    )


def grid_of(image: zarr.Array) -> TileGrid:
    """Grid of the tiles of an array of pixels."""
    assert image.shards is not None
    (frames, panels, slow, fast), tile = image.shape, image.shards
    return TileGrid((frames, panels, slow, fast), (tile[0], tile[1], tile[2], tile[3]))


def write_coordinates(level: zarr.Group, shape: Shape, centres: PixelCentres) -> None:
    """Arrays ``frame``, ``panel``, ``slow`` and ``fast`` of one level.

    Parameters
    ----------
    level : group of the level
    shape : (frame, panel, slow, fast) of its image
    centres : of its pixels
    """
    for name, size, what in zip(AXES, shape, ("exposure", "panel"), strict=False):
        numbers = np.arange(size, dtype=np.int64)
        write_array(level, name, Described(numbers, (name,), "1", f"number of the {what}, from 0"))
    for name, values in (("slow", centres.slow), ("fast", centres.fast)):
        long_name = f"centre of the pixel along the panel's {name} axis"
        write_array(level, name, Described(values, (name,), centres.unit, long_name))


def read_coordinates(level: zarr.Group) -> PixelCentres:
    """Centres of the pixels of a level, as `write_coordinates` wrote them."""
    unit = str(array_of(level, "slow").attrs["units"])
    return PixelCentres(values_of(level, "slow"), values_of(level, "fast"), unit)


def write_mask(array: zarr.Array, mask: Mask) -> None:
    """Write every shard of a mask, those that are all live too: none is missing but by damage."""
    shards = array.shards
    assert shards is not None
    array = array.with_config({"write_empty_chunks": True})
    sides = zip(array.shape, shards, strict=True)
    for corner in itertools.product(*(range(0, size, side) for size, side in sides)):
        panels, slow, fast = (
            slice(start, min(start + side, size))
            for start, side, size in zip(corner, shards, array.shape, strict=True)
        )
        array[panels, slow, fast] = np.stack(
            [mask(panel, slow, fast) for panel in range(panels.start, panels.stop)]
        )


def shards_within(array: zarr.Array, region: tuple[slice, ...]) -> list[str]:
    """Keys, from that of the array, of the shards that a region has pixels of.

    Parameters
    ----------
    array : of shards
    region : a slice along each axis
    """
    assert array.shards is not None
    places = (
        range(part.start // side, -(-part.stop // side))
        for part, side in zip(region, array.shards, strict=True)
    )
    return ["/".join(("c", *map(str, place))) for place in itertools.product(*places)]


def part_of_side(part: slice, size: int) -> slice:
    """A range of pixels, with plain numbers.

    Raises
    ------
    ValueError
        it is empty, or not inside a side of so many pixels
    """
    start, stop = operator.index(part.start), operator.index(part.stop)
    if part.step not in (None, 1) or not 0 <= start < stop <= size:
        raise ValueError(f"{part} is not a range of pixels 0 to {size}")
    return slice(start, stop)


def write_array(group: zarr.Group, name: str, described: Described) -> None:
    """Write a small array; one of the same value everywhere has it as fill value, and no file.

    Unless that is the value that stands for a lost file: so it is known which files must be there.
    """
    values = described.values
    fill = fill_value_of(values)
    rows = max(1, _MOST_IN_A_CHUNK // max(int(np.prod(values.shape[1:])), 1))
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=(min(rows, values.shape[0]), *values.shape[1:]),
        fill_value=fill,
        dimension_names=described.dimensions,
        attributes={"units": described.units, "long_name": described.long_name},
        config={"write_empty_chunks": True},
    )
    if is_nothing(fill):
        for start in range(0, len(values), rows):  # zarr holds all that it writes at once
            array[start : start + rows] = values[start : start + rows]


def fill_value_of(values: npt.NDArray[Any]) -> Any:
    """Of an array of these values: theirs if they are all the same, and no chunk is needed.

    Else, and where that value is the one, what a reader finds where a chunk was lost.
    """
    first = values.flat[0]
    same = bool((values == first).all())
    if values.dtype.kind == "f":
        same = same and bool((np.signbit(values) == np.signbit(first)).all())  # -0.0 is not 0.0
    if same:
        return first
    if values.dtype.kind == "b":
        return np.False_
    return values.dtype.type(np.nan if values.dtype.kind == "f" else np.iinfo(values.dtype).min)


def is_nothing(value: Any) -> bool:
    """Whether a fill value is that of arrays all of whose chunks are files."""
    if isinstance(value, np.bool_):
        return not value
    if isinstance(value, np.integer):
        return bool(value == np.iinfo(value.dtype).min)
    return bool(np.isnan(value))


def values_of(group: zarr.Group, name: str) -> Any:
    """Values of an array of a group.

    Raises
    ------
    StoreError
        there is none
    """
    array = array_of(group, name)
    values: npt.NDArray[Any] = np.empty(array.shape, array.dtype)
    rows = array.chunks[0]
    for start in range(0, len(values), rows):  # zarr holds all that it reads at once, and twice
        values[start : start + rows] = array[start : start + rows]
    return values


def array_of(group: zarr.Group, name: str) -> zarr.Array:
    """Array of a group by name.

    Raises
    ------
    StoreError
        there is none
    """
    array = group.get(name)
    if not isinstance(array, zarr.Array):
        raise StoreError(f"{group.store_path}: array {name!r} is missing: the run is damaged")
    return array


def group_of(group: zarr.Group, name: str) -> zarr.Group:
    """Group within a group by name.

    Raises
    ------
    StoreError
        there is none
    """
    found = group.get(name)
    if not isinstance(found, zarr.Group):
        raise StoreError(f"{group.store_path}: group {name!r} is missing: the run is damaged")
    return found


def places(root: zarr.Group) -> dict[str, str]:
    """Where the arrays of pixels stand, for readers that open the root and see no array there."""
    return {name: f"0/{name}" for name in ("image", "counts", "mask") if f"0/{name}" in root}


def seal(root: zarr.Group, attributes: Mapping[str, Any]) -> None:
    """Consolidate the metadata of each group and of the root, then write root attributes."""
    with warnings.catch_warnings():
        # That consolidation is not in the zarr v3 specification yet: readers without it read the
        # arrays' own metadata. And that `traces` is no zarr node: it is not meant to be.
        warnings.simplefilter("ignore", ZarrUserWarning)
        for name, group in root.groups():
            for within in group.group_keys():
                zarr.consolidate_metadata(root.store, path=f"{name}/{within}")
            zarr.consolidate_metadata(root.store, path=name)
        sealed = zarr.consolidate_metadata(root.store)
    sealed.update_attributes({**sealed.attrs, **attributes})
