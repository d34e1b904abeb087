"""Making a run of today's format of one of an older."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.model.grid import Tile
from tiled_sim.plan.memory import memory_of
from tiled_sim.plan.reach import nodes_of_table
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.store.run_store import FORMAT, RunStore
from tiled_sim.store.shards import DamagedPixelsError
from tiled_sim.store.sidecar import counts_digest, image_digest
from tiled_sim.versions import versions


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a run.

    Parameters
    ----------
    run : the new one
    kept : tiles that it has of the old one
    left : ids of tiles that the old one calls done, but whose pixels are not those of their sidecar
    """

    run: Run
    kept: int
    left: tuple[str, ...]


def convert(old: str | Path, new: str | Path) -> Converted:
    """Make a run of today's format of one of an older, which stays as it is.

    Pixels, counts and sidecars of the tiles that are done are the same; the others can be computed
    by `resume`. Until all of them are there, what is made is no run.

    Parameters
    ----------
    old : path of the run
    new : path of the run to make, which must not exist

    Raises
    ------
    StoreError
        the old run is damaged or of today's format already, or the new one exists or cannot be made
    """
    found = Run(old)
    if found.attributes["format"] == FORMAT:
        raise StoreError(f"{old} has format {FORMAT} already; there is nothing to convert")
    inputs = found.inputs()
    plan = found.plan
    nodes = nodes_of_table(found.experiment, inputs.factors)
    memory = memory_of(plan.settings, found.experiment, nodes, plan.grid.tile)
    plan = replace(plan, memory=memory)
    hashes = {"experiment": found.experiment.sha256, **inputs.hashes, "plan": plan.sha256}
    run_id = uuid.uuid4().hex
    kept: list[str] = []
    left: list[str] = []

    def fill(store: RunStore) -> None:
        for tile, sidecar in _done(found):
            name = found.plan.id_of(tile)
            if _copy(found, store, tile, {**sidecar, "run_id": run_id, "hashes": hashes}):
                kept.append(name)
            else:
                left.append(name)

    made = RunStore.create(
        new,
        found.experiment,
        grid=plan.grid,
        inputs=inputs,
        attributes={
            "run_id": run_id,
            "created": found.attributes["created"],
            "structure_factors": found.attributes["structure_factors"],
            "plan": plan.to_dict(),
            "hashes": hashes,
            "versions": found.attributes["versions"],
            "converted": {
                "from_format": found.attributes["format"],
                "from_run_id": found.run_id,
                "at": datetime.now(UTC).isoformat(),
                "versions": versions(),
            },
        },
        fill=fill,
    )
    if len(kept) == len(plan):
        made.finish()
    run = Run(made.path)
    Progress.surveyed(run).write()
    return Converted(run, len(kept), tuple(left))


def _done(run: Run) -> Iterator[tuple[Tile, dict[str, Any]]]:
    """Tiles of a run that have a valid sidecar, with it."""
    for tile in run.plan:
        sidecar = run.sidecar(tile)
        if sidecar is not None:
            yield tile, sidecar


def _copy(old: Run, new: RunStore, tile: Tile, sidecar: dict[str, Any]) -> bool:
    """Take a tile over; False if its pixels are not those of its sidecar."""
    try:
        image = old.store.read_part(tile)
        counts = None if sidecar["counts"] is None else old.store.read_counts_part(tile)
    except DamagedPixelsError:
        return False
    if image_digest(image) != sidecar["image"]["sha256"]:
        return False
    if counts is not None and counts_digest(counts) != sidecar["counts"]["sha256"]:
        return False
    new.write_tile(tile, image)
    if counts is not None:
        new.write_counts(tile, counts)
    new.write_sidecar(sidecar)
    return True
