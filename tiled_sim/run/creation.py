"""Making the store of a run."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from tiled_sim.plan.prepare import Prepared
from tiled_sim.run.run import Run
from tiled_sim.store.place import RunURL
from tiled_sim.store.run_store import RunStore
from tiled_sim.versions import versions


def create_run(prepared: Prepared, path: str | Path | RunURL) -> Run:
    """Make the store of a run: experiment, inputs and plan, no pixel yet.

    Raises
    ------
    StoreError
        if the path exists or cannot be made
    """
    RunStore.create(
        path,
        prepared.experiment,
        grid=prepared.plan.grid,
        inputs=prepared.inputs,
        attributes={
            "run_id": uuid.uuid4().hex,
            "created": datetime.now(UTC).isoformat(),
            "structure_factors": prepared.provenance(),
            "plan": prepared.plan.to_dict(),
            "hashes": prepared.hashes,
            "versions": versions(),
        },
    )
    return Run(path, prepared.experiment)
