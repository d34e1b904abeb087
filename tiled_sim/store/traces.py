"""The sidecars of a run as files: the folder ``traces``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.store import durable, files, sidecar
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place

FOLDER = "traces"


class Traces:
    """A file for each tile that is done.

    Parameters
    ----------
    objects : of the run
    path : of it, to be told
    decode : a sidecar from its text, and the id of its tile
    """

    def __init__(
        self, objects: Objects, path: Place, decode: Callable[[bytes, str], dict[str, Any]]
    ) -> None:
        self._objects = objects
        self._path = path
        self._decode = decode

    def write(self, document: Mapping[str, Any]) -> None:
        """Commit a tile. Raises `SidecarError` for a document that is no sidecar."""
        text = sidecar.encode(document)
        self._objects.put(_key(document["tile"]["id"]), text.encode())

    def read(self, tile: str) -> dict[str, Any] | None:
        """Sidecar of the tile with this id; None if there is none. Raises as ``decode``."""
        try:
            text = self._objects.get(_key(tile))
        except FileNotFoundError:
            return None
        except OSError as error:
            if files.is_shortage(error):
                raise
            raise StoreError(
                f"{self._path}: the sidecar of {tile} cannot be read ({durable.reason(error)}); "
                "remove it, and `tiled-sim resume` computes the tile again"
            ) from error
        return self._decode(text, tile)

    def remove(self, tile: str) -> None:
        """Take the sidecar of the tile with this id away, if there is one."""
        self._objects.delete(_key(tile))

    def ids(self) -> Iterator[str]:
        """Ids of the tiles that have one, in order; reads none of them."""
        return sidecar.ids_of(self._objects.keys(FOLDER), FOLDER)

    def present(self, tiles: Iterable[str]) -> set[str]:
        """Those of the tiles with these ids that have one; reads none of them."""
        found = self._objects.present(map(_key, tiles))
        return set(sidecar.ids_of(found, FOLDER))


def _key(tile: str) -> str:
    return sidecar.key_of(FOLDER, tile)
