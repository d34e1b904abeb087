"""The run store, format 1: the only code that touches the zarr. See ``docs/store.md``."""

import json
import logging
import operator
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import zarr
from zarr.storage import LocalStore

from tiled_sim.errors import StoreError
from tiled_sim.model.amorphous import AmorphousTable
from tiled_sim.model.structure_factors import StructureFactors
from tiled_sim.store import durable, layout, location, ome, pyramid, sidecar, strict_json
from tiled_sim.store.layout import NOT_COUNTED, MaskSource
from tiled_sim.store.location import FORMAT
from tiled_sim.store.sidecar import tile_id

__all__ = ["FORMAT", "NOT_COUNTED", "MaskSource", "RunStore", "tile_id"]

logger = logging.getLogger(__name__)


class RunStore:
    """A run on disk: the image, its mask, the structure factors and the sidecars of its tiles.

    Made by `create` or `open`. One process may write while others read, and several may write at
    once as long as no two write the same tile.
    """

    def __init__(self, path: Path, mode: Literal["r", "r+"]) -> None:
        self._path = path
        self._mode = mode
        self._attributes = location.run_attributes(path)
        try:
            self._root = zarr.open_group(
                LocalStore(path, read_only=mode == "r"), mode=mode, zarr_format=3
            )
            arrays = {"image": layout.array_of(self._root, "0/image")}
            if "0/counts" in self._root:
                arrays["counts"] = layout.array_of(self._root, "0/counts")
        except (KeyError, TypeError, ValueError, OSError) as error:  # zarr, of its metadata
            raise StoreError(
                f"{path}: its arrays cannot be opened ({error}); its metadata is damaged, or not "
                "tiled_sim's"
            ) from error
        # Not kept by the array's metadata: whoever opens it to write has to ask again.
        self._arrays = {
            name: array.with_config({"write_empty_chunks": True}) for name, array in arrays.items()
        }
        self._image = self._arrays["image"]

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        shape: tuple[int, int, int, int],
        tile: tuple[int, int],
        attributes: Mapping[str, Any],
        centres: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], str],
        arrays: Mapping[str, npt.NDArray[np.float64]],
        structure_factors: StructureFactors | None = None,
        mask: MaskSource | None = None,
        amorphous: AmorphousTable | None = None,
        counts: bool = False,
    ) -> "RunStore":
        """Make the store of a run that has computed nothing yet, and open it to write.

        The root's attributes are written last: a store without them was not finished being made,
        and `open` refuses it. What fails underway leaves nothing behind.

        Parameters
        ----------
        path : directory to make, or a ``file://`` URL of it
        shape : frames, panels, slow and fast pixels of a panel
        tile : slow and fast sides of a tile [pixel], multiples of 16; the panel need not be a
            multiple of the tile
        attributes : what the run is, kept as the ``tiled_sim`` attribute beside ``format``
        centres : float64 (slow,) and (fast,), of the pixels along the panel's axes, equally spaced,
            and their unit, ``mm`` or ``pixel``
        arrays : of the experiment, by name
        structure_factors : kept in the run, for the workers
        mask : uint8 (panel, slow, fast), 0 where live, otherwise the sum of 1 (masked) and 2
            (outside the region of interest); or a function that is asked for it tile by tile;
            all live if None
        amorphous : table of the background, kept in the run, for the workers
        counts : whether the run counts photons beside expecting them

        Raises
        ------
        StoreError
            the path exists, cannot be made, or is a URL of something else than a local directory
        ValueError
            shapes, tiles, coordinates, mask and attributes that cannot be or do not agree
        """
        plain = _plain_attributes(attributes)
        axes = _checked_axes(shape, tile, *centres[:2])
        target = location.local_path(path)
        location.make_directory(target)
        try:
            root = zarr.open_group(LocalStore(target), mode="w-", zarr_format=3)
            level = root.create_group("0")
            layout.create_image(level, shape, tile)
            if counts:
                layout.create_counts(level, shape, tile)
            layout.write_coordinates(level, *shape[:2], centres)
            layout.write_arrays(root, arrays)
            live = layout.create_mask(level, shape[1:], tile)
            if mask is not None:
                layout.write_mask(live, mask, tile)
            if structure_factors is not None:
                layout.write_structure_factors(root, structure_factors)
            if amorphous is not None:
                layout.write_amorphous(root, amorphous)
            document = ome.image_metadata(target.stem, [axes], centres[2])
            layout.seal(root, {"ome": document, "tiled_sim": plain})
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)  # made above, so all in it is ours
            raise
        return cls(target, "r+")

    @classmethod
    def open(cls, path: str | Path, mode: Literal["r", "r+"] = "r") -> "RunStore":
        """Open a run to read (``"r"``) or to add to (``"r+"``).

        Raises
        ------
        StoreError
            there is none, it was not finished being made, it is no run, its format is newer than
            this program, or the URL is of something else than a local directory
        """
        return cls(location.local_path(path), mode)

    @property
    def path(self) -> Path:
        """Directory of the run."""
        return self._path

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
    def tile(self) -> tuple[int, int]:
        """Slow and fast sides of a tile [pixel]."""
        assert self._image.shards is not None
        slow, fast = self._image.shards[-2:]
        return slow, fast

    def read_arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Arrays of the experiment, by name."""
        group = self._root.get("inputs")
        return layout.read_arrays(group) if isinstance(group, zarr.Group) else {}

    def read_structure_factors(self) -> StructureFactors | None:
        """Structure factors the run was made with, None if without.

        Raises
        ------
        StoreError
            their content is not what was written
        """
        group = self._root.get("structure_factors")
        return layout.read_structure_factors(group) if isinstance(group, zarr.Group) else None

    def read_amorphous(self) -> AmorphousTable | None:
        """Table of the background that the run was made with, None if without.

        Raises
        ------
        StoreError
            its content is not what was written
        """
        group = self._root.get("background")
        return layout.read_amorphous(group) if isinstance(group, zarr.Group) else None

    def read_mask(self, panel: int, slow: slice, fast: slice) -> npt.NDArray[np.uint8]:
        """Mask of a rectangle of a panel, uint8 (slow, fast); 0 where live."""
        region = self._region(0, panel, slow, fast)[1:]
        return np.asarray(layout.array_of(self._root, "0/mask")[region])

    def read_tile(
        self, frame: int, panel: int, slow: slice, fast: slice
    ) -> npt.NDArray[np.float32]:
        """Pixels of any rectangle, float32 (slow, fast) [photon]; NaN where not yet computed.

        Raises
        ------
        ValueError
            the rectangle is empty or not inside the image
        """
        return np.asarray(self._image[self._region(frame, panel, slow, fast)])

    def write_tile(
        self, frame: int, panel: int, slow: slice, fast: slice, image: npt.NDArray[np.float32]
    ) -> None:
        """Write the pixels of a tile, and have them on disk before returning.

        The tile counts as done only with its sidecar: `write_sidecar` next.

        Parameters
        ----------
        slow, fast : one tile or whole tiles, cut at the edge of the panel
        image : float32 (slow, fast) [photon]

        Raises
        ------
        StoreError
            the run is open to read only
        ValueError
            not inside the image, not whole tiles, or an image of another shape or type
        """
        self._write("image", frame, panel, slow, fast, image)

    def read_counts(
        self, frame: int, panel: int, slow: slice, fast: slice
    ) -> npt.NDArray[np.int32]:
        """Counts of any rectangle, int32 (slow, fast) [ADU]; `NOT_COUNTED` where not yet computed.

        Raises
        ------
        StoreError
            the run was made without noise
        ValueError
            the rectangle is empty or not inside the image
        """
        self.require_counts()
        return np.asarray(self._arrays["counts"][self._region(frame, panel, slow, fast)])

    def write_counts(
        self, frame: int, panel: int, slow: slice, fast: slice, counts: npt.NDArray[np.int32]
    ) -> None:
        """Write the counts of a tile, as `write_tile` writes its pixels; before the sidecar.

        Parameters
        ----------
        slow, fast : one tile or whole tiles, cut at the edge of the panel
        counts : int32 (slow, fast) [ADU]

        Raises
        ------
        StoreError
            the run is open to read only, or was made without noise
        ValueError
            as `write_tile`
        """
        self.require_counts()
        self._write("counts", frame, panel, slow, fast, counts)

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

    def _write(
        self,
        name: str,
        frame: int,
        panel: int,
        slow: slice,
        fast: slice,
        pixels: npt.NDArray[np.float32] | npt.NDArray[np.int32],
    ) -> None:
        """Write whole shards of an array, and have them on disk before returning."""
        self._require_writable()
        array = self._arrays[name]
        region = self._region(frame, panel, slow, fast)
        shards = [
            _whole_shards(part, side, size)
            for part, side, size in zip(region[2:], self.tile, self.shape[2:], strict=True)
        ]
        expected = tuple(part.stop - part.start for part in region[2:])
        if pixels.dtype != array.dtype or pixels.shape != expected:
            raise ValueError(
                f"a {array.dtype} {name} of {expected} is due, not {pixels.dtype} of {pixels.shape}"
            )
        files = [
            self._shard(name, frame, panel, row, column)
            for row in shards[0]
            for column in shards[1]
        ]
        for file in files:
            # zarr reads a shard that it replaces, and would stumble over a damaged one
            file.unlink(missing_ok=True)
        array[region] = pixels
        for file in files:
            durable.sync(file)
            durable.sync(file.parent)

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
        text = sidecar.encode(document)
        target = self._sidecar_path(document["tile"]["id"])
        target.parent.mkdir(parents=True, exist_ok=True)
        durable.write_atomically(target, text.encode())

    def read_sidecar(self, tile: str) -> dict[str, Any] | None:
        """Sidecar of the tile with this id, None if the tile is not done.

        Raises
        ------
        SidecarError
            it is damaged, incomplete or of another tile: the tile has to be computed again
        ValueError
            not the id of a tile
        """
        try:
            text = self._sidecar_path(tile).read_bytes()
        except FileNotFoundError:
            return None
        return sidecar.decode(text, tile)

    def sidecar_ids(self) -> Iterator[str]:
        """Ids of the tiles that have a sidecar, in order; reads none of them."""
        traces = self._path / "traces"
        for folder in sorted(traces.glob("f*/p*")):
            for file in sorted(folder.glob("r*.json")):
                yield file.relative_to(traces).with_suffix("").as_posix()

    def sidecars(self) -> Iterator[dict[str, Any]]:
        """Sidecars of all tiles that are done; damaged ones are logged and left out."""
        for tile in self.sidecar_ids():
            try:
                document = self.read_sidecar(tile)
            except sidecar.SidecarError as error:
                logger.warning("%s: %s", self._path, error)
                continue
            if document is not None:
                yield document

    def sweep(self) -> None:
        """Remove what interrupted writes left behind; nobody else may be writing.

        Raises
        ------
        StoreError
            the run is open to read only
        """
        self._require_writable()
        patterns = (
            *("traces/**/.*.tmp", "control/**/.*.tmp", ".*.tmp"),
            *("0/image/**/*.partial", "0/counts/**/*.partial", "[0-9]*/*.partial", "*.partial"),
        )
        for pattern in patterns:
            for leftover in self._path.glob(pattern):
                leftover.unlink(missing_ok=True)

    def finish(self, apply: Callable[..., Iterable[Any]] = map) -> None:
        """Make the pyramid of 2 × 2 means and consolidate the metadata; may be done again.

        Parameters
        ----------
        apply : as ``map``; that of a ``ThreadPoolExecutor`` reduces shards side by side

        Raises
        ------
        StoreError
            the run is open to read only
        """
        self._require_writable()
        root = zarr.open_group(self._root.store, mode="r+", zarr_format=3, use_consolidated=False)
        slow, fast = (
            pyramid.PixelAxis.through(np.asarray(layout.array_of(root, f"0/{name}")[...]))
            for name in ("slow", "fast")
        )
        unit = str(layout.array_of(root, "0/slow").attrs["units"])
        levels = [(slow, fast)]
        fine = self._image
        for number, sides in enumerate(pyramid.smaller_shapes(*self.shape[2:]), start=1):
            levels.append((slow.at_level(number), fast.at_level(number)))
            level = root.create_group(str(number), overwrite=True)
            rows, columns = (
                axis.centres(side) for axis, side in zip(levels[-1], sides, strict=True)
            )
            layout.write_coordinates(level, *self.shape[:2], (rows, columns, unit))
            coarse = layout.create_image(level, (*self.shape[:2], *sides), self.tile)
            pyramid.fill_level(fine, coarse, apply)
            fine = coarse
        layout.seal(root, {"ome": ome.image_metadata(self._path.stem, levels, unit)})

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
        rows, columns = map(_inside, (slow, fast), sides)
        return frame, panel, rows, columns

    def _shard(self, name: str, *place: int) -> Path:
        """File of a shard of an array by frame, panel, row and column."""
        return self._path.joinpath("0", name, "c", *map(str, place))

    def _sidecar_path(self, tile: str) -> Path:
        sidecar.check_tile_id(tile)
        return self._path / "traces" / f"{tile}.json"


def _plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as they will be read back: lists for tuples, numbers for numpy's."""
    try:
        return json.loads(strict_json.dumps({**attributes, "format": FORMAT}))
    except (TypeError, ValueError) as error:
        raise ValueError(f"attributes of the run: {error}") from error


def _checked_axes(
    shape: tuple[int, int, int, int],
    tile: tuple[int, int],
    slow: npt.NDArray[np.float64],
    fast: npt.NDArray[np.float64],
) -> tuple[pyramid.PixelAxis, pyramid.PixelAxis]:
    if len(shape) != 4 or min(shape) < 1:
        raise ValueError(f"shape {shape} is not four counts from 1")
    if len(tile) != 2 or any(side < 1 or side % layout.TILE_STEP for side in tile):
        raise ValueError(f"tile {tile} is not two multiples of {layout.TILE_STEP}")
    if (slow.shape, fast.shape) != (shape[2:3], shape[3:]):
        raise ValueError(f"coordinates of {slow.shape} and {fast.shape} for pixels of {shape[2:]}")
    return pyramid.PixelAxis.through(slow), pyramid.PixelAxis.through(fast)


def _inside(part: slice, size: int) -> slice:
    start, stop = operator.index(part.start), operator.index(part.stop)
    if part.step not in (None, 1) or not 0 <= start < stop <= size:
        raise ValueError(f"{part} is not a range of pixels 0 to {size}")
    return slice(start, stop)


def _whole_shards(part: slice, side: int, size: int) -> range:
    """Numbers of the shards along one axis that make up a range of pixels."""
    if part.start % side or (part.stop % side and part.stop != size):
        raise ValueError(f"pixels {part.start} to {part.stop} are not whole tiles of {side}")
    return range(part.start // side, -(-part.stop // side))
