"""What a store holds beside the pixels of its tiles, held against what it must be."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from zarr.abc.buffer import Buffer
from zarr.storage import MemoryStore

from tiled_sim.model.coordinates import PixelCentres
from tiled_sim.model.difference import first_difference
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.model.inputs import Inputs
from tiled_sim.store import durable, files, growth, layout, ome, pyramid, strict_json
from tiled_sim.store.levels import axes_of, create_level
from tiled_sim.store.objects import Objects
from tiled_sim.store.skeleton import write_skeleton

#: Arrays whose values are held against a hash and not against these.
_HASHED = ("0/mask/", "inputs/structure_factors/", "inputs/background/")
#: Values that numpy may give with other last digits on another machine.
_TOLERANCE = 1e-12
_METADATA = "zarr.json"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something of a store that is not as it must be.

    Parameters
    ----------
    node : group or array, as a path in the store; empty: the root
    what : is wrong with it
    """

    node: str
    what: str


class _Expected(MemoryStore):
    """A store as it must be: metadata and small values, and of all else the names of the files."""

    def __init__(self) -> None:
        self.held: dict[str, Buffer] = {}
        super().__init__(self.held)
        self.keys: set[str] = set()

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        self.keys.add(key)
        if key.endswith(_METADATA) or not key.startswith(_HASHED):
            await super().set(key, value, byte_range)


class Inspection:
    """A look at a store of format 2.

    Parameters
    ----------
    objects : of the run
    experiment, grid, inputs : that it must be of; an input that cannot be read is left out
    levels : whether it must have its smaller images
    """

    def __init__(
        self,
        objects: Objects,
        experiment: Experiment,
        grid: TileGrid,
        inputs: Inputs,
        *,
        levels: bool,
    ) -> None:
        self._objects = objects
        self._store = _Expected()
        self._root = zarr.open_group(self._store, mode="w-", zarr_format=3)
        centres = write_skeleton(self._root, experiment, grid, inputs)
        self._levels = [axes_of(centres)]
        self._unit = centres.unit
        if levels:
            for number, sides in enumerate(pyramid.smaller_shapes(*grid.shape[2:]), start=1):
                grid = pyramid.grid_of_level(grid, sides)
                slow, fast = (axis.at_level(number) for axis in self._levels[0])
                self._levels.append((slow, fast))
                places = PixelCentres(slow.centres(sides[0]), fast.centres(sides[1]), self._unit)
                create_level(self._root, number, grid, places)

    @property
    def nodes(self) -> list[str]:
        """Paths of the groups and arrays that must be there, but for the root's."""
        keys = (key.removesuffix(f"/{_METADATA}") for key in self._store.keys)
        return sorted(key for key in keys if f"{key}/{_METADATA}" in self._store.keys)

    def content_of(self, node: str) -> dict[str, bytes]:
        """The files of a group or of a small array as they must be, by their paths."""
        return {
            key: content.to_bytes()
            for key, content in sorted(self._store.held.items())
            if key == f"{node}/{_METADATA}" or key.startswith(f"{node}/c/")
        }

    def flaws_of_metadata(self) -> Iterator[Flaw]:
        """Nodes that are missing, or of which shape, type, chunks or attributes are others."""
        for node in self.nodes:
            what = self._flaw_of_node(node)
            if what:
                yield Flaw(node, f"its metadata: {what}")

    def flaws_of_values(self) -> Iterator[Flaw]:
        """Coordinates, geometry and exposures with other values than the experiment's."""
        for node in self.nodes:
            expected = self._root[node]
            hashed = f"{node}/".startswith(_HASHED)
            pixels = node.endswith(("/image", "/counts"))
            if isinstance(expected, zarr.Array) and not hashed and not pixels:
                what = self._flaw_of_values(node, expected)
                if what:
                    yield Flaw(node, what)

    def flaws_of_root(self) -> Iterator[Flaw]:
        """Other copies of the metadata of the nodes, and other words to viewers, than must be."""
        document = self._document(_METADATA)
        attributes, copies = document["attributes"], document.get("consolidated_metadata")
        expected = ome.image_metadata("", self._levels, self._unit)
        found = attributes.get("ome")
        if not alike(without_name(found), without_name(expected)):
            yield Flaw("", "its `ome` is not that of the image")
        places = layout.places(self._root)
        if attributes.get("arrays", places) != places:  # runs of before have none
            yield Flaw("", f"its `arrays` are not {places}")
        copied = copies.get("metadata") if isinstance(copies, dict) else None
        if not isinstance(copied, dict):
            yield Flaw("", "it has no copies of the metadata of its nodes")
            return
        for node in self.nodes:
            try:
                own = plain_metadata(self._document(f"{node}/{_METADATA}"))
            except (OSError, ValueError):
                continue  # told already
            same = alike(plain_metadata(copied.get(node)), own)
            if not same and not self._means_the_same(node, self._open(copies=True)):
                yield Flaw("", f"its copy of the metadata of {node} is not the node's own")

    def flaws_of_levels(self) -> Iterator[Flaw]:
        """Shards of smaller images that are not the means of the pixels of the larger."""
        root = self._open()
        for number in range(1, len(self._levels)):
            try:
                fine = layout.array_of(root, f"{number - 1}/image")
                coarse = layout.array_of(root, f"{number}/image")
                shards = list(pyramid.shards_of(coarse))
            except Exception as error:  # zarr, of metadata that may hold anything
                yield Flaw(f"{number}/image", f"it cannot be opened ({error})")
                continue
            for shard in shards:
                what = _flaw_of_level(fine, coarse, shard)
                if what:
                    place = pyramid.shards_of(coarse).place_of(shard.index)
                    yield Flaw("/".join(map(str, (number, "image", "c", *place))), what)

    def strangers(self) -> Iterator[str]:
        """Files at the top and in the groups that are no part of a run, as far as names tell."""
        nodes = {node.split("/")[0] for node in self.nodes}
        known = {*nodes, _METADATA, "traces", "control", "tiles", growth.KEY}
        for name in self._objects.names():
            if name not in known and not name.isdigit():
                yield name

    def _open(self, *, copies: bool = False) -> zarr.Group:
        """The run's group, its nodes by their own metadata or by the root's copies."""
        return zarr.open_group(
            self._objects.arrays(read_only=True),
            mode="r",
            zarr_format=3,
            use_consolidated=copies,
        )

    def _means_the_same(self, node: str, other: zarr.Group) -> bool:
        """Whether other text for a node's metadata says the same, as another zarr may put it."""
        try:
            here, there = (group[node].metadata.to_dict() for group in (self._open(), other))
        except Exception:  # zarr, of metadata that may hold anything
            return False
        return alike(plain_metadata(here), plain_metadata(there))

    def _document(self, key: str) -> Any:
        return strict_json.loads(self._objects.get(key))

    def _flaw_of_node(self, node: str) -> str:
        try:
            document = self._document(f"{node}/{_METADATA}")
        except FileNotFoundError:
            return "it is lost"
        except OSError as error:
            return f"it cannot be read ({durable.reason(error)})"
        except ValueError as error:
            return f"it is no JSON ({error})"
        expected = strict_json.loads(self._store.held[f"{node}/{_METADATA}"].to_bytes())
        here, there = plain_metadata(document), plain_metadata(expected)
        if alike(here, there) or self._means_the_same(node, self._root):
            return ""
        field, found, due = first_difference(here, there, "metadata")
        return f"its {field.removeprefix('metadata.')} is {_short(found)} and not {_short(due)}"

    def _flaw_of_values(self, node: str, expected: zarr.Array) -> str:
        lost = [
            key
            for key in self._store.keys
            if key.startswith(f"{node}/c") and not self._objects.exists(key)
        ]
        if lost:
            return f"its file {min(lost)} is lost"
        try:
            found = np.asarray(layout.array_of(self._open(), node)[...])
        except Exception as error:  # zarr, of metadata that may hold anything
            return f"it cannot be read ({error})"
        due = np.asarray(expected[...])
        if found.shape != due.shape or found.dtype != due.dtype:
            return f"it is {found.dtype} {found.shape} and not {due.dtype} {due.shape}"
        if due.dtype.kind != "f":
            same = np.array_equal(found, due)
        else:
            same = np.allclose(found, due, _TOLERANCE, _TOLERANCE, equal_nan=True)
        return "" if same else "its values are not those of the experiment"


def alike(one: Any, other: Any) -> bool:
    """Whether two documents are the same, numbers but for their last digits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def plain_metadata(document: Any) -> Any:
    """Metadata of a node without the copies of others' that a group may have."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "consolidated_metadata"}


def without_name(document: Any) -> Any:
    """What viewers are told, but for the name: that of a run may be another now."""
    try:
        (image,) = document["multiscales"]
        return {**document, "multiscales": [{**image, "name": ""}]}
    except (TypeError, KeyError, ValueError):
        return document


def _flaw_of_level(fine: zarr.Array, coarse: zarr.Array, shard: Any) -> str:
    try:
        due = pyramid.reduced_shard(fine, coarse, shard)
    except pyramid.UnreadableShardError:
        return ""  # the larger image is at fault, and that is told
    try:
        found = np.asarray(coarse[shard.region])
    except files.DAMAGE as error:
        return f"it cannot be read ({error})"
    same = np.array_equal(found, due, equal_nan=True)
    return "" if same else "its pixels are not the means of those of the larger image"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:60]}…"
