"""The sidecar of a tile: how it was computed, as JSON beside the arrays.

``SCHEMA`` (``sidecar.schema.json``) says what a sidecar holds; ``docs/store.md`` explains it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import StoreError
from tiled_sim.store import strict_json

SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files("tiled_sim.store").joinpath("sidecar.schema.json").read_bytes()
)
_TILE_ID = re.compile(SCHEMA["properties"]["tile"]["properties"]["id"]["pattern"])


class SidecarError(StoreError):
    """A sidecar that is damaged, incomplete, or of another tile: its tile does not count."""


def check_tile_id(tile: str) -> None:
    """Refuse what `TileGrid.id_of` does not make, so that no id leaves the ``traces`` folder.

    Raises
    ------
    ValueError
        not the id of a tile
    """
    if not _TILE_ID.fullmatch(tile):
        raise ValueError(f"{tile!r} is no tile id; one looks like 'f00000/p000/r0003c0007'")


def image_digest(image: npt.NDArray[np.float32]) -> str:
    """SHA-256 of a tile's pixels as little-endian float32 in C order, in hexadecimal.

    Parameters
    ----------
    image : float32 (frame, panel, slow, fast) [photon]

    Raises
    ------
    ValueError
        the image is not float32
    """
    return _digest(image, "<f4")


def counts_digest(counts: npt.NDArray[np.int32]) -> str:
    """SHA-256 of a tile's counts as little-endian int32 in C order, in hexadecimal.

    Parameters
    ----------
    counts : int32 (frame, panel, slow, fast) [ADU]

    Raises
    ------
    ValueError
        the counts are not int32
    """
    return _digest(counts, "<i4")


def _digest(pixels: npt.NDArray[Any], dtype: str) -> str:
    if pixels.dtype.newbyteorder("=") != np.dtype(dtype).newbyteorder("="):
        raise ValueError(f"the digest is of {np.dtype(dtype).name} pixels, not of {pixels.dtype}")
    return hashlib.sha256(np.ascontiguousarray(pixels, dtype=dtype).ravel().data).hexdigest()


def encode(sidecar: Mapping[str, Any]) -> str:
    """JSON text of a sidecar; the same document always gives the same text.

    Raises
    ------
    SidecarError
        a field is missing or unknown, a number is NaN or infinite, a value has no JSON form
    """
    _check(sidecar)
    try:
        return strict_json.dumps(sidecar)
    except (TypeError, ValueError) as error:
        raise SidecarError(f"sidecar of tile {sidecar['tile']['id']}: {error}") from error


def decode(text: str | bytes, tile: str) -> dict[str, Any]:
    """Sidecar of the tile with this id from its JSON text.

    Checked are the names of the fields at every level and the id; for types and ranges, check
    against ``SCHEMA``.

    Raises
    ------
    SidecarError
        not JSON, of another schema, a field missing or unknown, or of another tile
    """
    try:
        sidecar = json.loads(text)
    except ValueError as error:
        raise SidecarError(
            f"sidecar of tile {tile} is damaged ({error}); resume computes the tile again"
        ) from error
    _check(sidecar)
    if sidecar["tile"]["id"] != tile:
        raise SidecarError(f"sidecar of tile {tile} names tile {sidecar['tile']['id']} instead")
    return sidecar


def _check(sidecar: Any) -> None:
    for fault in _faults(sidecar, SCHEMA, "sidecar"):
        raise SidecarError(f"{fault}; the schema is {SCHEMA['title']!r}")


def _faults(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """Fields missing or unknown: the part of the schema that needs no validator to check."""
    if "const" in schema and value != schema["const"]:
        yield f"{place} is {value!r} instead of {schema['const']!r}"
    types = schema.get("type", ())
    if "object" not in types or (value is None and "null" in types):
        return
    if not isinstance(value, Mapping):
        yield f"{place} is no object"
        return
    properties = schema.get("properties", {})
    yield from (
        f"{place} lacks {name!r}" for name in schema.get("required", ()) if name not in value
    )
    if schema.get("additionalProperties") is False:
        yield from (f"{place} has unknown {name!r}" for name in value if name not in properties)
    for name, part in properties.items():
        if name in value:
            yield from _faults(value[name], part, f"{place}/{name}")
