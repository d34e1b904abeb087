"""The arrays of a run store, format 1: dimensions, chunks, fill values, attributes."""

import itertools
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import ZstdCodec
from zarr.errors import ZarrUserWarning

from tiled_sim.errors import StoreError
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.mask import MASKED, NO_PIXEL, OUTSIDE_REGION
from tiled_sim.model.structure_factors import Provenance, StructureFactors

MaskSource = npt.NDArray[np.uint8] | Callable[[int, slice, slice], npt.NDArray[np.uint8]]
"""A mask (panel, slow, fast), or a function of panel, slow and fast that gives a part of it."""


DIMENSIONS = ("frame", "panel", "slow", "fast")
TILE_STEP = 16
LONGEST_CHUNK = 256
LONGEST_GRID_CHUNK = 64
#: Of ``counts``, where nothing was computed yet.
NOT_COUNTED = -(2**31)

#: Units and long names of the arrays of an experiment.
_ARRAYS = {
    "spectrum/incident": ("1", "direction in which the light of a source travels"),
    "spectrum/wavelength": ("angstrom", "wavelength of a source"),
    "spectrum/weight": ("1", "weight of a source relative to the others"),
}

# On images of the golden set this is both smaller and quicker than blosc's zstd with shuffle, and
# 20 % smaller than its lz4 at 1 ms more for 512 × 512 pixels: exact zeros come in long runs, and
# between them the exponents of the lattice factor's tails leave shuffled bytes little in common.
COMPRESSOR = ZstdCodec(level=1)


def inner_chunk(side: int) -> int:
    """Longest divisor of a tile's side that is a multiple of 16 and at most 256 [pixel]."""
    longest = min(side, LONGEST_CHUNK)
    return max(n for n in range(TILE_STEP, longest + 1, TILE_STEP) if side % n == 0)


def create_image(
    level: zarr.Group, shape: tuple[int, int, int, int], tile: tuple[int, int]
) -> zarr.Array:
    """Array ``image`` of one level, all "not yet computed"."""
    return level.create_array(
        "image",
        shape=shape,
        dtype="float32",
        shards=(1, 1, *tile),
        chunks=(1, 1, *map(inner_chunk, tile)),
        compressors=COMPRESSOR,
        fill_value=np.nan,
        dimension_names=DIMENSIONS,
        attributes={"units": "photon", "long_name": "expected photons per pixel"},
        config={"write_empty_chunks": True},
    )


def create_counts(
    level: zarr.Group, shape: tuple[int, int, int, int], tile: tuple[int, int]
) -> zarr.Array:
    """Array ``counts`` of level 0, all "not yet computed"."""
    return level.create_array(
        "counts",
        shape=shape,
        dtype="int32",
        shards=(1, 1, *tile),
        chunks=(1, 1, *map(inner_chunk, tile)),
        compressors=COMPRESSOR,
        fill_value=NOT_COUNTED,
        dimension_names=DIMENSIONS,
        attributes={"units": "ADU", "long_name": "counts with noise"},
        config={"write_empty_chunks": True},
    )


def create_mask(
    level: zarr.Group, shape: tuple[int, int, int], tile: tuple[int, int]
) -> zarr.Array:
    """Array ``mask`` of level 0, all live."""
    return level.create_array(
        "mask",
        shape=shape,
        dtype="uint8",
        shards=(1, *tile),
        chunks=(1, *map(inner_chunk, tile)),
        compressors=COMPRESSOR,
        fill_value=0,
        dimension_names=DIMENSIONS[1:],
        attributes={
            "units": "1",
            "long_name": "0 where a pixel is live",
            "flag_masks": [MASKED, OUTSIDE_REGION, NO_PIXEL],
            "flag_meanings": "masked outside_roi no_pixel",
        },
    )


def write_coordinates(
    level: zarr.Group,
    frames: int,
    panels: int,
    centres: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], str],
) -> None:
    """Arrays ``frame``, ``panel``, ``slow`` and ``fast`` of one level.

    Parameters
    ----------
    centres : of the pixels along slow and along fast, and their unit
    """
    slow, fast, unit = centres
    _write_axis(level, "frame", np.arange(frames), "1", "number of the exposure, from 0")
    _write_axis(level, "panel", np.arange(panels), "1", "number of the panel, from 0")
    for name, values in (("slow", slow), ("fast", fast)):
        _write_axis(level, name, values, unit, f"centre of the pixel along the panel's {name} axis")


def write_mask(array: zarr.Array, mask: MaskSource, tile: tuple[int, int]) -> None:
    """Write the mask a tile at a time; tiles that are all live stay unwritten.

    Raises
    ------
    ValueError
        a mask of another shape or type
    """
    if not callable(mask) and mask.shape != array.shape:
        raise ValueError(f"a mask of {array.shape} is due, not of {mask.shape}")
    panels, *sides = array.shape
    starts = (range(0, size, side) for size, side in zip(sides, tile, strict=True))
    for panel, *corner in itertools.product(range(panels), *starts):
        slow, fast = (
            slice(start, min(start + side, size))
            for start, side, size in zip(corner, tile, sides, strict=True)
        )
        part = mask(panel, slow, fast) if callable(mask) else mask[panel, slow, fast]
        if part.dtype != np.uint8:
            raise ValueError(f"a mask of uint8 is due, not of {part.dtype}")
        if part.any():
            array[panel, slow, fast] = part


def write_structure_factors(root: zarr.Group, factors: StructureFactors) -> None:
    """Group ``structure_factors``: amplitudes, given nodes, indices and provenance."""
    attributes: dict[str, Any] = asdict(factors.provenance)
    attributes["notes"] = list(factors.provenance.notes)
    attributes["content_sha256"] = factors.sha256
    group = root.create_group("structure_factors", attributes=attributes)
    for name, low, high in zip("hkl", factors.minimum, factors.maximum, strict=True):
        _write_axis(group, name, np.arange(low, high + 1), "1", f"Miller index {name}")
    unit = factors.provenance.unit
    _write_grid(group, "amplitude", factors.amplitude, unit, "amplitude of the unit cell")
    _write_grid(group, "given", factors.given, "1", "whether the source names the node")


def read_structure_factors(group: zarr.Group) -> StructureFactors:
    """Structure factors of the group ``structure_factors``.

    Raises
    ------
    StoreError
        their content is not what was written
    """
    attributes: dict[str, Any] = group.attrs.asdict()
    content = attributes.pop("content_sha256")
    notes = tuple(attributes.pop("notes"))
    first_h, first_k, first_l = (int(_values(group, name)[0]) for name in "hkl")
    factors = StructureFactors(
        amplitude=_values(group, "amplitude"),
        given=_values(group, "given"),
        minimum=(first_h, first_k, first_l),
        provenance=Provenance(notes=notes, **attributes),
    )
    if factors.sha256 != content:
        raise StoreError(
            f"{group.store_path}: structure factors are damaged: content {factors.sha256[:12]}…, "
            f"written {content[:12]}…; submit the run again to another --out"
        )
    return factors


def write_amorphous(root: zarr.Group, table: AmorphousTable) -> None:
    """Group ``background``: F of one molecule against sin θ/λ."""
    group = root.create_group("background", attributes={"content_sha256": table.sha256})
    for name, unit, long_name in (
        ("stol", "1/angstrom", "sin theta / lambda"),
        ("F", "electron", "amplitude of one molecule"),
    ):
        values = getattr(table, name)
        group.create_array(
            name,
            data=values,
            chunks=values.shape,
            fill_value=np.nan,
            dimension_names=("stol",),
            attributes={"units": unit, "long_name": long_name},
        )


def read_amorphous(group: zarr.Group) -> AmorphousTable:
    """Table of the group ``background``.

    Raises
    ------
    StoreError
        its content is not what was written
    """
    table = AmorphousTable(_values(group, "stol"), _values(group, "F"))
    written = group.attrs["content_sha256"]
    if table.sha256 != written:
        raise StoreError(
            f"{group.store_path}: the table of the background is damaged: content "
            f"{table.sha256[:12]}…, written {str(written)[:12]}…; submit the run again to another "
            "--out"
        )
    return table


def write_arrays(root: zarr.Group, arrays: Mapping[str, npt.NDArray[np.float64]]) -> None:
    """Group ``inputs``: the arrays of an experiment, each under its own name."""
    group = root.create_group("inputs")
    for name, values in arrays.items():
        units, long_name = _ARRAYS[name]
        group.create_array(
            name,
            data=values,
            chunks=values.shape,
            fill_value=np.nan,
            dimension_names=("source", "component")[: values.ndim],
            attributes={"units": units, "long_name": long_name},
        )


def read_arrays(group: zarr.Group) -> dict[str, npt.NDArray[np.float64]]:
    """Arrays of the group ``inputs``."""
    return {
        f"{part}/{name}": _values(within, name)
        for part, within in group.groups()
        for name in within.array_keys()
    }


def _write_axis(
    group: zarr.Group, name: str, values: npt.NDArray[Any], unit: str, long_name: str
) -> None:
    group.create_array(
        name,
        data=values.astype(np.float64 if values.dtype.kind == "f" else np.int64),
        chunks=values.shape,
        fill_value=np.nan if values.dtype.kind == "f" else 0,
        dimension_names=(name,),
        attributes={"units": unit, "long_name": long_name},
    )


def _write_grid(
    group: zarr.Group, name: str, values: npt.NDArray[Any], unit: str, long_name: str
) -> None:
    group.create_array(
        name,
        data=values,
        chunks=tuple(min(side, LONGEST_GRID_CHUNK) for side in values.shape),
        compressors=COMPRESSOR,
        fill_value=values.dtype.type(0),
        dimension_names=("h", "k", "l"),
        attributes={"units": unit, "long_name": long_name},
        config={"write_empty_chunks": True},  # -0.0 would come back as 0.0, of another hash
    )


def _values(group: zarr.Group, name: str) -> Any:
    return np.asarray(array_of(group, name)[...])


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


def seal(root: zarr.Group, attributes: Mapping[str, Any]) -> None:
    """Consolidate the metadata of each group and of the root, then write root attributes."""
    with warnings.catch_warnings():
        # That consolidation is not in the zarr v3 specification yet: readers without it read the
        # arrays' own metadata. And that `traces` is no zarr node: it is not meant to be.
        warnings.simplefilter("ignore", ZarrUserWarning)
        for name in root.group_keys():
            zarr.consolidate_metadata(root.store, path=name)
        sealed = zarr.consolidate_metadata(root.store)
    sealed.update_attributes({**sealed.attrs, **attributes})
