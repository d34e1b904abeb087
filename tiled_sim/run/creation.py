"""Making the store of a run."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from tiled_sim.plan.prepare import Prepared
from tiled_sim.run.run import Run
from tiled_sim.simulation.labels import pixel_centres
from tiled_sim.store.run_store import RunStore
from tiled_sim.versions import versions


def create_run(prepared: Prepared, path: str | Path) -> Run:
    """Make the store of a run: experiment, structure factors, mask and plan, no pixel yet.

    Raises
    ------
    StoreError
        if the path exists or cannot be made
    """
    experiment = prepared.experiment
    RunStore.create(
        path,
        shape=experiment.shape,
        tile=prepared.plan.tile,
        attributes={
            "run_id": uuid.uuid4().hex,
            "created": datetime.now(UTC).isoformat(),
            "experiment": experiment.to_dict(),
            "structure_factors": prepared.provenance(),
            "plan": prepared.plan.to_dict(),
            "hashes": prepared.hashes,
            "precision": prepared.plan.precision,
            "kernel": prepared.plan.kernel,
            "kernel_reason": prepared.choice.reason,
            "versions": versions(),
        },
        centres=pixel_centres(experiment),
        arrays=experiment.arrays(),
        structure_factors=prepared.structure_factors,
        mask=prepared.mask,
        amorphous=prepared.amorphous,
        counts=experiment.noise is not None,
    )
    return Run(path)
