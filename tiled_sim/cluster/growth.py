"""A run that becomes larger: under its lease, so that nobody computes it meanwhile."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tiled_sim.cluster.lease import Lease
from tiled_sim.errors import StoreError
from tiled_sim.plan.prepare import Prepared
from tiled_sim.run.run import Run
from tiled_sim.store.growth import begin_growth, finish_growth, is_growing
from tiled_sim.store.location import objects_of, run_attributes, told_if_not_writable
from tiled_sim.store.place import Place, RunURL, place_of


@dataclass(frozen=True, slots=True)
class _Unopened:
    """A run that cannot be opened as long as it is between two sizes.

    Parameters
    ----------
    path : of the run
    run_id : of it
    """

    path: Place
    run_id: str


def grow_run(run: Run, prepared: Prepared) -> Run:
    """Make a run that of an experiment with more frames, of which nothing is computed yet.

    Parameters
    ----------
    run : to become larger
    prepared : the larger experiment, by the same inputs, tiles and kernel

    Returns
    -------
    the run, opened again

    Raises
    ------
    StoreError
        if somebody computes the run, has added frames in the meantime, or it cannot be written
    """
    attributes = {
        **run.attributes,
        "experiment": prepared.experiment.to_dict(),
        "structure_factors": prepared.provenance(),
        "plan": prepared.plan.to_dict(),
        "hashes": prepared.hashes,
        "earlier": [
            *run.attributes.get("earlier", ()),
            {
                "frames": run.plan.grid.shape[0],
                "until": datetime.now(UTC).isoformat(),
                "hashes": run.hashes,
            },
        ],
    }
    with Lease(run, 0, ""), told_if_not_writable(run.path):
        if run_attributes(run.path)["hashes"] != run.hashes:
            raise StoreError(
                f"somebody has added frames to {run.path} in the meantime; nothing was added here: "
                "say it once more"
            )
        begin_growth(run.store.objects, prepared.experiment, prepared.plan.grid, attributes)
        finish_growth(run.path)
    return Run(run.path, prepared.experiment)


def finish_growth_of(path: str | Path | RunURL) -> None:
    """Finish what was begun to make a run larger, if anything was; nothing where no run is.

    Raises
    ------
    StoreError
        if somebody computes the run, or it cannot be written
    """
    place = place_of(path)
    if not is_growing(objects_of(place)):
        return
    run_id = run_attributes(place)["run_id"]
    with Lease(_Unopened(place, run_id), 0, ""), told_if_not_writable(place):
        finish_growth(place)
