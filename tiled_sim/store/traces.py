"""The sidecars of a run as files: the folder ``traces``."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.store import durable, files, sidecar


class Traces:
    """A file for each tile that is done.

    Parameters
    ----------
    path : of the run
    decode : a sidecar from its text, and the id of its tile
    """

    def __init__(self, path: Path, decode: Callable[[bytes, str], dict[str, Any]]) -> None:
        self._path = path
        self._folder = path / "traces"
        self._decode = decode

    def write(self, document: Mapping[str, Any]) -> None:
        """Commit a tile. Raises `SidecarError` for a document that is no sidecar."""
        text = sidecar.encode(document)
        target = self._file(document["tile"]["id"])
        files.make_folders(self._path, target.parent)
        durable.write_atomically(target, text.encode())

    def read(self, tile: str) -> dict[str, Any] | None:
        """Sidecar of the tile with this id; None if there is none. Raises as ``decode``."""
        try:
            text = files.read_file(self._file(tile))
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
        self._file(tile).unlink(missing_ok=True)

    def ids(self) -> Iterator[str]:
        """Ids of the tiles that have one, in order; reads none of them."""
        for folder in sorted(self._folder.glob("f*/p*")):
            for file in sorted(folder.glob("r*.json")):
                yield file.relative_to(self._folder).with_suffix("").as_posix()

    def _file(self, tile: str) -> Path:
        sidecar.check_tile_id(tile)
        return self._folder / f"{tile}.json"
