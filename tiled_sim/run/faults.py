"""What is wrong with the tiles of a run, by their sidecars and their pixels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tiled_sim.errors import StoreError
from tiled_sim.model.grid import Tile
from tiled_sim.store.objects import each
from tiled_sim.store.records import counts_record, differences, image_record
from tiled_sim.store.shards import DamagedPixelsError

if TYPE_CHECKING:
    from tiled_sim.run.run import Run

#: What mends a fault: the tile is computed again; the file is written again as the experiment has
#: it; the smaller images are made again; nothing.
COMPUTE, WRITE, FINISH, NOTHING = "compute", "write", "finish", "nothing"
_OTHER = {"image": "the image is not the one", "counts": "the counts are not those"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a run.

    Parameters
    ----------
    place : id of a tile, or a path in the store
    what : is wrong
    remedy : `COMPUTE`, `WRITE`, `FINISH` or `NOTHING`
    """

    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def faults_of_tiles(run: "Run") -> Iterator[Fault]:
    """Tiles that are missing, damaged or not what their sidecars say, and sidecars of no tile."""
    for _, faults in each(run.store.objects, partial(look_at, run), run.plan):
        yield from faults
    yield from strangers(run)


def strangers(run: "Run") -> Iterator[Fault]:
    """Sidecars of no tile."""
    expected = {run.plan.id_of(tile) for tile in run.plan}
    for found in run.store.sidecar_ids():
        if found not in expected:
            yield Fault(found, "a sidecar of no tile of this run", NOTHING)


def look_at(run: "Run", tile: Tile) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The valid sidecar of a tile, if it has one, and what is wrong with the tile."""
    name = run.plan.id_of(tile)
    try:
        said = run.sidecar(tile)
        if said is None:
            missing = Fault(name, "not computed, or its sidecar is damaged", COMPUTE)
            return None, [missing]
        lost = list(run.store.faults_of_shards(tile))
    except StoreError as error:  # something stands in the way
        return None, [Fault(name, str(error), NOTHING)]
    found = lost or _faults_of(run, tile, said)
    return said, [Fault(name, what, COMPUTE) for what in found]


def _faults_of(run: "Run", tile: Tile, said: dict[str, Any]) -> Iterator[str]:
    yield from _faults_of_pixels(
        "image", said["image"], lambda: run.store.read_part(tile), lambda it: image_record(tile, it)
    )
    noise = run.experiment.noise
    if noise is not None:
        yield from _faults_of_pixels(
            "counts",
            said["counts"],
            lambda: run.store.read_counts_part(tile),
            lambda it: counts_record(tile, it, noise.saturation),
        )


def _faults_of_pixels(
    name: str,
    said: dict[str, Any],
    read: Callable[[], npt.NDArray[Any]],
    record: Callable[[npt.NDArray[Any]], dict[str, Any]],
) -> Iterator[str]:
    """Of the image or the counts of a tile."""
    try:
        pixels = read()
    except DamagedPixelsError as error:
        yield f"the {name} cannot be read: {error.__cause__}"
        return
    nan = int(np.isnan(pixels).sum())
    wrong = [] if nan else list(differences(said, record(pixels)))
    if nan or "sha256" in wrong:
        yield f"{_OTHER[name]} that {'was' if name == 'image' else 'were'} committed (SHA-256)"
    elif wrong:
        yield f"its sidecar says another {', '.join(wrong)} of the {name} than the pixels have"
    if nan:
        yield f"{nan} pixels are NaN"
