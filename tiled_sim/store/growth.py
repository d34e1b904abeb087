"""Adding frames to a run: all that changes in its store is prepared in one file, then put in place.

The file is `KEY`, a zip archive. Before it is there, nothing has begun; as long as it is there,
putting its members in their places, which is the same however often it is done, makes the larger
run of the smaller, whatever has been done of it already; when it is gone, all is done.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import zarr
from zarr.abc.buffer import Buffer
from zarr.storage import MemoryStore

from tiled_sim.errors import StoreError
from tiled_sim.model.coordinates import pixel_centres
from tiled_sim.model.experiment import Experiment
from tiled_sim.model.grid import TileGrid
from tiled_sim.store import geometry, layout, ome, strict_json
from tiled_sim.store.levels import axes_of
from tiled_sim.store.location import objects_of
from tiled_sim.store.objects import Objects
from tiled_sim.store.place import Place
from tiled_sim.store.tile_index import TileIndex

KEY = "growth.zip"
#: Its member that is not a file of the run, but the attribute that it will have.
_ATTRIBUTES = "tiled_sim.json"
#: Files of a run that are others when it has more frames, beside those of its groups.
_GROWING = ("0/image/", "0/counts/", "0/frame/", f"{geometry.FRAMES}/")
_GROUP = f"{geometry.FRAMES}/zarr.json"
#: What zipfile, zlib and json raise for what is damaged.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, KeyError, ValueError),
    *(EOFError, NotImplementedError, RuntimeError, OverflowError),
)


def begin_growth(
    objects: Objects, experiment: Experiment, grid: TileGrid, attributes: Mapping[str, Any]
) -> None:
    """Write down all that is to change in the store of a run, so that `finish_growth` can do it.

    Parameters
    ----------
    objects : of the run, which nobody else writes
    experiment : with all frames, of which the first are those that the run has
    grid : of its tiles, which are as large as before
    attributes : of the larger run, plain JSON values
    """
    held: dict[str, Buffer] = {}
    root = zarr.open_group(MemoryStore(held), mode="w-", zarr_format=3)
    level = root.create_group("0")
    layout.create_image(level, grid)
    if experiment.noise is not None:
        layout.create_counts(level, grid)
    layout.write_coordinates(level, grid.shape, pixel_centres(experiment.detector))
    geometry.write_frames(root, experiment)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for key, content in held.items():
            if key.startswith(_GROWING) and key != _GROUP:
                opened.writestr(key, content.to_bytes())
        opened.writestr(_ATTRIBUTES, strict_json.dumps(attributes))
    objects.put(KEY, archive.getvalue())


def is_growing(objects: Objects) -> bool:
    """Whether a run was about to become larger when that was stopped."""
    return objects.exists(KEY)


def finish_growth(place: Place) -> None:
    """Make the larger run of a run that `begin_growth` was called for.

    Parameters
    ----------
    place : of the run, which nobody else writes

    Raises
    ------
    StoreError
        the file is not as it was written; then nothing is put in place
    """
    objects = objects_of(place)
    archive, attributes = _opened(place, objects.get(KEY))
    with archive:
        for key in archive.namelist():
            if key != _ATTRIBUTES:
                objects.put(key, archive.read(key))
    root = zarr.open_group(
        objects.arrays(read_only=False), mode="r+", zarr_format=3, use_consolidated=False
    )
    for name in objects.names():
        if name.isdigit() and name != "0":  # they are of the smaller run; the end makes them anew
            del root[name]
    finest = layout.group_of(root, "0")
    grid = layout.grid_of(layout.array_of(finest, "image"))
    TileIndex.create(objects, len(grid))
    centres = layout.read_coordinates(finest)
    document = ome.image_metadata(place.stem, [axes_of(centres)], centres.unit)
    layout.seal(root, {"arrays": layout.places(root), "ome": document, "tiled_sim": attributes})
    objects.put("zarr.json", objects.get("zarr.json"))  # on the disk before the file is gone
    objects.delete(KEY)


def _opened(place: Place, content: bytes) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    """The archive, all of which can be read and belongs where it goes, and the attributes."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        if (spoilt := archive.testzip()) is not None:
            raise ValueError(f"{spoilt} in it is damaged")
        for key in archive.namelist():
            # a run that somebody else gave may say anything
            if key != _ATTRIBUTES and (not key.startswith(_GROWING) or ".." in key.split("/")):
                raise ValueError(f"{key} in it is none of what grows")
        attributes = strict_json.loads(archive.read(_ATTRIBUTES))
        if not isinstance(attributes, dict):
            raise ValueError(f"{_ATTRIBUTES} in it is no object")
    except _DAMAGE as error:
        raise StoreError(
            f"{place}: its {KEY}, by which frames were being added to it, is not as it was written "
            f"({error}): remove that file; `tiled-sim verify {place}` then tells whether the run "
            "is whole as it was before"
        ) from None
    return archive, attributes
