"""Whether the tiles of a run come out the same when they are computed again."""

import random
from collections.abc import Iterator
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.kernels.devices import one_torch_thread
from tiled_sim.model.grid import Tile
from tiled_sim.run.faults import COMPUTE, NOTHING, Fault
from tiled_sim.run.run import Run
from tiled_sim.simulation.simulator import Simulator
from tiled_sim.store.sidecar import counts_digest, image_digest
from tiled_sim.versions import versions

_OTHER = {"image": "another image", "counts": "other counts"}


def recomputed_faults(run: Run, count: int, device: str) -> Iterator[Fault]:
    """Tiles of a sample that come out otherwise when they are computed again.

    Parameters
    ----------
    run : whose tiles they are
    count : of tiles, the same ones every time; those without a sidecar are left out
    device : name of the torch device
    """
    done = [tile for tile in run.plan if _sidecar(run, tile) is not None]
    sample = sorted(random.Random(0).sample(range(len(done)), min(count, len(done))))
    if not sample:
        return
    simulator = run.simulator(device)
    for tile in (done[number] for number in sample):
        with one_torch_thread():
            digests = _digests(run, simulator, tile)
        fault = _difference(run, tile, digests, str(simulator.device))
        if fault:
            yield fault


def _sidecar(run: Run, tile: Tile) -> dict[str, Any] | None:
    """The sidecar of a tile, if it has a valid one; what stands in its place is told elsewhere."""
    try:
        return run.sidecar(tile)
    except StoreError:
        return None


def _digests(run: Run, simulator: Simulator, tile: Tile) -> dict[str, str]:
    """Digests of a tile that is computed once more: of the image, and of the counts with noise."""
    image = simulator.simulate_tile(tile).image
    digests = {"image": image_digest(image)}
    if run.experiment.noise is not None:
        counts = simulator.simulate_counts(tile, image)
        digests["counts"] = counts_digest(counts)
    return digests


def _difference(run: Run, tile: Tile, digests: dict[str, str], device: str) -> Fault | None:
    """How a tile that was computed again differs from the one in the store; None if not."""
    committed = run.sidecar(tile)
    if committed is None:
        return None
    others = [
        _OTHER[what] for what, digest in digests.items() if digest != committed[what]["sha256"]
    ]
    if not others:
        return None
    computation = committed["computation"]
    then = {"device": computation["device"], **computation["versions"]}
    now = {"device": device, **versions()}
    changed = ", ".join(
        f"{name} {now.get(name)} and not {version}"
        for name, version in then.items()
        if now.get(name) != version
    )
    told = f"computed again, with {changed or 'the same versions'}, it is {' with '.join(others)}"
    return Fault(run.plan.id_of(tile), told, NOTHING if changed else COMPUTE)
