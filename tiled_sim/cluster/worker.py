"""What a worker process does with one tile: compute, write the image, then the sidecar."""

import logging
import os
import resource
import socket
import sys
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from distributed import get_worker

from tiled_sim.cluster import events
from tiled_sim.cluster.allocator import settle_allocator
from tiled_sim.cluster.page import topics
from tiled_sim.cluster.page.thumbnail import thumbnail_of
from tiled_sim.cluster.shared_tables import SharedTables
from tiled_sim.errors import StoreError, written
from tiled_sim.kernels.lookups import Lookups
from tiled_sim.model.detector import Sensor
from tiled_sim.model.frame import beam_of, differing
from tiled_sim.model.grid import Range, Tile
from tiled_sim.run.frames import shots_columns
from tiled_sim.run.run import Run
from tiled_sim.run.sums import excerpt
from tiled_sim.simulation.simulator import TileResult
from tiled_sim.simulation.trace import UNITS
from tiled_sim.store.control import Control
from tiled_sim.store.location import told_if_not_writable
from tiled_sim.store.presence import Presence, RunRemovedError
from tiled_sim.store.records import counts_record, image_record
from tiled_sim.store.run_store import RunStore
from tiled_sim.versions import versions

logger = logging.getLogger(__name__)

SCHEMA = "tiled_sim sidecar 2"
#: What the events of a tile say of it.
RUNNING, DONE, FAILED = topics.RUNNING, topics.DONE, topics.FAILED
_TOLD = ("tile", "evaluations", "seconds", "lookups", "error", "of_store", "worker")


class Workspace:
    """A run as one worker process holds it: opened once, structure factors loaded once.

    Parameters
    ----------
    path : of the run's store
    device : name of the torch device
    """

    def __init__(self, path: str, device: str) -> None:
        torch.set_num_threads(1)
        settle_allocator()
        self.run = Run(path)
        self.presence = Presence(self.run.path, self.run.run_id)
        self.store = RunStore.open(path, mode="r+")
        self.shared = SharedTables(self.run, device)
        self.simulator = self.run.simulator(device, table=self.shared.table)
        self._exposed: tuple[Range, dict[str, list[float]]] = (0, 0), {}

    @property
    def frames(self) -> int:
        """Number of the frames of the run, as it was when it was opened."""
        return self.run.plan.grid.shape[0]

    @property
    def is_removed(self) -> bool:
        """Whether the directory of the run is gone, or holds another run."""
        try:
            self.presence.require()
        except RunRemovedError:
            return True
        return False

    def compute(
        self, tile: Tile, attempt: int, factor: int, bulletin: events.Bulletin
    ) -> tuple[dict[str, Any], bytes]:
        """Compute and commit a tile; its sidecar, and a thumbnail unless ``factor`` is 0."""
        started = datetime.now(UTC)
        result = self.simulator.simulate_tile(tile, self._parts_of(tile, attempt, bulletin))
        counts = self._count(tile, result)
        if (done := self.run.committed(tile)) is not None:
            return done, b""  # by a task of an earlier driver, which went on after that had died
        self.presence.require()
        with told_if_not_writable(self.run.path):
            before_write = time.perf_counter()
            self.store.write_tile(tile, result.image)
            if counts is not None:
                self.store.write_counts(tile, counts)
            result.seconds["write"] = time.perf_counter() - before_write
            sidecar = self._sidecar(tile, attempt, result, counts, started)
            self.presence.require()  # writing takes its time
            self.store.write_sidecar(sidecar)
        return sidecar, thumbnail_of(tile, result.image, factor, counts) if factor else b""

    def _parts_of(self, tile: Tile, attempt: int, bulletin: events.Bulletin) -> events.Parts:
        """Tells how much of a tile is behind."""
        return events.Parts(
            running(tile.index, attempt),
            planned=lambda: self.simulator.planned_evaluations(tile),
            counted=lambda: not self.simulator.leaves_out,
            tell=bulletin.tell,
        )

    def _count(self, tile: Tile, result: TileResult) -> npt.NDArray[np.int32] | None:
        """Counts of a tile; None without noise."""
        if self.run.experiment.noise is None:
            return None
        before = time.perf_counter()
        counts = self.simulator.simulate_counts(tile, result.image)
        result.seconds["noise"] = time.perf_counter() - before
        return counts

    def _sidecar(
        self,
        tile: Tile,
        attempt: int,
        result: TileResult,
        counts: npt.NDArray[np.int32] | None,
        started: datetime,
    ) -> dict[str, Any]:
        image = result.image
        return {
            "schema": SCHEMA,
            "tile": {
                "id": self.run.plan.id_of(tile),
                "index": tile.index,
                "frames": list(tile.frames),
                "panels": list(tile.panels),
                "slow": list(tile.slow),
                "fast": list(tile.fast),
            },
            "run_id": self.run.run_id,
            "hashes": self.run.hashes,
            "worker": {
                "attempt": attempt,
                "name": _worker_name(),
                "host": socket.gethostname(),
                "pid": os.getpid(),
            },
            "exposures": self._exposures(tile),
            "computation": {
                "device": str(self.simulator.device),
                "dtype": "float64" if self.run.plan.settings.precision == "float64" else "float32",
                "precision": self.run.plan.settings.precision,
                "kernel": self.run.plan.settings.kernel,
                "versions": versions(),
            },
            "time": {
                "start": started.isoformat(),
                "seconds": {name: float(value) for name, value in result.seconds.items()},
            },
            "memory": {
                "peak_bytes": _peak_bytes(),
                "predicted_bytes": self.run.plan.bytes_of_worker,
                "device_peak_bytes": _device_peak_bytes(self.simulator.device),
                "halvings": result.halvings,
            },
            "evaluations": asdict(result.evaluations),
            "structure_factor_lookups": {**_counts(result.lookups), "counted": result.counted},
            "image": image_record(tile, image),
            "counts": self._count_record(tile, counts),
            "traces": [trace.to_dict() for trace in result.traces],
            "quantum_efficiency": self._efficiencies(tile),
            "units": UNITS,
        }

    def _efficiencies(self, tile: Tile) -> list[float | None]:
        """Share of the photons that the sensor of each panel absorbs head-on; None: all.

        The mean over the sources, and over the frames.
        """
        experiment = self.run.experiment
        frames = range(*tile.frames)
        if not differing(experiment.exposures, frames) & {"wavelength", "spectrum"}:
            frames = frames[:1]
        spectra = [beam_of(experiment, frame).spectrum for frame in frames]
        shares: dict[Sensor | None, float | None] = {None: None}
        sensors = [experiment.detector.sensor_of(panel) for panel in range(*tile.panels)]
        for sensor in sensors:
            if sensor is not None and sensor not in shares:
                shares[sensor] = float(np.mean([sensor.efficiency(light) for light in spectra]))
        return [shares[sensor] for sensor in sensors]

    def _exposures(self, tile: Tile) -> dict[str, list[float]]:
        """What each frame of a tile was, by the columns of a table of shots."""
        frames, told = self._exposed
        if frames != tile.frames:  # those of the tile before, mostly
            columns = shots_columns(self.run.experiment, range(*tile.frames))
            told = {name: values.tolist() for name, values in columns.items()}
            self._exposed = tile.frames, told
        return told

    def _count_record(
        self, tile: Tile, counts: npt.NDArray[np.int32] | None
    ) -> dict[str, Any] | None:
        """What the sidecar says of the counts."""
        noise = self.run.experiment.noise
        if noise is None or counts is None:
            return None
        return counts_record(tile, counts, noise.saturation)


_workspaces: dict[tuple[str, str, str], Workspace] = {}
_opening = threading.Lock()


def workspace(path: str, run_id: str, device: str, frames: int = 0) -> Workspace:
    """The process's workspace of a run; opened at the first call, and when it has more frames.

    Only the run last asked for is kept, so that a worker's memory does not grow from run to run.
    """
    key = (path, run_id, device)
    with _opening:
        if key not in _workspaces or _workspaces[key].frames < frames:
            opened = Workspace(path, device)
            if opened.run.run_id != run_id or opened.frames < frames:
                opened.shared.release()
                raise StoreError(f"{path} holds another run than the one submitted")
            _forget(list(_workspaces))
            _workspaces[key] = opened
        return _workspaces[key]


def release(run_id: str) -> None:
    """Nobody will ask for a run again: what its workers share on this machine need not stay."""
    with _opening:
        _forget(
            [key for key, held in _workspaces.items() if key[1] == run_id and held.shared.table]
        )


def _forget(keys: list[tuple[str, str, str]]) -> None:
    for key in keys:
        _workspaces.pop(key).shared.release()


def running(tile: int, attempt: int) -> dict[str, Any]:
    """What is told of a tile that is begun."""
    return {"tile": tile, "state": RUNNING, "attempt": attempt}


def compute_batch(
    path: str,
    run_id: str,
    device: str,
    tiles: list[tuple[int, int]],
    factor: int = 0,
    frames: int = 0,
) -> list[dict[str, Any]]:
    """The task of some tiles: a few words in, a few numbers out; the image goes to the store.

    A tile that raises costs itself; one that is committed already, by an earlier try of the same
    batch whose worker died, is not computed again.

    Parameters
    ----------
    path : of the run's store, as the workers see it
    run_id : of the run
    device : name of the torch device
    tiles : index in the plan, and attempt (1 for the first), of each
    factor : of the thumbnails that are told to the page; 0: none
    frames : that the run has, or more by now: it may have grown since a worker opened it

    Returns
    -------
    of each tile the parts of the sidecar that progress and summary need, or ``error``, whether that
    is ``of_store``, and ``worker``; and ``note``, what else is to be told; tiles that were not
    begun, because the run was cancelled or removed or cannot be opened here, are left out
    """
    try:
        here = workspace(path, run_id, device, frames)
    except Exception as error:  # of this worker, perhaps: the other tiles may go elsewhere
        return [_failed(tiles[0][0], error)]
    control = Control(here.run.path)
    records = []
    with events.Bulletin(run_id) as bulletin:
        at_once = False
        for index, attempt in tiles:
            if control.cancelled or here.is_removed:
                break
            bulletin.tell(running(index, attempt), at_once=at_once)
            ended = _compute(here, here.run.plan[index], attempt, factor, bulletin)
            records.append(ended.record | {"note": here.shared.note})
            bulletin.tell(ended.event(attempt))
            # then a worker has died of a later one, and it is well to know of which
            at_once |= ended.was_there
    return records


class _Ended(NamedTuple):
    """A tile that was computed, or failed.

    Parameters
    ----------
    record : as `compute_batch` returns it
    thumbnail : of its image
    was_there : whether it had been committed before
    """

    record: dict[str, Any]
    thumbnail: bytes = b""
    was_there: bool = False

    def event(self, attempt: int) -> dict[str, Any]:
        """What is told of it: without what only the driver needs, which gets the record."""
        told = {name: self.record[name] for name in _TOLD if name in self.record}
        state = FAILED if "error" in self.record else DONE
        return {**told, "state": state, "attempt": attempt, "thumbnail": self.thumbnail}


def _compute(
    here: "Workspace", tile: Tile, attempt: int, factor: int, bulletin: events.Bulletin
) -> _Ended:
    """Compute and commit a tile."""
    try:
        done = here.run.committed(tile)
        sidecar, thumbnail = (done, b"") if done else here.compute(tile, attempt, factor, bulletin)
    except Exception as error:  # whatever a kernel, a disk or a file system may raise
        # the driver tells of it; a traceback would say no more of a full disk
        is_told = isinstance(error, StoreError)
        logger.info("tile %s failed: %s", here.run.plan.id_of(tile), error, exc_info=not is_told)
        return _Ended(_failed(tile.index, error))
    record = {
        "tile": tile.index,
        "id": sidecar["tile"]["id"],
        "evaluations": sidecar["evaluations"]["done"],
        "seconds": sidecar["time"]["seconds"],
        "lookups": sidecar["structure_factor_lookups"],
        "sums": excerpt(sidecar),
        "departures": [
            {"pixel": trace["pixel"], "departure": trace["departure"]}
            for trace in sidecar["traces"]
            if trace["departure"]
        ],
    }
    return _Ended(record, thumbnail, done is not None)


def _failed(tile: int, error: Exception) -> dict[str, Any]:
    """The record of a tile that is not done."""
    is_told = isinstance(error, StoreError)
    # what stands in the way of one tile is no reason to give up the others
    of_tile = isinstance(error.__cause__, IsADirectoryError | NotADirectoryError)
    return {
        "tile": tile,
        "error": written(error) if is_told else f"{type(error).__name__}: {written(error)}",
        "of_store": is_told and not of_tile,
        "worker": _worker_address(),
    }


def _counts(lookups: Lookups) -> dict[str, int]:
    counts = asdict(lookups)
    del counts["uncounted"]
    return counts


def _worker_address() -> str:
    try:
        return str(get_worker().address)
    except ValueError:
        return socket.gethostname()


def _worker_name() -> str:
    try:
        return str(get_worker().name)
    except ValueError:
        return f"{socket.gethostname()}-{os.getpid()}"


def _device_peak_bytes(device: torch.device) -> int | None:
    """Most that torch has held on a CUDA device [bytes]; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def _peak_bytes() -> int:
    """Largest resident size of this process so far [bytes].

    Linux's getrusage starts a process at the size of the one that started it, so its own account
    of the peak is read there.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:", 1)[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
