"""The run store: the only code that touches the zarr. See ``docs/store.md``."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import zarr

from tiled_sim.errors import StoreError
from tiled_sim.model.canonical import HASH_VERSION
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import Tile, TileGrid
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.store import files, format1, layout, location, ome, sidecar, strict_json
from tiled_sim.store.inputs import lost_files, read_amorphous, read_arrays, read_structure_factors
from tiled_sim.store.layout import NOT_COUNTED
from tiled_sim.store.levels import Levels, axes_of
from tiled_sim.store.location import FORMAT
from tiled_sim.store.objects import Objects, each
from tiled_sim.store.place import Place, RunURL, place_of
from tiled_sim.store.shards import fault_of_shard, read_pixels
from tiled_sim.store.skeleton import write_skeleton
from tiled_sim.store.tile_index import TileIndex
from tiled_sim.store.traces import Traces
from tiled_sim.store.whole_shards import ShardEncoder

__all__ = ["FORMAT", "NOT_COUNTED", "RunStore"]


class RunStore:
    """A run on disk: the image, its mask, the inputs and the sidecars of its tiles.

    Made by `create` or `open`. One process may write while others read, and several may write at
    once as long as no two write the same tile.
    """

    def __init__(self, path: Place, mode: Literal["r", "r+"], attributes: dict[str, Any]) -> None:
        self._path = path
        self._mode = mode
        self._attributes = attributes
        self._objects = location.objects_of(path)
        self._traces = Traces(self._objects, path, self._decode)
        try:
            self._root = zarr.open_group(
                self._objects.arrays(read_only=mode == "r"), mode=mode, zarr_format=3
            )
            arrays = {"image": layout.array_of(self._root, "0/image")}
            if "0/counts" in self._root:
                arrays["counts"] = layout.array_of(self._root, "0/counts")
        except Exception as error:  # zarr, of metadata that may hold anything
            if files.is_shortage(error):
                raise
            raise StoreError(
                f"{path}: its arrays cannot be opened ({error}); its metadata is damaged, or not "
                "tiled_sim's"
            ) from error
        self._arrays = arrays
        self._image = arrays["image"]
        self._encoders = {name: ShardEncoder(array) for name, array in arrays.items()}

    @classmethod
    def create(
        cls,
        path: str | Path | RunURL,
        experiment: Experiment,
        *,
        grid: TileGrid,
        inputs: Inputs,
        attributes: Mapping[str, Any],
        fill: Callable[["RunStore"], None] | None = None,
    ) -> "RunStore":
        """Make the store of a run that has computed nothing yet, and open it to write.

        The root's attributes are written last: a store without them was not finished being made,
        and `open` refuses it. What fails underway leaves nothing behind.

        Parameters
        ----------
        path : directory to make, or a URL
        experiment : what is to be simulated
        grid : of the tiles
        inputs : kept in the run, for the workers
        attributes : what else the run is, kept beside ``format``, ``hash_version`` and
            ``experiment`` as the ``tiled_sim`` attribute
        fill : writes tiles that are there already, before anybody can take the store for a run

        Raises
        ------
        StoreError
            the path exists, cannot be made, or is a URL that no run may be at
        ValueError
            attributes that have no JSON form
        """
        plain = _plain_attributes(
            {**attributes, "experiment": experiment.to_dict(), "hash_version": HASH_VERSION}
        )
        target = place_of(path)
        objects = location.make(target)
        try:
            root = zarr.open_group(objects.arrays(read_only=False), mode="a", zarr_format=3)
            centres = write_skeleton(root, experiment, grid, inputs)
            TileIndex.create(objects, len(grid))
            if fill is not None:
                fill(cls(target, "r+", plain))
            document = ome.image_metadata(target.stem, [axes_of(centres)], centres.unit)
            layout.seal(root, {"arrays": layout.places(root), "ome": document, "tiled_sim": plain})
        except BaseException:
            objects.remove()  # made above, so all in it is ours
            raise
        return cls(target, "r+", plain)

    @classmethod
    def open(cls, path: str | Path | RunURL, mode: Literal["r", "r+"] = "r") -> "RunStore":
        """Open a run to read (``"r"``) or to add to (``"r+"``).

        Raises
        ------
        StoreError
            there is none, it was not finished being made, it is no run, its format is newer than
            this program, or older and it is to be added to, or no run may be at such a URL
        """
        target = place_of(path)
        attributes = location.run_attributes(target)
        if attributes["format"] == format1.FORMAT:
            if mode == "r+":
                raise StoreError(
                    f"{target} has format 1, which is read but not added to; `tiled-sim convert "
                    f"{target} NEW.zarr` makes a run of format {FORMAT} of it, and that can be "
                    "resumed"
                )
            return _Format1Store(target, attributes)
        return cls(target, mode, attributes)

    @property
    def path(self) -> Place:
        """Directory of the run, or its URL."""
        return self._path

    @property
    def objects(self) -> Objects:
        """What the run is made of, by names."""
        return self._objects

    @cached_property
    def levels(self) -> Levels:
        """Its smaller images."""
        return Levels(self._objects, self._path, self.grid)

    @property
    def attributes(self) -> dict[str, Any]:
        """What the run is: ``format`` and what `create` was given."""
        return self._attributes

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Frames, panels, slow and fast pixels of a panel."""
        frames, panels, slow, fast = self._image.shape
        return frames, panels, slow, fast

    @property
    def grid(self) -> TileGrid:
        """Of its tiles."""
        return layout.grid_of(self._image)

    def read_experiment(self) -> Experiment:
        """What the run simulates.

        Raises
        ------
        KeyError, TypeError
            a field of it is missing or spoilt
        ExperimentError
            it cannot be
        """
        document = self._attributes["experiment"]
        return Experiment.from_dict(document, read_arrays(self._root, document))

    def read_inputs(self, *, factors: bool = True) -> Inputs:
        """What the run was made with, the mask as it is asked for; ``factors``: F, too.

        Raises
        ------
        StoreError
            they are not what was written; of the mask, that is found when it is asked for
        """
        loaded = self.read_structure_factors() if factors else None
        return Inputs(self._mask(), loaded, read_amorphous(self._inputs()))

    def lost_files_of_inputs(self) -> Iterator[str]:
        """Files of the inputs that are not there, but for the mask's, which tells its own."""
        yield from lost_files(self._inputs(), self._objects)
        if isinstance(self._attributes["experiment"].get("exposures", {}).get("orientation"), dict):
            yield from lost_files(layout.group_of(self._root, "frames"), self._objects)

    def read_structure_factors(self) -> StructureFactors | None:
        """Structure factors the run was made with, None if without.

        Raises
        ------
        StoreError
            their content is not what was written
        """
        return read_structure_factors(self._inputs())

    def read_mask(self, panel: int, slow: slice, fast: slice) -> npt.NDArray[np.uint8]:
        """Mask of a rectangle of a panel, uint8 (slow, fast); 0 where live.

        Raises
        ------
        StoreError
            a part of it is lost
        """
        region = self._region(0, panel, slow, fast)[1:]
        array = layout.array_of(self._root, "0/mask")
        if not self.mask_is_live():
            for file in layout.shards_within(array, (slice(panel, panel + 1), slow, fast)):
                self._require_mask_file(file)
        return read_pixels(array, region, self._path)

    def read_tile(
        self, frame: int, panel: int, slow: slice, fast: slice
    ) -> npt.NDArray[np.float32]:
        """Pixels of any rectangle, float32 (slow, fast) [photon]; NaN where not yet computed.

        Raises
        ------
        DamagedPixelsError
            they cannot be read
        ValueError
            the rectangle is empty or not inside the image
        """
        return read_pixels(self._image, self._region(frame, panel, slow, fast), self._path)

    def read_part(self, tile: Tile) -> npt.NDArray[np.float32]:
        """Pixels of a tile, float32 (frame, panel, slow, fast) [photon]; NaN: not yet computed."""
        return read_pixels(self._image, tile.region, self._path)

    def array(self, *, counts: bool) -> zarr.Array:
        """The array of the counts, raising as `read_counts`, or that of the image."""
        if counts:
            self.require_counts()
        return self._arrays["counts" if counts else "image"]

    def write_tile(self, tile: Tile, image: npt.NDArray[np.float32]) -> None:
        """Write the pixels of a tile, and have them on disk before returning; their levels, too.

        The tile counts as done only with its sidecar: `write_sidecar` next.

        Parameters
        ----------
        tile : of the store's grid
        image : float32 (frame, panel, slow, fast) [photon]

        Raises
        ------
        StoreError
            the run is open to read only
        ValueError
            an image of another shape or type
        """
        self._write("image", tile, image)
        self.levels.write_tile(tile, image)

    def read_counts(
        self, frame: int, panel: int, slow: slice, fast: slice
    ) -> npt.NDArray[np.int32]:
        """Counts of any rectangle, int32 (slow, fast) [ADU]; `NOT_COUNTED` where not yet computed.

        Raises
        ------
        StoreError
            the run was made without noise, or they cannot be read
        ValueError
            the rectangle is empty or not inside the image
        """
        region = self._region(frame, panel, slow, fast)
        return read_pixels(self.array(counts=True), region, self._path)

    def read_counts_part(self, tile: Tile) -> npt.NDArray[np.int32]:
        """Counts of a tile, int32 (frame, panel, slow, fast) [ADU]. Raises as `read_counts`."""
        return read_pixels(self.array(counts=True), tile.region, self._path)

    def write_counts(self, tile: Tile, counts: npt.NDArray[np.int32]) -> None:
        """Write the counts of a tile, as `write_tile` writes its pixels; before the sidecar.

        Parameters
        ----------
        tile : of the store's grid
        counts : int32 (frame, panel, slow, fast) [ADU]

        Raises
        ------
        StoreError
            the run is open to read only, or was made without noise
        ValueError
            as `write_tile`
        """
        self.require_counts()
        self._write("counts", tile, counts)

    def require_counts(self) -> None:
        """Make sure that the run counts photons.

        Raises
        ------
        StoreError
            it was made without noise
        """
        if "counts" not in self._arrays:
            raise StoreError(
                f"{self._path} has no counts: it was made without noise; submit it with --noise, "
                "or with [noise] in its TOML file, to another --out"
            )

    def _write(self, name: str, tile: Tile, pixels: npt.NDArray[Any]) -> None:
        """Write a shard of an array, and have it on disk before returning."""
        self._require_writable()
        array = self._arrays[name]
        if pixels.dtype != array.dtype or pixels.shape != tile.shape:
            raise ValueError(
                f"a {array.dtype} {name} of {tile.shape} is due, not {pixels.dtype} of "
                f"{pixels.shape}"
            )
        grid = self.grid
        if tile != grid[tile.index]:
            raise ValueError(f"{tile} is no tile of {self._path}, whose shards are {grid.tile}")
        content = self._encoders[name](grid.place_of(tile.index), tile.region, pixels)
        self._objects.put(self._shard(name, tile), content)

    def faults_of_shards(self, tile: Tile) -> Iterator[str]:
        """What keeps the files of a tile from being read, by their indices alone.

        Raises
        ------
        StoreError
            something that cannot be read, nor replaced, stands in the place of one
        """
        for name, array in self._arrays.items():
            key = self._shard(name, tile)
            if fault := fault_of_shard(self._objects, key, array, tile.shape):
                yield f"{key} {fault}"

    def write_sidecar(self, document: Mapping[str, Any]) -> None:
        """Commit a tile: from here on it is done, whatever happens to the machine.

        Raises
        ------
        StoreError
            the run is open to read only
        SidecarError
            the document lacks a field, has one too many, or holds NaN
        """
        self._require_writable()
        self._traces.write(document)

    def read_sidecar(self, tile: str) -> dict[str, Any] | None:
        """Sidecar of the tile with this id, None if the tile is not done.

        Raises
        ------
        SidecarError
            it is damaged, incomplete or of another tile: the tile has to be computed again
        ValueError
            not the id of a tile
        """
        return self._traces.read(tile)

    def sidecar_ids(self) -> Iterator[str]:
        """Ids of the tiles that have a sidecar, in order; reads none of them."""
        return self._traces.ids()

    def having_sidecars(self, tiles: Iterable[str]) -> set[str]:
        """Those of the tiles with these ids that have a sidecar; reads none of them."""
        return self._traces.present(tiles)

    def sweep(self) -> None:
        """Remove what interrupted writes left behind; nobody else may be writing.

        Raises
        ------
        StoreError
            the run is open to read only
        """
        self._require_writable()
        self._objects.sweep()

    def finish(self, apply: Callable[..., Iterable[Any]] | None = None) -> None:
        """Make what lacks of the levels, and consolidate the metadata; may be done again.

        Parameters
        ----------
        apply : as ``map``; that of a ``ThreadPoolExecutor`` reduces shards side by side

        Raises
        ------
        StoreError
            the run is open to read only
        """
        self._require_writable()
        apply = apply or partial(each, self._objects)
        root = zarr.open_group(self._root.store, mode="r+", zarr_format=3, use_consolidated=False)
        self.levels.finish(root, self._path.stem, apply)

    def _inputs(self) -> zarr.Group:
        """The group of the inputs."""
        return layout.group_of(self._root, "inputs")

    def _decode(self, text: bytes, tile: str) -> dict[str, Any]:
        """A sidecar from its text."""
        return sidecar.decode(text, tile)

    def _mask(self) -> Mask:
        """The mask, as it is asked for."""
        shape = self.shape[1:]
        return Mask.live(shape) if self.mask_is_live() else Mask(shape, self.read_mask)

    def mask_is_live(self) -> bool:
        """Whether the run was made with a mask of live pixels alone, which has no files."""
        return bool(self._attributes["hashes"]["mask"] == Mask.live(self.shape[1:]).sha256)

    def _require_mask_file(self, file: str) -> None:
        if not self._objects.exists(f"0/mask/{file}"):
            raise StoreError(
                f"{self._path}: the mask has lost its file 0/mask/{file}, without which dead "
                "pixels would count as live; submit the run again to another --out"
            )

    def withdraw(self, tile: Tile) -> None:
        """Take back that a tile is done, so that it is computed again.

        Raises
        ------
        StoreError
            the run is open to read only
        """
        self._require_writable()
        self._traces.remove(self.grid.id_of(tile))

    def _require_writable(self) -> None:
        if self._mode == "r":
            raise StoreError(f"{self._path} is open to read only; open it with mode 'r+'")

    def _region(
        self, frame: int, panel: int, slow: slice, fast: slice
    ) -> tuple[int, int, slice, slice]:
        """Check that a rectangle lies inside the image; its indices."""
        frames, panels, *sides = self.shape
        for name, number, count in (("frame", frame, frames), ("panel", panel, panels)):
            if not 0 <= number < count:
                raise ValueError(f"{name} {number} is not one of 0 to {count - 1}")
        rows, columns = map(layout.part_of_side, (slow, fast), sides)
        return frame, panel, rows, columns

    def _shard(self, name: str, tile: Tile) -> str:
        """Key of a shard of an array."""
        return "/".join(("0", name, "c", *map(str, self.grid.place_of(tile.index))))


def _plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as they will be read back: lists for tuples, numbers for numpy's."""
    try:
        return json.loads(strict_json.dumps({**attributes, "format": FORMAT}))
    except (TypeError, ValueError) as error:
        raise ValueError(f"attributes of the run: {error}") from error


class _Format1Store(RunStore):
    """A run of format 1, which is read only: inputs beside the levels, sidecars of one image."""

    def __init__(self, path: Place, attributes: dict[str, Any]) -> None:
        super().__init__(path, "r", format1.attributes(path, attributes))
        # that version did not hash them
        background = self._root.get("background")
        self._attributes["hashes"] = {
            **attributes["hashes"],
            "mask": self._mask().sha256,
            "background": background.attrs["content_sha256"] if background is not None else None,
        }

    def read_experiment(self) -> Experiment:
        return format1.experiment(self._attributes["experiment"])

    def _inputs(self) -> zarr.Group:
        return self._root

    def _decode(self, text: bytes, tile: str) -> dict[str, Any]:
        return format1.decode(text, tile, self._attributes["hashes"])

    def mask_is_live(self) -> bool:
        return not self._objects.keys("0/mask/c")

    def _require_mask_file(self, file: str) -> None:
        """Parts that are all live have none."""
