"""The sidecar of a tile: how it was computed, as JSON beside the arrays.

``SCHEMA`` (``sidecar.schema.json``) says what a sidecar holds; ``docs/store.md`` explains it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import StoreError
from tiled_sim.store import strict_json
from tiled_sim.store.schema import check_of

SCHEMA: Final[dict[str, Any]] = json.loads(
    resources.files("tiled_sim.store").joinpath("sidecar.schema.json").read_bytes()
)
_FAULT = check_of(SCHEMA)
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


def key_of(folder: str, tile: str) -> str:
    """Where in a run a document of the tile with this id is.

    Parameters
    ----------
    folder : of such documents
    tile : id

    Raises
    ------
    ValueError
        not the id of a tile
    """
    check_tile_id(tile)
    return f"{folder}/{tile}.json"


def ids_of(keys: Iterable[str], folder: str) -> Iterator[str]:
    """Ids in the names of the documents in a folder; whatever else is there is left out."""
    of_document = re.compile(rf"{folder}/(f[^/]*/p[^/]*/r[^/]*)\.json")
    return (found[1] for key in keys if (found := of_document.fullmatch(key)))


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
        a field is missing, unknown or of another type, a number is NaN or infinite, a value has
        no JSON form
    """
    try:
        text = strict_json.dumps(sidecar)
    except (TypeError, ValueError) as error:
        raise SidecarError(f"sidecar: {error}") from error
    _check(json.loads(text))
    return text


def decode(text: str | bytes, tile: str) -> dict[str, Any]:
    """Sidecar of the tile with this id from its JSON text.

    Raises
    ------
    SidecarError
        not JSON, not as ``SCHEMA`` has it, or of another tile
    """
    try:
        sidecar = strict_json.loads(text)
    except ValueError as error:
        raise SidecarError(
            f"sidecar of tile {tile} is damaged ({error}); resume computes the tile again"
        ) from error
    _check(sidecar)
    if sidecar["tile"]["id"] != tile:
        raise SidecarError(f"sidecar of tile {tile} names tile {sidecar['tile']['id']} instead")
    return sidecar


def _check(sidecar: Any) -> None:
    try:
        fault = _FAULT(sidecar)
    except RecursionError:
        fault = " is nested too deeply"
    if fault:
        raise SidecarError(f"sidecar{fault}; the schema is {SCHEMA['title']!r}")
