"""Whether a run is what it was made to be, and comes out the same when it is computed again."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.kernels.devices import one_torch_thread
from tiled_sim.model.grid import Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.run.faults import COMPUTE, FINISH, NOTHING, WRITE, Fault, look_at, strangers
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.run.sums import Sums
from tiled_sim.simulation.simulator import Simulator
from tiled_sim.store.inspection import Flaw, Inspection, alike
from tiled_sim.store.objects import each
from tiled_sim.store.run_store import FORMAT
from tiled_sim.store.sidecar import counts_digest, image_digest
from tiled_sim.store.tile_index import DONE
from tiled_sim.versions import versions

_OTHER = {"image": "another image", "counts": "other counts"}
_ALWAYS_UNSEEN = (
    "created, versions and the coverage of F in the attributes: nothing to hold them against",
    "times, memory, workers, look-ups and traces in the sidecars: their types only",
    "control: it decides nothing",
)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Parameters
    ----------
    faults : in the order of what was looked at
    unseen : what was not looked at, and why
    """

    faults: tuple[Fault, ...]
    unseen: tuple[str, ...]


def verify(run: Run, *, recompute: int = 0, device: str = "auto") -> Verification:
    """Look at all that a run holds.

    Parameters
    ----------
    run : finished or not
    recompute : number of tiles to compute again
    device : name of the torch device to do so on

    Raises
    ------
    UsageError
        for a device that is not there
    """
    index = _Index(run)
    faults = []
    complete = True
    looks = each(run.store.objects, partial(look_at, run), run.plan)
    for tile, (said, found) in zip(run.plan, looks, strict=True):
        faults += found
        complete &= said is not None
        index.hold_against(tile, said)
    faults += strangers(run)
    unseen = list(_ALWAYS_UNSEEN)
    inputs, of_inputs = _inputs(run)
    faults += of_inputs
    if run.attributes["format"] == FORMAT:
        faults += _faults_of_store(run, inputs, unseen, levels=complete)
        faults += index.faults()
        faults += _faults_of_provenance(run, inputs)
    else:
        unseen.append("metadata, coordinates and smaller images: the run has format 1")
    if not complete:
        unseen.append("smaller images: they are made when the run is complete")
    if recompute and not of_inputs:
        faults += recomputed_faults(run, recompute, device)
    else:
        reason = "the inputs are damaged" if recompute else "--recompute N does"
        unseen.append(f"whether tiles come out the same when they are computed again: {reason}")
    return Verification(tuple(faults), tuple(unseen))


def inspection_of(run: Run, inputs: Inputs, *, levels: bool = True) -> Inspection:
    """What tells how the store of a run must be.

    Parameters
    ----------
    run : of today's format
    inputs : of it
    levels : whether it must have its smaller images
    """
    store, grid = run.store, run.plan.grid
    return Inspection(store.objects, store.path, run.experiment, grid, inputs, levels=levels)


def _sidecar(run: Run, tile: Tile) -> dict[str, Any] | None:
    """The sidecar of a tile, if it has a valid one; what stands in its place is told elsewhere."""
    try:
        return run.sidecar(tile)
    except StoreError:
        return None


def _inputs(run: Run) -> tuple[Inputs, list[Fault]]:
    """The inputs of a run, or none of them, and what is wrong with them."""
    try:
        return run.inputs(), []
    except StoreError as error:
        told = str(error).removeprefix(f"{run.path}: ")
        return Inputs(Mask.live(run.store.shape[1:])), [Fault("inputs", told, NOTHING)]


def _faults_of_store(
    run: Run, inputs: Inputs, unseen: list[str], *, levels: bool
) -> Iterator[Fault]:
    """What is wrong beside tiles and inputs; adds to what was not looked at."""
    look = inspection_of(run, inputs, levels=levels)
    for flaw in (*look.flaws_of_metadata(), *look.flaws_of_values()):
        yield _fault(flaw, WRITE)
    for flaw in (*look.flaws_of_root(), *look.flaws_of_levels()):
        yield _fault(flaw, FINISH)
    unseen += [f"{name}: it is no part of a run" for name in look.strangers()]


def _fault(flaw: Flaw, remedy: str) -> Fault:
    return Fault(flaw.node or "zarr.json", flaw.what, remedy)


class _Index:
    """The hint of what is done, which must be true as far as it goes; it may be behind."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known = Progress.known(run)
        self._true = Sums()
        self._wrong: list[str] = []

    def hold_against(self, tile: Tile, said: dict[str, Any] | None) -> None:
        """Look at the next tile of the plan, with its sidecar if it has one."""
        if self._known.states[tile.index] != DONE:
            return
        if said is None:
            self._wrong.append(self._run.plan.id_of(tile))
        else:
            self._true.add(said)

    def faults(self) -> Iterator[Fault]:
        """What is wrong, when all tiles were looked at."""
        if self._wrong:
            count, first = len(self._wrong), self._wrong[0]
            told = f"it calls {count} tiles done that are not, the first {first}"
            yield Fault("tiles/index", told, FINISH)
        elif not alike(_comparable(self._known.sums), _comparable(self._true)):
            yield Fault("tiles/summary.json", "its sums are not those of the sidecars", FINISH)


def _comparable(sums: Sums) -> dict[str, object]:
    """Sums without the parts that depend on the order in which they were added."""
    plain = sums.to_dict()
    return {**plain, "kernel_seconds": float(sums.kernel_seconds), "total": float(sums.total)}


def _faults_of_provenance(run: Run, inputs: Inputs) -> Iterator[Fault]:
    """Whether the attributes of the run say of F what the group of F does."""
    said, factors = run.attributes["structure_factors"], inputs.factors
    if said is None or factors is None:
        return
    ranges = {"minimum": factors.minimum, "maximum": factors.maximum}
    # as JSON has it, where tuples are lists
    true = json.loads(json.dumps({**asdict(factors.provenance), **ranges}))
    for name, value in true.items():
        if said.get(name) != value:
            told = f"what it says of the structure factors ({name}) is not what their group says"
            yield Fault("zarr.json", told, NOTHING)


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
