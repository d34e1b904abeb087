"""Large tables of structure factors, which the workers of one machine have once.

The first worker that needs a table makes it, as a folder of files beside those that dask makes for
its workers; all map these. Whatever stands in the way of that, a worker has its table in memory of
its own.
"""

import errno
import gc
import hashlib
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import torch
from distributed import get_worker

from tiled_sim.cluster.scratch import Held, Scratch
from tiled_sim.cluster.table_files import DamagedTablesError, read_tables, write_tables
from tiled_sim.kernels.devices import device_of, resolve_device
from tiled_sim.kernels.making import bytes_derived, derive
from tiled_sim.physics.structure_factor import StructureFactorTable
from tiled_sim.plan.reach import nodes_of_table, tables_one_by_one
from tiled_sim.run.run import Run
from tiled_sim.store.durable import reason
from tiled_sim.store.inputs import extent_of_structure_factors

logger = logging.getLogger(__name__)

#: Smaller tables are made by every worker [bytes].
LEAST = 1 << 26
#: Of a node: F, and what a look-up meets there.
_PER_NODE = 9
_FOLDER = "tiled_sim-tables"
_CPU = torch.device("cpu")


class SharedTables:
    """The table of a run, if it is shared with other workers of this machine.

    ``table`` is None where the worker makes its own, and ``note`` says why, where it should not.

    Parameters
    ----------
    run : whose inputs are checked, as `Run.inputs`, by whoever makes the table
    device : name of the torch device
    """

    def __init__(self, run: Run, device: str) -> None:
        self.table: StructureFactorTable | None = None
        self.note = ""
        self._held: Held | None = None
        try:
            worker = get_worker()
        except ValueError:
            return  # nobody's: alone
        beside = Path(worker.local_directory).parent
        scratch = Scratch(beside / _FOLDER)
        # without a nanny it is a thread of a program, mostly, and no others are on its machine
        size = 0 if worker.nanny is None else _size_of_table(run, device)
        try:
            scratch.sweep()  # after workers that were killed
            if size >= LEAST:
                self.table, self._held = _held_table(run, scratch, size)
        except OSError as error:
            logger.info("structure factors are not shared", exc_info=True)
            if size >= LEAST:
                self.note = (
                    f"the workers of {socket.gethostname()} do not share their structure factors, "
                    f"{size / 1e6:.0f} MB, and each has them in its memory: they cannot be kept "
                    f"in {beside} ({reason(error)})"
                )

    def release(self) -> None:
        """Leave the files to the others, or remove them; the table may be used as before."""
        if self._held is not None:
            self._held.release()


def _held_table(run: Run, scratch: Scratch, size: int) -> tuple[StructureFactorTable, Held]:
    """The table of a run from its files, which are made if there are none."""

    def make(folder: Path) -> None:
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_tables(folder, _tables(run))
        gc.collect()  # zarr leaves what it has loaded in cycles, and they are mapped next

    held = scratch.hold(_name_of(run), make)
    try:
        return read_tables(held.path), held
    except DamagedTablesError:
        held.discard()
    held = scratch.hold(_name_of(run), make)
    try:
        return read_tables(held.path), held
    except BaseException:
        held.release()
        raise


def _size_of_table(run: Run, device: str) -> int:
    """Of what is shared [bytes]; 0 where nothing is, as on a GPU."""
    settings, extent = run.plan.settings, extent_of_structure_factors(run.store.objects)
    if extent is None or resolve_device(device_of(settings, device)) != _CPU:
        return 0
    per_node = _PER_NODE + bytes_derived(run.experiment, settings)
    return per_node * nodes_of_table(run.experiment, extent)


def _tables(run: Run) -> Iterator[StructureFactorTable]:
    """The table of each energy, one after the other, with what kernels derive of it."""
    factors = run.inputs().factors
    assert factors is not None
    for table in tables_one_by_one(run.experiment, factors, _CPU):
        derive(table, run.experiment, run.plan.settings)
        yield table


def _name_of(run: Run) -> str:
    """Of the files: by the run, and by what decides its tables, for it may grow."""
    decides = run.run_id, run.hashes["experiment"], run.hashes["structure_factors"]
    return hashlib.sha256(" ".join(map(str, decides)).encode()).hexdigest()[:32]
