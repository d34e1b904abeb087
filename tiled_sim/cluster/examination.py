"""Whether a worker can compute a run: looked at by the worker itself."""

import os
import socket
import uuid
from dataclasses import dataclass

from tiled_sim.errors import StoreError, TiledSimError
from tiled_sim.kernels.compiled import packages_of
from tiled_sim.kernels.devices import resolve_device
from tiled_sim.kernels.packages import is_built, obstacle_to_build
from tiled_sim.model.settings import COMPILED
from tiled_sim.run.run import Run
from tiled_sim.store.location import objects_of
from tiled_sim.store.place import place_of


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a worker must have to compute a run.

    Parameters
    ----------
    path : of the store, as the workers see it
    run_id : of the run that must be there
    device : name of the torch device that must be there, or ``auto``
    """

    path: str
    run_id: str
    device: str = "auto"


def obstacle(path: str, run_id: str, device: str) -> str:
    """Why this process cannot compute a run; empty if it can.

    Parameters
    ----------
    path, run_id, device : as `Requirements`
    """
    try:
        objects = objects_of(place_of(path))
        if not objects.is_there():
            return (
                f"it does not see {path} (its working directory is {os.getcwd()}); {objects.shared}"
            )
        run = Run(path)
        resolve_device(device)
    except TiledSimError as error:
        return error.written
    if run.run_id != run_id:
        return f"{path} is another run there ({run.run_id}, not {run_id}); {objects.shared}"
    return _obstacle_to_write(run) or _obstacle_to_compile(run)


def _obstacle_to_write(run: Run) -> str:
    trial = f".{socket.gethostname()}.{uuid.uuid4().hex}.tmp"
    try:
        run.store.objects.put(trial, b"")
        run.store.objects.delete(trial)
    except StoreError as error:
        return error.written
    except OSError as error:
        return (
            f"it cannot create a file in {run.path} ({error.strerror}); let the user that the "
            "worker runs as write there"
        )
    return ""


def _obstacle_to_compile(run: Run) -> str:
    if run.plan.settings.kernel != COMPILED:
        return ""
    if all(is_built(graph) for graph in packages_of(run.experiment, run.plan.settings.precision)):
        return ""
    found = obstacle_to_build()
    return found and f"{found}; mend that there, or submit with --kernel reference"
