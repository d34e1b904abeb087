"""Whether a run is what it was made to be."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tiled_sim.errors import StoreError
from tiled_sim.model.grid import Tile
from tiled_sim.model.inputs import Inputs
from tiled_sim.model.mask import Mask
from tiled_sim.run.faults import FINISH, NOTHING, WRITE, Fault, look_at, strangers
from tiled_sim.run.run import Run
from tiled_sim.run.status import Progress
from tiled_sim.run.sums import Sums
from tiled_sim.store.growth import KEY, is_growing
from tiled_sim.store.inspection import Flaw, Inspection, alike
from tiled_sim.store.objects import each
from tiled_sim.store.run_store import FORMAT
from tiled_sim.store.tile_index import DONE

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
        # the rest needs no torch
        from tiled_sim.instruments.recomputation import recomputed_faults

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
    return Inspection(run.store.objects, run.experiment, run.plan.grid, inputs, levels=levels)


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
    if is_growing(run.store.objects):
        told = "frames were being added when that was stopped; `tiled-sim resume` finishes it"
        yield Fault(KEY, told, NOTHING)
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
