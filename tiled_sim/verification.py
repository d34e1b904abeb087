"""Whether the tiles of a run come out the same when they are computed again."""

import random
from collections.abc import Iterator

from tiled_sim.io.sidecar import image_digest
from tiled_sim.run import Run, id_of
from tiled_sim.simulation import one_torch_thread
from tiled_sim.tiles import Tile
from tiled_sim.versions import versions


def recomputed_faults(run: Run, count: int, device: str) -> Iterator[str]:
    """Tiles of a sample that come out otherwise when they are computed again.

    Parameters
    ----------
    run : whose tiles they are
    count : of tiles, the same ones every time; those without a sidecar are left out
    device : name of the torch device
    """
    done = [tile for tile in run.plan if run.sidecar(tile) is not None]
    sample = sorted(random.Random(0).sample(range(len(done)), min(count, len(done))))
    if not sample:
        return
    simulator = run.simulator(device)
    for tile in (done[number] for number in sample):
        mask = run.store.read_mask(tile.panel, slice(*tile.slow), slice(*tile.fast))
        with one_torch_thread():
            image = simulator.simulate_tile(tile, mask).image
        fault = _difference(run, tile, image_digest(image), str(simulator.device))
        if fault:
            yield f"{id_of(tile)}: {fault}"


def _difference(run: Run, tile: Tile, digest: str, device: str) -> str:
    """How a tile that was computed again differs from the one in the store; empty if not."""
    committed = run.sidecar(tile)
    if committed is None or digest == committed["image"]["sha256"]:
        return ""
    computation = committed["computation"]
    then = {"device": computation["device"], **computation["versions"]}
    now = {"device": device, **versions()}
    changed = ", ".join(
        f"{name} {now.get(name)} and not {version}"
        for name, version in then.items()
        if now.get(name) != version
    )
    return f"computed again, with {changed or 'the same versions'}, it is another image"
