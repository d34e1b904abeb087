"""What the sidecar of a tile says of its pixels."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tiled_sim.model.grid import Tile
from tiled_sim.store.sidecar import counts_digest, image_digest

#: Sums are added in an order that numpy chooses by the machine.
_TOLERANCE = 1e-9


def image_record(tile: Tile, image: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Of the image of a tile.

    Parameters
    ----------
    tile : whose image it is
    image : float32 (frame, panel, slow, fast) [photons]
    """
    total = float(image.sum(dtype=np.float64))
    return {
        "sum": total,
        "max": float(image.max()),
        "max_at": place_of_largest(tile, image),
        "mean": total / image.size,
        "nan": 0 if math.isfinite(total) else int(np.isnan(image).sum()),
        "dtype": "float32",
        "byte_order": "little",
        "sha256": image_digest(image),
    }


def counts_record(tile: Tile, counts: npt.NDArray[np.int32], saturation: int) -> dict[str, Any]:
    """Of the counts of a tile.

    Parameters
    ----------
    tile : whose counts they are
    counts : int32 (frame, panel, slow, fast) [ADU]
    saturation : of the detector [ADU]
    """
    return {
        "sum": int(counts.sum(dtype=np.int64)),
        "max": int(counts.max()),
        "max_at": place_of_largest(tile, counts),
        "overloads": int((counts >= saturation).sum()),
        "negative": int((counts < 0).sum()),
        "dtype": "int32",
        "byte_order": "little",
        "sha256": counts_digest(counts),
    }


def place_of_largest(tile: Tile, pixels: npt.NDArray[Any]) -> list[int]:
    """(frame, panel, slow, fast) of the largest of a tile's pixels, the first of equals."""
    found = np.unravel_index(int(pixels.argmax()), pixels.shape)
    return [start + int(place) for (start, _), place in zip(tile.ranges, found, strict=True)]


def differences(said: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Names of what a sidecar says of pixels and is not so.

    Parameters
    ----------
    said : record of the sidecar
    found : record of the pixels themselves
    """
    for name, value in found.items():
        same = said[name] == value
        if isinstance(value, float):
            same = math.isclose(said[name], value, rel_tol=_TOLERANCE)
        if not same:
            yield name
